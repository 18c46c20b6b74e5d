package forecast

import "math"

// NQuantiles is the number of quantiles of every forecast.
const NQuantiles = 10

// Probabilities returns the probabilities of the quantiles, ascending. It is
// a function because an array constant does not exist and a variable could be
// changed.
func Probabilities() [NQuantiles]float64 {
	return [NQuantiles]float64{.025, .05, .1, .25, .5, .75, .9, .95, .975, .99}
}

// Repair makes quantiles of demand valid in place: non-negative, finite where
// a neighbour is, and not crossing (a running maximum, so that a lower
// quantile is never raised by a higher one).
func Repair(q *[NQuantiles]float64) {
	low := 0.0
	for i, v := range q {
		if math.IsNaN(v) || v < low {
			v = low
		}
		if v > math.MaxFloat64 {
			v = math.MaxFloat64
		}
		q[i] = v
		low = v
	}
}
