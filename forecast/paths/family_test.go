package paths_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
	"github.com/skucast/skucast/forecast/decompose"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/naive"
	"github.com/skucast/skucast/forecast/paths"
	"github.com/skucast/skucast/forecast/profile"
	"github.com/skucast/skucast/forecast/prophet/series"
	"github.com/skucast/skucast/forecast/regress"
	"github.com/skucast/skucast/forecast/theta"
)

// shop is half a year of days with promotions, known three weeks ahead.
func shop() forecast.Series {
	rng := rand.New(rand.NewPCG(3, 4))
	const days, ahead = 182, 21
	y, promo := make([]float64, days), make([]float64, days+ahead)
	for i := range promo {
		if i%10 < 3 {
			promo[i] = 1
		}
	}
	for i := range y {
		mean := 8 + 3*math.Sin(2*math.Pi*float64(i)/7)
		y[i] = math.Max(0, math.Round(mean*(1+promo[i])+2*rng.NormFloat64()))
	}
	return forecast.Series{Y: y, Season: 7, Known: []forecast.Regressor{{Name: "promo", Values: promo}}}
}

// Every model has paths, from its own errors: counts, and of about the size of
// its forecast.
func TestEveryModel(t *testing.T) {
	s := shop()
	const h, n = 21, 2000
	for name, m := range map[string]forecast.Model{
		"last": naive.Last{}, "seasonal": naive.Seasonal{}, "drift": naive.Drift{}, "mean": naive.Mean{Window: 28},
		"seasonal mean": naive.SeasonalMean{Window: 4}, "ets": ets.Auto{}, "theta": theta.Model{},
		"tsb": croston.TSB{}, "sba": croston.SBA{}, "profile": profile.Model{}, "regression": regress.Model{},
		"decomposition": decompose.Model{}, "prophet": series.Model{},
	} {
		t.Run(name, func(t *testing.T) {
			means, err := paths.OneStep(m, s, 120)
			if err != nil {
				t.Fatal(err)
			}
			e, err := paths.NewEmpirical(s.Y[120:], means, paths.Additive)
			if err != nil {
				t.Fatal(err)
			}
			f, err := m.Fit(s)
			if err != nil {
				t.Fatal(err)
			}
			before, after := make([]float64, h), make([]float64, h)
			f.PredictTo(before)
			p := draw(t, paths.Simulation{From: f, Noise: e, Demand: paths.Counts}, n, h, 1)
			if f.PredictTo(after); !slices.Equal(before, after) {
				t.Error("simulating changed the model")
			}
			for i := range n {
				for _, v := range p.Path(i) {
					if v < 0 || v != math.Floor(v) {
						t.Fatalf("path %d: %v is no count", i, v)
					}
				}
			}
			total, forecasts := 0.0, 0.0
			p.MeanTo(after)
			for j := range h {
				total, forecasts = total+after[j], forecasts+before[j]
			}
			if total < 0.9*forecasts || total > 1.5*forecasts {
				t.Errorf("mean of %d periods %v, forecast %v", h, total, forecasts)
			}
		})
	}
}

// What is known of the future is in every path.
func TestKnownInputs(t *testing.T) {
	s := shop()
	mean := func(s forecast.Series) []float64 {
		f, err := regress.Model{}.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		p := draw(t, paths.Simulation{From: f, Noise: paths.Normal{SD: 2}}, 2000, 10, 1)
		dst := make([]float64, 10)
		p.MeanTo(dst)
		return dst
	}
	with := mean(s)
	promo := slices.Clone(s.Known[0].Values)
	for i := range promo[len(s.Y):] {
		promo[len(s.Y)+i] = 0
	}
	s.Known = []forecast.Regressor{{Name: "promo", Values: promo}}
	without := mean(s)
	for i := range with {
		day := (len(s.Y) + i) % 10
		if ratio := with[i] / without[i]; day < 3 && ratio < 1.6 || day >= 3 && math.Abs(ratio-1) > 0.1 {
			t.Errorf("period %d: %v with the promotions, %v without", i, with[i], without[i])
		}
	}
}
