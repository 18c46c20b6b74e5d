package prophet_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// BenchmarkFitAlone fits one series by itself, from its table to its estimate:
// 1913 days with Prophet's default seasonalities (53 parameters).
func BenchmarkFitAlone(b *testing.B) {
	const n = 1913
	rng := rand.New(rand.NewPCG(5, 5))
	h := prophet.History{Time: days(n), Cap: repeat(200, n)}
	for i, t := range h.Time {
		week := 1 + 0.2*math.Sin(2*math.Pi*float64(t.Weekday())/7)
		year := 1 + 0.3*math.Cos(2*math.Pi*float64(t.YearDay())/365.25)
		level := 40 + float64(i)/60 - 20*max(0, float64(i-1200)/n)
		h.Y = append(h.Y, math.Round(level*week*year*(1+0.15*rng.NormFloat64())))
	}
	if h.Time[n-1].Sub(h.Time[0]) < 730*24*time.Hour {
		b.Fatal("no yearly seasonality")
	}
	for _, c := range []struct {
		name string
		m    prophet.Model
	}{
		{"additive", prophet.Model{}},
		{"multiplicative", prophet.Model{SeasonalityMode: prophet.Multiplicative}},
		{"flat multiplicative", prophet.Model{Growth: prophet.Flat, SeasonalityMode: prophet.Multiplicative}},
		{"logistic", prophet.Model{Growth: prophet.Logistic}},
		{"logistic multiplicative", prophet.Model{Growth: prophet.Logistic, SeasonalityMode: prophet.Multiplicative}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := fit(b, c.m, h)
				if !f.Diagnostics.Status.Has(prophet.Converged) {
					b.Fatal(f.Diagnostics)
				}
			}
		})
	}
}
