package prophet

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// CVPoint is one forecast of a cross-validation beside what happened.
type CVPoint struct {
	Time, Cutoff time.Time
	Y, Yhat      float64
	// Lower and Upper bound the interval; NaN without intervals.
	Lower, Upper float64
}

// Performance holds Prophet's metrics of one horizon, averaged over a rolling
// window that ends there. They are on the scale of the data, except for the
// relative ones and Coverage, which are fractions.
type Performance struct {
	// Horizon is the distance of forecast and cutoff. If horizons are counted
	// in calendar months it is zero and Months holds them.
	Horizon time.Duration
	Months  int

	MSE, RMSE, MAE float64
	// MAPE is NaN if some |y| is below 1e-8: relative errors of demand that
	// can be zero mean nothing (use the measures of package metric).
	MAPE  float64
	MDAPE float64 // median absolute relative error
	SMAPE float64 // |e| / ((|y| + |ŷ|)/2) of Chen and Yang; 0 where both are 0
	// Coverage is the share of points inside their interval; NaN if one has none.
	Coverage float64
}

// ErrNoPoints means that there is nothing to measure.
var ErrNoPoints = errors.New("prophet: no forecasts to measure")

// PerformanceMetrics computes Prophet's metrics by horizon, in ascending order.
// window is the share of all points that an average covers, 0.1 in Prophet; 0
// averages within each horizon only, and a negative one gives every point its
// own row. Horizons too short to fill a window have no row. With monthly,
// horizons are counted in calendar months.
//
// A mean over several horizons takes the points of the oldest one in part, so
// that it covers exactly the window; the median takes whole points. Prophet
// leaves open which ones if their horizons are equal; here the last ones given
// go first.
func PerformanceMetrics(points []CVPoint, window float64, monthly bool) ([]Performance, error) {
	if len(points) == 0 {
		return nil, ErrNoPoints
	}
	sorted := slices.Clone(points)
	key := func(p CVPoint) int64 { return int64(p.Time.Sub(p.Cutoff)) }
	if monthly {
		key = func(p CVPoint) int64 { return int64(months(p.Time) - months(p.Cutoff)) }
	}
	slices.SortStableFunc(sorted, func(a, b CVPoint) int { return cmp.Compare(key(a), key(b)) })
	h := make([]int64, len(sorted))
	for i, p := range sorted {
		h[i] = key(p)
	}
	w := int(window * float64(len(sorted)))
	if w >= 0 {
		w = min(max(w, 1), len(sorted))
	}
	e := errorsOf(sorted)
	horizons, mse := rollingMean(e.square, h, w)
	_, mae := rollingMean(e.absolute, h, w)
	_, mape := rollingMean(e.relative, h, w)
	_, smape := rollingMean(e.symmetric, h, w)
	_, coverage := rollingMean(e.covered, h, w)
	_, mdape := rollingMedian(e.relative, h, w)
	out := make([]Performance, len(horizons))
	for i := range out {
		out[i] = Performance{
			MSE: mse[i], RMSE: math.Sqrt(mse[i]), MAE: mae[i], MAPE: mape[i],
			MDAPE: mdape[i], SMAPE: smape[i], Coverage: coverage[i],
		}
		if e.nearZero {
			out[i].MAPE = math.NaN()
		}
		if monthly {
			out[i].Months = int(horizons[i])
		} else {
			out[i].Horizon = time.Duration(horizons[i])
		}
	}
	return out, nil
}

// months counts calendar months.
func months(t time.Time) int { return t.Year()*12 + int(t.Month()) }

type pointErrors struct {
	square, absolute, relative, symmetric, covered []float64
	nearZero                                       bool
}

func errorsOf(points []CVPoint) pointErrors {
	var e pointErrors
	for _, p := range points {
		d := math.Abs(p.Y - p.Yhat)
		e.square = append(e.square, d*d)
		e.absolute = append(e.absolute, d)
		relative, symmetric, covered := 0.0, 0.0, 0.0
		if d != 0 {
			relative = d / math.Abs(p.Y)
			symmetric = d / (math.Abs(p.Y)/2 + math.Abs(p.Yhat)/2)
		}
		switch {
		case math.IsNaN(p.Lower) || math.IsNaN(p.Upper):
			covered = math.NaN()
		case p.Y >= p.Lower && p.Y <= p.Upper:
			covered = 1
		}
		e.relative = append(e.relative, relative)
		e.symmetric = append(e.symmetric, symmetric)
		e.covered = append(e.covered, covered)
		e.nearZero = e.nearZero || math.Abs(p.Y) < 1e-8
	}
	return e
}

// rollingMean averages x over windows of w points that end with each distinct
// horizon; h is ascending. With w < 0 it returns x itself.
func rollingMean(x []float64, h []int64, w int) (horizons []int64, means []float64) {
	if w < 0 {
		return h, x
	}
	var sums []float64
	var counts []int
	for i := range x {
		if i == 0 || h[i] != h[i-1] {
			horizons, sums, counts = append(horizons, h[i]), append(sums, 0), append(counts, 0)
		}
		sums[len(sums)-1] += x[i]
		counts[len(counts)-1]++
	}
	means = make([]float64, len(sums))
	last, first := len(sums)-1, 0
	var sum float64
	n := 0
	for i, oldest := range slices.Backward(sums) {
		sum += oldest
		n += counts[i]
		for ; n >= w && last >= 0; last-- {
			excess := float64(n-w) * oldest / float64(counts[i])
			means[last] = (sum - excess) / float64(w)
			sum -= sums[last]
			n -= counts[last]
		}
		first = last + 1
	}
	return horizons[first:], means[first:]
}

// rollingMedian is the median counterpart of rollingMean.
func rollingMedian(x []float64, h []int64, w int) (horizons []int64, medians []float64) {
	if w < 0 {
		return h, x
	}
	for end := len(x); end > 0; {
		start := end
		for start > 0 && h[start-1] == h[end-1] {
			start--
		}
		from := min(start, end-w)
		if from < 0 {
			break
		}
		horizons = append(horizons, h[end-1])
		medians = append(medians, median(x[from:end]))
		end = start
	}
	slices.Reverse(horizons)
	slices.Reverse(medians)
	return horizons, medians
}

func median(x []float64) float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return s[n/2-1]/2 + s[n/2]/2
}
