package modeltest

import (
	"errors"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
)

// badSeries are histories that no model was made for.
func badSeries() []struct {
	name string
	y    []float64
} {
	nan, inf := math.NaN(), math.Inf(1)
	repeat := func(n int, pattern ...float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = pattern[i%len(pattern)]
		}
		return y
	}
	gap := repeat(160, 5, 9, 7, 8, 6, 7, 3)
	for i := 40; i < 120; i++ { // longer than any season below
		gap[i] = nan
	}
	ends := repeat(160, 5, 9, 7, 8, 6, 7, 3)
	for i := range 60 {
		ends[i], ends[len(ends)-1-i] = nan, nan
	}
	one := repeat(160, nan)
	one[80] = 4
	spike := repeat(160, 1, 2)
	spike[100] = inf
	dip := repeat(160, 1, 2)
	dip[100] = -inf
	return []struct {
		name string
		y    []float64
	}{
		{"nothing", nil},
		{"one missing point", []float64{nan}},
		{"one zero", []float64{0}},
		{"one point", []float64{5}},
		{"two points", []float64{5, 7}},
		{"two zeros", []float64{0, 0}},
		{"three points", []float64{1, 0, 4}},
		{"four zeros", repeat(4, 0)},
		{"one point after missing ones", []float64{nan, nan, 3}},
		{"all zero", repeat(160, 0)},
		{"constant", repeat(160, 6)},
		{"constant and missing", repeat(160, 6, nan)},
		{"all missing", repeat(160, nan)},
		{"one point in between", one},
		{"all zero but the last", append(repeat(159, 0), 1)},
		{"all zero but the first", append([]float64{1}, repeat(159, 0)...)},
		{"tiny", repeat(160, 1e-300, 3e-300, 0, 2e-300)},
		{"denormal", repeat(160, 5e-324, 1e-323)},
		{"huge", repeat(160, 1e300, 3e300, 0, 2e300)},
		{"tiny and huge", repeat(160, 1e-300, 1e300, 1)},
		{"infinity", spike},
		{"negative infinity", dip},
		{"infinity only", repeat(160, inf)},
		{"a gap longer than the season", gap},
		{"missing at both ends", ends},
		{"negative", repeat(160, -3, -5, -4)},
	}
}

// BadInput checks that m answers what it was not made for by an error that a
// caller can test (forecast.ErrTooShort, forecast.ErrNotFinite, or one of
// named), or by a forecast without NaN at a horizon of 0, 1 and 10,000
// periods, and that appending the same to a fitted model leaves it able to
// forecast. It never panics. Run includes it.
func BadInput(t *testing.T, m forecast.Model, named ...error) {
	t.Helper()
	named = append([]error{forecast.ErrTooShort, forecast.ErrNotFinite}, named...)
	long := make([]float64, 10_000)
	for _, c := range badSeries() {
		t.Run(c.name, func(t *testing.T) {
			for _, season := range []int{0, 1, 7, 12, 52} {
				f, err := m.Fit(forecast.Series{Y: c.y, Season: season})
				if err != nil {
					if f != nil {
						t.Fatalf("season %d: a model beside the error %v", season, err)
					}
					if !isOneOf(err, named) {
						t.Fatalf("season %d: %v cannot be tested for", season, err)
					}
					continue
				}
				for _, h := range []int{0, 1, len(long)} {
					f.PredictTo(long[:h])
					if j := firstNaN(long[:h]); j >= 0 {
						t.Fatalf("season %d, horizon %d: step %d is NaN", season, h, j)
					}
				}
			}
		})
	}
}

// BadAppend checks that a model fitted to a sound series still forecasts
// numbers after it has been shown unsound ones, infinities apart.
func BadAppend(t *testing.T, m forecast.Model) {
	t.Helper()
	dst := make([]float64, horizon)
	for _, c := range badSeries() {
		if hasInf(c.y) {
			continue
		}
		f, err := m.Fit(shapes()["smooth"])
		if err != nil {
			t.Fatal(err)
		}
		f.Append(c.y)
		f.PredictTo(dst)
		if j := firstNaN(dst); j >= 0 {
			t.Fatalf("after %s: step %d is NaN", c.name, j)
		}
	}
}

func isOneOf(err error, named []error) bool {
	for _, n := range named {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

func firstNaN(y []float64) int {
	for j, v := range y {
		if v != v {
			return j
		}
	}
	return -1
}

func hasInf(y []float64) bool {
	for _, v := range y {
		if math.IsInf(v, 0) {
			return true
		}
	}
	return false
}
