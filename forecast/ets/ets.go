// Package ets holds the exponential smoothing models with additive errors that
// suit retail demand: simple, damped trend, additive season, and both.
// Multiplicative components are left out on purpose: they divide by levels
// that zero sales make zero.
package ets

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Model is an exponential smoothing model in error correction form,
//
//	ŷ(t) = l + φb + s(t−m)          e = y(t) − ŷ(t)
//	l ← l + φb + αe,  b ← φb + βe,  s(t) ← s(t−m) + γe
//
// (Hyndman, Koehler, Ord and Snyder, 2008, "Forecasting with Exponential
// Smoothing", Springer, doi:10.1007/978-3-540-71918-2, table 2.2). The zero
// value is simple exponential smoothing. A missing period has e = 0. The
// parameters minimise the mean squared one-step error, which is the maximum of
// the likelihood up to the initial states; those are not searched but set from
// the data: the level and slope from the first seasons, the season from means
// over the whole history around a moving level.
type Model struct {
	Trend  bool // damped, φ in [0.80, 0.98]
	Season bool // needs two full seasons of observations
	// Alpha fixes the smoothing of the level; 0 = estimated.
	Alpha float64
	// Window limits the fit to the last periods; 0 = all.
	Window int
}

// Parameter bounds: the usual region of Hyndman et al., with a floor that
// keeps the level alive.
const (
	alphaLow, alphaHigh = 0.01, 0.99
	betaHigh            = 0.3
	phiLow, phiHigh     = 0.80, 0.98
)

// params are the numbers that Fit searches, in the order of the bounds.
type params struct{ alpha, gamma, beta, phi float64 }

// Fit implements forecast.Model.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	y, phase := s.Y, s.PhaseAt(0)
	if m.Window > 0 && len(y) > m.Window {
		phase = s.PhaseAt(len(y) - m.Window)
		y = y[len(y)-m.Window:]
	}
	season := 1
	if m.Season && s.Season > 1 {
		season = s.Season
	}
	if season == 1 {
		phase = 0
	}
	n := forecast.Observed(y)
	if n < 3 || m.Season && n < 2*season {
		return nil, forecast.ErrTooShort
	}
	f := &fitted{trend: m.Trend, seasonal: season > 1, season: make([]float64, season)}
	w := search{y: y, f: f, fixedAlpha: m.Alpha}
	w.start = f.initial(y, phase)
	w.seasonal0 = append([]float64(nil), f.season...)
	f.p = w.best()
	w.reset()
	w.f.filter(y)
	if math.IsNaN(f.level) || math.IsInf(f.level, 0) {
		return nil, forecast.ErrNotFinite
	}
	return f, nil
}

// fitted is the state after the last period.
type fitted struct {
	trend, seasonal bool
	p               params
	level, slope    float64
	season          []float64 // by phase
	phase           int       // of the next period
}

// Clone implements forecast.Fitted.
func (f *fitted) Clone() forecast.Fitted {
	c := *f
	c.season = slices.Clone(f.season)
	return &c
}

// Append implements forecast.Fitted.
func (f *fitted) Append(y []float64) { f.filter(y) }

// filter runs the recursion and returns the sum of squared one-step errors.
func (f *fitted) filter(y []float64) float64 {
	switch {
	case f.trend:
		return f.filterTrend(y)
	case f.seasonal:
		return f.filterSeason(y)
	}
	l, a, sse := f.level, f.p.alpha, 0.0
	for _, v := range y {
		if e := v - l; e == e {
			l += a * e
			sse += e * e
		}
	}
	f.level = l
	return sse
}

func (f *fitted) filterSeason(y []float64) float64 {
	l, a, g, sse := f.level, f.p.alpha, f.p.gamma, 0.0
	season, p := f.season, f.phase
	for _, v := range y {
		s := season[p]
		if e := v - l - s; e == e {
			l += a * e
			season[p] = s + g*e
			sse += e * e
		}
		if p++; p == len(season) {
			p = 0
		}
	}
	f.level, f.phase = l, p
	return sse
}

func (f *fitted) filterTrend(y []float64) float64 {
	l, b, sse := f.level, f.slope, 0.0
	a, be, g, phi := f.p.alpha, f.p.beta, f.p.gamma, f.p.phi
	season, p := f.season, f.phase
	for _, v := range y {
		b *= phi
		l += b
		s := season[p]
		if e := v - l - s; e == e {
			l += a * e
			b += be * e
			season[p] = s + g*e
			sse += e * e
		}
		if p++; p == len(season) {
			p = 0
		}
	}
	f.level, f.slope, f.phase = l, b, p
	return sse
}

// PredictTo implements forecast.Fitted.
func (f *fitted) PredictTo(dst []float64) {
	l, b, p := f.level, f.slope, f.phase
	for i := range dst {
		b *= f.p.phi
		l += b
		dst[i] = l + f.season[p]
		if p++; p == len(f.season) {
			p = 0
		}
	}
}

// Parameters implements forecast.Fitted.
func (f *fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	dst = append(dst, forecast.Parameter{Name: "alpha", Value: f.p.alpha})
	if f.seasonal {
		dst = append(dst, forecast.Parameter{Name: "gamma", Value: f.p.gamma})
	}
	if f.trend {
		dst = append(dst, forecast.Parameter{Name: "beta", Value: f.p.beta},
			forecast.Parameter{Name: "phi", Value: f.p.phi})
	}
	return dst
}
