package products

import (
	"strconv"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/run"
)

// Accuracy pools the backtest of a group of series. Every series is scored at its latest
// origin, on steps that no fitting window touches.
type Accuracy struct {
	Series int64 // in the group, scored or not
	Scored int64 // series with at least one scored period

	NScored   int64   // scored periods
	AbsError  float64 // Σ|y − mean|, units
	AbsActual float64 // Σ|y|, units
	Pinball   float64 // Σ pinball loss averaged over the quantiles, units

	Scaled    int64   // series with a positive scale, for which both sums below count
	SumRMSSE  float64 // of the forecast
	SumSNaive float64 // of seasonal naive

	Below, AtOrBelow [forecast.NQuantiles]int64
}

// add counts a series in.
func (a *Accuracy) add(r *SeriesRow) {
	a.Series++
	if r.NScored == 0 {
		return
	}
	a.Scored++
	a.NScored += r.NScored
	a.AbsError += r.AbsError
	a.AbsActual += r.AbsActual
	if r.Pinball != nil {
		a.Pinball += *r.Pinball
	}
	if r.RMSSE != nil && r.RMSSESNaive != nil {
		a.Scaled++
		a.SumRMSSE += *r.RMSSE
		a.SumSNaive += *r.RMSSESNaive
	}
	below, atOrBelow := r.Below(), r.AtOrBelow()
	for i := range below {
		a.Below[i] += below[i]
		a.AtOrBelow[i] += atOrBelow[i]
	}
}

// RMSSE is the mean over the series with a positive scale; null without any.
func (a *Accuracy) RMSSE() *float64 { return ratio(a.SumRMSSE, float64(a.Scaled)) }

// RMSSESNaive is that of seasonal naive on the same series.
func (a *Accuracy) RMSSESNaive() *float64 { return ratio(a.SumSNaive, float64(a.Scaled)) }

// Skill is 1 − rmsse/rmsse_snaive: positive is better than seasonal naive.
func (a *Accuracy) Skill() *float64 {
	r := ratio(a.SumRMSSE, a.SumSNaive)
	if r == nil {
		return nil
	}
	return orNull(1 - *r)
}

// WAPE is the sum of absolute errors over the sum of actuals; null if nothing was sold.
func (a *Accuracy) WAPE() *float64 { return ratio(a.AbsError, a.AbsActual) }

// MeanPinball is the pinball loss averaged over quantiles and scored periods, in units.
func (a *Accuracy) MeanPinball() *float64 { return ratio(a.Pinball, float64(a.NScored)) }

// Calibration returns the shares of the scored actuals below, and at or below, each
// quantile, pooled over periods; ok is false if nothing was scored.
func (a *Accuracy) Calibration() (shares [forecast.NQuantiles]run.Shares, ok bool) {
	if a.NScored == 0 {
		return shares, false
	}
	for i := range shares {
		shares[i].Below = forecast.Round6(float64(a.Below[i]) / float64(a.NScored))
		shares[i].AtOrBelow = forecast.Round6(float64(a.AtOrBelow[i]) / float64(a.NScored))
	}
	return shares, true
}

// Backtest is the group's entry in _complete.json. Its pinball is MeanPinball.
func (a *Accuracy) Backtest() run.Backtest {
	b := run.Backtest{
		RMSSE: a.RMSSE(), WAPE: a.WAPE(), Pinball: a.MeanPinball(), Skill: a.Skill(),
		Calibration: map[string]run.Shares{},
	}
	if shares, ok := a.Calibration(); ok {
		for i, p := range forecast.Probabilities() {
			b.Calibration[QuantileName(p)] = shares[i]
		}
	}
	return b
}

// QuantileName is a quantile's column: q0.025.
func QuantileName(p float64) string { return "q" + strconv.FormatFloat(p, 'f', -1, 64) }

// ratio is null where it is undefined.
func ratio(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	return orNull(a / b)
}

// VolumeTiers name the groups of Summary.ByVolume in ascending order: average units per
// scored period.
func VolumeTiers() [6]string {
	return [...]string{"no sales", "under 0.1", "0.1 to 1", "1 to 10", "10 to 100", "100 and more"}
}

// volumeTier is a series' place in VolumeTiers, −1 if it was not scored.
func volumeTier(r *SeriesRow) int {
	if r.NScored == 0 {
		return -1
	}
	if r.AbsActual == 0 {
		return 0
	}
	tier := 1
	for v := r.AbsActual / float64(r.NScored); tier < 5 && v >= [...]float64{.1, 1, 10, 100}[tier-1]; {
		tier++
	}
	return tier
}
