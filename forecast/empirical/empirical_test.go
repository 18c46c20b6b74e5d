package empirical_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/empirical"
	"github.com/skucast/skucast/forecast/modeltest"
)

func TestProperties(t *testing.T) { // counts allocations, hence not parallel
	for _, m := range []forecast.Model{
		empirical.Recent{}, empirical.Recent{Window: 5}, empirical.Climatology{}, empirical.Climatology{Seasons: 3},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) { modeltest.Run(t, m, modeltest.Traits{}) })
	}
}

func fit(t *testing.T, m forecast.Model, s forecast.Series) *empirical.Fitted {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	return f.(*empirical.Fitted)
}

func quantiles(f *empirical.Fitted, steps int, p ...float64) [][]float64 {
	dst := make([][]float64, steps)
	for j := range dst {
		dst[j] = make([]float64, len(p))
	}
	f.QuantilesTo(dst, p)
	return dst
}

func TestWindowsByHand(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	y := []float64{90, 90, 1, 2, nan, 4, 3, nan}
	f := fit(t, empirical.Recent{Window: 4}, forecast.Series{Y: y})
	if got := quantiles(f, 2, 0.01, 0.25, 0.26, 0.5, 0.75, 0.99); !slices.Equal(got[0], []float64{1, 1, 2, 2, 3, 4}) || !slices.Equal(got[0], got[1]) {
		t.Errorf("quantiles %v", got)
	}
	var mean [2]float64
	f.PredictTo(mean[:])
	if mean != [2]float64{2.5, 2.5} {
		t.Errorf("mean %v", mean)
	}
	f.Append([]float64{nan, 9}) // 1 leaves
	if got := quantiles(f, 1, 0.01, 0.99); !slices.Equal(got[0], []float64{2, 9}) {
		t.Errorf("after 9: %v", got)
	}
}

// Phases go on where the history ends, and one that was never seen gets all.
func TestClimatologyByPhase(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	y := []float64{1, 20, nan, 2, 30, nan, 3} // phases 2, 0, 1 of three
	f := fit(t, empirical.Climatology{Seasons: 2}, forecast.Series{Y: y, Season: 3, Phase: 2})
	var mean [4]float64
	f.PredictTo(mean[:])
	if mean != [4]float64{25, 13.75, 2.5, 25} {
		t.Errorf("means %v", mean)
	}
	got := quantiles(f, 3, 0.5, 0.9)
	want := [][]float64{{20, 30}, {3, 30}, {2, 3}}
	for j := range want {
		if !slices.Equal(got[j], want[j]) {
			t.Errorf("step %d: %v, want %v", j, got[j], want[j])
		}
	}
}

// Over many series the share at or below a quantile, and the share below, straddle its
// probability: for counts, for dozens, by weekday.
func TestCalibration(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	for name, c := range map[string]struct {
		m    forecast.Model
		draw func(day int) float64
	}{
		"slow mover": {empirical.Recent{Window: 200}, func(int) float64 { return float64(rng.IntN(12) / 10 * (1 + rng.IntN(3))) }},
		"dozens":     {empirical.Recent{Window: 200}, func(int) float64 { return float64(12 * rng.IntN(4)) }},
		"weekdays":   {empirical.Climatology{Seasons: 100}, func(day int) float64 { return float64(10*(day%7) + rng.IntN(10)) }},
	} {
		const series = 4000
		p := forecast.Probabilities()
		var below, atOrBelow [forecast.NQuantiles]float64
		for range series {
			y := make([]float64, 701)
			for i := range y {
				y[i] = c.draw(i)
			}
			q := quantiles(fit(t, c.m, forecast.Series{Y: y[:700], Season: 7}), 1, p[:]...)[0]
			for i, v := range q {
				if y[700] < v {
					below[i] += 1.0 / series
				}
				if y[700] <= v {
					atOrBelow[i] += 1.0 / series
				}
			}
		}
		for i, p := range p {
			if below[i] > p+0.02 || atOrBelow[i] < p-0.02 {
				t.Errorf("%s: %v of the demands lie below the quantile at %v, %v at or below", name, below[i], p, atOrBelow[i])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, m := range []forecast.Model{empirical.Recent{}, empirical.Climatology{}} {
		if _, err := m.Fit(forecast.Series{Y: []float64{math.NaN()}, Season: 7}); !errors.Is(err, forecast.ErrTooShort) {
			t.Errorf("%T of nothing: %v", m, err)
		}
		if _, err := m.Fit(forecast.Series{Y: []float64{1, math.Inf(1)}, Season: 7}); !errors.Is(err, forecast.ErrNotFinite) {
			t.Errorf("%T of an infinity: %v", m, err)
		}
	}
}

func ExampleRecent() {
	f, err := empirical.Recent{Window: 10}.Fit(forecast.Series{Y: []float64{0, 0, 12, 0, 0, 0, 12, 0, 24, 0}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean, q := make([]float64, 1), [][]float64{make([]float64, 3)}
	f.PredictTo(mean)
	f.(*empirical.Fitted).QuantilesTo(q, []float64{0.5, 0.8, 0.95})
	fmt.Printf("mean %.1f, quantiles %v\n", mean[0], q[0])
	// Output: mean 4.8, quantiles [0 12 24]
}

func ExampleClimatology() {
	// Two weeks of days, the first of them a Monday.
	y := []float64{5, 6, 5, 7, 9, 14, 0, 7, 6, 7, 7, 11, 12, 0}
	f, err := empirical.Climatology{}.Fit(forecast.Series{Y: y, Season: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 7)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [6 6 6 7 10 13 0]
}
