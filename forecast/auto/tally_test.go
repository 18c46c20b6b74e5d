package auto_test

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/forecast/metric"
)

// tally sums the figures of a run.
type tally struct {
	n, rmsse, naive, absError, absActual, pinball float64
	cal                                           metric.Calibration
}

func newTally() *tally { return new(tally) }

func (a *tally) addScore(s auto.Score) {
	if !math.IsNaN(s.RMSSE) {
		a.n++
		a.rmsse += s.RMSSE
		a.naive += s.RMSSESNaive
	}
	a.absError += s.AbsError
	a.absActual += s.AbsActual
	a.pinball += s.Pinball
	a.cal.N += s.NScored
	for i := range s.Below {
		a.cal.Below[i] += s.Below[i]
		a.cal.AtOrBelow[i] += s.AtOrBelow[i]
	}
}

// addForecast scores a forecast against what came after; dense daily data only.
func (a *tally) addForecast(y, truth []float64, r auto.Result) {
	scale := metric.SquaredScale(y)
	naive := make([]float64, len(truth))
	for j := range naive {
		naive[j] = y[len(y)-7+j%7]
	}
	if v := metric.RMSSE(truth, r.Mean, scale); !math.IsNaN(v) {
		a.n++
		a.rmsse += v
		a.naive += metric.RMSSE(truth, naive, scale)
	}
	for j, v := range truth {
		a.cal.Add(v, &r.Quantiles[j])
	}
}

func (a *tally) skill() float64 { return 1 - a.rmsse/a.naive }

// uncalibrated names the probabilities whose bounds do not hold within 0.03.
func (a *tally) uncalibrated() string {
	out := ""
	for i, p := range forecast.Probabilities() {
		if p != 0.025 && p != 0.1 && p != 0.9 && p != 0.975 {
			continue
		}
		below, at := a.cal.Bounds(i)
		if below > p+0.03 || at < p-0.03 {
			out += fmt.Sprintf("p = %v: share below %.3f, at or below %.3f; ", p, below, at)
		}
	}
	return out
}
