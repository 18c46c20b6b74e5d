package exact

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// bend turns a straight step into one that follows two curved valleys, along
// which straight steps would have to be short. It agrees with the straight step
// to first order.
//
// A logistic trend knows k and m by their product: m moves so that k·m takes
// its straight step.
//
// Where multiplicative columns can imitate a constant on the observed rows, as
// weekly ones do on weekdays, the mean stays the same when the trend is scaled
// by 1 + s and the factor by 1/(1 + s). With σ the part of the straight step
// that scales the trend and X·Δβ = −σ(1 + X·β), this is Δβ·s/((1 + s)·σ). A
// linear trend takes s = e^σ − 1, a logistic one what comes of its step.
func (c *curve) bend(at, trial *curvePoint) {
	k, to := at.x[0], trial.x[0]
	if c.d.Growth == posterior.Logistic && to*k > 0 && math.Abs(to) < 4*math.Abs(k) && math.Abs(k) < 4*math.Abs(to) {
		trial.x[1] = (k*trial.x[1] + at.x[1]*(to-k)) / to
	}
	if len(c.mult) == 0 {
		return
	}
	c.trend(trial)
	size := dot(at.g, at.g)
	s := dot(at.g, trial.g)/size - 1
	straight := s
	if c.d.Growth == posterior.Logistic {
		straight = c.scaling(at) / size
	}
	if !(math.Abs(straight) > 1e-8 && s > -0.5 && s < 2) {
		return
	}
	if c.d.Growth != posterior.Logistic {
		s = math.Expm1(straight)
		scale := (1 + s) / (1 + straight)
		trial.x[0] *= scale
		trial.x[1] *= scale
		for j := range trial.x[c.smooth:] {
			trial.x[c.smooth+j] *= scale
		}
	}
	part := s / ((1 + s) * straight)
	if !(part > 0.25 && part < 4) {
		return
	}
	for _, j := range c.mult {
		trial.x[2+j] = at.x[2+j] + part*c.dx[2+j]
	}
}

// scaling is the inner product of the trend with its linearised change.
func (c *curve) scaling(at *curvePoint) float64 {
	shift, unit := c.factors(at)
	rate, off := c.dx[0], unit*c.dx[1]-shift*c.dx[0]
	var sum float64
	for s := range len(c.first) - 1 {
		if s > 0 {
			v := c.dx[c.smooth+s-1]
			rate += v
			off -= v * c.knots[s-1]
		}
		for i := c.first[s]; i < c.first[s+1]; i++ {
			sum += at.g[i] * at.dg[i] * (rate*c.d.T[i] + off)
		}
	}
	return sum
}

// freeLevel says whether the multiplicative columns can imitate a constant on
// the observed rows. Then the likelihood does not know the level of the trend,
// the priors leave a long curved valley, and it may have several ends.
func (c *curve) freeLevel() bool {
	n := len(c.mult)
	if n == 0 {
		return false
	}
	// Gram matrix of the columns and, last, of a constant.
	size := n + 1
	a := make([]float64, size*size)
	for _, mm := range c.moments.mm {
		at := 0
		for i := range n {
			for j := range i + 1 {
				a[i*size+j] += mm[at]
				at += 3
			}
		}
	}
	for i, col := range c.mult {
		x := c.d.X[col]
		for _, v := range x {
			a[n*size+i] += v
		}
		if c.d.Growth != posterior.Logistic {
			continue
		}
		for j, other := range c.mult[:i+1] {
			a[i*size+j] = dot(x, c.d.X[other])
		}
	}
	rows := float64(len(c.d.Y))
	a[n*size+n] = rows
	for i := range n {
		if d := a[i*size+i]; !choleskyRow(a, size, i) || a[i*size+i]*a[i*size+i] < 1e-10*d {
			clear(a[i*size : i*size+i])
			a[i*size+i] = math.Inf(1) // depends on those before: adds nothing
		}
	}
	last := a[n*size : n*size+n]
	forward(a, size, last)
	return rows-dot(last, last) < 1e-9*rows
}

// additiveStart is the optimum with all effects additive, with effects that
// multiply divided by the mean trend.
func (c *curve) additiveStart(start posterior.Params, o Options) (posterior.Params, bool) {
	d := *c.d
	d.Multiplicative = make([]bool, len(d.X))
	var p posterior.Params
	if convex(&d) {
		p, _, _ = fitAdditive(&d, start, o) // a start need not be an optimum
	} else {
		p, _, _ = newCurve(&d, o).fit(start, o)
	}
	trend, level := make([]float64, len(d.Y)), 0.0
	posterior.TrendTo(trend, d.Growth, d.T, d.Cap, d.Changepoints, &p)
	for _, v := range trend {
		level += v / float64(len(trend))
	}
	for _, j := range c.mult {
		p.Beta[j] /= level
		if !(math.Abs(p.Beta[j]) < 1e3) {
			return p, false
		}
	}
	return p, true
}

// curvature leaves in excess by how much the mean at trial exceeds what the model
// linear at at says for the step dx.
func (c *curve) curvature(at, trial *curvePoint) {
	d := c.d
	e := c.excess
	for i, r := range trial.r {
		e[i] = at.r[i] - r
	}
	shift, unit := c.factors(at)
	rate, off := c.dx[0], unit*c.dx[1]-shift*c.dx[0]
	for s := range len(c.first) - 1 {
		if s > 0 {
			v := c.dx[c.smooth+s-1]
			rate += v
			off -= v * c.knots[s-1]
		}
		for i := c.first[s]; i < c.first[s+1]; i++ {
			e[i] -= at.w[i] * at.dg[i] * (rate*d.T[i] + off)
		}
	}
	clear(c.ve)
	combine(c.ve, d.X, c.mult, c.dx[2:])
	for i, v := range c.ve {
		e[i] -= at.g[i] * v
	}
	for j, v := range c.dx[2:c.smooth] {
		c.row[j] = -v
	}
	combine(e, d.X, c.add, c.row)
}

// correct repeats a step that has left a curved valley: with the excess of the
// mean at its end counted as part of the data (a second order correction:
// Nocedal and Wright, 2006, "Numerical optimization", 2nd edition, section
// 18.11). It returns the decrease that the model predicts.
func (c *curve) correct(at, trial *curvePoint, damp float64) (float64, bool) {
	c.curvature(at, trial)
	c.transpose(c.target, at, c.excess)
	for j, v := range c.target {
		c.target[j] = at.grad[j] + v/at.lambda
	}
	if !c.solve(at, c.target, damp) {
		return 0, false
	}
	predicted := c.move(at, trial)
	c.evaluate(trial)
	return predicted, true
}
