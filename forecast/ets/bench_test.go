package ets_test

import (
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
)

// benchSeeds are series of battery with a season of 7; testdata/race.py times
// statsforecast on the same ones.
func benchSeeds() []int { return []int{0, 1, 2, 3, 8, 9, 10, 11} }

// BenchmarkAuto1096 selects among all six forms for three years of days.
func BenchmarkAuto1096(b *testing.B) {
	for name, a := range map[string]ets.Auto{"pruned": {}, "exhaustive": {Exhaustive: true}} {
		b.Run(name, func(b *testing.B) { benchmark(b, a, 0) })
		b.Run(name+"-gaps", func(b *testing.B) { benchmark(b, a, 7) })
	}
}

func BenchmarkModel1096(b *testing.B) {
	for _, f := range forms() {
		b.Run(f.String(), func(b *testing.B) { benchmark(b, modelOf(f), 0) })
	}
}

type fitter interface {
	FitIn(ws *ets.Workspace, s forecast.Series) (*ets.Fitted, error)
}

// benchmark fits one series after the other; every gap-th period is missing.
func benchmark(b *testing.B, m fitter, gap int) {
	var series []forecast.Series
	for _, seed := range benchSeeds() {
		y, season := battery(seed, 1096)
		for t := 3; gap > 0 && t < len(y); t += gap {
			y[t] = nan()
		}
		series = append(series, forecast.Series{Y: y, Season: season})
	}
	var ws ets.Workspace
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := m.FitIn(&ws, series[i%len(series)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "series/s")
}
