package prophet

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// productTo writes Z'v for v of the window, 0 where missing.
func (w *Fitter) productTo(dst, v []float64, p *pattern) {
	w.s.calendar.ProductTo(dst[:p.size], v, &p.window, w.scratch)
	for _, sh := range p.shifts {
		sh.vector(dst, p.lead-1)
	}
	for k := range w.s.own {
		dst[p.size+k] = floats.Dot(w.own[k][:len(v)], v)
	}
}

// residualTo writes y − Zθ, 0 where missing. w.g is scratch.
func (w *Fitter) residualTo(r, y []float64, p *pattern) {
	theta := w.g[:p.size]
	copy(theta, w.theta)
	for _, sh := range p.shifts {
		sh.back(theta, p.lead-1)
	}
	w.s.calendar.ResidualTo(r, y, theta, &p.window, w.scratch)
	for k := range w.s.own {
		floats.AddScaled(r, -w.theta[p.size+k], w.own[k][:len(r)])
	}
}

// border adds the regressors of the series to Z'Z.
func (w *Fitter) border(p *pattern) *exact.Gram {
	n, q := p.size, len(w.s.own)
	size := n + q
	w.cross = grow(w.cross, size*size)
	w.prior = append(w.prior[:0], p.problem.Prior...)
	out := &w.problem
	*out = p.problem
	out.Cross = w.cross
	for i := range n {
		copy(out.Cross[i*size:], p.problem.Cross[i*n:(i+1)*n])
	}
	for k, i := range w.s.own {
		row := out.Cross[(n+k)*size : (n+k+1)*size]
		w.productTo(row, w.own[k][:p.end-p.first], p)
		for j, v := range row {
			out.Cross[j*size+n+k] = v
		}
		w.prior = append(w.prior, w.s.model.Regressors[i].PriorScale)
	}
	out.Prior = w.prior
	return out
}

// unobserved is what the dates and the regressors of the series do not show, as
// in Fitted.unseen.
func (w *Fitter) unobserved(p *pattern) []string {
	if !slices.ContainsFunc(w.ownScale, func(r FittedRegressor) bool { return r.Constant }) {
		return p.unobserved
	}
	out := slices.Clone(p.unobserved[:p.phases])
	for i, r := range p.regressors {
		if at := slices.Index(w.s.own, i); at >= 0 {
			r = w.ownScale[at]
		}
		if r.Constant {
			out = append(out, r.Name)
		}
	}
	return out
}

// certifier holds a point and what the rows say about it: g = Z'(y − Zθ) and
// the sum of squares.
type certifier struct {
	problem    *exact.Gram
	lead       int
	rows       float64
	theta, g   []float64
	sigma, rss float64
}

// precision is Λ at a parameter outside the changes.
func (c *certifier) precision(i int) float64 {
	switch {
	case i == c.lead-1:
		return 1. / (posterior.OffsetPrior * posterior.OffsetPrior)
	case i < c.lead:
		return 1. / (posterior.RatePrior * posterior.RatePrior)
	}
	s := c.problem.Prior[i-c.lead-c.problem.Changes]
	return 1 / (s * s)
}

func (c *certifier) isChange(i int) bool { return i >= c.lead && i < c.lead+c.problem.Changes }

// kkt is the largest violation of the conditions of an optimum; see
// Diagnostics.KKT.
func (c *certifier) kkt() float64 {
	lambda, slope := c.sigma*c.sigma, 1/c.problem.Tau
	var worst float64 // in sigma there is none: see noise
	for i, g := range c.g {
		g /= lambda
		switch v := c.theta[i]; {
		case !c.isChange(i):
			g = math.Abs(g - c.precision(i)*v)
		case v > 0:
			g = math.Abs(g - slope)
		case v < 0:
			g = math.Abs(g + slope)
		default:
			g = math.Abs(g) - slope
		}
		if !(g <= worst) {
			worst = g
		}
	}
	return worst
}

// gap bounds what the log posterior could still gain at this σ: the value less
// the dual value at c·(y − Zθ), as a sum of terms that cannot be negative.
func (c *certifier) gap() float64 {
	lambda, tau := c.sigma*c.sigma, c.problem.Tau
	share := 1.0
	for _, g := range c.g[c.lead : c.lead+c.problem.Changes] {
		if g = math.Abs(g) / lambda * tau; g > 1 {
			share = math.Min(share, 1/g)
		}
	}
	sum := (1 - share) * (1 - share) * c.rss / lambda / 2
	for i, g := range c.g {
		if v := c.theta[i]; c.isChange(i) {
			sum += math.Abs(v)/tau - share*v*g/lambda
		} else {
			prec := c.precision(i)
			e := prec*v - share*g/lambda
			sum += e * e / (2 * prec)
		}
	}
	return math.Max(0, sum)
}

// logPosterior of the point; see posterior.Data.LogPosterior.
func (c *certifier) logPosterior() float64 {
	lambda := c.sigma * c.sigma
	f := c.rows*math.Log(c.sigma) + c.rss/(2*lambda) + lambda/(2*posterior.SigmaPrior*posterior.SigmaPrior)
	for i, v := range c.theta {
		if c.isChange(i) {
			f += math.Abs(v) / c.problem.Tau
		} else {
			f += c.precision(i) * v * v / 2
		}
	}
	return -f
}

// noise is the σ that maximises the posterior for a sum of squares: the root of
// 4σ⁴ + rows·σ² = rss.
func noise(rss, rows float64) float64 {
	return math.Sqrt(2 * rss / (rows + math.Sqrt(rows*rows+16*rss)))
}
