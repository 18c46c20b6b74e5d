package series

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
)

// Fitted is Prophet after the last period that it has seen. It implements
// forecast.Fitted.
type Fitted struct {
	model       Model
	fit         *prophet.Fitted
	first, last int // observed periods of the fit
	length      int // periods of the fit

	// Trend after the last changepoint: offset + rate·(t − first)/(last − first),
	// in units of demand as all below.
	offset, rate float64
	multiply     bool
	waves        []wave
	inputs       []input

	alpha, level float64
	t            int // next period
}

// wave is a seasonality.
type wave struct {
	period float64   // in periods
	beta   []float64 // sin 1, cos 1, sin 2, …
}

// take copies what forecasts need, of a fit with steps of so many days.
func (f *Fitted) take(p *prophet.Fitted, stepDays float64) {
	f.fit, f.multiply, f.t = p, f.model.Mode == prophet.Multiplicative, f.length
	v := &p.Params
	k, m := v.K, v.M
	for j, s := range p.ChangepointT {
		k += v.Delta[j]
		m -= s * v.Delta[j]
	}
	if f.model.Growth == prophet.Flat {
		k, m = 0, v.M
	}
	f.offset, f.rate = m*p.YScale, k*p.YScale
	unit := p.YScale
	if f.multiply {
		unit = 1
	}
	beta := make([]float64, len(v.Beta))
	for i, b := range v.Beta {
		beta[i] = b * unit
	}
	// What the fallbacks of package prophet have left out is not there.
	for _, w := range p.Seasonalities {
		f.waves = append(f.waves, wave{period: w.Period / stepDays, beta: beta[:2*w.Order]})
		beta = beta[2*w.Order:]
	}
	kept := f.inputs[:0]
	for _, in := range f.inputs {
		for k := range p.Regressors {
			if r := &p.Regressors[k]; r.Name == in.name {
				in.mean, in.sd, in.beta = r.Mean, r.SD, beta[k]
				kept = append(kept, in)
			}
		}
	}
	f.inputs = kept
}

// at is the seasonality in period t; the multiples of its angle follow by the
// addition theorem.
func (w *wave) at(t int) float64 {
	s1, c1 := math.Sincos(2 * math.Pi * float64(t) / w.period)
	s, c := s1, c1
	var sum float64
	for i := 0; i+1 < len(w.beta); i += 2 {
		sum += s*w.beta[i] + c*w.beta[i+1]
		s, c = s*c1+c*s1, c*c1-s*s1
	}
	return sum
}

// trend is g in a period after the last changepoint.
func (f *Fitted) trend(t int) float64 {
	return f.offset + f.rate*float64(t-f.first)/float64(f.last-f.first)
}

// mean is ŷ in a period after the last changepoint.
func (f *Fitted) mean(t int) float64 { return f.join(f.trend(t), t) }

// join adds the effects of period t to the trend.
func (f *Fitted) join(trend float64, t int) float64 {
	var effects float64
	for i := range f.waves {
		effects += f.waves[i].at(t)
	}
	for i := range f.inputs {
		effects += f.inputs[i].at(t, f.length)
	}
	if f.multiply {
		return trend * (1 + effects)
	}
	return trend + effects
}

// residuals of the fit; NaN where demand is missing.
func (f *Fitted) residuals(y []float64) []float64 {
	p, v := f.fit, &f.fit.Params
	k, m, j := v.K, v.M, 0
	out := make([]float64, len(y))
	for t := range y {
		out[t] = math.NaN()
		if y[t] != y[t] {
			continue
		}
		at := float64(t-f.first) / float64(f.last-f.first)
		trend := m
		if f.model.Growth != prophet.Flat {
			for ; j < len(p.ChangepointT) && p.ChangepointT[j] <= at; j++ {
				k += v.Delta[j]
				m -= p.ChangepointT[j] * v.Delta[j]
			}
			trend = k*at + m
		}
		out[t] = y[t] - f.join(trend*p.YScale, t)
	}
	return out
}

// tune filters the level through the history and chooses α.
func (f *Fitted) tune(s forecast.Series) {
	residuals := f.residuals(s.Y)
	ahead := meanAhead(residuals, aheadSeasons*max(1, min(s.Season, 13)))
	from, least := f.length/2, math.Inf(1)
	for _, a := range [...]float64{0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35} {
		level, sse := 0.0, 0.0
		for t, r := range residuals {
			if r != r {
				continue
			}
			if t >= from {
				d := (ahead[t] - level) / f.fit.YScale // no overflow of squares
				sse += d * d
			}
			level += a * (r - level)
		}
		if sse < least {
			least, f.alpha, f.level = sse, a, level
		}
	}
}

const aheadSeasons = 2

// meanAhead is the mean of the next n residuals, itself included: what the level
// has to foretell.
func meanAhead(residuals []float64, n int) []float64 {
	out := make([]float64, len(residuals))
	sum, count := 0.0, 0
	for i := len(residuals) - 1; i >= 0; i-- {
		if r := residuals[i]; r == r {
			sum += r
			count++
		}
		if j := i + n; j < len(residuals) && residuals[j] == residuals[j] {
			sum -= residuals[j]
			count--
		}
		if count > 0 {
			out[i] = sum / float64(count)
		}
	}
	return out
}

// Append implements forecast.Fitted: time and level move on. Infinities count as
// missing.
func (f *Fitted) Append(y []float64) {
	for _, v := range y {
		if v-v == 0 && f.alpha > 0 {
			if l := f.level + f.alpha*(v-f.mean(f.t)-f.level); l-l == 0 {
				f.level = l
			}
		}
		f.t++
	}
}

// PredictTo implements forecast.Fitted.
func (f *Fitted) PredictTo(dst []float64) {
	for i := range dst {
		dst[i] = math.Max(0, f.mean(f.t+i)+f.level)
	}
}

// Clone implements forecast.Fitted. What the fit has found is shared; it does
// not change.
func (f *Fitted) Clone() forecast.Fitted {
	c := *f
	return &c
}

// Prophet is the fit itself, with period t at t steps after 1970 (steps of a
// day, seven days, or a twelfth of 365.25 days): for components, diagnostics,
// and intervals. It must not be changed.
func (f *Fitted) Prophet() *prophet.Fitted { return f.fit }

// Parameters implements forecast.Fitted: the trend at the next period and its
// rate per period, the standard deviation of the noise (all in units of demand),
// the number of changes of the rate, α and the number of effects.
func (f *Fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	changes := 0
	for _, d := range f.fit.Params.Delta {
		if d != 0 {
			changes++
		}
	}
	return append(dst,
		forecast.Parameter{Name: "trend", Value: f.trend(f.t)},
		forecast.Parameter{Name: "rate", Value: f.rate / float64(f.last-f.first)},
		forecast.Parameter{Name: "sigma", Value: f.fit.Params.Sigma * f.fit.YScale},
		forecast.Parameter{Name: "changes", Value: float64(changes)},
		forecast.Parameter{Name: "alpha", Value: f.alpha},
		forecast.Parameter{Name: "effects", Value: float64(len(f.fit.Columns))})
}
