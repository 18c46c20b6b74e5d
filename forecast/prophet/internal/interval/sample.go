package interval

import (
	"math"
	"math/rand/v2"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Trend is a fitted trend and its future, from which sample paths are drawn.
type Trend struct {
	Growth       posterior.Growth
	Params       *posterior.Params
	Changepoints []float64 // of the history, ascending
	T            []float64 // future scaled times, ascending, above 1
	Cap          []float64 // scaled carrying capacity at T, for logistic growth
	Law          Law       // of the changes to come
}

// StepsTo draws one path of the trend over T as Prophet's default sampler does:
// a change may happen at every step, and half of it counts in that step and
// half in the next. Prophet then shifts logistic paths so that their mean is
// the forecast, and takes the past changes on a grid; here the caller does the
// former, and the latter is exact.
func (f *Trend) StepsTo(dst []float64, r *rand.Rand) {
	posterior.TrendTo(dst, f.Growth, f.T, f.Cap, f.Changepoints, f.Params)
	if f.Growth == posterior.Flat {
		return
	}
	k, m := f.end()
	var before, slope, deviation float64
	for i := range dst {
		var s float64
		if r.Float64() < f.Law.Chance {
			s = laplace(r, f.Law.Lambda)
		}
		a := (before + s) / 2
		before = s
		if f.Growth == posterior.Logistic {
			if a != 0 {
				m += (f.T[i] - m) * (1 - k/(k+a))
				k += a
			}
			dst[i] = f.Cap[i] / (1 + math.Exp(-k*(f.T[i]-m)))
			continue
		}
		slope += a
		deviation += slope
		dst[i] += f.Law.Step * deviation
	}
}

// PoissonTo draws one path of the trend over T as Prophet's original sampler
// does (vectorized=False; Taylor and Letham, 2018, section 3.1.4): changes
// happen at the times of a Poisson process with as many per unit of time as the
// history has changepoints.
func (f *Trend) PoissonTo(dst []float64, r *rand.Rand) {
	if f.Growth == posterior.Flat {
		posterior.TrendTo(dst, f.Growth, f.T, f.Cap, f.Changepoints, f.Params)
		return
	}
	rate := float64(len(f.Changepoints))
	if f.Law.Chance == 0 {
		rate = 0
	}
	k, m := f.end()
	next := 1 + r.ExpFloat64()/rate // +Inf without changepoints
	for i, t := range f.T {
		for next <= t {
			s := laplace(r, f.Law.Lambda)
			if f.Growth == posterior.Logistic {
				m += (next - m) * (1 - k/(k+s))
			} else {
				m -= next * s
			}
			k += s
			next += r.ExpFloat64() / rate
		}
		if f.Growth == posterior.Logistic {
			dst[i] = f.Cap[i] / (1 + math.Exp(-k*(t-m)))
		} else {
			dst[i] = k*t + m
		}
	}
}

// end is rate and offset of the trend after the history.
func (f *Trend) end() (k, m float64) {
	k, m = f.Params.K, f.Params.M
	for j, s := range f.Changepoints {
		d := f.Params.Delta[j]
		if f.Growth == posterior.Logistic {
			m += (s - m) * (1 - k/(k+d))
		} else {
			m -= s * d
		}
		k += d
	}
	return k, m
}

// laplace draws from the Laplace distribution with mean 0.
func laplace(r *rand.Rand, scale float64) float64 {
	x := scale * r.ExpFloat64()
	if r.Uint64()&1 == 0 {
		return -x
	}
	return x
}
