package posterior_test

import (
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// The vectors of Prophet's own tests: t = 0…10, one changepoint at 5, k = 1,
// m = 0, delta = 0.5.
func TestTrend(t *testing.T) {
	at, limit := make([]float64, 11), make([]float64, 11)
	for i := range at {
		at[i], limit[i] = float64(i), 10
	}
	p := posterior.Params{K: 1, Delta: []float64{0.5}}
	for name, c := range map[string]struct {
		growth posterior.Growth
		want   []float64
	}{
		"linear":   {posterior.Linear, []float64{0, 1, 2, 3, 4, 5, 6.5, 8, 9.5, 11, 12.5}},
		"flat":     {posterior.Flat, make([]float64, 11)},
		"logistic": {posterior.Logistic, []float64{5, 7.310585, 8.807971, 9.525741, 9.820138, 9.933071, 9.984988, 9.996646, 9.999252, 9.999833, 9.999963}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make([]float64, 11)
			posterior.TrendTo(got, c.growth, at, limit, []float64{5}, &p)
			for i := range got {
				if math.Abs(got[i]-c.want[i]) > 1e-6 {
					t.Errorf("t = %d: got %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestLogPosterior(t *testing.T) {
	d := posterior.Data{
		T: []float64{0, 0.5, 1}, Y: []float64{0.1, 0.5, 0.9},
		Changepoints: []float64{0.5},
		X:            [][]float64{{1, 0, 1}, {0, 1, 1}}, Multiplicative: []bool{false, true},
		Prior: []float64{10, 2}, Tau: 0.05,
	}
	p := posterior.Params{K: 1, M: 0.1, Sigma: 0.5, Delta: []float64{-0.2}, Beta: []float64{0.3, 0.5}}
	// Trend 0.1, 0.6, 1.0 (the rate is 0.8 from 0.5 on); mean 0.4, 0.9, 1.8.
	const rss = 0.09 + 0.16 + 0.81
	want := -(3*math.Log(0.5) + rss/0.5 + 0.5 + 1.0/50 + 0.01/50 + 0.2/0.05 + 0.09/200 + 0.25/8)
	if got := d.LogPosterior(&p); math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
}
