package naive_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/naive"
)

// Made by testdata/reference.py with statsforecast.
//
//go:embed testdata/reference.json
var referenceJSON []byte

func TestFamily(t *testing.T) {
	var ref struct {
		Series []struct {
			Season int
			Y      []float64
			Mean   map[string][]float64
		}
	}
	if err := json.Unmarshal(referenceJSON, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Series) < 9 {
		t.Fatalf("%d series", len(ref.Series))
	}
	for k, r := range ref.Series {
		for _, c := range []struct {
			name string
			m    forecast.Model
		}{
			{"last", naive.Last{}},
			{"seasonal", naive.Seasonal{}},
			{"drift", naive.Drift{}},
			{"window_10", naive.Mean{Window: 10}},
			{"seasonal_window_3", naive.SeasonalMean{Window: 3}},
			{"mean", naive.Mean{}},
		} {
			t.Run(fmt.Sprintf("%d/%s", k, c.name), func(t *testing.T) {
				f, err := c.m.Fit(forecast.Series{Y: r.Y, Season: r.Season, Phase: k % r.Season})
				if err != nil {
					t.Fatal(err)
				}
				want := r.Mean[c.name]
				if len(want) == 0 {
					t.Fatal("no reference")
				}
				got := make([]float64, len(want))
				f.PredictTo(got)
				for j, w := range want {
					if math.Abs(got[j]-w) > 1e-8*(1+math.Abs(w)) {
						t.Errorf("step %d: %v, statsforecast %v", j, got[j], w)
					}
				}
			})
		}
	}
}

// A line with holes is continued on the line.
func TestDriftMissing(t *testing.T) {
	nan := math.NaN()
	f, err := naive.Drift{}.Fit(forecast.Series{Y: []float64{nan, 1, nan, 3, nan, 5, nan}})
	if err != nil {
		t.Fatal(err)
	}
	var dst [2]float64
	f.PredictTo(dst[:])
	if dst != [2]float64{7, 8} {
		t.Errorf("got %v, want [7 8]", dst)
	}
}

func ExampleDrift() {
	f, err := naive.Drift{}.Fit(forecast.Series{Y: []float64{10, 13, 11, 16}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 3)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [18 20 22]
}

func ExampleMean() {
	f, err := naive.Mean{Window: 2}.Fit(forecast.Series{Y: []float64{9, 4, 6}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [5 5]
}

func ExampleSeasonalMean() {
	f, err := naive.SeasonalMean{Window: 2}.Fit(forecast.Series{Y: []float64{9, 9, 4, 2, 6, 4}, Season: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [5 3]
}

func ExampleLast() {
	f, err := naive.Last{}.Fit(forecast.Series{Y: []float64{9, 4, 6}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [6 6]
}

func BenchmarkSeasonalMean1096(b *testing.B) {
	y := make([]float64, 1096)
	for i := range y {
		y[i] = float64(i % 13)
	}
	dst := make([]float64, 28)
	b.ReportAllocs()
	for b.Loop() {
		f, err := naive.SeasonalMean{Window: 8}.Fit(forecast.Series{Y: y, Season: 7})
		if err != nil {
			b.Fatal(err)
		}
		f.PredictTo(dst)
	}
}
