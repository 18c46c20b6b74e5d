package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
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
	YTicks, XTicks        []tick
	Status                string
}

// tick is a label on an axis.
type tick struct {
	At     string
	Text   string
	Anchor string
}

func newFan(id int, f Fan, freq retail.Frequency) fanView {
	one, many, _ := period(freq)
	key := f.Series.Row.Key()
	v := fanView{
		ID: id, SKU: string(key.SKU), Store: string(key.Store),
		Class: f.Series.Row.Class, Model: words(f.Series.Row.Model), Status: f.Series.Row.Status,
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
	scale, ticks := niceScale(top)
	n := len(f.History) + len(f.Forecast)
	x := func(i int) float64 { return fanLeft + (fanRight-fanLeft)*float64(i)/float64(max(1, n-1)) }
	y := func(value float64) float64 { return fanBottom - (fanBottom-fanTop)*value/scale }
	for _, t := range ticks {
		v.YTicks = append(v.YTicks, tick{At: coordinate(y(t)), Text: units(t)})
	}

	v.History = historyPath(f.History, x, y)
	first := len(f.History)
	band := func(lo, hi int) string { return area(f.Forecast, first, lo, hi, x, y) }
	v.Wide, v.Middle, v.Narrow = band(0, 8), band(2, 6), band(3, 5)
	v.Median = line(len(f.Forecast), first, x, func(i int) float64 { return y(f.Forecast[i].Q50) })
	v.Mean = line(len(f.Forecast), first, x, func(i int) float64 { return y(f.Forecast[i].Mean) })
	if first > 0 && len(f.Forecast) > 0 {
		v.OriginX = coordinate((x(first-1) + x(first)) / 2)
	}
	v.XTicks = fanDates(f, freq, x)
	v.Text = "No forecast."
	if n := float64(len(f.Forecast)); n > 0 {
		v.Text = fmt.Sprintf("About %s units in the next %s. Average 80%s%% range: %s to %s a %s.",
			units(total), plural(len(f.Forecast), one, many), nbsp, units(low/n), units(high/n), one)
	}
	return v
}

func fanDates(f Fan, freq retail.Frequency, x func(int) float64) []tick {
	var t []tick
	first := len(f.History)
	if first > 1 {
		t = append(t, tick{At: coordinate(x(0)), Text: shortDate(f.History[0].Date, freq), Anchor: "start"})
	}
	if n := len(f.Forecast); n > 0 {
		if first > 8 && n > 3 {
			t = append(t, tick{At: coordinate(x(first)), Text: shortDate(f.Forecast[0].Date, freq), Anchor: "middle"})
		}
		t = append(t, tick{At: coordinate(x(first + n - 1)), Text: shortDate(f.Forecast[n-1].Date, freq), Anchor: "end"})
	}
	return t
}

// historyPath draws what is known; missing periods are gaps, and a lonely one is a dot.
func historyPath(h []Point, x func(int) float64, y func(float64) float64) string {
	var b strings.Builder
	open := false
	for i, p := range h {
		if math.IsNaN(p.Value) {
			open = false
			continue
		}
		at := coordinate(x(i)) + " " + coordinate(y(p.Value))
		switch lonely := i+1 == len(h) || math.IsNaN(h[i+1].Value); {
		case open:
			b.WriteString("L" + at)
		case lonely:
			b.WriteString("M" + at + "m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0")
		default:
			b.WriteString("M" + at)
		}
		open = true
	}
	return b.String()
}

func line(n, first int, x func(int) float64, y func(int) float64) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(pen(i) + coordinate(x(first+i)) + " " + coordinate(y(i)))
	}
	if n == 1 {
		b.WriteString("h0")
	}
	return b.String()
}

// area encloses what lies between two quantiles.
func area(rows []products.ForecastRow, first, lo, hi int, x func(int) float64, y func(float64) float64) string {
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	for i := range rows {
		b.WriteString(pen(i) + coordinate(x(first+i)) + " " + coordinate(y(rows[i].Quantiles()[hi])))
	}
	for i := len(rows) - 1; i >= 0; i-- {
		b.WriteString("L" + coordinate(x(first+i)) + " " + coordinate(y(rows[i].Quantiles()[lo])))
	}
	return b.String() + "Z"
}

func pen(i int) string {
	if i == 0 {
		return "M"
	}
	return "L"
}

func coordinate(x float64) string { return trimZeros(strconv.FormatFloat(x, 'f', 1, 64)) }

// niceScale returns the top of an axis from 0 that holds a value, and its labels: steps
// of 1, 2 or 5 times a power of ten.
func niceScale(top float64) (float64, []float64) {
	if !(top > 1e-300 && top < 1e300) { // also NaN
		return 1, []float64{0, 1}
	}
	step := math.Pow(10, math.Floor(math.Log10(top/3)))
	for _, f := range []float64{1, 2, 5, 10} {
		if 4*step*f >= top {
			step *= f
			break
		}
	}
	var ticks []float64
	n := math.Ceil(top/step - 1e-9)
	for i := 0.0; i <= n; i++ {
		ticks = append(ticks, i*step)
	}
	return n * step, ticks
}
