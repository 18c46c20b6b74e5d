package prophet

import "strings"

// Status says how an estimate came about. Several bits may be set.
type Status int

// The parts of a status.
const (
	// Converged: the solver ended at a stationary point within its tolerance.
	Converged Status = 1 << iota
	// Constant: y does not vary and was not fitted; forecasts continue it.
	Constant
	// SigmaFloored: the noise was held at SigmaFloor. The columns explain the
	// data completely and the posterior would rise without bound.
	SigmaFloored
	// FellBack: a simpler model, described by Simplified, was fitted. That of
	// the specification has as many independent columns as there are times,
	// can reproduce any data, and its posterior has no maximum.
	FellBack
	// Pinned: the data say nothing about some combination of trend level and
	// effects (weekends of weekday data), where the prior of the trend's
	// offset would push the effect away from 0. The effects were given their
	// own most probable values instead: unobserved phases are forecast at
	// the average level of the season. Fitted values are the same, but for
	// logistic growth: its level is part of its shape, so the trend is fitted
	// again with these effects held at a mean of 0 over the history.
	Pinned
	// FloorMismatch: there is a floor other than 0 (MinMax scaling, or a
	// Floor) and there are multiplicative effects. Prophet fits
	// floor + g·(1 + effects) but forecasts (floor + g)·(1 + effects); this
	// package does the same, so forecasts are off by floor·effects against
	// the fit. Use AbsMax, or additive effects.
	FloorMismatch
	// AboveCap: observations lie above their capacity (logistic growth), which
	// is no error, as in Prophet: the trend saturates below them and the
	// effects cannot make up for it. A higher capacity may be meant.
	AboveCap
)

// Has says whether all parts of other are set.
func (s Status) Has(other Status) bool { return s&other == other }

// String lists the parts.
func (s Status) String() string {
	var out []string
	for i, w := range []string{"converged", "constant", "sigma floored", "fell back", "phases pinned", "floor mismatch", "above cap"} {
		if s&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	if s&(Converged|Constant) == 0 {
		out = append(out, "not converged")
	}
	return strings.Join(out, ", ")
}

// Diagnostics is the evidence for an estimate.
type Diagnostics struct {
	Status Status
	Solver Solver
	// Message is the solver's own account of why it stopped, if it has one.
	Message    string
	Iterations int
	// LogPosterior of the estimate, comparable with Stan's lp__. With Pinned,
	// this, KKT and Gap are those of the optimum, before the pinning.
	LogPosterior float64
	// KKT (exact solver) is the largest violation of the conditions of an
	// optimum, in units of the log posterior per unit of a scaled parameter;
	// Gap bounds what the log posterior could still gain at this sigma (NaN
	// where the problem is not convex: multiplicative effects or logistic
	// growth, whose estimate is a stationary point reached from Prophet's
	// start).
	KKT, Gap float64
	// SigmaFloor is the least noise that was allowed, in scaled units.
	SigmaFloor float64
	// Simplified lists what FellBack took away: "changepoints" (some or all),
	// "seasonality NAME" (terms, or all of it), "holidays", "regressors",
	// "trend" (now flat). Fitted.Model is what was fitted.
	Simplified []string
	// Unobserved names the seasonalities with phases, and the regressors with
	// values, that the history does not show; see Forecast.Unobserved.
	Unobserved []string
}
