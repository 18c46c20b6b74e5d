package training

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// lastResort forecasts a series for which the library failed: the mean repeats the last
// observed value of the same phase, the quantiles are those of the recent past. It
// cannot fail, and claims no accuracy.
func lastResort(in auto.Input, horizon int) auto.Result {
	recent := recentValues(in.Y, max(2*in.Season, 56))
	if len(recent) == 0 {
		return rejected(auto.ReasonNoObservation)
	}
	r := auto.Result{
		Status: auto.Fallback, Reason: auto.ReasonSeasonalNaive, Class: safeClass(in),
		Model: auto.ReasonSeasonalNaive, Weights: map[string]float64{auto.ReasonSeasonalNaive: 1},
		Mean: make([]float64, horizon), Quantiles: make([][forecast.NQuantiles]float64, horizon),
		Score: auto.Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN()},
	}
	var q [forecast.NQuantiles]float64
	sorted := slices.Sorted(slices.Values(recent))
	for i, p := range forecast.Probabilities() {
		rank := int(math.Ceil(p * float64(len(sorted))))
		q[i] = forecast.Round6(sorted[max(rank, 1)-1])
	}
	for j := range horizon {
		if in.Closed != nil && in.Closed[j] {
			continue
		}
		r.Mean[j] = forecast.Round6(samePhase(in.Y, in.Season, j, recent[0]))
		r.Quantiles[j] = q
	}
	return r
}

// recentValues are the last n usable values, latest first.
func recentValues(y []float64, n int) []float64 {
	var out []float64
	for _, v := range slices.Backward(y) {
		if v >= 0 && v <= math.MaxFloat64 {
			if out = append(out, v); len(out) == n {
				break
			}
		}
	}
	return out
}

// samePhase is the last usable value in the phase of step j (0-based) after the origin.
func samePhase(y []float64, season, j int, otherwise float64) float64 {
	if season < 1 {
		return otherwise
	}
	for i := len(y) + j%season - season; i >= 0; i -= season {
		if y[i] >= 0 && y[i] <= math.MaxFloat64 {
			return y[i]
		}
	}
	return otherwise
}

// safeClass classifies, unless that is what fails.
func safeClass(in auto.Input) (class string) {
	defer func() {
		if recover() != nil {
			class = forecast.New.String()
		}
	}()
	return auto.Classify(in)
}
