package backtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/web/chart"
)

// Sizes in SVG units; the templates repeat the edges of the plotting areas.
const (
	fanWidth, fanHeight                     = 380.0, 190.0
	fanLeft, fanRight, fanTop, fanBottom    = 40.0, 372.0, 10.0, 166.0
	stepWidth, stepHeight                   = 1072.0, 260.0
	stepLeft, stepRight, stepTop, stepFloor = 44.0, 1062.0, 12.0, 220.0
	calSide, calLeft, calTop                = 320.0, 44.0, 10.0
	calEnd, calBottom                       = 310.0, 276.0
)

// plot is the error by step ahead.
type plot struct {
	Width, Height  float64
	YTicks, XTicks []chart.Tick
	Lines          []plotLine
	Label          string
}

type plotLine struct{ Name, Class, Path string }

// newPlot draws the mean scaled error of the product, of seasonal naive, and of the
// single model that is best over all.
func newPlot(rep *backtest.Report, one string) plot {
	p := plot{Width: stepWidth, Height: stepHeight, Label: one + "s ahead"}
	shown := []int{0, 1}
	best := -1
	for m := 2; m < len(rep.Models); m++ {
		if rep.Total[m].Series == rep.Total[0].Series && (best < 0 || rep.Total[m].RMSSE < rep.Total[best].RMSSE) {
			best = m
		}
	}
	if best > 0 {
		shown = append(shown, best)
	}
	top := 0.0
	for _, m := range shown {
		for _, g := range rep.Steps {
			if v := float64(g.Scores[m].RMSSE); v > top {
				top = v
			}
		}
	}
	scale, ticks := chart.NiceScale(top)
	n := len(rep.Steps)
	x := func(i int) float64 { return stepLeft + (stepRight-stepLeft)*(float64(i)+.5)/float64(max(1, n)) }
	y := func(v float64) float64 { return stepFloor - (stepFloor-stepTop)*v/scale }
	for _, t := range ticks {
		p.YTicks = append(p.YTicks, chart.Tick{At: chart.Coordinate(y(t)), Text: chart.Units(t)})
	}
	every := max(1, (n+13)/14)
	for i := 0; i < n; i += every {
		p.XTicks = append(p.XTicks, chart.Tick{At: chart.Coordinate(x(i)), Text: rep.Steps[i].Name, Anchor: "middle"})
	}
	for k, m := range shown {
		p.Lines = append(p.Lines, plotLine{
			Name: chart.Words(rep.Models[m]), Class: []string{"product", "naive", "other"}[k],
			Path: chart.Gaps(n, x, func(i int) float64 { return y(float64(rep.Steps[i].Scores[m].RMSSE)) }),
		})
	}
	return p
}

// calibrationView shows whether quantiles hold as many sales as they promise.
type calibrationView struct {
	Rows     []calibrationRow
	Ranges   []rangeRow
	Inside80 float64
	Good     bool
	Verdict  string
	Side     float64
	Ticks    []calTick
	Periods  int64
}

type calibrationRow struct {
	Nominal, Below, AtOrBelow string
	X, Low, High              string // of the bar in the plot
	Judged, Good              bool
}

type rangeRow struct{ Name, Inside, Width string }

type calTick struct{ X, Y, Text, Anchor string }

func newCalibration(f *metric.Figures) *calibrationView {
	good, known := f.Calibrated()
	if !known {
		return nil
	}
	c := &calibrationView{Side: calSide, Good: good, Periods: f.Periods}
	x := func(p float64) float64 { return calLeft + (calEnd-calLeft)*p }
	y := func(p float64) float64 { return calBottom - (calBottom-calTop)*p }
	judged := metric.Judged()
	for _, b := range f.Calibration {
		c.Rows = append(c.Rows, calibrationRow{
			Nominal: chart.Share(b.P), Below: percent(b.Below), AtOrBelow: percent(b.AtOrBelow),
			X: chart.Coordinate(x(b.P)), Low: chart.Coordinate(y(float64(b.Below))), High: chart.Coordinate(y(float64(b.AtOrBelow))),
			Good: b.Holds(metric.JudgedTolerance), Judged: slices.Contains(judged[:], b.P),
		})
	}
	for _, p := range []float64{0, .25, .5, .75, 1} {
		t := calTick{chart.Coordinate(x(p)), chart.Coordinate(y(p)), chart.WholePercent(p), "middle"}
		if p == 1 {
			t.Anchor = "end"
		}
		c.Ticks = append(c.Ticks, t)
	}
	for _, r := range []struct {
		name   string
		lo, hi int
		width  metric.Figure
	}{{"80", 2, 6, f.Width80}, {"95", 0, 8, f.Width95}} {
		inside := float64(f.Calibration[r.hi].AtOrBelow - f.Calibration[r.lo].Below)
		c.Ranges = append(c.Ranges, rangeRow{r.name + chart.NBSP + "%", chart.Share(inside), units(r.width)})
		if r.name == "80" {
			c.Inside80 = inside
		}
	}
	c.Verdict = "the ranges can be relied on"
	if !good {
		c.Verdict = "the ranges are not reliable everywhere, see Calibration"
	}
	return c
}

// fanView is an example as the template draws it.
type fanView struct {
	ID                    int
	SKU, Store            string
	Place, Text           string
	Wide, Middle, Narrow  string
	History, Median, Mean string
	Actual                string
	OriginX               string
	YTicks, XTicks        []chart.Tick
}

func newFan(id int, e *backtest.Example, r Result) fanView {
	v := fanView{ID: id, SKU: e.SKU, Store: e.Store, Place: e.Place}
	past, n := len(e.History), len(e.History)+len(e.Mean)
	top := 0.0
	for _, list := range [][]metric.Figure{e.History, e.Actual} {
		for _, y := range list {
			if float64(y) > top { // NaN is not
				top = float64(y)
			}
		}
	}
	for j := range e.Mean {
		top = math.Max(top, math.Max(e.Quantiles[j][forecast.NQuantiles-2], e.Mean[j]))
	}
	scale, ticks := chart.NiceScale(top)
	x := func(i int) float64 { return fanLeft + (fanRight-fanLeft)*float64(i)/float64(max(1, n-1)) }
	y := func(u float64) float64 { return fanBottom - (fanBottom-fanTop)*u/scale }
	ahead := func(j int) float64 { return x(past + j) }
	for _, t := range ticks {
		v.YTicks = append(v.YTicks, chart.Tick{At: chart.Coordinate(y(t)), Text: chart.Units(t)})
	}
	q := func(k int) func(int) float64 { return func(j int) float64 { return y(e.Quantiles[j][k]) } }
	band := func(lo, hi int) string { return chart.Area(len(e.Mean), ahead, q(lo), q(hi)) }
	v.Wide, v.Middle, v.Narrow = band(0, 8), band(2, 6), band(3, 5)
	v.Median = chart.Line(len(e.Mean), ahead, q(4))
	v.Mean = chart.Line(len(e.Mean), ahead, func(j int) float64 { return y(e.Mean[j]) })
	v.History = chart.Gaps(past, x, func(i int) float64 { return y(float64(e.History[i])) })
	v.Actual = chart.Gaps(len(e.Actual), ahead, func(j int) float64 { return y(float64(e.Actual[j])) })
	if past > 0 {
		v.OriginX = chart.Coordinate((x(past-1) + x(past)) / 2)
	}
	date := func(i int) string { return chart.ShortDate(r.Grid().At(i-past+1-r.Report.Horizon), r.Frequency) }
	v.XTicks = []chart.Tick{
		{At: chart.Coordinate(x(0)), Text: date(0), Anchor: "start"},
		{At: chart.Coordinate(x(n - 1)), Text: date(n - 1), Anchor: "end"},
	}
	if past > n/4 && past < n*4/5 {
		v.XTicks = append(v.XTicks, chart.Tick{At: chart.Coordinate(x(past)), Text: date(past), Anchor: "middle"})
	}
	v.Text = fmt.Sprintf("RMSSE %s, seasonal naive %s. Demand: %s. Model: %s.",
		number(e.RMSSE), number(e.RMSSENaive), e.Class, chart.Words(e.Model))
	return v
}

func number(f metric.Figure) string {
	if !f.Defined() {
		return chart.Undefined
	}
	return strconv.FormatFloat(float64(f), 'f', 2, 64)
}
