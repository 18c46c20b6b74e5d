package auto

import (
	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/naive"
	"github.com/skucast/skucast/forecast/profile"
	"github.com/skucast/skucast/forecast/prophet/series"
	"github.com/skucast/skucast/forecast/regress"
	"github.com/skucast/skucast/forecast/theta"
)

// The candidates. A new model is a constant, a name, a case of candidate and a
// number in priorLoss; pools of older samples then simply do not know it.
const (
	seasonalNaive = iota
	windowMean
	longMean
	ses
	etsSeason
	etsTrendSeason
	profileLevel
	profileMean
	tsb
	sba
	regression
	calendar
	dot
	prophet
	imapa
	nCandidates
)

// candidateNames are the names in files, in the order of the constants.
func candidateNames() [nCandidates]string {
	return [nCandidates]string{
		"seasonal_naive", "window_mean", "long_mean", "ses", "ets_ana", "ets_aada",
		"profile_level", "profile_mean", "tsb", "sba", "regression", "regression_calendar", "dot", "prophet", "imapa",
	}
}

// spans are the lengths that "recent" means for a season length.
type spans struct {
	window, long int // of the means
	fit          int // history used by models with many passes
	minimum      int // history before the first backtest origin
	residual     int // history for the scale of residuals
}

func spansOf(season int) spans {
	switch {
	case season <= 1:
		return spans{window: 8, long: 24, fit: 400, minimum: 8, residual: 40}
	case season <= 7:
		return spans{window: 4 * season, long: 12 * season, fit: 157 * season, minimum: 2 * season, residual: 12 * season}
	case season <= 12:
		return spans{window: season / 2, long: 2 * season, fit: 20 * season, minimum: 2 * season, residual: 3 * season}
	}
	return spans{window: season / 4, long: season, fit: 10 * season, minimum: season / 2, residual: season}
}

// candidate returns model id for a series of a class; ok is false where it is
// not worth its time.
func candidate(id int, t *task, class forecast.Class, prior []float64) (m forecast.Model, ok bool) {
	sp := spansOf(t.season)
	dense := class == forecast.Smooth || class == forecast.Erratic
	switch id {
	case seasonalNaive:
		return naive.Seasonal{}, true
	case windowMean:
		return naive.Mean{Window: sp.window}, true
	case longMean:
		return naive.Mean{Window: sp.long}, true
	case ses:
		return ets.Model{Window: sp.fit}, true
	case etsSeason:
		return ets.Model{Season: true, Window: sp.fit}, t.season > 1 && t.season <= 12
	case etsTrendSeason:
		return ets.Model{Season: t.season <= 12, Trend: true, Window: sp.fit}, dense
	case profileLevel:
		return profile.Model{Prior: prior}, t.season > 1
	case profileMean:
		return profile.Model{Prior: prior, Window: sp.long}, t.season > 1
	case tsb:
		return croston.TSB{}, !dense
	case sba:
		return croston.SBA{}, !dense
	case dot:
		return theta.Model{}, dense && t.season > 7
	case imapa:
		return croston.IMAPA{}, !dense
	case prophet:
		return series.Model{}, dense && t.season > 1
	case calendar:
		return regress.Model{Start: t.start}, t.start != 0 && t.season == 7 && (dense || len(t.known) > 0)
	case regression:
		return regress.Model{}, dense || len(t.known) > 0
	}
	return nil, false
}
