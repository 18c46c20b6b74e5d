package ets

import "math"

// point is a place of the search: half the sum of squares is the objective,
// h the Gauss–Newton matrix and g the gradient in the smoothing parameters,
// with the initial states projected out.
type point struct {
	p   theta
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
	trust = 4
	// A fit is exact below this share of the variance, or where its errors
	// are rounding errors of the largest value.
	perfect, exact = 1e-24, 1e-15
)

// inRegion is the part of the region that the bounds do not express.
func (ws *Workspace) inRegion(p theta) bool {
	return !ws.form.seasonal() || !ws.form.trend() || forecastable(p, ws.m)
}

// evaluate computes pt at pt.p.

func (ws *Workspace) evaluate(pt *point) {
	p := pt.p
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
}

// descend improves pt until no step promises anything. The Gauss–Newton matrix
// is corrected by symmetric rank one updates from the gradients seen on the
// way (as in Dennis, Gay and Welsch 1981, doi:10.1145/355958.355965): a form
// that does not suit the series leaves correlated innovations, and what the
// matrix leaves out then matters.
func (ws *Workspace) descend(pt *point, target float64) {
	lambda := 1e-3
	var extra [nTheta]theta
	for range maxSteps {
		if !(pt.sse > ws.floor) {
			return
		}
		next, gain := ws.step(pt, &extra, lambda)
		if gain <= 0.5*tolerance*pt.sse {
			if lambda > 1e-2 || extra == ([nTheta]theta{}) {
				return
			}
			extra = [nTheta]theta{}
			continue
		}
		if lambda < 1 && pt.sse-trust*2*gain > target && target > 0 {
			return
		}
		if ws.inRegion(next.p) {
			ws.evaluate(&next)
			if next.sse < pt.sse {
				if pt.sse-next.sse > gain { // half of the promise was kept
					lambda = math.Max(lambda/10, 1e-9)
				}
				correct(&extra, pt, &next)
				*pt = next
				continue
			}
		}
		lambda *= 10
	}
}

// correct updates extra so that h + extra maps the step from a to b to the
// change of the gradient.
func correct(extra *[nTheta]theta, a, b *point) {
	var r theta
	var rs, rr, ss float64
	for i := range nTheta {
		r[i] = b.g[i] - a.g[i]
		for l := range nTheta {
			r[i] -= (b.h[i][l] + extra[i][l]) * (b.p[l] - a.p[l])
		}
		s := b.p[i] - a.p[i]
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

// step returns the place with the smallest model within the bounds, and the
// decrease of half the sum of squares that the model promises there. A
// parameter whose step would cross its bound is set there and the others are
// solved again.
func (ws *Workspace) step(pt *point, extra *[nTheta]theta, lambda float64) (next point, gain float64) {
	h := pt.h
	for i := range nTheta {
		for l := range nTheta {
			h[i][l] += extra[i][l]
		}
	}
	var index [nTheta]int
	count := 0
	for i, free := range ws.free {
		low, high := bounds(i)
		if free && !(pt.p[i] <= low && pt.g[i] >= 0) && !(pt.p[i] >= high && pt.g[i] <= 0) && pt.h[i][i] > 0 {
			index[count] = i
			count++
		}
	}
	moving := index
	var d theta
	g := pt.g
	for n := count; n > 0; {
		part, ok := solveDamped(&h, &pt.h, &g, moving[:n], lambda)
		if !ok { // the correction made the model concave
			if *extra == ([nTheta]theta{}) {
				return *pt, 0
			}
			*extra = [nTheta]theta{}
			return ws.step(pt, extra, lambda)
		}
		kept := 0
		for a, i := range moving[:n] {
			low, high := bounds(i)
			if v := pt.p[i] + part[a]; v < low || v > high {
				d[i] = math.Max(low, math.Min(high, v)) - pt.p[i]
				for _, l := range index[:count] {
					g[l] += h[l][i] * d[i]
				}
				continue
			}
			d[i] = part[a]
			moving[kept] = i
			kept++
		}
		if kept == n {
			break
		}
		n = kept
	}
	next.p = pt.p
	for _, i := range index[:count] {
		low, high := bounds(i)
		next.p[i] = math.Max(low, math.Min(high, pt.p[i]+d[i]))
		gain -= pt.g[i] * d[i]
		for _, l := range index[:count] {
			gain -= 0.5 * d[i] * h[i][l] * d[l]
		}
	}
	return next, gain
}

// solveDamped solves (H + λ diag G) d = −g for the given parameters by
// Gaussian elimination; ok is false if the matrix is not positive definite.
func solveDamped(h, gn *[nTheta]theta, g *theta, index []int, lambda float64) (d theta, ok bool) {
	var a [nTheta]theta
	for r, i := range index {
		d[r] = -g[i]
		for c, l := range index {
			a[r][c] = h[i][l]
		}
		a[r][r] += lambda * gn[i][i]
	}
	n := len(index)
	for c := range n {
		if !(a[c][c] > 1e-12*gn[index[c]][index[c]]) {
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
