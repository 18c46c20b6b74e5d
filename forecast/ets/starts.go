package ets

import (
	"cmp"
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
	low  []int // places to start from, best first
}

const (
	maxDescents = 8  // searches per form
	nearby      = 12 // nats
)

// axes lays the grid, in the coordinates of the region. For a seasonal form
// with a trend, hint are those found without one, whose γ hardly changes; a
// brief grid leaves it there.
func (g *grid) axes(f Form, region Region, hint theta, brief bool) {
	for i := range g.axis {
		g.axis[i] = g.axis[i][:0]
	}
	add := func(i int, v ...float64) { g.axis[i] = append(g.axis[i], v...) }
	switch f {
	case ANN:
		add(iAlpha, rateLow, 0.003, 0.01, 0.03, 0.1, 0.3, 0.8)
	case AAN, AAdN:
		add(iAlpha, rateLow, 0.003, 0.015, 0.06, 0.2, 0.5, 0.95)
		if region == Wide {
			add(iBeta, rateLow, 0.0005, 0.002, 0.01, 0.03, 0.1, 0.3)
		} else {
			add(iBeta, rateLow, 0.01, 0.06, 0.25, 0.6, rateHigh)
		}
	case ANA:
		add(iAlpha, rateLow, 0.005, 0.03, 0.1, 0.3, 0.6, 0.95)
		add(iGamma, rateLow, 0.03, 0.2, 0.95)
	default:
		add(iAlpha, rateLow, 0.003, 0.015)
		if hint[iAlpha] > 0.03 {
			add(iAlpha, hint[iAlpha]/2, 0.9*hint[iAlpha])
		}
		if region == Wide {
			add(iBeta, rateLow, 0.0005, 0.003, 0.015, 0.06)
		} else {
			add(iBeta, rateLow, 0.05, 0.25, rateHigh)
		}
		add(iGamma, hint[iGamma])
		if !brief {
			if hint[iGamma] > 0.003 {
				add(iGamma, rateLow)
			} else {
				add(iGamma, 0.1)
			}
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
func (g *grid) place(k int) (u theta) {
	for i, axis := range g.axis {
		u[i] = axis[k%len(axis)]
		k /= len(axis)
	}
	return u
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
		u, sse := g.place(k), math.Inf(1)
		if ws.inRegion(u) {
			sse = ws.initialStates(ws.natural(u))
		}
		g.sse = append(g.sse, sse)
	}
	g.choose(window(float64(ws.observed)))
}

// window is the ratio of sums of squares that is nearby nats of likelihood.
func window(n float64) float64 { return math.Exp(2 * nearby / n) }

// choose takes the best place and, from every slice of the grid (one axis held
// at one value), the best one, unless it lies so much higher that no search
// has been seen to make it up.
func (g *grid) choose(ratio float64) {
	stride := 1
	for _, axis := range g.axis {
		for v := range axis {
			best := -1
			for k, sse := range g.sse {
				if k/stride%len(axis) == v && (best < 0 || sse < g.sse[best]) {
					best = k
				}
			}
			if !slices.Contains(g.low, best) {
				g.low = append(g.low, best)
			}
		}
		stride *= len(axis)
	}
	for k := range g.sse {
		if g.lowest(k) && !slices.Contains(g.low, k) {
			g.low = append(g.low, k)
		}
	}
	slices.SortStableFunc(g.low, func(a, b int) int { return cmp.Compare(g.sse[a], g.sse[b]) })
	keep := len(g.low)
	for i, k := range g.low {
		if math.IsInf(g.sse[k], 1) || g.sse[k] > ratio*g.sse[g.low[0]] {
			keep = i
			break
		}
	}
	g.low = g.low[:keep]
}

// lowest tells whether no neighbour of place k along an axis is below it.
func (g *grid) lowest(k int) bool {
	stride := 1
	for _, axis := range g.axis {
		i := k / stride % len(axis)
		if i > 0 && g.sse[k-stride] < g.sse[k] || i+1 < len(axis) && g.sse[k+stride] < g.sse[k] {
			return false
		}
		stride *= len(axis)
	}
	return true
}

// With gaps the columns of X differ and a step costs several times as much.
// Such a series, if not short, is searched in two stages: all starts on its
// last rehearsal periods with the gaps filled, then, on the whole as it is,
// from the best ends found there and from what probing adds.
const (
	rehearsal              = 400
	finalists              = 3
	maxProbes, probeNearby = 3, 3
)

// fit searches the form and returns the best point. hint is that of axes. A
// search is given up once it cannot be expected to fall below target (0 =
// never); the point is then not a minimum.
func (ws *Workspace) fit(f Form, hint theta, target float64) (best point) {
	ws.use(f)
	for i := range nTheta {
		ws.free[i] = f.has(i) && ws.fixed[i] == 0
	}
	best.sse = math.Inf(1)
	if ws.region == Wide && f.trend() && ws.fixed == (theta{}) {
		ws.region = Usual
		best = ws.fit(f, hint, target)
		best.u = ws.natural(best.u)
		ws.region = Wide
		for i := range nTheta {
			if low, high := ws.bounds(i); f.has(i) {
				best.u[i] = math.Max(low, math.Min(high, best.u[i]))
			}
		}
		ws.descendFrom(best.u, &best, target)
	}
	ws.grid.axes(f, ws.region, hint, ws.brief)
	y, w, complete := ws.y, ws.w, ws.complete
	from := max(len(y)-rehearsal, 0)
	if complete || len(y) < 3*rehearsal/4 || 2*ws.observed < len(y) {
		ws.descendAll(&best, target)
		return best
	}
	ws.y, ws.w, ws.complete = ws.filled[from:], ws.ones[from:], true
	ends := ws.descendAll(&point{sse: math.Inf(1)}, 0)
	ws.y, ws.w, ws.complete = y, w, complete
	for _, u := range ends {
		ws.descendFrom(u, &best, target)
	}
	for range maxProbes {
		if !ws.probe(&best, target) {
			break
		}
	}
	return best
}

// probe tries other values of each parameter in turn, the rest as in best, and
// searches from the best of them where it is not far above; it tells whether
// that improved best.
func (ws *Workspace) probe(best *point, target float64) bool {
	limit := best.sse * math.Exp(2*probeNearby/float64(ws.observed))
	improved := false
	for i, free := range ws.free {
		if !free {
			continue
		}
		start, sse := best.u, limit
		for _, v := range probes(i) {
			u := best.u
			u[i] = v
			if math.Abs(v-best.u[i]) < 0.3*v && i != iPhi || !ws.inRegion(u) {
				continue
			}
			if s := ws.initialStates(ws.natural(u)); s < sse {
				start, sse = u, s
			}
		}
		if start != best.u && ws.descendFrom(start, best, target) {
			improved = true
		}
	}
	return improved
}

func probes(i int) [4]float64 {
	switch i {
	case iAlpha:
		return [4]float64{rateLow, 0.02, 0.15, 0.7}
	case iBeta:
		return [4]float64{rateLow, 0.06, 0.4, rateHigh}
	case iGamma:
		return [4]float64{rateLow, 0.04, 0.3, rateHigh}
	}
	return [4]float64{phiLow, 0.88, 0.94, phiHigh}
}

// descendAll searches from the chosen places of the grid and returns the best
// ends, the very best first.
func (ws *Workspace) descendAll(best *point, target float64) (ends []theta) {
	g := &ws.grid
	ws.explore(g)
	ws.ends = ws.ends[:0]
	for _, k := range g.low[:min(len(g.low), maxDescents)] {
		if ws.descendFrom(g.place(k), best, target) {
			ws.ends = slices.Insert(ws.ends, 0, best.u)
		}
	}
	return ws.ends[:min(len(ws.ends), finalists)]
}

// descendFrom searches from u and tells whether that improved best. Falling
// below what is known is a target, too.
func (ws *Workspace) descendFrom(u theta, best *point, target float64) bool {
	if target == 0 || best.sse < target {
		target = best.sse
	}
	if math.IsInf(target, 1) {
		target = 0
	}
	pt := point{u: u}
	ws.evaluate(&pt)
	ws.descend(&pt, target, *best)
	if !(pt.sse < best.sse) {
		return false
	}
	*best = pt
	return true
}
