package ets

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Fitted is a model after the last period that it has seen. It implements
// forecast.Fitted.
type Fitted struct {
	form         Form
	p            theta
	level, slope float64
	season       []float64 // a ring; one zero where the form has no season
	at           int       // of the next period in the ring
	sigma        float64
	logLik, aicc float64
}

// State is everything that forecasts depend on, for storing a model and for
// setting one up by hand.
type State struct {
	Form                    Form
	Alpha, Beta, Gamma, Phi float64 // those that the form lacks are ignored
	Level, Slope            float64
	// Season begins with the next period; its length is the season length.
	Season []float64
	// Sigma is the standard deviation of the innovations.
	Sigma float64
}

// New sets up a model in a given state. The error is ErrParameter if the
// parameters are not forecastable or the season does not suit the form.
func New(s State) (*Fitted, error) {
	p := theta{s.Alpha, s.Beta, s.Gamma, s.Phi}
	for i, none := range noTheta() {
		if !s.Form.has(i) {
			p[i] = none
		}
		if !(p[i] >= 0 && p[i] <= 1) {
			return nil, ErrParameter
		}
	}
	f := &Fitted{form: s.Form, p: p, level: s.Level, sigma: s.Sigma, season: []float64{0}}
	if s.Form.trend() {
		f.slope = s.Slope
	}
	if s.Form.seasonal() {
		if len(s.Season) < 2 || len(s.Season) > maxSeason {
			return nil, ErrParameter
		}
		f.season = slices.Clone(s.Season)
		if s.Form.trend() && !forecastable(p, len(s.Season)) {
			return nil, ErrParameter
		}
	}
	f.logLik, f.aicc = math.NaN(), math.NaN()
	return f, nil
}

// State returns the present state.
func (f *Fitted) State() State {
	s := State{
		Form: f.form, Alpha: f.p[iAlpha], Beta: f.p[iBeta], Gamma: f.p[iGamma], Phi: f.p[iPhi],
		Level: f.level, Slope: f.slope, Sigma: f.sigma,
	}
	if f.form.seasonal() {
		s.Season = append(slices.Clone(f.season[f.at:]), f.season[:f.at]...)
	}
	return s
}

// Form is the form of the model.
func (f *Fitted) Form() Form { return f.form }

// LogLikelihood is the Gaussian log likelihood at the fit; NaN for a model that
// was set up by hand.
func (f *Fitted) LogLikelihood() float64 { return f.logLik }

// AICc is the corrected Akaike criterion of the fit; +Inf where there are too
// few observations for it, NaN for a model that was set up by hand.
func (f *Fitted) AICc() float64 { return f.aicc }

// Sigma is the standard deviation of the innovations: the square root of their
// sum of squares over n − k + 1, which counts every estimate but σ itself.
func (f *Fitted) Sigma() float64 { return f.sigma }

// Clone implements forecast.Fitted.
func (f *Fitted) Clone() forecast.Fitted {
	c := *f
	c.season = slices.Clone(f.season)
	return &c
}

// Append implements forecast.Fitted.
func (f *Fitted) Append(y []float64) {
	for _, v := range y {
		f.step(v, v == v)
	}
}

// step moves the state over one period.
func (f *Fitted) step(v float64, observed bool) {
	f.slope *= f.p[iPhi]
	f.level += f.slope
	if observed {
		e := v - f.level - f.season[f.at]
		f.level += f.p[iAlpha] * e
		f.slope += f.p[iBeta] * e
		f.season[f.at] += f.p[iGamma] * e
	}
	if f.at++; f.at == len(f.season) {
		f.at = 0
	}
}

// PredictTo implements forecast.Fitted.
func (f *Fitted) PredictTo(dst []float64) {
	l, b, at := f.level, f.slope, f.at
	for i := range dst {
		b *= f.p[iPhi]
		l += b
		dst[i] = l + f.season[at]
		if at++; at == len(f.season) {
			at = 0
		}
	}
}

// Parameters implements forecast.Fitted.
func (f *Fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	for _, q := range [nTheta]struct {
		name  string
		index int
	}{{"alpha", iAlpha}, {"gamma", iGamma}, {"beta", iBeta}, {"phi", iPhi}} {
		if f.form.has(q.index) {
			dst = append(dst, forecast.Parameter{Name: q.name, Value: f.p[q.index]})
		}
	}
	return dst
}

func (f *Fitted) finite() bool {
	sum := f.level + f.slope
	for _, v := range f.season {
		sum += math.Abs(v)
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}
