package theta

import "math"

const half = 0.5 // κ of θ = 2

// Bounds of the parameters.
const (
	alphaLow, alphaHigh = 0.1, 0.99
	kappaHigh           = 1 - 1e-10 // θ = 1e10
)

// problem is the loss as a function of α alone; the other parameters are
// solved for. With ℓ(0) = y(1) + δ the error of period i is
//
//	e = y − l − c·δ − κ·(g + D)
//
// where l, c and g follow the recursion of the level: l smooths y, c = qⁿ
// after n observations, and g collects the drift of missing periods.
type problem struct {
	y         []float64 // the first is observed
	a, b      []float64 // the line known before each period
	tail      []float64 // tail[i] = Σ b² over the periods from i on
	from      int       // first period whose error counts
	gaps      bool
	optimised bool
}

// candidate are the parameters and their loss.
type candidate struct{ alpha, kappa, level, loss float64 }

func newProblem(y []float64, v Variant) *problem {
	buf := make([]float64, 3*len(y)+1)
	n := len(y)
	w := &problem{y: y, a: buf[:n], b: buf[n : 2*n], tail: buf[2*n:], optimised: v.optimised()}
	var r regression
	var a, b float64
	seen := 0
	for i, v := range y {
		w.a[i], w.b[i] = a, b
		if v != v {
			w.gaps = true
			continue
		}
		a, b = r.add(float64(i+1), v)
		if seen++; seen == skipped {
			w.from = i + 1
		}
	}
	if !v.dynamic() {
		for i := range y {
			w.a[i], w.b[i] = a, b
		}
	}
	for i := n - 1; i >= 0; i-- {
		w.tail[i] = w.tail[i+1] + w.b[i]*w.b[i]
	}
	return w
}

// sums are the moments of (e at δ = κ = 0, c, d).
type sums struct{ ee, ec, ed, cc, cd, dd float64 }

// negligible is a weight of the initial state that no error can feel: the
// initial level is at most 1e6 times the largest value, for its weight in the
// first error that counts is at least 1e-6.
const negligible = 1e-24

func (w *problem) moments(alpha float64) sums {
	var s sums
	q, inv := 1-alpha, 1/alpha
	l, c, g, p := w.y[0], q, 0.0, q // after the first period
	i := 1
	for ; i < len(w.y) && (w.gaps || p > negligible); i++ {
		d := w.a[i]*p + w.b[i]*(1-p*q)*inv
		v := w.y[i]
		p *= q
		if v != v {
			g += alpha * d
			continue
		}
		e := v - l
		l += alpha * e
		d += g
		g *= q
		if i >= w.from {
			s.ee += e * e
			s.ec += e * c
			s.ed += e * d
			s.cc += c * c
			s.cd += c * d
			s.dd += d * d
		}
		c *= q
	}
	y := w.y[i:]
	b := w.b[i:][:len(y)]
	var ee, eb float64
	for j, v := range y {
		e := v - l
		l += alpha * e
		ee += e * e
		eb += e * b[j]
	}
	s.ee += ee
	s.ed += eb * inv
	s.dd += w.tail[i] * inv * inv
	return s
}

// at minimises over δ and κ, which has a box around it: the problem is convex,
// so the nearer bound is optimal when the free optimum lies beyond it.
func (w *problem) at(alpha float64) candidate {
	s := w.moments(alpha)
	kappa := half
	if w.optimised {
		// κ after δ has been projected out; if the two cannot be told
		// apart, the standard θ = 2 stays.
		const apart = 1e-12
		if dd := s.dd - s.cd*s.cd/s.cc; dd > apart*s.dd {
			kappa = math.Max(0, math.Min(kappaHigh, (s.ed-s.cd*s.ec/s.cc)/dd))
		}
	}
	delta := (s.ec - kappa*s.cd) / s.cc
	loss := s.ee - 2*kappa*s.ed + kappa*kappa*s.dd - delta*(s.ec-kappa*s.cd)
	if loss != loss {
		loss = math.Inf(1)
	}
	return candidate{alpha, kappa, w.y[0] + delta, loss}
}

// The grid is even on a logarithmic scale: a small α has the longer memory,
// where the loss has more shape.
const gridSize = 36

// search finds the α with the least loss.
func (w *problem) search() candidate {
	var grid [gridSize]candidate
	ratio := math.Pow(alphaHigh/alphaLow, 1.0/(gridSize-1))
	for k, alpha := 0, alphaLow; k < gridSize; k, alpha = k+1, alpha*ratio {
		grid[k] = w.at(math.Min(alpha, alphaHigh))
	}
	best := grid[0]
	for k, c := range grid {
		if c.loss < best.loss {
			best = c
		}
		low, high := grid[max(k-1, 0)], grid[min(k+1, gridSize-1)]
		if c.loss <= low.loss && c.loss <= high.loss {
			if r := w.brent(low, c, high); r.loss < best.loss {
				best = r
			}
		}
	}
	return best
}

// brent refines the minimum between low and high, of which x is the best
// known point, by parabolic interpolation safeguarded by golden sections
// (Brent, 1973, "Algorithms for Minimization without Derivatives", chapter 5).
func (w *problem) brent(low, x, high candidate) candidate {
	const (
		golden    = 0.3819660112501051
		tolerance = 1e-7
		most      = 40
	)
	a, b := low.alpha, high.alpha
	second, third := x, x
	var step, before float64
	for range most {
		middle := (a + b) / 2
		if math.Abs(x.alpha-middle) <= 2*tolerance-(b-a)/2 {
			break
		}
		parabola := false
		if math.Abs(before) > tolerance {
			r := (x.alpha - second.alpha) * (x.loss - third.loss)
			q := (x.alpha - third.alpha) * (x.loss - second.loss)
			p := (x.alpha-third.alpha)*q - (x.alpha-second.alpha)*r
			if q = 2 * (q - r); q > 0 {
				p = -p
			} else {
				q = -q
			}
			if math.Abs(p) < math.Abs(q*before/2) && p > q*(a-x.alpha) && p < q*(b-x.alpha) {
				parabola = true
				before, step = step, p/q
				if u := x.alpha + step; u-a < 2*tolerance || b-u < 2*tolerance {
					step = math.Copysign(tolerance, middle-x.alpha)
				}
			}
		}
		if !parabola {
			before = b - x.alpha
			if x.alpha >= middle {
				before = a - x.alpha
			}
			step = golden * before
		}
		if math.Abs(step) < tolerance {
			step = math.Copysign(tolerance, step)
		}
		u := w.at(x.alpha + step)
		if u.loss <= x.loss {
			if u.alpha >= x.alpha {
				a = x.alpha
			} else {
				b = x.alpha
			}
			x, second, third = u, x, second
			continue
		}
		if u.alpha < x.alpha {
			a = u.alpha
		} else {
			b = u.alpha
		}
		switch {
		case u.loss <= second.loss || second.alpha == x.alpha:
			second, third = u, second
		case u.loss <= third.loss || third.alpha == x.alpha || third.alpha == second.alpha:
			third = u
		}
	}
	return x
}
