// Package profile forecasts a level times a season profile. The profile is
// multiplicative but taken from ratios of sums, so zero sales do no harm, and
// it is shrunk to a prior (that of similar series), so a short or sparse
// series borrows the shape that it cannot show itself.
package profile

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Model is level times profile,
//
//	ŷ(t) = l·c(t)      l ← l + α·c(t)·(y(t) − ŷ(t)) / mean(c²)
//
// with the profile c constant and of mean 1. The level step is the gradient of
// the squared error: phases with little demand move the level little.
type Model struct {
	// Prior is the profile to shrink to, one value per phase, mean 1; nil = flat.
	Prior []float64
	// Strength is the weight of the prior, in seasons of observations; 0 = 4.
	Strength float64
	// Window replaces the smoothed level by the mean of the last Window
	// observations, each divided by its profile (as ratio of sums); 0 = α is
	// estimated by least squares on a grid.
	Window int
}

// Fit implements forecast.Model.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	n := forecast.Observed(s.Y)
	if n < 3 {
		return nil, forecast.ErrTooShort
	}
	f := &fitted{c: make([]float64, max(1, s.Season)), window: m.Window}
	m.estimate(f.c, s)
	for _, c := range f.c {
		f.meanSq += c * c
	}
	f.meanSq /= float64(len(f.c))
	start := f.firstLevel(s)
	if m.Window > 0 {
		f.phase = s.PhaseAt(0)
		f.ring = make([]pair, m.Window)
		f.Append(s.Y)
		return f, nil
	}
	best, least := 0.0, math.Inf(1)
	for _, a := range alphas() {
		f.level, f.alpha, f.phase = start, a, s.PhaseAt(0)
		if sse := f.filter(s.Y); sse < least {
			best, least = a, sse
		}
	}
	if math.IsInf(least, 1) {
		return nil, forecast.ErrNotFinite
	}
	f.level, f.alpha, f.phase = start, best, s.PhaseAt(0)
	f.filter(s.Y)
	return f, nil
}

// alphas is the grid of the level's smoothing: about equal steps in the
// logarithm of the memory, which is as fine as one series can tell.
func alphas() [9]float64 {
	return [9]float64{0.01, 0.02, 0.035, 0.06, 0.1, 0.16, 0.25, 0.4, 0.65}
}

// estimate fills c with the shrunk profile of s.
func (m Model) estimate(c []float64, s forecast.Series) {
	season := len(c)
	if m.Prior != nil && len(m.Prior) != season {
		panic("profile: prior of another season length")
	}
	prior := func(p int) float64 {
		if m.Prior == nil {
			return 1
		}
		return m.Prior[p]
	}
	if season == 1 {
		c[0] = 1
		return
	}
	demand, exposure := make([]float64, season), make([]float64, season)
	Sums(demand, exposure, s)
	strength := m.Strength
	if strength == 0 {
		strength = 4
	}
	var total float64
	for _, e := range exposure {
		total += e
	}
	k := strength
	if periods := float64(forecast.Observed(s.Y)); periods > 0 {
		k *= total / periods // the prior's seasons, in units of exposure
	}
	var mean float64
	for p := range c {
		if d := exposure[p] + k; d > 0 {
			c[p] = (demand[p] + k*prior(p)) / d
		} else {
			c[p] = prior(p)
		}
		mean += c[p]
	}
	mean /= float64(season)
	for p := range c {
		if c[p] /= mean; !(mean > 0) {
			c[p] = 1
		}
	}
}

// Sums adds, for each season phase, the demand of s and the demand that a flat
// profile would have had: the mean of the surrounding season, centred. Their
// ratio is the profile. Only periods with a full season around them count, so
// a trend does not tilt it.
func Sums(demand, exposure []float64, s forecast.Series) {
	m, y := len(demand), s.Y
	half := m / 2
	if len(y) < m+1 {
		return
	}
	var sum float64
	n, p := 0, s.PhaseAt(0)
	lo, hi := 0, 0 // the window is y[lo:hi]
	for t := range y {
		for hi <= t+half && hi < len(y) {
			if v := y[hi]; v == v {
				sum += v
				n++
			}
			hi++
		}
		for lo < t-(m-1-half) {
			if v := y[lo]; v == v {
				sum -= v
				n--
			}
			lo++
		}
		if v := y[t]; v == v && t+half < len(y) && t >= m-1-half && n > 0 {
			demand[p] += v
			exposure[p] += math.Max(sum, 0) / float64(n)
		}
		if p++; p == m {
			p = 0
		}
	}
}

type fitted struct {
	c             []float64
	meanSq        float64
	alpha, level  float64
	phase, window int
	ring          []pair
	n             int
}

type pair struct{ y, c float64 }

// firstLevel is the level of the first observations.
func (f *fitted) firstLevel(s forecast.Series) float64 {
	var y, c float64
	n, p := 0, s.PhaseAt(0)
	for _, v := range s.Y {
		if v == v {
			y += v
			c += f.c[p]
			n++
		}
		if p++; p == len(f.c) {
			p = 0
		}
		if n >= max(len(f.c)/2, 8) {
			break
		}
	}
	if !(c > 0) {
		return 0
	}
	return y / c
}

func (f *fitted) filter(y []float64) float64 {
	l, p, sse, a := f.level, f.phase, 0.0, f.alpha/f.meanSq
	for _, v := range y {
		c := f.c[p]
		if e := v - l*c; e == e {
			l += a * c * e
			sse += e * e
		}
		if p++; p == len(f.c) {
			p = 0
		}
	}
	f.level, f.phase = l, p
	return sse
}

// Clone implements forecast.Fitted.
func (f *fitted) Clone() forecast.Fitted {
	c := *f
	c.ring = slices.Clone(f.ring)
	return &c
}

// Append implements forecast.Fitted.
func (f *fitted) Append(y []float64) {
	if f.window == 0 {
		f.filter(y)
		return
	}
	for _, v := range y {
		if v == v {
			f.ring[f.n%f.window] = pair{v, f.c[f.phase]}
			f.n++
		}
		if f.phase++; f.phase == len(f.c) {
			f.phase = 0
		}
	}
	var sy, sc float64
	for _, r := range f.ring[:min(f.n, f.window)] {
		sy += r.y
		sc += r.c
	}
	if f.level = 0; sc > 0 {
		f.level = sy / sc
	}
}

// PredictTo implements forecast.Fitted.
func (f *fitted) PredictTo(dst []float64) {
	p := f.phase
	for i := range dst {
		dst[i] = f.level * f.c[p]
		if p++; p == len(f.c) {
			p = 0
		}
	}
}

// Parameters implements forecast.Fitted.
func (f *fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	if f.window > 0 {
		return dst
	}
	return append(dst, forecast.Parameter{Name: "alpha", Value: f.alpha})
}
