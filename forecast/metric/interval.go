package metric

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// Width is the mean of high − low over the observed periods, in units of
// demand: what a forecast pays for its coverage. NaN without any.
func Width(actual, low, high []float64) float64 {
	mustMatch(len(actual), len(low))
	mustMatch(len(actual), len(high))
	var sum float64
	n := 0
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += high[i] - low[i]
			n++
		}
	}
	return mean(sum, n)
}

// Coverage is the share of observed periods with low ≤ y ≤ high. Whole-number
// demand cannot hit a nominal share exactly; Calibration judges it by bounds.
func Coverage(actual, low, high []float64) float64 {
	mustMatch(len(actual), len(low))
	mustMatch(len(actual), len(high))
	inside, n := 0.0, 0
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		n++
		if low[i] <= y && y <= high[i] {
			inside++
		}
	}
	return mean(inside, n)
}

// IntervalScore is the loss of the central interval [low, high] of
// probability 1−alpha for the value y,
//
//	(high − low) + (2/α)(low − y)₊ + (2/α)(y − high)₊,
//
// smallest in expectation for the true quantiles (Gneiting and Raftery, 2007,
// "Strictly proper scoring rules, prediction, and estimation", Journal of the
// American Statistical Association 102, doi:10.1198/016214506000001437,
// equation 43).
func IntervalScore(y, low, high, alpha float64) float64 {
	s := high - low
	if y < low {
		s += 2 / alpha * (low - y)
	}
	if y > high {
		s += 2 / alpha * (y - high)
	}
	return s
}

// MSIS is the mean interval score over a seasonal absolute scale
// (SeasonalScale): the measure of the intervals of the M4 competition
// (Makridakis, Spiliotis and Assimakopoulos, 2020, International Journal of
// Forecasting 36, doi:10.1016/j.ijforecast.2019.04.014, with α = 0.05). NaN
// where the scale is not positive or nothing was observed.
func MSIS(actual, low, high []float64, alpha, scale float64) float64 {
	mustMatch(len(actual), len(low))
	mustMatch(len(actual), len(high))
	var sum float64
	n := 0
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += IntervalScore(y, low[i], high[i], alpha)
			n++
		}
	}
	if !(scale > 0) {
		return math.NaN()
	}
	return mean(sum, n) / scale
}

// CRPS is the continuous ranked probability score of y, in units of demand,
//
//	∫ (F(x) − 1{y ≤ x})² dx = 2 ∫₀¹ ρ_p(y − q(p)) dp
//
// with ρ the pinball loss (Gneiting and Raftery, 2007, equation 20; the right
// side: Laio and Tamea, 2007, "Verification tools for probabilistic forecasts
// of continuous hydrological variables", Hydrology and Earth System Sciences
// 11, doi:10.5194/hess-11-1267-2007). For a certain forecast it is the
// absolute error.
//
// The quantile function is taken to be linear between the ten quantiles and
// constant beyond the outermost, which is the only approximation: the integral
// of that function is exact (in each piece the loss is a quadratic in p on
// either side of the probability at which q(p) = y, and Simpson's rule is exact
// for those).
func CRPS(y float64, q *[forecast.NQuantiles]float64) float64 {
	p := forecast.Probabilities()
	last := len(p) - 1
	sum := lossIntegral(y, 0, p[0], q[0], q[0]) + lossIntegral(y, p[last], 1, q[last], q[last])
	for i := range last {
		sum += lossIntegral(y, p[i], p[i+1], q[i], q[i+1])
	}
	return 2 * sum
}

// lossIntegral integrates the pinball loss over the probabilities a to b,
// between which the quantile goes from qa to qb in a line.
func lossIntegral(y, a, b, qa, qb float64) float64 {
	if qa < y && y < qb {
		kink := a + (b-a)*(y-qa)/(qb-qa)
		return simpson(y, a, kink, qa, y) + simpson(y, kink, b, y, qb)
	}
	return simpson(y, a, b, qa, qb)
}

func simpson(y, a, b, qa, qb float64) float64 {
	// The loss at an end where q = y is 0 from both sides, so Pinball's choice
	// of side does not matter there.
	return (b - a) / 6 * (Pinball(y, qa, a) + 4*Pinball(y, qa/2+qb/2, a/2+b/2) + Pinball(y, qb, b))
}

// mean is sum/n, NaN for n = 0.
func mean(sum float64, n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
