package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skucast/skucast/etl"
	shared "github.com/skucast/skucast/etl/sql"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// output is what a transform leaves to be published.
type output struct {
	source   source
	params   etl.Params
	timeline etl.Timeline
	quality  etl.Quality
	skus     int64
	series   int64
	sales    []product
	fixed    []product
}

// transformer holds what the steps share.
type transformer struct {
	*engine
	job Job
	dir string
	out output
	sql map[string]string
}

// transform runs the shared SQL over the staged lines, one bucket at a time.
func transform(ctx context.Context, job Job, dir string, src source) (output, error) {
	buckets := job.Buckets
	if buckets == 0 {
		buckets = etl.Buckets(src.staged.TextBytes)
	}
	params := etl.NewParams(src.header, job.Drop.Options.ETL(), buckets)
	e, err := openEngine(ctx, job, dir)
	if err != nil {
		return output{}, err
	}
	defer e.close()
	t := &transformer{
		engine: e, job: job, dir: dir, sql: params.SQL,
		out: output{source: src, params: params, quality: etl.NewQuality()},
	}
	for _, step := range []func(context.Context) error{t.parse, t.decide, t.timeline, t.buckets, t.finish} {
		if err := step(ctx); err != nil {
			return output{}, err
		}
	}
	return t.out, nil
}

// parse splits the lines once into temporary Parquet by bucket.
func (t *transformer) parse(ctx context.Context) error {
	t.job.Progress("parse", 0.1)
	if err := t.exec(ctx, "CREATE TEMP VIEW lines AS SELECT * FROM "+readLines(t.out.source.path)); err != nil {
		return err
	}
	parsed := t.path("parsed")
	to := quote(parsed) + " (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (bucket), WRITE_PARTITION_COLUMNS true)"
	if t.out.params.Buckets == 1 {
		if err := os.MkdirAll(filepath.Join(parsed, "bucket=0"), 0o700); err != nil {
			return fmt.Errorf("etl: %w", err)
		}
		to = quote(filepath.Join(parsed, "bucket=0", "data.parquet")) + " (FORMAT parquet, COMPRESSION snappy)"
	}
	if err := t.keep(ctx, "COPY (%s) TO "+to, shared.Parsed, t.sql); err != nil {
		return err
	}
	if err := os.Remove(t.out.source.path); err != nil { // the largest temporary file
		return fmt.Errorf("etl: %w", err)
	}
	return t.parsedFrom(ctx, "*")
}

// parsedFrom lets the view parsed stand for one bucket, or all.
func (t *transformer) parsedFrom(ctx context.Context, bucket string) error {
	return t.exec(ctx, "CREATE OR REPLACE TEMP VIEW parsed AS SELECT * FROM read_parquet("+
		quote(filepath.Join(t.path("parsed"), "bucket="+bucket, "*.parquet"))+", hive_partitioning = false)")
}

// decide settles, over the whole file, the order of dates and the decimal mark.
func (t *transformer) decide(ctx context.Context) error {
	t.job.Progress("decide", 0.35)
	if err := t.keep(ctx, "CREATE TEMP TABLE dates AS %s", shared.Dates, t.sql); err != nil {
		return err
	}
	text, err := shared.Statement(shared.Decision, t.sql)
	if err != nil {
		return err
	}
	var ev etl.DateEvidence
	var units, price etl.NumberShapes
	if err := t.row(ctx, text, &ev.OnlyDayFirst.Line, &ev.OnlyMonthFirst.Line, &ev.Either.Line, &ev.Same.Line,
		&units.Texts, &units.CommaSure, &units.PointSure, &units.CommaThree, &units.PointThree,
		&price.Texts, &price.CommaSure, &price.PointSure, &price.CommaThree, &price.PointThree); err != nil {
		return err
	}
	for _, p := range []*etl.Proof{&ev.OnlyDayFirst, &ev.OnlyMonthFirst, &ev.Either} {
		if p.Line == 0 {
			continue
		}
		if err := t.row(ctx, fmt.Sprintf("SELECT text FROM dates WHERE first_line = %d", p.Line), &p.Text); err != nil {
			return err
		}
	}
	order, err := etl.DecideDateOrder(t.job.Drop.Blob, t.job.Drop.Options.DateOrder, ev)
	if err != nil {
		return err
	}
	style := etl.DecideNumbers(t.out.params.Separator, units, price)
	t.out.params.Decide(order, style)
	t.out.quality.DateOrder, t.out.quality.NumberStyle = string(order), string(style)
	return t.keep(ctx, "CREATE TEMP VIEW typed AS %s", shared.Typed, t.sql)
}

// timeline decides frequency, grid and origin, and what becomes of every date.
func (t *transformer) timeline(ctx context.Context) error {
	t.job.Progress("periods", 0.4)
	text, err := shared.Statement(shared.Periods, t.sql)
	if err != nil {
		return err
	}
	var days []etl.Day
	if err := t.each(ctx, text, func(rows *sql.Rows) error {
		var d etl.Day
		var date time.Time
		if err := rows.Scan(&date, &d.Rows, &d.Sold, &d.Trading, &d.FirstLine); err != nil {
			return err
		}
		d.Date = retail.DateOf(date)
		days = append(days, d)
		return nil
	}); err != nil {
		return fmt.Errorf("read the dates of %s: %w", t.job.Drop.Blob, err)
	}
	if len(days) == 0 {
		return t.everyRowRejected(ctx)
	}
	t.out.timeline, err = etl.DecidePeriods(t.job.Drop.Blob, days,
		retail.Frequency(t.job.Drop.Options.Freq), retail.DateOf(t.job.Drop.LastModified))
	if err != nil {
		return err
	}
	t.sql["origin"] = "DATE '" + t.out.timeline.Grid.Origin.String() + "'"
	if err := t.exec(ctx, "CREATE TEMP TABLE periods (date DATE, label DATE, rule VARCHAR, sold_rule VARCHAR)"); err != nil {
		return err
	}
	values := make([]string, 0, len(t.out.timeline.Periods))
	for _, p := range t.out.timeline.Periods {
		values = append(values, fmt.Sprintf("(DATE '%v', DATE '%v', nullif('%s', ''), nullif('%s', ''))", p.Date, p.Label, p.Rule, p.SoldRule))
	}
	return t.exec(ctx, "INSERT INTO periods VALUES "+strings.Join(values, ", "))
}

// everyRowRejected is the error of a file without a usable line, with the first of them.
func (t *transformer) everyRowRejected(ctx context.Context) error {
	var shown []string
	var total int64
	if err := t.each(ctx, "SELECT rule, count(*), min(line_no) FROM typed GROUP BY rule ORDER BY 2 DESC, 3 LIMIT 5", func(rows *sql.Rows) error {
		var rule string
		var n, line int64
		if err := rows.Scan(&rule, &n, &line); err != nil {
			return err
		}
		total += n
		shown = append(shown, fmt.Sprintf("%s %d times, first in line %d", rule, n, line))
		return nil
	}); err != nil {
		return fmt.Errorf("count the rejected lines of %s: %w", t.job.Drop.Blob, err)
	}
	if total == 0 {
		return event.Permanent(etl.ReasonNoRows, fmt.Errorf("%s has a header in line %d and only blank lines after it",
			t.job.Drop.Blob, t.out.source.staged.HeaderLine))
	}
	return event.Permanent(etl.ReasonEveryRowRejected, fmt.Errorf("%s: no line can be used (%s); columns were read as %s",
		t.job.Drop.Blob, strings.Join(shown, "; "), describe(t.out.params.Mapping)))
}

// describe shows a mapping for people: date=Day, sku=Item, …
func describe(mapping map[string]string) string {
	var out []string
	for _, meaning := range run.Columns {
		if h, ok := mapping[meaning]; ok {
			out = append(out, fmt.Sprintf("%s=%.40q", meaning, h))
		}
	}
	return strings.Join(out, ", ")
}

func (t *transformer) path(name string) string { return filepath.Join(t.dir, name) }
