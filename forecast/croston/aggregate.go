package croston

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// ADIDA is the aggregate-disaggregate method of Nikolopoulos, Syntetos, Boylan,
// Petropoulos and Assimakopoulos (2011), "An aggregate–disaggregate intermittent
// demand approach (ADIDA) to forecasting", Journal of the Operational Research
// Society 62, doi:10.1057/jors.2010.32: periods are added up in buckets as long
// as demands are apart on average, the buckets are smoothed, and the forecast of
// a bucket is spread evenly.
//
// Buckets end with the history that was fitted; periods before the first whole
// one are left out. Append fills further buckets from there: one that is not
// full yet does not count.
type ADIDA struct {
	Level int     // periods in a bucket; 0 = the mean interval, rounded
	Alpha float64 // of the smoothing; 0 = the best between 0.1 and 0.3
}

// IMAPA is the mean of ADIDA at every level from a single period to the mean
// interval between demands (Petropoulos and Kourentzes, 2015, "Forecast
// combinations for intermittent demand", Journal of the Operational Research
// Society 66, doi:10.1057/jors.2014.62).
type IMAPA struct {
	Alpha float64 // of the smoothing; 0 = the best between 0.1 and 0.3, level by level
}

// Fit implements forecast.Model.
func (m ADIDA) Fit(s forecast.Series) (forecast.Fitted, error) {
	if m.Level < 0 {
		panic("croston: negative level of aggregation")
	}
	return fitLevels(s.Y, m.Alpha, func(interval int) (from, to int) {
		if m.Level > 0 {
			return m.Level, m.Level
		}
		return interval, interval
	})
}

// Fit implements forecast.Model.
func (m IMAPA) Fit(s forecast.Series) (forecast.Fitted, error) {
	return fitLevels(s.Y, m.Alpha, func(interval int) (from, to int) { return 1, interval })
}

// fitLevels smooths the buckets of every level of a range, which follows from
// the mean interval between demands.
func fitLevels(y []float64, alpha float64, levels func(interval int) (from, to int)) (forecast.Fitted, error) {
	sums := make([]float64, 1, len(y)+1) // of the observed periods
	last, demands := 0, 0
	for _, v := range y {
		if v != v {
			continue
		}
		sums = append(sums, sums[len(sums)-1]+math.Max(0, v))
		if v > 0 {
			demands++
			last = len(sums) - 1
		}
	}
	n := len(sums) - 1
	switch {
	case demands == 0:
		return nil, forecast.ErrTooShort
	case math.IsInf(sums[n], 0):
		return nil, forecast.ErrNotFinite
	}
	from, to := levels(max(1, int(math.RoundToEven(float64(last)/float64(demands)))))
	if from > n {
		return nil, forecast.ErrTooShort
	}
	f := &aggregated{levels: make([]bucketed, 0, to-from+1)}
	buckets := make([]float64, 0, n)
	for level := from; level <= min(to, n); level++ {
		buckets = buckets[:0]
		for end := n%level + level; end <= n; end += level {
			buckets = append(buckets, sums[end]-sums[end-level])
		}
		b := bucketed{size: level, alpha: alpha}
		if alpha == 0 {
			b.alpha = bestAlpha(buckets)
		}
		b.level = smooth(buckets, b.alpha)
		f.levels = append(f.levels, b)
	}
	return f, nil
}

// aggregated is the mean of levels of aggregation.
type aggregated struct{ levels []bucketed }

// bucketed is the smoothed demand of buckets of one size.
type bucketed struct {
	size         int
	alpha, level float64
	open         float64 // demand in the bucket that is being filled
	filled       int     // its periods so far
}

// Clone implements forecast.Fitted.
func (f *aggregated) Clone() forecast.Fitted {
	return &aggregated{levels: append([]bucketed(nil), f.levels...)}
}

// Append implements forecast.Fitted.
func (f *aggregated) Append(y []float64) {
	for _, v := range y {
		if v != v || math.IsInf(v, 0) {
			continue
		}
		for i := range f.levels {
			b := &f.levels[i]
			b.open += math.Max(0, v)
			if b.filled++; b.filled == b.size {
				b.level += b.alpha * (b.open - b.level)
				b.open, b.filled = 0, 0
			}
		}
	}
}

// PredictTo implements forecast.Fitted.
func (f *aggregated) PredictTo(dst []float64) {
	mean := 0.0
	for _, b := range f.levels {
		mean += b.level / float64(b.size) / float64(len(f.levels))
	}
	fill(dst, mean)
}

// Parameters implements forecast.Fitted: the levels, and the α of the highest.
func (f *aggregated) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	top := f.levels[len(f.levels)-1]
	return append(dst, forecast.Parameter{Name: "level", Value: float64(top.size)}, forecast.Parameter{Name: "alpha", Value: top.alpha})
}
