package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the "duckdb" driver of database/sql

	"github.com/skucast/skucast/etl"
	shared "github.com/skucast/skucast/etl/sql"
)

// engine is one connection to an in-memory DuckDB that spills into a folder. Temporary
// views and macros belong to the connection.
type engine struct {
	db   *sql.DB
	conn *sql.Conn
}

func openEngine(ctx context.Context, job Job, dir string) (*engine, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	e := &engine{db: db, conn: conn}
	settings := []string{
		"SET memory_limit = " + quote(job.MemoryLimit),
		"SET temp_directory = " + quote(filepath.Join(dir, "spill")),
		"SET preserve_insertion_order = false",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET TimeZone = 'UTC'",
		"SET partitioned_write_max_open_files = 256", // above the number of buckets
	}
	if job.Threads > 0 {
		settings = append(settings, fmt.Sprintf("SET threads = %d", job.Threads))
	}
	for _, s := range append(settings, shared.Prelude("duckdb")...) {
		if err := e.exec(ctx, s); err != nil {
			e.close()
			return nil, err
		}
	}
	return e, nil
}

func (e *engine) close() {
	_ = e.conn.Close()
	_ = e.db.Close()
}

// exec runs one statement; its beginning names it in errors.
func (e *engine) exec(ctx context.Context, statement string) error {
	if _, err := e.conn.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("duckdb %.60q: %w", strings.Join(strings.Fields(statement), " "), err)
	}
	return nil
}

// row reads one row.
func (e *engine) row(ctx context.Context, statement string, dst ...any) error {
	if err := e.conn.QueryRowContext(ctx, statement).Scan(dst...); err != nil {
		return fmt.Errorf("duckdb %.60q: %w", strings.Join(strings.Fields(statement), " "), err)
	}
	return nil
}

// each reads every row.
func (e *engine) each(ctx context.Context, statement string, row func(*sql.Rows) error) error {
	rows, err := e.conn.QueryContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("duckdb %.60q: %w", strings.Join(strings.Fields(statement), " "), err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// keep runs a shared statement and keeps its result as keepAs says, which holds one %s.
func (e *engine) keep(ctx context.Context, keepAs, statement string, params ...map[string]string) error {
	text, err := shared.Statement(statement, params...)
	if err != nil {
		return err
	}
	return e.exec(ctx, fmt.Sprintf(keepAs, text))
}

// quote makes an SQL string of a path or setting.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// identifier quotes a column name.
func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// linesFile is the staged text in the job's folder.
const linesFile = "lines.txt"

// readLines is the table function that reads staged text.
func readLines(path string) string {
	return fmt.Sprintf("read_csv(%s, columns = {'line_no': 'BIGINT', 'line': 'VARCHAR'}, delim = chr(31), quote = '', escape = '', "+
		"header = false, auto_detect = false, new_line = '\\n', max_line_size = %d, buffer_size = %d)",
		quote(path), etl.MaxStagedLineBytes, 16<<20)
}
