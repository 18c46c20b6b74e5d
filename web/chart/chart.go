// Package chart is what the pages share: paths of SVG drawings, axes, how numbers, dates
// and periods are written, and the style. Everything is text; nothing is loaded.
package chart

import (
	"embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

//go:embed style.css
var files embed.FS

// Style adds the template "style.css" to t.
func Style(t *template.Template) (*template.Template, error) {
	t, err := t.ParseFS(files, "style.css")
	if err != nil {
		return nil, fmt.Errorf("parse the style of pages: %w", err)
	}
	return t, nil
}

// Tick is a label on an axis.
type Tick struct {
	At     string
	Text   string
	Anchor string
}

// Gaps draws n values, of which NaN is missing and makes a gap; a lonely value is a dot.
func Gaps(n int, x, y func(i int) float64) string {
	var b strings.Builder
	open := false
	for i := range n {
		v := y(i)
		if math.IsNaN(v) {
			open = false
			continue
		}
		at := Coordinate(x(i)) + " " + Coordinate(v)
		switch lonely := i+1 == n || math.IsNaN(y(i+1)); {
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

// Line draws n values without gaps.
func Line(n int, x, y func(i int) float64) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(pen(i) + Coordinate(x(i)) + " " + Coordinate(y(i)))
	}
	if n == 1 {
		b.WriteString("h0")
	}
	return b.String()
}

// Area encloses what lies between two lines of n values.
func Area(n int, x, low, high func(i int) float64) string {
	if n == 0 {
		return ""
	}
	var b strings.Builder
	for i := range n {
		b.WriteString(pen(i) + Coordinate(x(i)) + " " + Coordinate(high(i)))
	}
	for i := n - 1; i >= 0; i-- {
		b.WriteString("L" + Coordinate(x(i)) + " " + Coordinate(low(i)))
	}
	return b.String() + "Z"
}

func pen(i int) string {
	if i == 0 {
		return "M"
	}
	return "L"
}

// Coordinate writes a position with up to one decimal.
func Coordinate(x float64) string { return trimZeros(strconv.FormatFloat(x, 'f', 1, 64)) }

// NiceScale returns the top of an axis from 0 that holds a value, and its labels: steps
// of 1, 2 or 5 times a power of ten.
func NiceScale(top float64) (float64, []float64) {
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
