package backtest

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// cleaned is y as package auto sees it: infinite values are missing, negative
// ones are no demand.
func cleaned(y []float64) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			out[i] = math.NaN()
		default:
			out[i] = math.Max(0, v)
		}
	}
	return out
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

// seriesOf is the history as single models get it: from the first demand on,
// with the inputs that are known in every open period ahead.
func seriesOf(w *window) forecast.Series {
	first := firstDemand(w.clean)
	s := forecast.Series{Y: w.clean[first:], Season: w.past.Season}
	s.Phase = forecast.Series{Season: w.past.Season, Phase: w.past.Phase}.PhaseAt(first)
	for _, r := range w.past.Known {
		if knownAhead(r.Values[len(w.clean):], w.past.Closed) {
			r.Values = r.Values[first:]
			s.Known = append(s.Known, r)
		}
	}
	return s
}

func knownAhead(future []float64, closed []bool) bool {
	for j, v := range future {
		if (math.IsNaN(v) || math.IsInf(v, 0)) && (closed == nil || !closed[j]) {
			return false
		}
	}
	return true
}
