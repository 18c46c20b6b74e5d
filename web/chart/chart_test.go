package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/web/chart"
)

func TestNumbers(t *testing.T) {
	f := func(x float64) *float64 { return &x }
	for got, want := range map[string]string{
		chart.Count(0): "0", chart.Count(999): "999", chart.Count(1000): "1,000", chart.Count(-1234567): "−1,234,567", chart.Count(math.MinInt64): "−9,223,372,036,854,775,808",
		chart.Units(.006): "0.01", chart.Units(2.5): "2.5", chart.Units(9.999): "10", chart.Units(12.34): "12.3", chart.Units(1234.5): "1,235", chart.Units(1e20): "1e+20",
		chart.Figure(nil): "–", chart.Figure(f(.7824)): "0.782", chart.Figure(f(12345)): "12,345",
		chart.Percent(nil): "– ", chart.Percent(f(.1234)): "12.3 %", chart.Percent(f(12)): "1,200 %", chart.Percent(f(.0001)): "< 0.1 %", chart.Percent(f(-.05)): "−5.0 %",
		chart.Signed(f(.2)): "+20.0 %", chart.Signed(f(0)): "0.0 %",
		chart.WholePercent(.996): "99.6 %", chart.WholePercent(1): "100 %", chart.WholePercent(.8): "80 %", chart.WholePercent(.001): "0.1 %",
		chart.Seconds(0): "0.0 s", chart.Seconds(9.94): "9.9 s", chart.Seconds(59.4): "59 s", chart.Seconds(188): "3 min 8 s", chart.Seconds(7384): "2 h 3 min",
		chart.ByteSize(12): "12 B", chart.ByteSize(1234): "1.2 kB", chart.ByteSize(5_600_000): "5.6 MB", chart.ByteSize(7e9): "7.0 GB",
	} {
		if got = strings.ReplaceAll(got, chart.NBSP, " "); got != strings.TrimSpace(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGapsAndDots(t *testing.T) {
	nan := math.NaN()
	x := func(i int) float64 { return float64(i) }
	for want, values := range map[string][]float64{
		"M0 1L1 2L2 3":                          {1, 2, 3},
		"M1 2L2 3":                              {nan, 2, 3},
		"M0 1L1 2M3 4L4 5":                      {1, 2, nan, 4, 5},
		"M1 2m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0": {nan, 2, nan},
		"":                                      {nan, nan},
	} {
		y := func(i int) float64 { return values[i] }
		if got := chart.Gaps(len(values), x, y); got != want {
			t.Errorf("%v is drawn %q, want %q", values, got, want)
		}
	}
}

func FuzzNiceScale(f *testing.F) {
	for _, x := range []float64{0, 1, 3, 9.99, 10, 1e-9, 1e12, -1, math.Inf(1), math.NaN(), 5e-324} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, top float64) {
		scale, ticks := chart.NiceScale(top)
		if !(scale > 0) || math.IsInf(scale, 0) || len(ticks) < 2 || len(ticks) > 6 || !slices.IsSorted(ticks) {
			t.Fatalf("scale of %v is %v with labels %v", top, scale, ticks)
		}
		if top > 1e-300 && top < 1e300 && scale < top*(1-1e-6) {
			t.Fatalf("scale of %v ends at %v", top, scale)
		}
	})
}
