package auto_test

import (
	"testing"

	"github.com/skucast/skucast/forecast/auto"
)

// BenchmarkDaily3Years is everything that is numerical about one series.
func BenchmarkDaily3Years(b *testing.B) {
	in := shop(1, 64, 1096)
	pool := pooled(in[:32], horizon)
	for name, integer := range map[string]bool{"counts": true, "amounts": false} {
		b.Run(name, func(b *testing.B) {
			var e auto.Engine
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				x := in[i%len(in)]
				x.Integer = integer
				e.Forecast(x, auto.Settings{Horizon: horizon, Pool: pool})
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "series/s")
		})
	}
}

// BenchmarkShortPath is a year of a product that sold three times.
func BenchmarkShortPath(b *testing.B) {
	y := make([]float64, 365)
	y[20], y[100], y[300] = 2, 1, 6
	in := auto.Input{Y: y, Season: 7, Integer: true}
	pool := pooled(shop(1, 32, 365), horizon)
	var e auto.Engine
	b.ReportAllocs()
	for b.Loop() {
		e.Forecast(in, auto.Settings{Horizon: horizon, Pool: pool})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "series/s")
}
