package exact

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// curve is a problem whose mean is not linear in the parameters. The mean is
//
//	μ = g(z)·w + X_add·β,  w = 1 + X_mult·β
//
// where z is piecewise linear in time. For a linear trend g(z) = z and
// z = kt + m + Σδ_j(t − s_j)₊. A logistic trend, whose offsets Prophet chooses
// so that it is continuous, is g(z) = C/(1 + e⁻ᶻ) with
// z = k(t − m) + Σδ_j(t − s_j)₊: written like this, no division by a rate is
// left, and rates may pass through 0. A flat trend has g = m.
//
// Parameters are numbered k, m, β, δ; a flat trend has no δ, and a k that feels
// its prior only and is 0.
type curve struct {
	d           *posterior.Data
	knots       []float64
	first       []int // segment s has the rows first[s] to first[s+1]
	mult, add   []int // columns of X
	precision   []float64
	floor       float64 // of λ
	smooth, dim int

	h       []float64 // dim×dim, lower half: Hessian of the smooth part
	moments moments
	chol    []float64   // factor of the smooth block and of the rows of δ
	reduced denseMatrix // Gram of δ with the other parameters eliminated
	pull    []float64   // its gradient at x = 0
	dx      []float64   // step
	target  []float64   // gradient with which a corrected step is solved
	best    []float64   // parameters
	excess  []float64   // of the mean of a trial over the linear model
	delta   []float64   // δ after the step
	set     signedSet
	ve, vet []float64 // weights of rows, and times t
	vm, vmt []float64
	gx      []float64 // logistic: multiplicative columns times the trend
	row     []float64
}

// curvePoint is a point and what was computed there.
type curvePoint struct {
	x          []float64
	g, dg, ddg []float64 // trend, its first two derivatives in z
	w, r       []float64 // factor, residual
	rss        float64
	lambda, f  float64
	floored    bool
	data, grad []float64 // gradient of the likelihood, and with the ridge priors
	kkt        float64
}

func newCurve(d *posterior.Data, o Options) *curve {
	n, k := len(d.Y), len(d.X)
	c := &curve{d: d, knots: d.Changepoints, floor: o.SigmaFloor * o.SigmaFloor}
	if d.Growth == posterior.Flat {
		c.knots = nil
	}
	s := len(c.knots)
	c.smooth, c.dim = 2+k, 2+k+s
	c.first = make([]int, 1, s+2)
	at := 0
	for _, knot := range c.knots {
		for at < n && d.T[at] < knot {
			at++
		}
		c.first = append(c.first, at)
	}
	c.first = append(c.first, n)
	c.precision = make([]float64, c.smooth)
	c.precision[0], c.precision[1] = 1./(posterior.RatePrior*posterior.RatePrior), 1./(posterior.OffsetPrior*posterior.OffsetPrior)
	for j, prior := range d.Prior {
		c.precision[2+j] = 1 / (prior * prior)
		if d.Multiplicative[j] {
			c.mult = append(c.mult, j)
		} else {
			c.add = append(c.add, j)
		}
	}
	c.h, c.chol = make([]float64, c.dim*c.dim), make([]float64, c.dim*c.dim)
	c.reduced, c.pull = denseMatrix{make([]float64, s*s), s}, make([]float64, s)
	c.dx, c.delta, c.row = make([]float64, c.dim), make([]float64, s), make([]float64, c.dim)
	c.target, c.best, c.excess = make([]float64, c.dim), make([]float64, c.dim), make([]float64, n)
	c.set = newSignedSet(s)
	rows := make([]float64, 4*n)
	c.ve, c.vet, c.vm, c.vmt = rows[:n:n], rows[n:2*n:2*n], rows[2*n:3*n:3*n], rows[3*n:]
	c.prepareMoments()
	return c
}

func (c *curve) newPoint(p posterior.Params) *curvePoint {
	n := len(c.d.Y)
	rows := make([]float64, 5*n)
	q := &curvePoint{
		x: make([]float64, c.dim), data: make([]float64, c.dim), grad: make([]float64, c.dim),
		g: rows[:n:n], dg: rows[n : 2*n : 2*n], ddg: rows[2*n : 3*n : 3*n], w: rows[3*n : 4*n : 4*n], r: rows[4*n:],
	}
	if c.d.Growth != posterior.Flat {
		q.x[0] = p.K
	}
	q.x[1] = p.M
	copy(q.x[2:c.smooth], p.Beta)
	copy(q.x[c.smooth:], p.Delta)
	return q
}

// params is the point in the form of the caller.
func (q *curvePoint) params(d *posterior.Data) posterior.Params {
	p := posterior.Params{
		K: q.x[0], M: q.x[1], Sigma: math.Sqrt(q.lambda),
		Beta:  append([]float64(nil), q.x[2:2+len(d.X)]...),
		Delta: make([]float64, len(d.Changepoints)),
	}
	copy(p.Delta, q.x[2+len(d.X):])
	return p
}

// evaluate fills the rows and the value of a point.
func (c *curve) evaluate(q *curvePoint) {
	d := c.d
	c.trend(q)
	for i := range q.w {
		q.w[i] = 1
	}
	copy(q.r, d.Y)
	combine(q.w, d.X, c.mult, q.x[2:])
	for j, v := range q.x[2:c.smooth] {
		c.row[j] = -v
	}
	combine(q.r, d.X, c.add, c.row)
	for i, w := range q.w {
		q.r[i] -= q.g[i] * w
	}
	q.rss = dot(q.r, q.r)
	n := float64(len(d.Y))
	q.lambda = variance(q.rss, n)
	if q.floored = q.lambda <= c.floor; q.floored {
		q.lambda = c.floor
	}
	q.f = 0.5*n*math.Log(q.lambda) + q.rss/(2*q.lambda) + q.lambda/(2*posterior.SigmaPrior*posterior.SigmaPrior)
	for j, v := range c.precision {
		q.f += 0.5 * v * q.x[j] * q.x[j]
	}
	for _, v := range q.x[c.smooth:] {
		q.f += math.Abs(v) / d.Tau
	}
}

// trend fills g and its derivatives in z.
func (c *curve) trend(q *curvePoint) {
	d := c.d
	if d.Growth == posterior.Flat {
		for i := range q.g {
			q.g[i], q.dg[i] = q.x[1], 1
		}
		return
	}
	rate, off := q.x[0], q.x[1]
	if d.Growth == posterior.Logistic {
		off = -rate * off
	}
	for s := range len(c.first) - 1 {
		if s > 0 {
			v := q.x[c.smooth+s-1]
			rate += v
			off -= v * c.knots[s-1]
		}
		lo, hi := c.first[s], c.first[s+1]
		g, dg, t := q.g[lo:hi], q.dg[lo:hi], d.T[lo:hi]
		if d.Growth == posterior.Linear {
			for i, at := range t {
				g[i], dg[i] = rate*at+off, 1
			}
			continue
		}
		ddg, limit := q.ddg[lo:hi], d.Cap[lo:hi]
		for i, at := range t {
			z := rate*at + off
			up, down := 1/(1+math.Exp(-z)), 1/(1+math.Exp(z))
			g[i] = limit[i] * up
			dg[i] = g[i] * down
			ddg[i] = dg[i] * (down - up)
		}
	}
}

// factors are what z is multiplied with in k and m: its derivatives are
// (t − shift) and unit.
func (c *curve) factors(q *curvePoint) (shift, unit float64) {
	if c.d.Growth == posterior.Logistic {
		return q.x[1], -q.x[0]
	}
	return 0, 1
}

// gradient fills the gradient and the violation of the conditions of an
// optimum. In σ they hold by construction.
func (c *curve) gradient(q *curvePoint) {
	d := c.d
	c.transpose(q.data, q, q.r)
	for j := range q.data {
		q.data[j] /= -q.lambda
	}
	copy(q.grad, q.data)
	q.kkt = 0
	for j, v := range c.precision {
		q.grad[j] += v * q.x[j]
		q.kkt = max(q.kkt, math.Abs(q.grad[j]))
	}
	for j, v := range q.x[c.smooth:] {
		q.kkt = max(q.kkt, violation(q.grad[c.smooth+j], v, 1/d.Tau))
	}
	if !q.floored {
		sigma := math.Sqrt(q.lambda)
		q.kkt = max(q.kkt, math.Abs((float64(len(d.Y))-q.rss/q.lambda)/sigma+sigma/(posterior.SigmaPrior*posterior.SigmaPrior)))
	}
}

// transpose writes J'v, J being the Jacobian of the mean at q.
func (c *curve) transpose(dst []float64, q *curvePoint, v []float64) {
	d := c.d
	for i, r := range v {
		c.ve[i] = r * q.w[i] * q.dg[i]
		c.vm[i] = r * q.g[i]
	}
	project(dst[2:], d.X, c.mult, c.vm)
	project(dst[2:], d.X, c.add, v)
	var s0, s1 float64
	for s := len(c.first) - 2; s >= 0; s-- {
		lo, hi := c.first[s], c.first[s+1]
		for i, v := range c.ve[lo:hi] {
			s0 += v
			s1 += v * d.T[lo+i]
		}
		if s > 0 {
			dst[c.smooth+s-1] = s1 - c.knots[s-1]*s0
		}
	}
	shift, unit := c.factors(q)
	dst[0], dst[1] = s1-shift*s0, unit*s0
	if d.Growth == posterior.Flat {
		dst[0] = 0
	}
}

// violation is the distance of 0 from the subdifferential of a parameter with
// the given smooth gradient and the penalty slope·|v|.
func violation(grad, v, slope float64) float64 {
	switch {
	case v > 0:
		return math.Abs(grad + slope)
	case v < 0:
		return math.Abs(grad - slope)
	}
	return max(0, math.Abs(grad)-slope)
}
