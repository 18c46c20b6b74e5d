package metric

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// SeasonalScale is the mean absolute difference of observed values that lie a
// season apart, from the first positive value of y on: what seasonal naive
// errs in the history, and the denominator of MASE (Hyndman and Koehler, 2006,
// "Another look at measures of forecast accuracy", International Journal of
// Forecasting 22, doi:10.1016/j.ijforecast.2006.03.001) and of MSIS. A season
// of 1 or less is 1. NaN without a pair.
func SeasonalScale(y []float64, season int) float64 {
	first := 0
	for first < len(y) && !(y[first] > 0) {
		first++
	}
	y = y[first:]
	season = max(1, season)
	var sum float64
	n := 0
	for i := season; i < len(y); i++ {
		if d := math.Abs(y[i] - y[i-season]); !math.IsNaN(d) {
			sum += d
			n++
		}
	}
	return mean(sum, n)
}

// SPL is the scaled pinball loss: the pinball loss averaged over the ten
// quantiles and the observed periods, over an absolute scale (AbsoluteScale),
// as in the uncertainty part of the M5 competition, which had nine quantiles
// (Makridakis et al., 2022, International Journal of Forecasting 38,
// doi:10.1016/j.ijforecast.2021.10.009). NaN as RMSSE. The weighted form, WSPL,
// is Σ w·SPL / Σ w over series; Tally computes it.
func SPL(actual []float64, q [][forecast.NQuantiles]float64, scale float64) float64 {
	mustMatch(len(actual), len(q))
	var sum float64
	n := 0
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += MeanPinball(y, &q[i])
			n++
		}
	}
	if !(scale > 0) {
		return math.NaN()
	}
	return mean(sum, n) / scale
}

// ValueAdded is the forecast value added of a forecast with error e over one
// with error naive, as a share of the latter: 1 − e/naive. Positive is better;
// a process step that does not add value should be left out (Gilliland, 2010,
// "The Business Forecasting Deal", chapter 4). NaN where naive is not positive.
func ValueAdded(e, naive float64) float64 {
	if !(naive > 0) {
		return math.NaN()
	}
	return 1 - e/naive
}

// TrackingLimit is the tracking signal beyond which n errors are called biased:
// two standard deviations of the sum of n independent errors, whose own is 1.25
// mean absolute deviations (the ratio of the normal distribution, √(π/2)).
func TrackingLimit(n int) float64 { return 2 * math.Sqrt(math.Pi/2*float64(n)) }

// TrackingSignal is Σ(mean − y) over the mean absolute error: how many typical
// errors a forecast is too high in sum (Brown, 1959, "Statistical Forecasting
// for Inventory Control", with the sign of Bias). It lies between −n and n for
// n observed periods; 0 for a forecast without error, NaN without a period.
func TrackingSignal(actual, mean []float64) float64 {
	mustMatch(len(actual), len(mean))
	var sum, abs float64
	n := 0
	for i, y := range actual {
		if math.IsNaN(y) {
			continue
		}
		e := mean[i] - y
		sum += e
		abs += math.Abs(e)
		n++
	}
	switch {
	case n == 0:
		return math.NaN()
	case abs == 0:
		return 0
	}
	return sum / (abs / float64(n))
}
