package decompose

import (
	"errors"
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// ErrPeriods means that the periods are not increasing numbers from 2 on, or
// that there are not as many windows as periods.
var ErrPeriods = errors.New("decompose: periods must increase from 2 on, with a window of at least 3 each")

// Options are the settings of a decomposition; the zero value is that of R's
// forecast::mstl, but for the jumps.
type Options struct {
	// Windows are the numbers n(s) of cycles over which each season is
	// smoothed, made odd; nil = 11, 15, 19, …
	Windows []int
	// Iterations over the seasons; 0 = 2. With one season, one is enough.
	Iterations int
	// Robust adds the outer loop: single days no longer bend the season, at
	// six times the cost.
	Robust bool
	// Exact evaluates every loess at every point. Otherwise windows of 100
	// and more are evaluated at each fiftieth part of themselves, with
	// straight lines between (as in section 3 of the STL paper, with smaller
	// steps).
	Exact bool
}

// Decomposition is y = Trend + ΣSeasons + Remainder; all of the length of y.
type Decomposition struct {
	Periods   []int
	Trend     []float64
	Seasons   [][]float64 // one per period
	Remainder []float64   // NaN where y is
}

// MSTL decomposes y, on a regular grid with NaN = missing, with the given
// increasing periods. The errors are ErrPeriods, forecast.ErrTooShort with
// fewer than two of the longest periods or fewer observations than one, and
// forecast.ErrNotFinite if y is infinite or too large to be added up.
func MSTL(y []float64, periods []int, o Options) (*Decomposition, error) {
	windows, err := o.windows(periods)
	if err != nil {
		return nil, err
	}
	n := len(y)
	longest := periods[len(periods)-1]
	if n < 2*longest || forecast.Observed(y) < max(longest, 4) {
		return nil, forecast.ErrTooShort
	}
	out := &Decomposition{Periods: slices.Clone(periods)}
	parts := make([]*stl, len(periods))
	for i, p := range periods {
		parts[i] = newSTL(n, p, windows[i], o)
		out.Seasons = append(out.Seasons, parts[i].season)
	}
	passes := 1
	if len(periods) > 1 {
		passes = max(o.Iterations, 2)
		if o.Iterations > 0 {
			passes = o.Iterations
		}
	}
	rest := slices.Clone(y)
	for range passes {
		for _, d := range parts {
			for i, s := range d.season {
				rest[i] += s
			}
			d.run(rest)
			for i, s := range d.season {
				rest[i] -= s
			}
		}
	}
	out.Trend = parts[len(parts)-1].trendOf
	for i, v := range out.Trend {
		rest[i] -= v
		if math.IsNaN(v) || math.IsInf(v, 0) || math.IsInf(rest[i], 0) || math.IsNaN(rest[i]) != math.IsNaN(y[i]) {
			return nil, forecast.ErrNotFinite
		}
	}
	out.Remainder = rest
	return out, nil
}

// STL is MSTL with one period and a window n(s); 0 = 11.
func STL(y []float64, period, window int, o Options) (*Decomposition, error) {
	if window == 0 {
		window = 11
	}
	o.Windows = []int{window}
	return MSTL(y, []int{period}, o)
}

func (o Options) windows(periods []int) ([]int, error) {
	if len(periods) == 0 || o.Windows != nil && len(o.Windows) != len(periods) {
		return nil, ErrPeriods
	}
	windows := make([]int, len(periods))
	for i, p := range periods {
		if p < 2 || i > 0 && p <= periods[i-1] {
			return nil, ErrPeriods
		}
		windows[i] = 11 + 4*i
		if o.Windows != nil {
			if o.Windows[i] < 3 {
				return nil, ErrPeriods
			}
			windows[i] = o.Windows[i] | 1
		}
	}
	return windows, nil
}
