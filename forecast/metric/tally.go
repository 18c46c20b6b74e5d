package metric

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// Case is the forecast of one series from one origin, and what happened.
type Case struct {
	Actual []float64 // NaN was not observed and is left out
	Mean   []float64
	// Quantiles may be nil: a point forecast has no figures of distributions.
	Quantiles [][forecast.NQuantiles]float64
	// Naive is the forecast to beat, nil for none.
	Naive []float64
	// Scales of the history up to the origin; NaN or 0 leaves the series out
	// of the scaled figures only.
	Scales Scales
	// Weight of the series in WSPL: its recent demand.
	Weight float64
}

// Scales are the denominators of scaled errors.
type Scales struct {
	Squared  float64 // SquaredScale, of RMSSE
	Absolute float64 // AbsoluteScale, of SPL
	Seasonal float64 // SeasonalScale, of MASE and MSIS
}

// ScalesOf computes the scales of a history.
func ScalesOf(y []float64, season int) Scales {
	return Scales{Squared: SquaredScale(y), Absolute: AbsoluteScale(y), Seasonal: SeasonalScale(y, season)}
}

// Tally pools the figures of many cases. Its sums are exact, so that neither
// the order of Add nor the way in which tallies were merged changes a bit of
// Figures. The zero value is empty.
type Tally struct {
	series, periods, alarms           int64
	absError, absActual, signed       Sum
	naivePeriods                      int64
	naiveAbs, comparedAbs             Sum
	scaled, compared                  int64
	rmsse, rmsseCompared, rmsseNaive  Sum
	mased                             int64
	mase                              Sum
	qPeriods, spls, intervals         int64
	pinball, crps, width80, width95   Sum
	spl, weightedSPL, weight, msisSum Sum
	cal                               Calibration
}

// Ordinals of the quantiles that bound the central 80 % and 95 %.
const (
	low80, high80 = 2, 6
	low95, high95 = 0, 8
	alpha95       = 0.05
)

// Add counts a case. One without an observed period changes nothing.
func (t *Tally) Add(c Case) {
	e, a, n := AbsoluteError(c.Actual, c.Mean)
	if n == 0 {
		return
	}
	t.series++
	t.periods += int64(n)
	t.absError.Add(e)
	t.absActual.Add(a)
	for i, y := range c.Actual {
		if !math.IsNaN(y) {
			t.signed.Add(c.Mean[i] - y)
		}
	}
	if math.Abs(TrackingSignal(c.Actual, c.Mean)) > TrackingLimit(n) {
		t.alarms++
	}
	rmsse := RMSSE(c.Actual, c.Mean, c.Scales.Squared)
	if !math.IsNaN(rmsse) {
		t.scaled++
		t.rmsse.Add(rmsse)
	}
	if v := MASE(c.Actual, c.Mean, c.Scales.Seasonal); !math.IsNaN(v) {
		t.mased++
		t.mase.Add(v)
	}
	if c.Naive != nil {
		ne, _, k := AbsoluteError(c.Actual, c.Naive)
		t.naivePeriods += int64(k)
		t.naiveAbs.Add(ne)
		t.comparedAbs.Add(e)
		if !math.IsNaN(rmsse) {
			t.compared++
			t.rmsseCompared.Add(rmsse)
			t.rmsseNaive.Add(RMSSE(c.Actual, c.Naive, c.Scales.Squared))
		}
	}
	if c.Quantiles != nil {
		t.addQuantiles(c, n)
	}
}

func (t *Tally) addQuantiles(c Case, n int) {
	mustMatch(len(c.Actual), len(c.Quantiles))
	t.qPeriods += int64(n)
	var pinball, interval float64
	for i, y := range c.Actual {
		if math.IsNaN(y) {
			continue
		}
		q := &c.Quantiles[i]
		pinball += MeanPinball(y, q)
		interval += IntervalScore(y, q[low95], q[high95], alpha95)
		t.crps.Add(CRPS(y, q))
		t.width80.Add(q[high80] - q[low80])
		t.width95.Add(q[high95] - q[low95])
		t.cal.Add(y, q)
	}
	t.pinball.Add(pinball)
	if c.Scales.Absolute > 0 {
		v := pinball / float64(n) / c.Scales.Absolute
		t.spls++
		t.spl.Add(v)
		if c.Weight > 0 {
			t.weightedSPL.Add(c.Weight * v)
			t.weight.Add(c.Weight)
		}
	}
	if c.Scales.Seasonal > 0 {
		t.intervals++
		t.msisSum.Add(interval / float64(n) / c.Scales.Seasonal)
	}
}

// Merge adds the cases of o.
func (t *Tally) Merge(o *Tally) {
	for _, p := range [][2]*int64{
		{&t.series, &o.series},
		{&t.periods, &o.periods},
		{&t.alarms, &o.alarms},
		{&t.naivePeriods, &o.naivePeriods},
		{&t.scaled, &o.scaled},
		{&t.compared, &o.compared},
		{&t.mased, &o.mased},
		{&t.qPeriods, &o.qPeriods},
		{&t.spls, &o.spls},
		{&t.intervals, &o.intervals},
	} {
		*p[0] += *p[1]
	}
	for _, p := range [][2]*Sum{
		{&t.absError, &o.absError},
		{&t.absActual, &o.absActual},
		{&t.signed, &o.signed},
		{&t.naiveAbs, &o.naiveAbs},
		{&t.comparedAbs, &o.comparedAbs},
		{&t.rmsse, &o.rmsse},
		{&t.rmsseCompared, &o.rmsseCompared},
		{&t.rmsseNaive, &o.rmsseNaive},
		{&t.mase, &o.mase},
		{&t.pinball, &o.pinball},
		{&t.crps, &o.crps},
		{&t.width80, &o.width80},
		{&t.width95, &o.width95},
		{&t.spl, &o.spl},
		{&t.weightedSPL, &o.weightedSPL},
		{&t.weight, &o.weight},
		{&t.msisSum, &o.msisSum},
	} {
		p[0].Merge(p[1])
	}
	t.cal.Merge(&o.cal)
}
