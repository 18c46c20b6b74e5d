package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/forecast/metric"
	page "github.com/skucast/skucast/web/backtest"
	"github.com/skucast/skucast/web/chart"
)

// backtestTable prints a backtest for a person.
func (p program) backtestTable(r page.Result) error {
	var b strings.Builder
	backtestHead(&b, r)
	t := r.Report
	b.WriteString("\naccuracy, best first (a test is a series from an origin; added: forecast value added over seasonal naive, by RMSSE;\n" +
		"*: fewer tests than seasonal naive, because the model needs more history, and compared with it on those)\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\ttests\tRMSSE\tadded\tMASE\tWAPE\tbias\tSPL\ttime a series\t\n")
	for _, m := range best(t) {
		s := t.Total[m]
		fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Model, thousands(s.Series), fewer(s.Series, t.Total[1].Series), three(s.RMSSE), share(s.FVA), three(s.MASE),
			share(s.WAPE), share(s.Bias), three(s.SPL), timeOf(t, m))
	}
	_ = w.Flush() // into a buffer
	for _, x := range []struct {
		caption string
		groups  []backtest.Group
	}{{"demand class", t.Classes}, {"horizon (steps ahead)", t.Ahead}, {"volume (A sells 80 % of all units, B the next 15 %)", t.Volumes}, {"origin", t.Origins}} {
		fmt.Fprintf(&b, "\nadded by %s\n", x.caption)
		addedTable(&b, t, x.groups)
		b.WriteString("\n")
		productTable(&b, x.groups)
	}
	calibrationText(&b, &t.Total[0].Figures)
	if t.NFailures > 0 {
		fmt.Fprintf(&b, "\n%d forecasts of single models failed; the first: %s on SKU %s in store %s: %s\n",
			t.NFailures, t.Failures[0].Model, t.Failures[0].SKU, t.Failures[0].Store, t.Failures[0].Error)
	}
	_, err := fmt.Fprint(p.Stdout, b.String())
	return err
}

func backtestHead(b *strings.Builder, r page.Result) {
	t := r.Report
	_, periods, _ := chart.Period(r.Frequency)
	fmt.Fprintf(b, "%s: %s series of %s SKUs, %s rows used, %s rejected\n", r.File,
		thousands(int64(t.Series)), thousands(r.SKUs), thousands(r.Rows.Accepted), thousands(r.Rows.Rejected))
	var columns, origins, known []string
	for _, meaning := range slices.Sorted(maps.Keys(r.Mapping)) {
		columns = append(columns, meaning+"="+r.Mapping[meaning])
	}
	fmt.Fprintf(b, "columns  %s\n", strings.Join(columns, " "))
	for _, o := range r.Origins {
		origins = append(origins, o.String())
	}
	fmt.Fprintf(b, "tested   %s series, %d %s ahead from %s\n", thousands(int64(t.Tested)), t.Horizon, periods, strings.Join(origins, ", "))
	for _, k := range t.Known {
		known = append(known, fmt.Sprintf("%s (%s series)", k.Name, thousands(k.Series)))
	}
	switch {
	case r.Blind:
		known = []string{"nothing but open days (--blind)"}
	case len(known) == 0:
		known = []string{"nothing: the file has no input for every tested period"}
	}
	fmt.Fprintf(b, "known    in advance: %s\n", strings.Join(known, ", "))
	for k, n := range t.History {
		if n < 2*t.Season && n < 2*t.Horizon {
			fmt.Fprintf(b, "note     no series has more than %d %s of history at %s; fewer --windows or a smaller --horizon would be fairer\n",
				n, periods, r.Origins[k])
		}
	}
}

// best orders the models by the value that they add over seasonal naive, each on the
// tests that it could do; those without any come last.
func best(t *backtest.Report) []int {
	order := make([]int, len(t.Models))
	for m := range order {
		order[m] = m
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := t.Total[a].FVA, t.Total[b].FVA
		switch {
		case x.Defined() && (!y.Defined() || x > y):
			return -1
		case y.Defined() && (!x.Defined() || y > x):
			return 1
		}
		return 0
	})
	return order
}

// fewer marks figures of fewer tests than seasonal naive has.
func fewer(of, naive int64) string {
	if of > 0 && of < naive {
		return "*"
	}
	return ""
}

// addedTable has a row for each model and a column for each group.
func addedTable(b *strings.Builder, t *backtest.Report, groups []backtest.Group) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "model\t")
	for _, g := range groups {
		fmt.Fprintf(w, "%s\t", g.Name)
	}
	fmt.Fprintln(w)
	for _, m := range best(t) {
		if t.Models[m] == backtest.Naive {
			continue
		}
		fmt.Fprintf(w, "%s\t", t.Models[m])
		for _, g := range groups {
			fmt.Fprintf(w, "%s%s\t", share(g.Scores[m].FVA), fewer(g.Scores[m].Series, g.Scores[1].Series))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into a buffer
}

// productTable is what the whole procedure came to in each group.
func productTable(b *strings.Builder, groups []backtest.Group) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, backtest.Product+"\ttests\tRMSSE\tnaive\tWAPE\tbias\tSPL\twidth 80 %\tcalibration\t\n")
	for _, g := range groups {
		f := g.Scores[0].Figures
		verdict := "–"
		if ok, known := f.Calibrated(); known {
			verdict = map[bool]string{true: "holds", false: "off"}[ok]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", g.Name, thousands(f.Series), three(f.RMSSE), three(f.RMSSENaive),
			share(f.WAPE), share(f.Bias), three(f.SPL), three(f.Width80), verdict)
	}
	_ = w.Flush() // into a buffer
}

func calibrationText(b *strings.Builder, f *metric.Figures) {
	ok, known := f.Calibrated()
	if !known {
		return
	}
	fmt.Fprintf(b, "\ncalibration of %s: %s (share of actual sales below, and at or below, each quantile)\n",
		backtest.Product, map[bool]string{true: "holds", false: "off"}[ok])
	judged := metric.Judged()
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range f.Calibration {
		verdict := ""
		if slices.Contains(judged[:], c.P) {
			verdict = map[bool]string{true: "holds", false: "off"}[c.Holds(metric.JudgedTolerance)]
		}
		fmt.Fprintf(w, "%v\t%.3f\t–\t%.3f\t%s\t\n", c.P, c.Below, c.AtOrBelow, verdict)
	}
	_ = w.Flush() // into a buffer
	fmt.Fprintf(b, "mean width of the 80 %% range %s, of the 95 %% range %s units; CRPS %s; MSIS %s; WSPL %s\n",
		three(f.Width80), three(f.Width95), three(f.CRPS), three(f.MSIS), three(f.WSPL))
}

func timeOf(t *backtest.Report, m int) string {
	if m >= len(t.Timings) {
		return "–"
	}
	return t.Timings[m].Mean.Round(100 * time.Nanosecond).String()
}

func three(f metric.Figure) string {
	x := float64(f)
	if !f.Defined() {
		return decimal(nil)
	}
	return decimal(&x)
}

func share(f metric.Figure) string {
	x := float64(f)
	if !f.Defined() {
		return percent(nil)
	}
	return percent(&x)
}
