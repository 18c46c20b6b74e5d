package theta_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/theta"
)

// retail is three years of days with a weekly season, a trend and a moving
// level.
func retail(n int) forecast.Series {
	rng := rand.New(rand.NewPCG(1, 2))
	y := make([]float64, n)
	level := 50.0
	for t := range y {
		level += rng.NormFloat64() * 0.5
		y[t] = math.Max(1, (level+0.01*float64(t))*(1+0.3*math.Sin(2*math.Pi*float64(t)/7))+5*rng.NormFloat64())
	}
	return forecast.Series{Y: y, Season: 7}
}

func benchmarkFit(b *testing.B, m theta.Model, s forecast.Series) {
	dst := make([]float64, 28)
	b.ReportAllocs()
	for b.Loop() {
		f, err := m.Fit(s)
		if err != nil {
			b.Fatal(err)
		}
		f.PredictTo(dst)
	}
}

func BenchmarkDOTM1096(b *testing.B) { benchmarkFit(b, theta.Model{}, retail(1096)) }

func BenchmarkDOTM1096Gaps(b *testing.B) {
	s := retail(1096)
	for t := 6; t < len(s.Y); t += 7 {
		s.Y[t] = math.NaN()
	}
	benchmarkFit(b, theta.Model{}, s)
}

func BenchmarkOTM1096(b *testing.B) { benchmarkFit(b, theta.Model{Variant: theta.OTM}, retail(1096)) }
