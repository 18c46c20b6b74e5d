package ets_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/modeltest"
)

// With α given the recursion is the same to rounding. Estimated models differ
// in how the initial states and the optimum are found, and the level carries
// a share of the last error: a few percent is agreement.
func TestReference(t *testing.T) {
	modeltest.Reference(t, ets.Model{Alpha: 0.3}, "smooth", "ses_0.3", 1e-6)
	modeltest.Reference(t, ets.Model{Season: true}, "smooth", "ets_ana", 0.03)
	modeltest.Reference(t, ets.Model{Season: true, Trend: true}, "smooth", "ets_aada", 0.03)
}

// The recursion by hand: l = 2, α = 0.5 over 4, missing, 6.
func TestSESByHand(t *testing.T) {
	m := ets.Model{Alpha: 0.5}
	f, err := m.Fit(forecast.Series{Y: []float64{2, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]float64{4, math.NaN(), 6})
	var got [1]float64
	f.PredictTo(got[:])
	if got[0] != 4.5 { // 2 → 3 → 3 → 4.5
		t.Fatalf("level is %v, want 4.5", got[0])
	}
}

// A weekday pattern that turns around halfway: the season must follow.
func TestSeasonAdapts(t *testing.T) {
	y := make([]float64, 420)
	amplitude := func(i int) float64 { return 10 * math.Sin(2*math.Pi*float64(i)/7) }
	for i := range y {
		y[i] = 50 + amplitude(i)
		if i >= 210 {
			y[i] = 50 - amplitude(i)
		}
	}
	for _, m := range []ets.Model{{Season: true}, {Season: true, Trend: true}} {
		f, err := m.Fit(forecast.Series{Y: y, Season: 7})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 7)
		f.PredictTo(got)
		for j, v := range got {
			if want := 50 - amplitude(420+j); math.Abs(v-want) > 1 {
				t.Errorf("%+v, step %d: got %.2f, want %.2f", m, j, v, want)
			}
		}
	}
}

func TestTooShort(t *testing.T) {
	for name, c := range map[string]struct {
		m ets.Model
		n int
	}{
		"level": {ets.Model{}, 2}, "season": {ets.Model{Season: true}, 13},
	} {
		if _, err := c.m.Fit(forecast.Series{Y: make([]float64, c.n), Season: 7}); err == nil {
			t.Errorf("%s: %d observations gave no error", name, c.n)
		}
	}
}

func BenchmarkSeason(b *testing.B) {
	y := make([]float64, 1096)
	for i := range y {
		y[i] = 20 + 5*math.Sin(2*math.Pi*float64(i)/7) + float64((i*i*7919)%13)
	}
	s := forecast.Series{Y: y, Season: 7}
	for _, m := range []ets.Model{{}, {Season: true}, {Season: true, Trend: true}} {
		b.Run(fmt.Sprintf("%+v", m), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Fit(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleModel() {
	f, err := ets.Model{Alpha: 0.5}.Fit(forecast.Series{Y: []float64{10, 10, 10, 10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	f.Append([]float64{14})
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [12 12]
}
