// Package backtest renders what `skucast backtest` found as one HTML file that opens
// anywhere, without network or script. Its size depends on the number of models, classes
// and steps, never on series or rows.
package backtest

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web/chart"
)

// Result is a backtest of a file: what the page shows, and what --json prints.
type Result struct {
	File      string            `json:"file"`
	Version   string            `json:"code_version"`
	Frequency retail.Frequency  `json:"frequency"`
	Origin    retail.Date       `json:"origin"` // the last period with a quantity
	MonthEnd  bool              `json:"month_end"`
	Mapping   map[string]string `json:"mapping"` // meaning → header
	Rows      run.Rows          `json:"rows"`
	SKUs      int64             `json:"skus"`
	Blind     bool              `json:"blind"` // known inputs were left out
	// Origins are the periods that were forecast from, latest first.
	Origins []retail.Date    `json:"origins"`
	Report  *backtest.Report `json:"report"`
}

// Grid is the time axis.
func (r *Result) Grid() retail.Grid {
	return retail.Grid{Frequency: r.Frequency, Origin: r.Origin, MonthEnd: r.MonthEnd}
}

//go:embed backtest.html style.css
var files embed.FS

// Render writes the page.
func Render(w io.Writer, r Result) error {
	t, err := chart.Style(template.New("backtest.html").Funcs(template.FuncMap{"count": chart.Count}))
	if err == nil {
		t, err = t.ParseFS(files, "backtest.html", "style.css")
	}
	if err != nil {
		return fmt.Errorf("parse the backtest's template: %w", err)
	}
	if err := t.ExecuteTemplate(w, "backtest.html", newView(r)); err != nil {
		return fmt.Errorf("render the backtest of %s: %w", r.File, err)
	}
	return nil
}
