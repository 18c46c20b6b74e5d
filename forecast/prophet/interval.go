package prophet

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Quantiles are quantiles of the forecast distribution of each row of a future.
type Quantiles struct {
	Probabilities []float64
	// Values has a row per row of the future, in its order, and a column per
	// probability.
	Values [][]float64
}

// Bounds is the prediction interval of each row of a future, with the
// probability Model.IntervalWidth, for the observation and for the trend:
// yhat_lower, yhat_upper, trend_lower and trend_upper of the Python package.
type Bounds struct {
	Lower, Upper           []float64
	TrendLower, TrendUpper []float64
}

// Quantiles computes quantiles of the observations of future, exactly where the
// Python package draws 1,000 samples: the values are what its percentiles
// converge to (package internal/interval has the formulas). Only the noise and
// future changes of the trend are uncertain, not the effects; intervals are
// narrower than those that a backtest gives.
//
// As in the Python package, the trend becomes uncertain with the first row
// after the history, whichever that is, and the steps between rows are taken as
// equal: ask for all periods from the end of the history on. Logistic growth
// has no closed form; its quantiles are those of Model.UncertaintySamples paths
// of Simulate with seed 0.
//
// These are the limits of the package's default way to draw, ByStep. For those
// of its original one, in which the trend changes at any time, see
// Uncertainty.Sampler.
//
// Errors are those of PredictTo; probabilities outside [0, 1] panic.
func (f *Fitted) Quantiles(future Future, probabilities []float64) (*Quantiles, error) {
	p, err := f.Predictor()
	if err != nil {
		return nil, err
	}
	k := len(probabilities)
	flat := make([]float64, len(future.Time)*k)
	if err := p.Uncertainty().QuantilesTo(flat, &future, probabilities); err != nil {
		return nil, err
	}
	out := &Quantiles{Probabilities: slices.Clone(probabilities), Values: make([][]float64, len(future.Time))}
	for i := range out.Values {
		out.Values[i] = flat[i*k : (i+1)*k : (i+1)*k]
	}
	return out, nil
}

// WindowQuantiles computes quantiles of the sum of the observations of rows
// from ≤ i < to of future in the order of time, such as the demand of a lead
// time. Rows before them count as periods in which the trend may change; give
// all from the end of the history on. See Quantiles for the rest.
func (f *Fitted) WindowQuantiles(future Future, from, to int, probabilities []float64) ([]float64, error) {
	p, err := f.Predictor()
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(probabilities))
	if err := p.Uncertainty().WindowQuantilesTo(out, &future, from, to, probabilities); err != nil {
		return nil, err
	}
	return out, nil
}

// Intervals computes the prediction interval of each row. See Quantiles.
func (f *Fitted) Intervals(future Future) (*Bounds, error) {
	p, err := f.Predictor()
	if err != nil {
		return nil, err
	}
	n := len(future.Time)
	tail := (1 - f.Model.IntervalWidth) / 2
	probabilities := []float64{tail, 1 - tail}
	u := p.Uncertainty()
	y, trend := make([]float64, 2*n), make([]float64, 2*n)
	if err := u.QuantilesTo(y, &future, probabilities); err != nil {
		return nil, err
	}
	if err := u.trendQuantilesTo(trend, &future, probabilities); err != nil {
		return nil, err
	}
	column := func(v []float64, c int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = v[2*i+c]
		}
		return out
	}
	return &Bounds{Lower: column(y, 0), Upper: column(y, 1), TrendLower: column(trend, 0), TrendUpper: column(trend, 1)}, nil
}

// Uncertainty computes quantiles without allocating once it has seen a future of
// the size. It belongs to one goroutine.
type Uncertainty struct {
	// Sampler is the way to draw whose limits the quantiles are.
	Sampler Sampler

	p       *Predictor
	inverse interval.Inverter
	at      []int64 // times of the rows
	order   []int   // rows by time
	past    int     // how many of order lie within the history
	yhat    []float64
	trend   []float64 // without the effects, in units of y
	factors []float64 // 1 + multiplicative terms of the rows after the history, by time
	ahead   []float64 // their scaled distances from its end
	dst     []float64
}

// Uncertainty is a workspace for quantiles of this model.
func (p *Predictor) Uncertainty() *Uncertainty { return &Uncertainty{p: p} }

// QuantilesTo writes a row of quantiles per row of future, in its order. See
// Fitted.Quantiles. It panics if dst does not have len(future.Time) ·
// len(probabilities) elements.
func (u *Uncertainty) QuantilesTo(dst []float64, future *Future, probabilities []float64) error {
	return u.quantilesTo(dst, future, probabilities, false)
}

// trendQuantilesTo is QuantilesTo for the trend alone.
func (u *Uncertainty) trendQuantilesTo(dst []float64, future *Future, probabilities []float64) error {
	return u.quantilesTo(dst, future, probabilities, true)
}

func (u *Uncertainty) quantilesTo(dst []float64, future *Future, probabilities []float64, onlyTrend bool) error {
	k := len(probabilities)
	checkProbabilities(probabilities)
	if len(dst) != len(future.Time)*k {
		panic("prophet: QuantilesTo: dst does not have a row per row of future")
	}
	law, err := u.prepare(future)
	if err != nil {
		return err
	}
	if u.p.f.Model.Growth == Logistic {
		return u.simulated(dst, future, probabilities, onlyTrend)
	}
	center, factors := u.yhat, u.factors
	if onlyTrend {
		center, factors, law.Sigma = u.trend, nil, 0
	}
	n := len(u.order) - u.past
	u.dst = grow(u.dst, n*k)
	if err := u.invert(law, factors, probabilities); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFinite, err)
	}
	scale := u.p.f.YScale
	for _, row := range u.order[:u.past] {
		for i, q := range probabilities {
			dst[row*k+i] = center[row] + scale*normalQuantile(q, law.Sigma)
		}
	}
	for j, row := range u.order[u.past:] {
		for i := range probabilities {
			dst[row*k+i] = center[row] + scale*u.dst[j*k+i]
		}
	}
	return nil
}

// WindowQuantilesTo writes the quantiles of the sum of rows from ≤ i < to in
// the order of time. See Fitted.WindowQuantiles. It panics for an empty window,
// or if dst and probabilities differ in length.
func (u *Uncertainty) WindowQuantilesTo(dst []float64, future *Future, from, to int, probabilities []float64) error {
	checkProbabilities(probabilities)
	if from < 0 || to <= from || to > len(future.Time) || len(dst) != len(probabilities) {
		panic("prophet: WindowQuantilesTo: no such window, or dst of another length")
	}
	law, err := u.prepare(future)
	if err != nil {
		return err
	}
	if u.p.f.Model.Growth == Logistic {
		return u.simulatedWindow(dst, future, from, to, probabilities)
	}
	var center float64
	for _, row := range u.order[from:to] {
		center += u.yhat[row]
	}
	// Every row of the window has its noise, those after the history a trend.
	n := to - from
	if first, last := max(from-u.past, 0), to-u.past; last > 0 {
		law.Sigma *= math.Sqrt(float64(n) / float64(last-first))
		err = u.window(law, u.factors, first+1, last)
	} else {
		law.Chance = 0
		err = u.inverse.Window(law, nil, 1, n)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFinite, err)
	}
	for i, q := range probabilities {
		dst[i] = center + u.p.f.YScale*u.inverse.Quantile(q)
	}
	return nil
}

// invert writes the quantiles of the rows after the history, in order of time, to
// u.dst.
func (u *Uncertainty) invert(law interval.Law, factors, probabilities []float64) error {
	if u.Sampler != ByPoisson {
		return u.inverse.QuantilesTo(u.dst, law, factors, probabilities)
	}
	k := len(probabilities)
	for j := range u.ahead {
		if err := u.window(law, factors, j+1, j+1); err != nil {
			return err
		}
		for i, q := range probabilities {
			u.dst[j*k+i] = u.inverse.Quantile(q)
		}
	}
	return nil
}

// window prepares the inverter for rows from…to after the history, counted from 1.
func (u *Uncertainty) window(law interval.Law, factors []float64, from, to int) error {
	if u.Sampler != ByPoisson {
		return u.inverse.Window(law, factors, from, to)
	}
	params := u.p.posterior()
	poisson := interval.PoissonOf(posterior.Growth(u.p.f.Model.Growth), &params)
	poisson.Sigma = law.Sigma
	return u.inverse.PoissonWindow(poisson, u.ahead, factors, from, to)
}

// prepare evaluates the rows of future and finds the law of the uncertainty.
func (u *Uncertainty) prepare(future *Future) (interval.Law, error) {
	f, n := u.p.f, len(future.Time)
	u.yhat, u.trend = grow(u.yhat, n), grow(u.trend, n)
	if err := u.p.PredictTo(u.yhat, future); err != nil {
		return interval.Law{}, err
	}
	u.at, u.order = u.at[:0], u.order[:0]
	for i, t := range future.Time {
		ns, _ := wallClock(t)
		u.at, u.order = append(u.at, ns), append(u.order, i)
		u.trend[i] = u.p.trendOf(future, i, ns)
	}
	slices.SortStableFunc(u.order, func(a, b int) int { return cmp.Compare(u.at[a], u.at[b]) })
	end := u.p.start + int64(f.TScale)
	u.past, u.factors, u.ahead = 0, u.factors[:0], u.ahead[:0]
	for _, row := range u.order {
		if u.at[row] <= end {
			u.past++
			continue
		}
		_, multiplicative := u.p.terms(future, row, u.at[row])
		u.factors = append(u.factors, 1+multiplicative)
		u.ahead = append(u.ahead, float64(u.at[row]-end)/float64(f.TScale))
	}
	params := u.p.posterior()
	return interval.LawOf(posterior.Growth(f.Model.Growth), &params, u.step()), nil
}

// step is the scaled distance of future rows: their mean distance, for a single
// row that of the history.
func (u *Uncertainty) step() float64 {
	f, rows := u.p.f, u.order[u.past:]
	switch n := len(rows); n {
	case 0:
		return 0
	case 1:
		if h := len(f.History.Time); h > 1 {
			return 1 / float64(h-1)
		}
		// Without the history, the distance from its end.
		return float64(u.at[rows[0]]-u.p.start)/float64(f.TScale) - 1
	default:
		return float64(u.at[rows[n-1]]-u.at[rows[0]]) / float64(f.TScale) / float64(n-1)
	}
}

// posterior is the estimate as the solvers have it, sharing memory.
func (p *Predictor) posterior() posterior.Params {
	v := &p.f.Params
	return posterior.Params{K: v.K, M: v.M, Sigma: v.Sigma, Delta: v.Delta, Beta: v.Beta}
}

// normalQuantile is that of a normal variable with mean 0.
func normalQuantile(p, sigma float64) float64 {
	if sigma == 0 {
		return 0
	}
	return sigma * math.Sqrt2 * math.Erfinv(2*p-1)
}

func checkProbabilities(p []float64) {
	for _, v := range p {
		if !(v >= 0 && v <= 1) {
			panic("prophet: a probability is not within 0 and 1")
		}
	}
}

// grow returns a slice of length n, reusing the memory of s.
func grow(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}
