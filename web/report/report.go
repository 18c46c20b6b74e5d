// Package report renders report.html: what a run found, in one file that opens anywhere,
// without network or script. Its size depends on the number of classes and models, never
// on series or rows.
package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web/chart"
)

// Data is what a report shows.
type Data struct {
	Run     run.Complete
	ETLID   string
	Reason  string      // why the run exists, as in run.json
	Grid    retail.Grid // of the manifest
	Summary *products.Summary
	Quality []Rule
	Fans    []Fan
}

// Rule is what one rule of the ETL did to lines of the input.
type Rule struct {
	Name    string
	Effect  string // rejected, repaired or counted
	Meaning string
	Count   int64
}

// Fan is a series to draw: recent history, then the forecast.
type Fan struct {
	Series   products.Found
	History  []Point // ascending, up to the origin
	Forecast []products.ForecastRow
}

// Point is a past period. NaN is missing: closed, stocked out, not recorded.
type Point struct {
	Date  retail.Date
	Value float64
}

//go:embed report.html
var files embed.FS

// Render writes the report.
func Render(w io.Writer, d Data) error {
	t, err := chart.Style(template.New("report.html").Funcs(template.FuncMap{
		"count": chart.Count, "figure": chart.Figure, "percent": chart.Percent, "signed": chart.Signed,
		"bytes": chart.ByteSize, "units": chart.Units, "words": chart.Words, "short": run.Short,
	}))
	if err == nil {
		t, err = t.ParseFS(files, "report.html")
	}
	if err != nil {
		return fmt.Errorf("parse report template: %w", err)
	}
	if err := t.Execute(w, newView(d)); err != nil {
		return fmt.Errorf("render report of run %s: %w", run.Short(d.Run.RunID), err)
	}
	return nil
}
