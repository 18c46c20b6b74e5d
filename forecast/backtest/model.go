package backtest

import (
	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
	"github.com/skucast/skucast/forecast/decompose"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/naive"
	"github.com/skucast/skucast/forecast/profile"
	"github.com/skucast/skucast/forecast/prophet/series"
	"github.com/skucast/skucast/forecast/regress"
	"github.com/skucast/skucast/forecast/theta"
)

// Names of what every report holds besides the models that were asked for.
const (
	Product = "skucast"        // the whole procedure of package auto
	Naive   = "seasonal_naive" // what everything is compared with
)

// Model is a single model that is tested on its own.
type Model struct {
	Name  string
	Model forecast.Model
}

// Models are the models of the library, by the name that people choose them
// by, for series of a season length.
func Models(season int) []Model {
	recent, long := 8, 24
	switch {
	case season <= 1:
	case season <= 7:
		recent, long = 4*season, 12*season
	case season <= 12:
		recent, long = season/2, 2*season
	default:
		recent, long = season/4, season
	}
	models := []Model{
		{"window_mean", naive.Mean{Window: recent}},
		{"long_mean", naive.Mean{Window: long}},
		{"seasonal_mean", naive.SeasonalMean{Window: 8}},
		{"drift", naive.Drift{}},
		{"ses", ets.Model{}},
		{"ets_ada", ets.Model{Trend: true}},
		{"theta", theta.Model{}},
		{"sba", croston.SBA{}},
		{"tsb", croston.TSB{}},
		{"croston", croston.Croston{}},
		{"adida", croston.ADIDA{}},
		{"imapa", croston.IMAPA{}},
		{"regression", regress.Model{}},
	}
	if season > 1 {
		models = append(models, Model{"profile_level", profile.Model{}}, Model{"profile_mean", profile.Model{Window: long}},
			Model{"mstl", decompose.Model{}}, Model{"prophet", series.Model{}})
	}
	if season > 1 && season <= 12 { // longer seasons have too many states
		models = append(models, Model{"ets_ana", ets.Model{Season: true}}, Model{"ets_aada", ets.Model{Season: true, Trend: true}})
	}
	return models
}
