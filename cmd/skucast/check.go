package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/etl/duckdb"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// checked is what `skucast check` found, as it prints it with --json.
type checked struct {
	File     string       `json:"file"`
	Manifest run.Manifest `json:"manifest"`
	Quality  etl.Quality  `json:"quality"`
	Rejects  []rejected   `json:"rejects"`   // the first
	Largest  []sketched   `json:"largest"`   // series by units
	Unlike   []string     `json:"unlike"`    // SKUs that look unlike products, by units
	CaseOnly []string     `json:"case_only"` // SKUs that differ from another only in case
}

// rejected is a line of rejects.csv.
type rejected struct {
	Line   string `json:"line"`
	Column string `json:"column"`
	Value  string `json:"value"`
	Rule   string `json:"rule"`
}

// sketched is a series and the shape of its history.
type sketched struct {
	SKU    string      `json:"sku"`
	Store  string      `json:"store"`
	Units  float64     `json:"units"`
	First  retail.Date `json:"first"`
	Last   retail.Date `json:"last"`
	Sketch string      `json:"sketch"`
}

// How much of a kind is shown.
const (
	shownRejects = 10
	shownSeries  = 5
	shownCodes   = 10
	sketchWidth  = 60
)

// check is `skucast check FILE`.
func (p program) check(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var opts dropOptions
	opts.register(fs)
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := p.parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	file := rest[0]
	if err := errors.Join(opts.check(), usable(file)); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "skucast-check-")
	if err != nil {
		return fmt.Errorf("make a folder for temporary files: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder that is left behind does no harm
	pr := newBacktestProgress(p, time.Now)
	m, _, err := p.readSales(ctx, file, dir, opts.options, pr)
	pr.end()
	if err != nil {
		return explain(file, err)
	}
	st, err := dirblob.Open(dir)
	if err != nil {
		return err
	}
	c := checked{File: file, Manifest: *m, Rejects: []rejected{}, Largest: []sketched{}, Unlike: []string{}, CaseOnly: []string{}}
	if err := c.read(ctx, st); err != nil {
		return fmt.Errorf("look at what was read of %s: %w", file, err)
	}
	if *asJSON {
		return p.printJSON(c)
	}
	_, err = io.WriteString(p.Stdout, c.text())
	return err
}

// read fills c from the files of the ETL.
func (c *checked) read(ctx context.Context, st blobstore.Store) error {
	dir := run.ETLDir(c.Manifest.ETLID)
	quality, _, err := st.Open(ctx, dir+duckdb.QualityFile)
	if err != nil {
		return err
	}
	defer func() { _ = quality.Close() }()
	if err := json.NewDecoder(quality).Decode(&c.Quality); err != nil {
		return fmt.Errorf("read %s: %w", duckdb.QualityFile, err)
	}
	r, _, err := st.Open(ctx, dir+duckdb.RejectsFile)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	lines := csv.NewReader(r)
	for n := 0; n <= shownRejects; n++ {
		f, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", duckdb.RejectsFile, err)
		}
		if n > 0 { // after the header
			c.Rejects = append(c.Rejects, rejected{f[1], f[2], f[3], f[4]})
		}
	}
	return c.series(ctx, st)
}

// series looks through the index for the largest series and for codes to think about.
func (c *checked) series(ctx context.Context, st blobstore.Store) error {
	var top []sales.IndexRow
	units := map[string]float64{}
	for row, err := range sales.Index(ctx, st, &c.Manifest) {
		if err != nil {
			return err
		}
		if !math.IsNaN(row.Units) {
			units[string(row.Key.SKU)] += row.Units
		}
		if top = append(top, row); len(top) > 1000 {
			top = largest(top)
		}
	}
	c.codes(units)
	reader := sales.NewReader(st)
	for _, row := range largest(top) {
		file, ok := c.Manifest.SalesFile(row.File)
		if !ok {
			return fmt.Errorf("the manifest does not list %s", row.File)
		}
		for s, err := range reader.ReadUnit(ctx, &c.Manifest, file, row.FirstRow, row.Rows) {
			if err != nil {
				return err
			}
			c.Largest = append(c.Largest, sketched{
				SKU: string(row.Key.SKU), Store: string(row.Key.Store), Units: row.Units, First: row.First, Last: row.Last,
				Sketch: sketch(s, c.Manifest.Grid()),
			})
		}
	}
	return nil
}

// largest keeps the series with the most units.
func largest(rows []sales.IndexRow) []sales.IndexRow {
	slices.SortStableFunc(rows, func(a, b sales.IndexRow) int {
		x, y := a.Units, b.Units
		return cmp.Compare(cmp.Or(y, 0), cmp.Or(x, 0))
	})
	return rows[:min(len(rows), shownSeries)]
}

// codes finds SKUs without a digit in a file whose SKUs nearly all have one, and SKUs that
// differ only in case.
func (c *checked) codes(units map[string]float64) {
	var wordy []string
	folded := map[string]string{}
	for _, sku := range slices.Sorted(maps.Keys(units)) {
		if !strings.ContainsAny(sku, "0123456789") {
			wordy = append(wordy, sku)
		}
		key := strings.ToUpper(sku)
		if _, ok := folded[key]; ok && len(c.CaseOnly) < shownCodes {
			c.CaseOnly = append(c.CaseOnly, sku)
		}
		folded[key] = sku
	}
	if 20*len(wordy) > len(units) { // names, not codes
		return
	}
	slices.SortStableFunc(wordy, func(a, b string) int { return cmp.Compare(units[b], units[a]) })
	c.Unlike = append(c.Unlike, wordy[:min(len(wordy), shownCodes)]...)
}

// sketch draws a history as sketchWidth bars of the mean per period; a part without any
// record is a space.
func sketch(s sales.Series, g retail.Grid) string {
	first, ok := g.Index(s.Rows[0].Date)
	last, ok2 := g.Index(s.Rows[len(s.Rows)-1].Date)
	if !ok || !ok2 {
		return ""
	}
	n := last - first + 1
	width := min(n, sketchWidth)
	sum, rows := make([]float64, width), make([]int, width)
	var top float64
	for _, r := range s.Rows {
		if i, ok := g.Index(r.Date); ok && !math.IsNaN(r.Units) {
			k := (i - first) * width / n
			sum[k] += r.Units
			rows[k]++
		}
	}
	for k := range sum { // absent periods count as none sold
		sum[k] /= float64((k+1)*n/width - k*n/width)
		top = math.Max(top, sum[k])
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for k, v := range sum {
		switch {
		case rows[k] == 0:
			b.WriteByte(' ')
		case !(top > 0):
			b.WriteRune(bars[0])
		default:
			b.WriteRune(bars[int(math.Min(v/top*float64(len(bars)), float64(len(bars)-1)))])
		}
	}
	return b.String()
}

// text is c for a person.
func (c *checked) text() string {
	var b strings.Builder
	m, q := &c.Manifest, &c.Quality
	fmt.Fprintf(&b, "%s: %s rows read, %s used, %s rejected\n", c.File, thousands(m.Rows.Read), thousands(m.Rows.Accepted), thousands(m.Rows.Rejected))
	var columns []string
	for _, meaning := range run.Columns {
		if h, ok := m.Mapping[meaning]; ok {
			columns = append(columns, meaning+"="+h)
		}
	}
	fmt.Fprintf(&b, "columns  %s\n", strings.Join(columns, " "))
	separator := map[string]string{",": "comma", ";": "semicolon", "\t": "tab"}[q.Separator]
	order := map[string]string{"iso": "year first", "dmy": "day first", "mdy": "month first"}[q.DateOrder]
	fmt.Fprintf(&b, "text     separated by %s, dates with the %s, decimal %s\n", separator, order, q.NumberStyle)
	periods := map[retail.Frequency]string{retail.Daily: "daily", retail.Weekly: "weekly", retail.Monthly: "monthly"}[m.Frequency]
	fmt.Fprintf(&b, "time     %s up to %v, after which the forecast begins\n", periods, m.Origin)
	fmt.Fprintf(&b, "series   %s of %s SKUs\n", thousands(m.Series), thousands(m.SKUs))
	c.rulesText(&b)
	c.rejectsText(&b)
	c.seriesText(&b)
	c.hintsText(&b)
	return b.String()
}

func (c *checked) rulesText(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	n := 0
	for _, r := range etl.Rules() {
		if count := c.Quality.Rules[r.Name]; count > 0 {
			if n++; n == 1 {
				fmt.Fprint(w, "\nwhat was done to the lines\n")
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", thousands(count), r.Effect, r.Name, r.Meaning)
		}
	}
	_ = w.Flush() // into a buffer
	if n == 0 {
		b.WriteString("\nevery line was used as it is\n")
	}
}

func (c *checked) rejectsText(b *strings.Builder) {
	if len(c.Rejects) == 0 {
		return
	}
	fmt.Fprintf(b, "\nrejected lines (%d of %s)\n", len(c.Rejects), thousands(c.Manifest.Rows.Rejected))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, r := range c.Rejects {
		what := ""
		if r.Column != "" {
			what = fmt.Sprintf("%s = %.60q", r.Column, r.Value)
		}
		fmt.Fprintf(w, "  line %s\t%s\t%s\n", r.Line, r.Rule, what)
	}
	_ = w.Flush() // into a buffer
}

func (c *checked) seriesText(b *strings.Builder) {
	b.WriteString("\nlargest series\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, s := range c.Largest {
		fmt.Fprintf(w, "  %.30s\t%.20s\t%.0f units\t%v – %v\t%s\n", s.SKU, s.Store, s.Units, s.First, s.Last, s.Sketch)
	}
	_ = w.Flush() // into a buffer
}

// hintsText asks what only the retailer can know.
func (c *checked) hintsText(b *strings.Builder) {
	var hints []string
	for _, g := range c.Quality.Giants[:min(3, len(c.Quality.Giants))] {
		hints = append(hints, fmt.Sprintf("%.6g units of %.40q in %.40q at %v: a typing error? It is kept as it is", g.Units, g.SKU, g.Store, g.Date))
	}
	if len(c.Unlike) > 0 {
		hints = append(hints, fmt.Sprintf("codes that look unlike products: %s; --exclude-sku CODE leaves one out", quoted(c.Unlike)))
	}
	if len(c.CaseOnly) > 0 {
		hints = append(hints, fmt.Sprintf("codes that differ from another only in case: %s; --sku-case upper makes one SKU of them", quoted(c.CaseOnly)))
	}
	if n := c.Quality.Rules[etl.RuleSummed]; n > 0 && c.Manifest.Options.Duplicates == "" {
		hints = append(hints, thousands(n)+" lines were added to another of the same SKU, store and period; if exact copies are mistakes, --duplicates drop")
	}
	if len(hints) > 0 {
		fmt.Fprintf(b, "\nworth a look\n  %s\n", strings.Join(hints, "\n  "))
	}
}

func quoted(codes []string) string {
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = fmt.Sprintf("%.40q", c)
	}
	return strings.Join(out, ", ")
}
