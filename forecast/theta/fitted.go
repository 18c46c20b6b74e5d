package theta

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Fitted is a Theta model after the last period that it has seen. It
// implements forecast.Fitted.
type Fitted struct {
	alpha, kappa, level0 float64
	dynamic              bool
	scale                float64 // everything below is in units of scale
	state                state
	season               season
	sse                  float64
	n                    int // observations of the fit
}

// state is what the recursion carries from period to period.
type state struct {
	level float64
	power float64 // (1−α)^periods
	a, b  float64 // the line, at time 1 for the first period
	fixed bool    // the line is not updated
	time  float64 // periods seen
	line  regression
}

// regression fits a line to points that come one after another, by Welford's
// updates, which do not cancel.
type regression struct{ n, time, y, stt, sty float64 }

func (r *regression) add(t, y float64) (a, b float64) {
	r.n++
	dt, dy := t-r.time, y-r.y
	r.time += dt / r.n
	r.y += dy / r.n
	r.stt += dt * (t - r.time)
	r.sty += dt * (y - r.y)
	if r.stt > 0 {
		b = r.sty / r.stt
	}
	return r.y - b*r.time, b
}

// mean is the forecast of the next period; the first one of a dynamic model is
// nobody's business, since it has no line yet.
func (f *Fitted) mean(s *state) float64 {
	q := 1 - f.alpha
	return s.level + f.kappa*(s.a*s.power+s.b*(1-s.power*q)/f.alpha)
}

// step moves the state over one deseasonalised period and returns its error,
// which is NaN if the period is missing.
func (f *Fitted) step(v float64) float64 {
	s := &f.state
	mean := f.mean(s)
	s.time++
	s.power *= 1 - f.alpha
	if v-v != 0 { // missing
		s.level += f.alpha * (mean - s.level)
		return math.NaN()
	}
	s.level += f.alpha * (v - s.level)
	if !s.fixed {
		s.a, s.b = s.line.add(s.time, v)
	}
	return v - mean
}

// Append implements forecast.Fitted. Infinities count as missing.
func (f *Fitted) Append(y []float64) {
	for _, v := range y {
		f.step(f.season.without(v / f.scale))
		f.season.advance()
	}
}

// PredictTo implements forecast.Fitted.
func (f *Fitted) PredictTo(dst []float64) {
	s, q, phase := f.state, 1-f.alpha, f.season.phase
	for i := range dst {
		mean := f.mean(&s)
		s.time++
		s.power *= q
		s.level += f.alpha * (mean - s.level)
		if !s.fixed {
			s.a, s.b = s.line.add(s.time, mean)
		}
		dst[i] = f.season.with(mean, phase) * f.scale
		phase = f.season.next(phase)
	}
}

// Clone implements forecast.Fitted.
func (f *Fitted) Clone() forecast.Fitted {
	c := *f
	c.season.index = slices.Clone(f.season.index)
	return &c
}

// Params are the parameters as Model.Filter takes them.
func (f *Fitted) Params() Params {
	return Params{Level: f.level0 * f.scale, Alpha: f.alpha, Theta: 1 / (1 - f.kappa)}
}

// Parameters implements forecast.Fitted: level, alpha, theta.
func (f *Fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	p := f.Params()
	return append(dst, forecast.Parameter{Name: "level", Value: p.Level},
		forecast.Parameter{Name: "alpha", Value: p.Alpha},
		forecast.Parameter{Name: "theta", Value: p.Theta})
}

// MSE is the mean squared one-step error of the fit after the third
// observation, of the deseasonalised series: the loss that Fit minimises. It
// does not change with Append.
func (f *Fitted) MSE() float64 {
	return f.sse / float64(f.n-skipped) * f.scale * f.scale
}

// Season returns the season indices by phase and whether they multiply; nil
// if the series has no significant season.
func (f *Fitted) Season() (index []float64, multiplicative bool) {
	index = slices.Clone(f.season.index)
	if !f.season.multiply {
		for p := range index {
			index[p] *= f.scale
		}
	}
	return index, f.season.multiply
}
