// Package regress forecasts by a ridge regression of log demand on the season,
// yearly waves, a slow trend and known inputs, plus a level that follows the
// recent residuals. It is the model for demand that promotions, prices and the
// calendar move.
package regress

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Model is
//
//	log(y(t)/c + 1) = x(t)'β + l(t) + error,      l ← l + α(residual − l)
//
// with β from least squares whose weights halve every HalfLife and a ridge
// penalty per kind of column (Hoerl and Kennard, 1970, doi:10.1080/
// 00401706.1970.10488634). c is a tenth of the mean demand, so that the model
// is equivariant to scale. A flag acts in each phase of a weekly season on its
// own (a promotion on a Monday is not one on a Saturday). The mean is brought
// back from logs by the ratio of actual to fitted sums, not by a normal
// assumption. A missing period is left out. It needs 3 seasons, or 20
// observations.
type Model struct {
	// HalfLife of the weights in periods; 0 = 274, 104 or 48 for a season of
	// 7, 52 or 12.
	HalfLife float64
	// Blind ignores the known inputs.
	Blind bool
	// Start is the day of Y[0], counted from 1 January 1970; with daily data it
	// gives the days of the month an effect. 0 = not known.
	Start int
}

// maxKnown bounds the cost of one series: further inputs are not used.
const maxKnown = 12

// Ridge penalties in observations: about the number of recent ones that
// outweigh the assumption of no effect.
const (
	penaltySeason = 0.5
	penaltyWave   = 10.0
	penaltyTrend  = 40.0
	penaltyInput  = 0.5
	penaltyCross  = 2.0
	penaltyAround = 0.5
	penaltyDay    = 2.0
)

// Fit implements forecast.Model.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	n := forecast.Observed(s.Y)
	if n < max(20, min(3*s.Season, 78)) {
		return nil, forecast.ErrTooShort
	}
	d := newDesign(s, m)
	var mean float64
	for _, v := range s.Y {
		if v == v {
			mean += math.Max(v, 0)
		}
	}
	mean /= float64(n)
	if !(mean > 0) {
		return nil, forecast.ErrTooShort
	}
	f := &fitted{design: d, offset: 0.1 * mean}
	if !f.solve(s.Y) {
		return nil, forecast.ErrNotFinite
	}
	f.tune(s.Y)
	if !(f.smear > 0) || math.IsInf(f.smear, 0) || f.level != f.level {
		return nil, forecast.ErrNotFinite
	}
	return f, nil
}

type fitted struct {
	*design
	offset, smear float64
	beta          []float64
	alpha, level  float64
	t             int // next period
}

// solve estimates β by the normal equations.
func (f *fitted) solve(y []float64) bool {
	p := f.columns
	gram, rhs := make([]float64, p*p), make([]float64, p)
	decay := math.Exp2(-1 / f.halfLife)
	w := math.Exp2(-float64(len(y)-1) / f.halfLife)
	for t, v := range y {
		if v == v {
			idx, val := f.row(t)
			target := f.log(v)
			for i, a := range idx {
				wv := w * val[i]
				rhs[a] += wv * target
				g := gram[a*p : a*p+p]
				for j, b := range idx[:i+1] {
					g[b] += wv * val[j]
				}
			}
		}
		w /= decay
	}
	for j, l := range f.penalty {
		gram[j*p+j] += l
	}
	if !cholesky(gram, p) {
		return false
	}
	substitute(gram, rhs, p)
	f.beta = rhs
	return true
}

// log is the transformed demand.
func (f *fitted) log(y float64) float64 { return math.Log(math.Max(y, 0)/f.offset + 1) }

// linear is x(t)'β.
func (f *fitted) linear(t int) float64 {
	idx, val := f.row(t)
	var sum float64
	for i, a := range idx {
		sum += val[i] * f.beta[a]
	}
	return sum
}

// tune chooses α by one-step errors of log demand over the last two half-lives
// and sets level and smearing factor.
func (f *fitted) tune(y []float64) {
	from := max(0, len(y)-int(2*f.halfLife))
	res := make([]float64, len(y)-from)
	fit := make([]float64, len(y)-from)
	for i := range res {
		res[i] = math.NaN()
		if v := y[from+i]; v == v {
			fit[i] = f.linear(from + i)
			res[i] = f.log(v) - fit[i]
		}
	}
	least := math.Inf(1)
	ahead := f.ahead(res)
	for _, a := range [8]float64{0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35} {
		l, sse, actual, predicted := 0.0, 0.0, 0.0, 0.0
		for i, r := range res {
			if r != r {
				continue
			}
			e := r - l
			d := ahead[i] - l
			sse += d * d
			actual += math.Max(y[from+i], 0)/f.offset + 1
			predicted += math.Exp(fit[i] + l)
			l += a * e
		}
		if sse < least {
			least = sse
			f.alpha, f.level, f.smear = a, l, actual/predicted
		}
	}
	f.t = len(y)
}

// ahead is the mean of the next aheadSeasons seasons of residuals, itself
// included: what the level has to foretell.
func (f *fitted) ahead(res []float64) []float64 {
	m := aheadSeasons * max(1, min(f.series.Season, 13))
	out := make([]float64, len(res))
	sum, n := 0.0, 0
	for i := len(res) - 1; i >= 0; i-- {
		if r := res[i]; r == r {
			sum += r
			n++
		}
		if j := i + m; j < len(res) && res[j] == res[j] {
			sum -= res[j]
			n--
		}
		if n > 0 {
			out[i] = sum / float64(n)
		}
	}
	return out
}

const aheadSeasons = 2

// Clone implements forecast.Fitted; the design is shared but for its scratch row.
func (f *fitted) Clone() forecast.Fitted {
	c, d := *f, *f.design
	d.idx, d.val = slices.Clone(d.idx), slices.Clone(d.val)
	c.design = &d
	return &c
}

// Append implements forecast.Fitted.
func (f *fitted) Append(y []float64) {
	for _, v := range y {
		if v == v {
			r := f.log(v) - f.linear(f.t)
			f.level += f.alpha * (r - f.level)
		}
		f.t++
	}
}

// PredictTo implements forecast.Fitted.
func (f *fitted) PredictTo(dst []float64) {
	for i := range dst {
		v := f.smear*math.Exp(f.linear(f.t+i)+f.level) - 1
		dst[i] = math.Max(0, f.offset*v)
	}
}

// Parameters implements forecast.Fitted.
func (f *fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	return append(dst, forecast.Parameter{Name: "alpha", Value: f.alpha},
		forecast.Parameter{Name: "columns", Value: float64(f.columns)})
}
