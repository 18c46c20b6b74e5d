// Package metric holds the measures by which forecasts of demand are judged,
// each with its formula and source, and Tally, which pools them over series.
//
// There is no MAPE. It divides by the demand of each period: undefined where
// that is zero, as in most periods of a slow mover, and above zero it punishes
// a forecast that is too high without bound and one that is too low by at most
// 100 %, so that choosing by MAPE means forecasting too little. WAPE divides by
// the demand of all periods, and RMSSE and MASE by what the series itself
// varies.
//
// Nothing is ranked by absolute errors alone either: the median of a series
// that mostly does not sell is zero, so that "forecast zero" wins. RMSSE is
// smallest for the mean, and the pinball loss for the distribution.
//
// A NaN in the actual values is a period that was not observed: it is left
// out. Slices of different length are a programmer error and panic.
package metric

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// SquaredScale is the mean squared difference of consecutive observed values
// of y from its first positive value on: the denominator of RMSSE
// (Makridakis, Spiliotis and Assimakopoulos, 2022, "M5 accuracy competition",
// International Journal of Forecasting 38, doi:10.1016/j.ijforecast.2021.11.013).
// It is NaN with fewer than two observed values. Missing periods are skipped,
// so the difference is taken across a gap.
func SquaredScale(y []float64) float64 { return lagScale(y, true) }

// AbsoluteScale is the mean absolute difference, on the same pairs.
func AbsoluteScale(y []float64) float64 { return lagScale(y, false) }

func lagScale(y []float64, squared bool) float64 {
	prev, sum := math.NaN(), 0.0
	n, started := 0, false
	for _, v := range y {
		if math.IsNaN(v) {
			continue
		}
		if !started {
			if v > 0 {
				started, prev = true, v
			}
			continue
		}
		d := v - prev
		if squared {
			sum += d * d
		} else {
			sum += math.Abs(d)
		}
		n++
		prev = v
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// RMSSE is the root of the mean squared error over a squared scale, NaN where
// the scale is not positive or nothing was observed.
func RMSSE(actual, mean []float64, squaredScale float64) float64 {
	mustMatch(len(actual), len(mean))
	var sum float64
	n := 0
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		d := y - mean[i]
		sum += d * d
		n++
	}
	if n == 0 || !(squaredScale > 0) {
		return math.NaN()
	}
	return math.Sqrt(sum / float64(n) / squaredScale)
}

// MASE is the mean absolute error over a scale, NaN as RMSSE. Hyndman and
// Koehler (2006), doi:10.1016/j.ijforecast.2006.03.001, scale by the error of
// seasonal naive in the history: SeasonalScale.
func MASE(actual, mean []float64, scale float64) float64 {
	e, _, n := AbsoluteError(actual, mean)
	if n == 0 || !(scale > 0) {
		return math.NaN()
	}
	return e / float64(n) / scale
}

// AbsoluteError is Σ|y − mean|, Σ|y| and the number of observed periods: the
// parts of a WAPE that can be pooled over series.
func AbsoluteError(actual, mean []float64) (absError, absActual float64, n int) {
	mustMatch(len(actual), len(mean))
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		absError += math.Abs(y - mean[i])
		absActual += math.Abs(y)
		n++
	}
	return absError, absActual, n
}

// WAPE is Σ|y − mean| / Σ|y|, NaN where nothing was sold (Kolassa and Schütz,
// 2007, "Advantages of the MAD/mean ratio over the MAPE", Foresight 6).
func WAPE(actual, mean []float64) float64 {
	e, a, _ := AbsoluteError(actual, mean)
	if !(a > 0) {
		return math.NaN()
	}
	return e / a
}

// Bias is Σ(mean − y) / Σ|y|: positive for a forecast that is too high, NaN
// where nothing was sold.
func Bias(actual, mean []float64) float64 {
	mustMatch(len(actual), len(mean))
	var sum, a float64
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += mean[i] - y
			a += math.Abs(y)
		}
	}
	if !(a > 0) {
		return math.NaN()
	}
	return sum / a
}

// Pinball is the loss of quantile q of probability p for the actual value y:
// p(y−q) above it, (1−p)(q−y) below. Its expectation is smallest at the true
// quantile (Koenker and Bassett, 1978, "Regression quantiles", Econometrica 46,
// doi:10.2307/1913643).
func Pinball(y, q, p float64) float64 {
	if y >= q {
		return p * (y - q)
	}
	return (1 - p) * (q - y)
}

// MeanPinball is the pinball loss averaged over the ten quantiles.
func MeanPinball(y float64, q *[forecast.NQuantiles]float64) float64 {
	var sum float64
	for i, p := range forecast.Probabilities() {
		sum += Pinball(y, q[i], p)
	}
	return sum / forecast.NQuantiles
}

// Calibration counts on which side of its quantiles demand fell.
type Calibration struct {
	N                int64
	Below, AtOrBelow [forecast.NQuantiles]int64 // y < q, y ≤ q
}

// Add counts one observed value.
func (c *Calibration) Add(y float64, q *[forecast.NQuantiles]float64) {
	c.N++
	for i, v := range q {
		if y < v {
			c.Below[i]++
		}
		if y <= v {
			c.AtOrBelow[i]++
		}
	}
}

// Merge adds the counts of o.
func (c *Calibration) Merge(o *Calibration) {
	c.N += o.N
	for i := range c.Below {
		c.Below[i] += o.Below[i]
		c.AtOrBelow[i] += o.AtOrBelow[i]
	}
}

// Bounds are the shares below, and at or below, quantile i. A calibrated
// forecast has share(y < q) ≤ p ≤ share(y ≤ q) up to sampling error; whole
// numbers cannot do better than straddle p.
func (c *Calibration) Bounds(i int) (below, atOrBelow float64) {
	if c.N == 0 {
		return math.NaN(), math.NaN()
	}
	return float64(c.Below[i]) / float64(c.N), float64(c.AtOrBelow[i]) / float64(c.N)
}

// Calibrated reports whether the bounds of every probability hold within tol.
func (c *Calibration) Calibrated(tol float64) bool {
	for i, p := range forecast.Probabilities() {
		below, at := c.Bounds(i)
		if !(below <= p+tol && at >= p-tol) {
			return false
		}
	}
	return true
}

func mustMatch(a, b int) {
	if a != b {
		panic("metric: slices of different length")
	}
}
