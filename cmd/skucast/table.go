package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/skucast/skucast/shared/run"
)

// table prints a completed run for a person: totals, honest accuracy, calibration.
func (p program) table(c run.Complete) {
	w := p.Stdout
	fmt.Fprintf(w, "rows     %s read, %s used, %s rejected\n", thousands(c.Rows.Read), thousands(c.Rows.Accepted), thousands(c.Rows.Rejected))
	fmt.Fprintf(w, "series   %s of %s SKUs: %s fitted, %s fallback, %s rejected\n", thousands(c.Series.Total), thousands(c.SKUs),
		thousands(c.Series.Fitted), thousands(c.Series.Fallback), thousands(c.Series.Rejected))
	fmt.Fprintf(w, "horizon  %d %s from %s\n", c.Horizon, map[string]string{"D": "days", "W": "weeks", "M": "months"}[string(c.Frequency)], c.Origin)
	if c.DuplicateOf != nil {
		fmt.Fprintf(w, "same     content as run %s, computed once\n", run.Short(*c.DuplicateOf))
	}
	b := c.Backtest
	fmt.Fprint(w, "\naccuracy on the latest window, which no model had seen\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  RMSSE\t%s\tskill over seasonal naive\t%s\n", decimal(b.RMSSE), percent(b.Skill))
	fmt.Fprintf(t, "  WAPE\t%s\tpinball loss per period\t%s\n", percent(b.WAPE), decimal(b.Pinball))
	_ = t.Flush() // to a terminal or a buffer; the result is printed best effort
	if len(b.Calibration) > 0 {
		fmt.Fprint(w, "\ncalibration: share of actual sales below and at or below each quantile\n")
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, q := range slices.SortedFunc(maps.Keys(b.Calibration), byProbability) {
			s := b.Calibration[q]
			fmt.Fprintf(t, "  %s\t%.3f\t–\t%.3f\t\n", q, s.Below, s.AtOrBelow)
		}
		_ = t.Flush()
	}
	fmt.Fprint(w, "\nmodels\n")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range slices.SortedFunc(maps.Keys(c.Models), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Models[b], c.Models[a]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(t, "  %s\t%s\n", m, thousands(c.Models[m]))
	}
	_ = t.Flush()
	s := c.Timings
	fmt.Fprintf(w, "\nseconds  %.1f in all: %.1f reading, %.1f planning, %.1f forecasting, %.1f publishing\ndigest   %s\n",
		s.Total, s.ETL, s.Plan, s.Train, s.Publish, c.Digest)
}

func byProbability(a, b string) int {
	x, _ := strconv.ParseFloat(strings.TrimPrefix(a, "q"), 64)
	y, _ := strconv.ParseFloat(strings.TrimPrefix(b, "q"), 64)
	return cmp.Compare(x, y)
}

func decimal(x *float64) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(*x, 'f', 3, 64)
}

func percent(x *float64) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(100**x, 'f', 1, 64) + " %"
}

// thousands groups digits: 1 234 567 with thin spaces would not align in a terminal, so
// commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// readComplete reads a delivered terminal record.
func readComplete(file string) (run.Complete, error) {
	var c run.Complete
	b, err := os.ReadFile(file)
	if err != nil {
		return c, fmt.Errorf("read the result: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read %s: %w", file, err)
	}
	return c, nil
}
