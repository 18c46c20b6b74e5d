package backtest

import (
	"cmp"
	"math"
	"slices"
)

// The volume classes: the largest series that sell 80 % of all units in the
// year before an origin, those that sell the next 15 %, and the rest.
const (
	shareA = 0.80
	shareB = 0.95
)

func volumeNames() [3]string { return [3]string{"A", "B", "C"} }

// yearOf is the demand of the last year of a history, or of what there is of
// it: the history up to an origin knows nothing of what came after.
func yearOf(y []float64, season int) float64 {
	year := season // of months or weeks
	if season <= 7 {
		year = 364
	}
	var sum float64
	for _, v := range y[max(0, len(y)-year):] {
		if v > 0 {
			sum += v
		}
	}
	return sum
}

// volumes classifies every series at every origin. Series that did not exist
// yet are C, and are not scored.
func (t *test) volumes() {
	n := len(t.units)
	t.volume = make([][]uint8, n)
	for i := range t.volume {
		t.volume[i] = make([]uint8, t.set.Windows)
	}
	order := make([]int, n)
	for k := range t.set.Windows {
		all := 0.0
		for i := range order {
			order[i] = i
			all += t.units[i][k]
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(t.units[b][k], t.units[a][k]), cmp.Compare(a, b))
		})
		before := 0.0
		for _, i := range order {
			class := uint8(2)
			switch {
			case t.units[i][k] == 0 || math.IsInf(all, 0):
			case before < shareA*all:
				class = 0
			case before < shareB*all:
				class = 1
			}
			t.volume[i][k] = class
			before += t.units[i][k]
		}
	}
}
