package report

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/web/chart"
)

// Size of a fan in SVG units, and its plotting area.
const (
	fanWidth, fanHeight                         = 380.0, 190.0
	fanLeft, fanRight, fanTop, fanBottom        = 40.0, 372.0, 10.0, 166.0
	calSide, calLeft, calTop, calEnd, calBottom = 320.0, 44.0, 10.0, 310.0, 276.0
)

// fanView is a Fan as the template draws it.
type fanView struct {
	ID                    int
	SKU, Store            string
	Class, Model, Text    string
	Wide, Middle, Narrow  string // areas between q0.025–q0.975, q0.1–q0.9, q0.25–q0.75
	History, Median, Mean string // lines
	OriginX               string
	YTicks, XTicks        []chart.Tick
	Status                string
}

func newFan(id int, f Fan, freq retail.Frequency) fanView {
	one, many, _ := chart.Period(freq)
	key := f.Series.Row.Key()
	v := fanView{
		ID: id, SKU: string(key.SKU), Store: string(key.Store),
		Class: f.Series.Row.Class, Model: chart.Words(f.Series.Row.Model), Status: f.Series.Row.Status,
	}
	top, total, low, high := 0.0, 0.0, 0.0, 0.0
	for _, p := range f.History {
		if p.Value > top { // NaN is not
			top = p.Value
		}
	}
	for i := range f.Forecast {
		q := f.Forecast[i].Quantiles()
		top = math.Max(top, math.Max(q[8], f.Forecast[i].Mean))
		total += f.Forecast[i].Mean
		low, high = low+q[2], high+q[6]
	}
	scale, ticks := chart.NiceScale(top)
	n := len(f.History) + len(f.Forecast)
	x := func(i int) float64 { return fanLeft + (fanRight-fanLeft)*float64(i)/float64(max(1, n-1)) }
	y := func(value float64) float64 { return fanBottom - (fanBottom-fanTop)*value/scale }
	for _, t := range ticks {
		v.YTicks = append(v.YTicks, chart.Tick{At: chart.Coordinate(y(t)), Text: chart.Units(t)})
	}

	v.History = chart.Gaps(len(f.History), x, func(i int) float64 { return y(f.History[i].Value) })
	first := len(f.History)
	ahead := func(i int) float64 { return x(first + i) }
	band := func(lo, hi int) string {
		return chart.Area(len(f.Forecast), ahead,
			func(i int) float64 { return y(f.Forecast[i].Quantiles()[lo]) },
			func(i int) float64 { return y(f.Forecast[i].Quantiles()[hi]) })
	}
	v.Wide, v.Middle, v.Narrow = band(0, 8), band(2, 6), band(3, 5)
	v.Median = chart.Line(len(f.Forecast), ahead, func(i int) float64 { return y(f.Forecast[i].Q50) })
	v.Mean = chart.Line(len(f.Forecast), ahead, func(i int) float64 { return y(f.Forecast[i].Mean) })
	if first > 0 && len(f.Forecast) > 0 {
		v.OriginX = chart.Coordinate((x(first-1) + x(first)) / 2)
	}
	v.XTicks = fanDates(f, freq, x)
	v.Text = "No forecast."
	if n := float64(len(f.Forecast)); n > 0 {
		v.Text = fmt.Sprintf("About %s units in the next %s. Average 80%s%% range: %s to %s a %s.",
			chart.Units(total), chart.Plural(len(f.Forecast), one, many), chart.NBSP, chart.Units(low/n), chart.Units(high/n), one)
	}
	return v
}

func fanDates(f Fan, freq retail.Frequency, x func(int) float64) []chart.Tick {
	var t []chart.Tick
	first := len(f.History)
	if first > 1 {
		t = append(t, chart.Tick{At: chart.Coordinate(x(0)), Text: chart.ShortDate(f.History[0].Date, freq), Anchor: "start"})
	}
	if n := len(f.Forecast); n > 0 {
		if first > 8 && n > 3 {
			t = append(t, chart.Tick{At: chart.Coordinate(x(first)), Text: chart.ShortDate(f.Forecast[0].Date, freq), Anchor: "middle"})
		}
		t = append(t, chart.Tick{At: chart.Coordinate(x(first + n - 1)), Text: chart.ShortDate(f.Forecast[n-1].Date, freq), Anchor: "end"})
	}
	return t
}
