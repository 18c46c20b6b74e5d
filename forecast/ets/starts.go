package ets

import (
	"math"
	"slices"
)

// grid holds the places from which the search may start: the likelihood has
// several local maxima, above all along its bounds (a level that stands still
// with a slope that learns, and the reverse). For each place only the sum of
// squares is computed, which is a small part of the cost of a step. The search
// then starts from the best places that no neighbour in the grid undercuts.
type grid struct {
	axis [nTheta][]float64
	sse  []float64
	low  []int // places that no neighbour undercuts, best first
}

// maxDescents bounds the searches per form.
const maxDescents = 3

// axes lays the grid for the form. For a seasonal form with a trend, hint are
// the parameters found without a trend, whose γ hardly changes.
func (g *grid) axes(f Form, hint theta) {
	for i := range g.axis {
		g.axis[i] = g.axis[i][:0]
	}
	add := func(i int, v ...float64) { g.axis[i] = append(g.axis[i], v...) }
	switch f {
	case ANN:
		add(iAlpha, rateLow, 0.003, 0.01, 0.03, 0.1, 0.3, 0.8)
	case AAN, AAdN:
		add(iAlpha, rateLow, 0.01, 0.05, 0.2, 0.5, 0.95)
		add(iBeta, rateLow, 0.0005, 0.002, 0.01, 0.05, 0.2)
	case ANA:
		add(iAlpha, rateLow, 0.005, 0.03, 0.1, 0.3, 0.7)
		add(iGamma, rateLow, 0.03, 0.2, 0.7)
	default:
		add(iAlpha, rateLow, 0.02)
		if hint[iAlpha] > 0.05 {
			add(iAlpha, hint[iAlpha]/2, hint[iAlpha])
		}
		add(iBeta, rateLow, 0.0005, 0.003, 0.015, 0.06)
		if hint[iGamma] > 0.003 {
			add(iGamma, rateLow, hint[iGamma])
		} else {
			add(iGamma, hint[iGamma], 0.03)
		}
	}
	if f.damped() {
		add(iPhi, phiLow, phiHigh)
	}
	for i, fallback := range noTheta() {
		if len(g.axis[i]) == 0 {
			add(i, fallback)
		}
	}
}

// noTheta are the values of parameters that a form does not have.
func noTheta() theta { return theta{0, 0, 0, 1} }

// place is the k-th place of the grid.
func (g *grid) place(k int) (p theta) {
	for i, axis := range g.axis {
		p[i] = axis[k%len(axis)]
		k /= len(axis)
	}
	return p
}

// explore fills g for the form at hand.
func (ws *Workspace) explore(g *grid) {
	size := 1
	for i, axis := range g.axis {
		if ws.fixed[i] > 0 && ws.form.has(i) {
			g.axis[i] = append(axis[:0], ws.fixed[i])
		}
		size *= len(g.axis[i])
	}
	g.sse, g.low = g.sse[:0], g.low[:0]
	for k := range size {
		p, sse := g.place(k), math.Inf(1)
		if ws.inRegion(p) {
			sse = ws.initialStates(p)
		}
		g.sse = append(g.sse, sse)
	}
	for k, sse := range g.sse {
		if !math.IsInf(sse, 1) && g.lowest(k) {
			g.low = append(g.low, k)
		}
	}
	slices.SortStableFunc(g.low, func(a, b int) int {
		switch {
		case g.sse[a] < g.sse[b]:
			return -1
		case g.sse[a] > g.sse[b]:
			return 1
		}
		return 0
	})
}

// lowest tells whether no neighbour of place k along an axis is below it.
func (g *grid) lowest(k int) bool {
	stride, rest := 1, k
	for _, axis := range g.axis {
		i := rest % len(axis)
		if i > 0 && g.sse[k-stride] < g.sse[k] || i+1 < len(axis) && g.sse[k+stride] <= g.sse[k] {
			return false
		}
		rest /= len(axis)
		stride *= len(axis)
	}
	return true
}

// fit searches the form and returns the best point; the initial states that
// belong to it are left in ws.x. hint is that of axes. A search is given up
// once it cannot be expected to fall below target (0 = never).
func (ws *Workspace) fit(f Form, hint theta, target float64) (best point) {
	ws.use(f)
	for i := range nTheta {
		ws.free[i] = f.has(i) && ws.fixed[i] == 0
	}
	g := &ws.grid
	g.axes(f, hint)
	ws.explore(g)
	best.sse = math.Inf(1)
	for d, k := range g.low {
		if d == maxDescents {
			break
		}
		pt := point{p: g.place(k)}
		ws.evaluate(&pt)
		ws.descend(&pt, target)
		if pt.sse < best.sse {
			best = pt
		}
		if target == 0 || best.sse < target {
			target = best.sse
		}
	}
	return best
}
