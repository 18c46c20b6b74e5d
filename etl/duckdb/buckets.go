package duckdb

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skucast/skucast/etl"
	shared "github.com/skucast/skucast/etl/sql"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// rowGroup is the number of rows after which a worker can skip: small enough that one SKU
// is two range reads, large enough to compress.
const rowGroup = 20480

// buckets writes the sales, bucket by bucket, and collects index, rejects and counts.
func (t *transformer) buckets(ctx context.Context) error {
	for _, table := range []string{
		"CREATE TEMP TABLE rejects (line_no BIGINT, meaning VARCHAR, value VARCHAR, rule VARCHAR)",
		"CREATE TEMP TABLE series_index (sku VARCHAR, store VARCHAR, file VARCHAR, first_row BIGINT, \"rows\" BIGINT, " +
			"first_date DATE, last_date DATE, units DOUBLE, hash VARCHAR)",
	} {
		if err := t.exec(ctx, table); err != nil {
			return err
		}
	}
	for b := range t.out.params.Buckets {
		t.job.Progress("sales", 0.45+0.45*float64(b)/float64(t.out.params.Buckets))
		if _, err := os.Stat(t.path("parsed/bucket=" + strconv.Itoa(b))); os.IsNotExist(err) {
			continue // no line fell into it
		}
		if err := t.bucket(ctx, b); err != nil {
			return err
		}
	}
	for _, table := range []string{"judged", "cancelled"} {
		if err := t.exec(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return err
		}
	}
	return nil
}

func (t *transformer) bucket(ctx context.Context, b int) error {
	if err := t.parsedFrom(ctx, strconv.Itoa(b)); err != nil {
		return err
	}
	if err := t.keep(ctx, "CREATE OR REPLACE TEMP TABLE judged AS %s", shared.Judged, t.sql); err != nil {
		return err
	}
	if err := t.keep(ctx, "INSERT INTO rejects %s", shared.Rejects, t.sql); err != nil {
		return err
	}
	accepted, err := t.count(ctx)
	if err != nil || accepted == 0 { // a bucket of rejects only has no file
		return err
	}
	if err := t.keep(ctx, "CREATE OR REPLACE TEMP TABLE cancelled AS %s", shared.Cancelled, t.sql); err != nil {
		return err
	}
	var pairs int64
	if err := t.row(ctx, "SELECT CAST(coalesce(sum(pairs), 0) AS BIGINT) FROM cancelled", &pairs); err != nil {
		return err
	}
	t.out.quality.Rules[etl.RuleCancelledPair] += 2 * pairs
	p := product{local: t.path(fmt.Sprintf("sales-%02d.parquet", b))}
	text, err := shared.Statement(shared.Sales, t.sql)
	if err != nil {
		return err
	}
	// A plain COPY keeps its ORDER BY with several threads; one with PARTITION_BY does not.
	if err := t.exec(ctx, fmt.Sprintf("COPY (SELECT %s FROM (%s) AS s ORDER BY sku, store, date) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)",
		t.columns(true), text, quote(p.local), rowGroup)); err != nil {
		return err
	}
	if err := p.hash(); err != nil {
		return err
	}
	p.path = fmt.Sprintf("sales/bucket=%02d/%s.parquet", b, p.sha256[:16])
	if err := t.written(ctx, etl.Text(p.path)+" AS file", p.local); err != nil {
		return err
	}
	if err := t.keep(ctx, "INSERT INTO series_index %s", shared.Index, t.sql); err != nil {
		return err
	}
	if err := t.row(ctx, "SELECT count(*) FROM written", &p.rows); err != nil {
		return err
	}
	t.out.quality.Rules[etl.RuleSummed] += accepted - p.rows
	t.out.sales = append(t.out.sales, p)
	return t.giants(ctx)
}

// maxGiants is how many of the largest are listed in quality.json; all are counted.
const maxGiants = 20

// giants counts and lists the outsize periods of the bucket just written.
func (t *transformer) giants(ctx context.Context) error {
	text, err := shared.Statement(shared.Giants, t.sql)
	if err != nil {
		return err
	}
	q := &t.out.quality
	if err := t.each(ctx, text, func(rows *sql.Rows) error {
		var g etl.Giant
		var date time.Time
		if err := rows.Scan(&g.SKU, &g.Store, &date, &g.Units); err != nil {
			return err
		}
		g.Date = retail.DateOf(date)
		q.Rules[etl.RuleGiantQuantity]++
		q.Giants = append(q.Giants, g)
		return nil
	}); err != nil {
		return fmt.Errorf("look for outsize quantities: %w", err)
	}
	slices.SortFunc(q.Giants, func(a, b etl.Giant) int {
		return cmp.Or(cmp.Compare(b.Units, a.Units), cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.Store, b.Store), cmp.Compare(a.Date, b.Date))
	})
	q.Giants = q.Giants[:min(len(q.Giants), maxGiants)]
	return nil
}

// count adds the bucket's counts to the quality and returns its usable lines.
func (t *transformer) count(ctx context.Context) (int64, error) {
	text, err := shared.Statement(shared.Quality, t.sql)
	if err != nil {
		return 0, err
	}
	rules := []string{
		etl.RuleQuantityMissing, etl.RuleFutureInput, etl.RuleReturned, etl.RulePriceUnreadable, etl.RulePriceNotPositive,
		etl.RuleFlagUnreadable, etl.RuleStockUnreadable, etl.RuleRegressorUnreadable, etl.RuleSerialDate,
	}
	var accepted int64
	counts := make([]int64, len(rules))
	dst := []any{&accepted}
	for i := range counts {
		dst = append(dst, &counts[i])
	}
	if err := t.row(ctx, text, dst...); err != nil {
		return 0, err
	}
	for i, rule := range rules {
		t.out.quality.Rules[rule] += counts[i]
	}
	t.out.quality.Rows.Accepted += accepted
	return accepted, nil
}

// columns are those of the sales files; regressors are r1, r2, … in the shared SQL and
// bear their configured names in the files.
func (t *transformer) columns(write bool) string {
	out := []string{"sku", "store", "date", "units", "returned", "price", "promo", "open", "in_stock", "stock"}
	for i, name := range t.job.Drop.Options.Regressors {
		r := "r" + strconv.Itoa(i+1)
		if write {
			out = append(out, r+" AS "+identifier(name))
		} else {
			out = append(out, identifier(name)+" AS "+r)
		}
	}
	return strings.Join(out, ", ")
}

// written lets the view of that name stand for one sales file, or several; file is the
// column that names it.
func (t *transformer) written(ctx context.Context, file string, files ...string) error {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return t.exec(ctx, "CREATE OR REPLACE TEMP VIEW written AS SELECT "+t.columns(false)+", "+file+
		" FROM read_parquet(["+strings.Join(quoted, ", ")+"])")
}

// finish writes the files that describe the whole.
func (t *transformer) finish(ctx context.Context) error {
	t.job.Progress("index", 0.9)
	if len(t.out.sales) == 0 {
		return event.Permanent(etl.ReasonEveryRowRejected, fmt.Errorf("%s: no line can be used; columns were read as %s",
			t.job.Drop.Blob, describe(t.out.params.Mapping)))
	}
	if err := t.row(ctx, "SELECT count(*), count(DISTINCT sku) FROM series_index", &t.out.series, &t.out.skus); err != nil {
		return err
	}
	index := product{path: IndexFile, local: t.path(IndexFile), rows: t.out.series}
	if err := t.exec(ctx, fmt.Sprintf("COPY (SELECT * FROM series_index ORDER BY file, sku, store) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)",
		quote(index.local), rowGroup)); err != nil {
		return err
	}
	var files []string
	for _, p := range t.out.sales {
		files = append(files, p.local)
	}
	if err := t.written(ctx, "'' AS file", files...); err != nil {
		return err
	}
	calendar := product{path: CalendarFile, local: t.path(CalendarFile)}
	if err := t.keep(ctx, fmt.Sprintf("COPY (SELECT * FROM (%%s) AS c ORDER BY store, date) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d)",
		quote(calendar.local), rowGroup), shared.Calendar, t.sql); err != nil {
		return err
	}
	if err := t.row(ctx, "SELECT count(*) FROM read_parquet("+quote(calendar.local)+")", &calendar.rows); err != nil {
		return err
	}
	rejects := product{path: RejectsFile, local: t.path(RejectsFile)}
	if err := t.rejects(ctx, &rejects); err != nil {
		return err
	}
	t.out.fixed = []product{index, calendar, rejects, {path: QualityFile, local: t.path(QualityFile), rows: 1}}
	complete(&t.out.quality, t.job, t.out)
	if err := os.WriteFile(t.path(QualityFile), run.Canonical(t.out.quality), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", QualityFile, err)
	}
	return nil
}

// rejects writes rejects.csv in the order of the lines and counts them by rule.
func (t *transformer) rejects(ctx context.Context, p *product) error {
	f, err := os.Create(p.local)
	if err != nil {
		return fmt.Errorf("write %s: %w", RejectsFile, err)
	}
	defer func() { _ = f.Close() }()
	w := csv.NewWriter(f)
	_ = w.Write([]string{"file", "line", "column", "value", "rule"}) // Flush reports errors
	if err := t.each(ctx, "SELECT line_no, meaning, value, rule FROM rejects ORDER BY line_no", func(rows *sql.Rows) error {
		var line int64
		var meaning, value, rule string
		if err := rows.Scan(&line, &meaning, &value, &rule); err != nil {
			return err
		}
		p.rows++
		t.out.quality.Rules[rule]++
		return w.Write([]string{t.job.Drop.Blob, strconv.FormatInt(line, 10), t.out.params.Mapping[meaning], value, rule})
	}); err != nil {
		return fmt.Errorf("write %s: %w", RejectsFile, err)
	}
	t.out.quality.Rows.Rejected = p.rows
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write %s: %w", RejectsFile, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", RejectsFile, err)
	}
	return nil
}
