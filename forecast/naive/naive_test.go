package naive_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/naive"
)

func TestReference(t *testing.T) {
	modeltest.Reference(t, naive.Seasonal{}, "smooth", "seasonal_naive", 1e-6)
	modeltest.Reference(t, naive.Mean{Window: 28}, "smooth", "window_28", 1e-6)
	modeltest.Reference(t, naive.SeasonalMean{Window: 4}, "smooth", "seasonal_window_4", 1e-6)
}

func TestMissing(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		m    forecast.Model
		y    []float64
		want []float64
	}{
		"seasonal: the last observed of the phase": {naive.Seasonal{}, []float64{1, 2, 3, 4, nan, 6}, []float64{4, 2, 6}},
		"seasonal: unseen phase gets the last":     {naive.Seasonal{}, []float64{1, nan, 3, 4, nan, 6}, []float64{4, 6, 6}},
		"last: skips missing":                      {naive.Last{}, []float64{1, 2, nan}, []float64{2, 2, 2}},
		"mean: window counts observations":         {naive.Mean{Window: 2}, []float64{9, 1, nan, 3, nan}, []float64{2, 2, 2}},
		"seasonal mean: unseen gets phase mean":    {naive.SeasonalMean{}, []float64{1, nan, 3, 3, nan, 5}, []float64{2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := c.m.Fit(forecast.Series{Y: c.y, Season: 3})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float64, 3)
			f.PredictTo(got)
			// Rotate to the phase after the history.
			for i, w := range c.want {
				if g := got[(i+3-len(c.y)%3)%3]; g != w {
					t.Errorf("phase %d: got %v, want %v", i, g, w)
				}
			}
		})
	}
}

func ExampleSeasonal() {
	f, err := naive.Seasonal{}.Fit(forecast.Series{Y: []float64{5, 1, 2, 6, 2, 3}, Season: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 4)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [6 2 3 6]
}
