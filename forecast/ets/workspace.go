package ets

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Workspace is the memory of a fit. The zero value is ready; one that is kept
// between fits spares their garbage. It belongs to one goroutine.
type Workspace struct {
	form   Form // of the fit at hand
	m      int  // season length, 1 without season
	free   [nTheta]bool
	region Region
	fixed  theta // parameters that are given, 0 = estimated
	brief  bool  // grids
	grid   grid
	ends   []theta // of searches, the best first

	// The series, centred and scaled: shift and scale change neither the
	// parameters nor the steps of the search.
	y, w         []float64 // w = 0 where missing, else 1
	filled, ones []float64 // y without gaps, to search for starts
	shift, scale float64
	observed     int
	complete     bool
	sumSquares   float64 // of y
	floor        float64 // sum of squares that counts as none
	season       int     // of the series

	r, c, b, e, slope []float64
	j                 [nTheta][]float64 // derivatives of e
	s                 [3][]float64      // seasons, n+m long
	cols              [][]float64       // of the seasons, where there are gaps

	// Least squares for the initial states: Gram matrix, then its factor.
	gram, rhs, diag, x, lag []float64
	dropped                 []bool
	cross                   [nTheta][]float64 // L⁻¹X'J
}

// load takes over the last window periods of s. Leading gaps are dropped.
func (ws *Workspace) load(s forecast.Series, window int) error {
	from := 0
	if window > 0 && len(s.Y) > window {
		from = len(s.Y) - window
	}
	for from < len(s.Y) && math.IsNaN(s.Y[from]) {
		from++
	}
	y := s.Y[from:]
	ws.season = max(s.Season, 1)
	ws.y, ws.w = resize(ws.y, len(y)), resize(ws.w, len(y))
	ws.observed, ws.scale, ws.shift, ws.sumSquares = 0, 0, 0, 0
	for _, v := range y {
		if v == v {
			ws.observed++
			ws.scale = math.Max(ws.scale, math.Abs(v))
		}
	}
	ws.complete = ws.observed == len(y)
	switch {
	case ws.observed == 0:
		return forecast.ErrTooShort
	case math.IsInf(ws.scale, 0):
		return forecast.ErrNotFinite
	}
	if ws.scale == 0 {
		ws.scale = 1
	}
	for t, v := range y {
		ws.y[t], ws.w[t] = 0, 0
		if v == v {
			ws.y[t], ws.w[t] = v/ws.scale, 1
			ws.shift += ws.y[t]
		}
	}
	ws.shift /= float64(ws.observed)
	for t, w := range ws.w {
		ws.y[t] = (ws.y[t] - ws.shift) * w
		ws.sumSquares += ws.y[t] * ws.y[t]
	}
	if !ws.complete {
		ws.fill()
	}
	ws.floor = exact*exact*float64(ws.observed) + perfect*ws.sumSquares
	return nil
}

// fill writes y with its gaps filled by a filter with fixed parameters.
func (ws *Workspace) fill() {
	const alpha, gamma = 0.1, 0.1
	n, m := len(ws.y), min(ws.season, maxSeason)
	ws.filled, ws.ones = resize(ws.filled, n), resize(ws.ones, n)
	var season [maxSeason]float64
	level := ws.y[0]
	for t, v := range ws.y {
		s := &season[t%m]
		if ws.w[t] > 0 {
			e := v - level - *s
			level += alpha * e
			*s += gamma * e
		} else {
			v = level + *s
		}
		ws.filled[t], ws.ones[t] = v, 1
	}
}

// resize returns a slice of length n, the old one if it is long enough.
func resize(s []float64, n int) []float64 { return slices.Grow(s[:0], n)[:n] }

// use prepares the buffers for a form.
func (ws *Workspace) use(f Form) {
	ws.form, ws.m = f, 1
	if f.seasonal() {
		ws.m = ws.season
	}
	n, m := len(ws.y), ws.m
	for _, v := range []*[]float64{&ws.r, &ws.c, &ws.b, &ws.e, &ws.slope, &ws.j[0], &ws.j[1], &ws.j[2], &ws.j[3]} {
		*v = resize(*v, n)
	}
	for i := range ws.s {
		ws.s[i] = resize(ws.s[i], n+m)
	}
	p := ws.states()
	ws.gram = resize(ws.gram, p*p)
	for _, v := range []*[]float64{&ws.rhs, &ws.diag, &ws.x, &ws.lag} {
		*v = resize(*v, p)
	}
	for i := range ws.cross {
		ws.cross[i] = resize(ws.cross[i], p)
	}
	ws.dropped = slices.Grow(ws.dropped[:0], p)[:p]
	if m > 1 && !ws.complete {
		for len(ws.cols) < m {
			ws.cols = append(ws.cols, nil)
		}
		for i := range ws.cols[:m] {
			ws.cols[i] = resize(ws.cols[i], n)
		}
	}
}

// states is the number of initial states that are estimated. The level of a
// seasonal form is carried by its season until the end of the fit.
func (ws *Workspace) states() int {
	if ws.form.trend() {
		return ws.m + 1
	}
	return ws.m
}
