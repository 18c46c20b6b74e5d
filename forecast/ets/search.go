package ets

import "math"

// point is a place of the search: half the sum of squares is the objective,
// h the Gauss–Newton matrix and g the gradient in the coordinates u of the
// region, with the initial states projected out.
type point struct {
	u   theta
	sse float64
	g   theta
	h   [nTheta]theta
}

// Settings of the search. A step is worth taking while it promises more than
// tolerance of the sum of squares; n/2 times that is nats of likelihood.
const (
	maxSteps  = 60
	tolerance = 1e-9
	// trust is how many times the promised decrease a step may bring.
	trust = 16
	// A fit is exact below this share of the variance, or where its errors
	// are rounding errors of the largest value.
	perfect, exact = 1e-24, 1e-15
)

// evaluate computes pt at pt.u.

func (ws *Workspace) evaluate(pt *point) {
	p := ws.natural(pt.u)
	ws.initialStates(p)
	pt.sse = ws.innovations(p)
	pt.g, pt.h = theta{}, [nTheta]theta{}
	n, k := len(ws.y), ws.states()
	var active [nTheta]int
	count := 0
	for i, free := range ws.free {
		if free {
			active[count] = i
			count++
		}
	}
	for a := 0; a < count; a += 2 {
		i := active[a]
		i2 := i // an odd one out is computed twice
		spare := ws.r
		if a+1 < count {
			i2 = active[a+1]
			spare = ws.j[i2]
		}
		ws.derivatives(p, ws.j[i], spare, driven(i), driven(i2))
	}
	e := ws.e[:n]
	for a := range count {
		i := active[a]
		col := ws.j[i][:n]
		pt.g[i] = dot(col, e)
		ws.project(ws.cross[i], col)
		ws.forward(ws.cross[i][:k])
		for b := range a + 1 {
			l := active[b]
			h := dot(col, ws.j[l][:n]) - dot(ws.cross[i][:k], ws.cross[l][:k])
			pt.h[i][l], pt.h[l][i] = h, h
		}
	}
	ws.chain(pt)
}

// descend improves pt until no step promises anything. The Gauss–Newton matrix
// is corrected by symmetric rank one updates from the gradients seen on the
// way (as in Dennis, Gay and Welsch 1981, doi:10.1145/355958.355965): a form
// that does not suit the series leaves correlated innovations, and what the
// matrix leaves out then matters.
func (ws *Workspace) descend(pt *point, target float64, known point) {
	lambda := 1e-3
	var extra [nTheta]theta
	for range maxSteps {
		if !(pt.sse > ws.floor) || lambda > 1e8 {
			return
		}
		next, gain, ok := ws.step(pt, &extra, lambda)
		switch {
		case !ok && extra == ([nTheta]theta{}):
			lambda = math.Max(10*lambda, 1e-6)
			continue
		case !ok:
			extra = [nTheta]theta{}
			continue
		case gain <= 0.5*tolerance*pt.sse:
			if lambda > 1e-2 || extra == ([nTheta]theta{}) {
				return
			}
			extra = [nTheta]theta{}
			continue
		}
		if known.near(&next) {
			return
		}
		if lambda < 1 && pt.sse-trust*2*gain > target && target > 0 {
			return
		}
		ws.retreat(&next.u)
		ws.evaluate(&next)
		if next.sse < pt.sse {
			if pt.sse-next.sse > gain { // half of the promise was kept
				lambda = math.Max(lambda/10, 1e-9)
			}
			correct(&extra, pt, &next)
			*pt = next
			continue
		}
		lambda *= 10
	}
}

// near tells whether b is so close to a, where another search has ended, that
// it would end there as well.
func (a *point) near(b *point) bool {
	for i := range nTheta {
		if math.Abs(a.u[i]-b.u[i]) > 1e-4+0.03*a.u[i] {
			return false
		}
	}
	return a.sse > 0
}

// correct updates extra so that h + extra maps the step from a to b to the
// change of the gradient.
func correct(extra *[nTheta]theta, a, b *point) {
	var r theta
	var rs, rr, ss float64
	for i := range nTheta {
		r[i] = b.g[i] - a.g[i]
		for l := range nTheta {
			r[i] -= (b.h[i][l] + extra[i][l]) * (b.u[l] - a.u[l])
		}
		s := b.u[i] - a.u[i]
		rs, rr, ss = rs+r[i]*s, rr+r[i]*r[i], ss+s*s
	}
	if math.Abs(rs) <= 1e-6*math.Sqrt(rr*ss) {
		return
	}
	for i := range nTheta {
		for l := range nTheta {
			extra[i][l] += r[i] * r[l] / rs
		}
	}
}

// step returns the place with a small value of the damped model within the
// bounds, and the decrease of half the sum of squares that the model promises
// there: it walks towards the minimum until a bound stops a parameter, solves
// again for the others, and so on. ok is false if the model is not convex.
func (ws *Workspace) step(pt *point, extra *[nTheta]theta, lambda float64) (next point, gain float64, ok bool) {
	h := pt.h
	for i := range nTheta {
		for l := range nTheta {
			h[i][l] += extra[i][l]
		}
		h[i][i] += lambda * pt.h[i][i]
	}
	var index [nTheta]int
	moving := index[:0]
	for i, free := range ws.free {
		low, high := ws.bounds(i)
		if free && !(pt.u[i] <= low && pt.g[i] >= 0) && !(pt.u[i] >= high && pt.g[i] <= 0) && pt.h[i][i] > 0 {
			moving = append(moving, i)
		}
	}
	next.u = pt.u
	g := pt.g // of the model, at next
	for len(moving) > 0 {
		d, ok := solve(&h, &g, moving)
		if !ok {
			return next, 0, false
		}
		share, stop := 1.0, -1
		for a, i := range moving {
			low, high := ws.bounds(i)
			edge := high
			if d[a] < 0 {
				edge = low
			}
			if room := (edge - next.u[i]) / d[a]; room < share {
				share, stop = room, a
			}
		}
		var change theta
		for a, i := range moving {
			low, high := ws.bounds(i)
			old := next.u[i]
			next.u[i] = math.Max(low, math.Min(high, old+share*d[a]))
			if a == stop {
				next.u[i] = high
				if d[a] < 0 {
					next.u[i] = low
				}
			}
			change[i] = next.u[i] - old
		}
		before := g
		for i := range nTheta {
			for l := range nTheta {
				g[i] += h[i][l] * change[l]
			}
			gain -= 0.5 * (before[i] + g[i]) * change[i]
		}
		if stop < 0 {
			break
		}
		moving = append(moving[:stop], moving[stop+1:]...)
	}
	return next, gain, true
}

// solve solves H d = −g for the given parameters by Gaussian elimination; ok
// is false if the matrix is not positive definite.
func solve(h *[nTheta]theta, g *theta, index []int) (d theta, ok bool) {
	var a [nTheta]theta
	for r, i := range index {
		d[r] = -g[i]
		for c, l := range index {
			a[r][c] = h[i][l]
		}
	}
	n := len(index)
	for c := range n {
		if !(a[c][c] > 1e-13*h[index[c]][index[c]]) {
			return d, false
		}
		for r := c + 1; r < n; r++ {
			f := a[r][c] / a[c][c]
			for k := c; k < n; k++ {
				a[r][k] -= f * a[c][k]
			}
			d[r] -= f * d[c]
		}
	}
	for r := n - 1; r >= 0; r-- {
		for k := r + 1; k < n; k++ {
			d[r] -= a[r][k] * d[k]
		}
		d[r] /= a[r][r]
	}
	return d, true
}
