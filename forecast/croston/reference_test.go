package croston_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
)

// Made by testdata/reference.py with statsforecast.
//
//go:embed testdata/reference.json
var referenceJSON []byte

// level is the forecast of a model that forecasts one level.
func level(t *testing.T, m forecast.Model, y []float64) float64 {
	t.Helper()
	f, err := m.Fit(forecast.Series{Y: y})
	if err != nil {
		t.Fatal(err)
	}
	var v [1]float64
	f.PredictTo(v[:])
	return v[0]
}

// The optimised methods look for α with a search of their own there, which stops a little
// before the minimum; what it costs is below 1e-4.
func TestFamilyAgainstStatsforecast(t *testing.T) {
	t.Parallel()
	var ref struct {
		Series []struct {
			Y    []float64
			Mean map[string]float64
		}
	}
	if err := json.Unmarshal(referenceJSON, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Series) < 24 {
		t.Fatalf("%d series", len(ref.Series))
	}
	for k, r := range ref.Series {
		for name, c := range map[string]struct {
			m         forecast.Model
			tolerance float64
		}{
			"croston":           {croston.Croston{}, 1e-9},
			"sba":               {croston.SBA{}, 1e-9},
			"croston_optimised": {croston.Croston{Optimised: true}, 1e-4},
			"adida":             {croston.ADIDA{}, 1e-4},
			"imapa":             {croston.IMAPA{}, 1e-4},
		} {
			if got, want := level(t, c.m, r.Y), r.Mean[name]; !(math.Abs(got-want) <= c.tolerance*(1+want)) {
				t.Errorf("series %d, %s: %.8g, statsforecast %.8g", k, name, got, want)
			}
		}
	}
}

// Buckets of a given size, by hand: 2+4, 0+6, 3+1 after a period that is left out.
func TestADIDAByHand(t *testing.T) {
	t.Parallel()
	y := []float64{9, 2, 4, 0, 6, 3, 1}
	m := croston.ADIDA{Level: 2, Alpha: 0.5}
	if got := level(t, m, y); got != (0.5*(0.5*6+0.5*6)+0.5*4)/2 {
		t.Errorf("got %v", got)
	}
	f, err := m.Fit(forecast.Series{Y: y})
	if err != nil {
		t.Fatal(err)
	}
	var v [1]float64
	f.Append([]float64{5}) // half a bucket
	f.PredictTo(v[:])
	if v[0] != 2.5 {
		t.Errorf("after half a bucket: %v, want 2.5", v[0])
	}
	f.Append([]float64{math.NaN(), 6})
	f.PredictTo(v[:])
	if v[0] != (0.5*5+0.5*11)/2 {
		t.Errorf("after a bucket: %v", v[0])
	}
}

// IMAPA is the mean of ADIDA over its levels.
func TestIMAPAIsTheMeanOfLevels(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		y := make([]float64, 60+rng.IntN(100))
		last, n := 0, 0
		for i := range y {
			if rng.IntN(4) == 0 {
				y[i] = float64(1 + rng.IntN(9))
				last, n = i+1, n+1
			}
		}
		top := max(1, int(math.RoundToEven(float64(last)/float64(n))))
		want := 0.0
		for l := 1; l <= top; l++ {
			want += level(t, croston.ADIDA{Level: l}, y) / float64(top)
		}
		if got := level(t, croston.IMAPA{}, y); math.Abs(got-want) > 1e-12*want {
			t.Errorf("%v, mean of %d levels %v", got, top, want)
		}
	}
}

// No demand is too little, and a bucket longer than the history is too.
func TestTooShort(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, m := range []forecast.Model{croston.Croston{}, croston.Croston{Optimised: true}, croston.ADIDA{}, croston.IMAPA{}} {
		for _, y := range [][]float64{nil, {0, 0}, {nan, nan}} {
			if _, err := m.Fit(forecast.Series{Y: y}); !errors.Is(err, forecast.ErrTooShort) {
				t.Errorf("%T on %v: %v", m, y, err)
			}
		}
		if got := level(t, m, []float64{nan, 3}); got != 3 {
			t.Errorf("%T on a single demand: %v", m, got)
		}
	}
	if _, err := (croston.ADIDA{Level: 3}).Fit(forecast.Series{Y: []float64{1, 2}}); !errors.Is(err, forecast.ErrTooShort) {
		t.Errorf("a bucket longer than the history: %v", err)
	}
}

func ExampleCroston() {
	y := []float64{0, 0, 6, 0, 0, 6, 0, 0, 6}
	f, err := croston.Croston{}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [2 2]
}

func ExampleSBA() {
	y := []float64{0, 0, 6, 0, 0, 6, 0, 0, 6}
	f, err := croston.SBA{}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 1)
	f.PredictTo(mean)
	fmt.Printf("%.2f\n", mean[0])
	// Output: 1.90
}

func ExampleADIDA() {
	// A demand every third period on average: buckets of three.
	y := []float64{0, 0, 6, 0, 0, 3, 0, 0, 9, 0, 0, 6}
	f, err := croston.ADIDA{Alpha: 0.2}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 1)
	f.PredictTo(mean)
	fmt.Printf("%.2f\n", mean[0])
	// Output: 2.03
}

func ExampleIMAPA() {
	y := []float64{0, 0, 6, 0, 0, 6, 0, 0, 6}
	f, err := croston.IMAPA{Alpha: 0.2}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 1)
	f.PredictTo(mean)
	fmt.Printf("%.2f\n", mean[0])
	// Output: 2.25
}
