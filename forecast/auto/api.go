package auto

import "github.com/skucast/skucast/forecast"

// Input is one series on a regular grid.
type Input struct {
	// Y is the demand per period; the last element is the origin. NaN =
	// missing (closed, stocked out, gap). Zeros and NaN before the first
	// demand are stripped inside.
	Y []float64
	// Season is the season length: 7, 52 or 12.
	Season int
	// Phase is the season phase of Y[0].
	Phase int
	// Start is the day of Y[0], counted from 1 January 1970; it lets daily data
	// have effects of the day of the month. 0 = not known.
	Start int
	// Closed says for each period of the horizon whether the store is closed:
	// forecast and quantiles are then exactly zero. nil = always open.
	Closed []bool
	// Known are inputs known for the past and the horizon, with
	// len(Y)+horizon values each (the first belongs to Y[0]). One that is NaN
	// in an open period of the horizon is not used at all.
	Known []forecast.Regressor
	// Champion are the weights (Result.Weights) of an earlier run; they are kept
	// where nothing clearly better is found. nil = none.
	Champion map[string]float64
	// Integer says that every observed value is a whole number (of up to 12
	// digits); it is checked.
	Integer bool
}

// Settings are what all series of a run share.
type Settings struct {
	Horizon int
	Pool    *Pool // nil = the priors of this package
}

// Status says how a forecast came about.
const (
	Fitted   = "fitted"   // by the procedure meant for the series' class
	Fallback = "fallback" // by a lower rung of the ladder; Reason names it
	Rejected = "rejected" // no observed value, no forecast
)

// Reasons of fallbacks (the rungs of the ladder, top down) and rejections.
const (
	ReasonSimpleModel   = "simple_model"
	ReasonSeasonalNaive = "seasonal_naive"
	ReasonClassProfile  = "class_profile"
	ReasonNoDemand      = "no_demand"
	ReasonNoObservation = "no_observed_value"
)

// Result is the forecast of one series; its slices belong to the caller.
type Result struct {
	Status string
	Reason string
	Class  string
	// Model is the name of the only model with a weight, or "combination".
	Model string
	// Weights and Parameters are nil where nothing was combined or estimated.
	Weights    map[string]float64
	Parameters map[string]float64
	// Mean and Quantiles have one element per period of the horizon, rounded
	// to 6 significant digits, non-negative and non-crossing; quantiles of
	// whole-number demand are whole numbers.
	Mean      []float64
	Quantiles [][forecast.NQuantiles]float64
	Score     Score
}

// Score holds the honest figures at the latest backtest origin.
type Score struct {
	// NScored counts the observed periods that were compared; 0 where the
	// history is too short for a backtest.
	NScored int64
	// AbsError and AbsActual are Σ|y − mean| and Σ|y|: wape is their ratio.
	AbsError, AbsActual float64
	// RMSSE and RMSSESNaive are of the mean and of seasonal naive on the same
	// steps; NaN where the scale is not positive or nothing was scored.
	RMSSE, RMSSESNaive float64
	// Pinball is the pinball loss averaged over the ten quantiles and summed
	// over the scored periods, in units of demand.
	Pinball float64
	// Below and AtOrBelow count y < q and y ≤ q for each quantile.
	Below, AtOrBelow [forecast.NQuantiles]int64
}

// Classify names the demand class of in.
func Classify(in Input) string {
	return forecast.Classify(in.Y[firstDemand(in.Y):], in.Season).String()
}

// firstDemand is the index of the first positive value, len(y) without one.
func firstDemand(y []float64) int {
	for i, v := range y {
		if v > 0 {
			return i
		}
	}
	return len(y)
}
