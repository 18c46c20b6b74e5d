package stan

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// objective is the negative log posterior as a function of the unconstrained
// vector x = (k, m, delta[0:S], log sigma, beta[0:K]), with the scratch that
// its gradient needs. It belongs to one goroutine.
type objective struct {
	d           *posterior.Data
	s, p        int // changepoints, columns
	segment     []int
	g, w, e     []float64 // trend; factor, later its adjoint; residual
	rate, off   []float64 // per segment: running rate and offset (logistic)
	dRate, dOff []float64 // their adjoints
	evaluations int
}

func newObjective(d *posterior.Data) *objective {
	n := len(d.Y)
	if len(d.T) != n || len(d.Prior) != len(d.X) || len(d.Multiplicative) != len(d.X) ||
		d.Growth == posterior.Logistic && len(d.Cap) != n {
		panic("stan: lengths of the data do not agree")
	}
	for _, col := range d.X {
		if len(col) != n {
			panic("stan: lengths of the data do not agree")
		}
	}
	s := len(d.Changepoints)
	o := &objective{
		d: d, s: s, p: len(d.X), segment: make([]int, n),
		g: make([]float64, n), w: make([]float64, n), e: make([]float64, n),
		rate: make([]float64, s+1), off: make([]float64, s+1),
		dRate: make([]float64, s+1), dOff: make([]float64, s+1),
	}
	next := 0
	for i, t := range d.T {
		for next < s && t >= d.Changepoints[next] {
			next++
		}
		o.segment[i] = next
	}
	return o
}

// dim is the number of unconstrained parameters.
func (o *objective) dim() int { return 3 + o.s + o.p }

func (o *objective) pack(p *posterior.Params) []float64 {
	if len(p.Delta) != o.s || len(p.Beta) != o.p {
		panic("stan: the starting point does not fit the data")
	}
	x := make([]float64, 0, o.dim())
	x = append(x, p.K, p.M)
	x = append(x, p.Delta...)
	x = append(x, math.Log(p.Sigma))
	return append(x, p.Beta...)
}

func (o *objective) unpack(x []float64) posterior.Params {
	return posterior.Params{
		K: x[0], M: x[1], Sigma: math.Exp(x[2+o.s]),
		Delta: append([]float64(nil), x[2:2+o.s]...),
		Beta:  append([]float64(nil), x[3+o.s:]...),
	}
}

// eval returns the negative log posterior at x and writes its gradient. It
// reports whether all of them are finite; if not, the gradient is unusable.
func (o *objective) eval(x, grad []float64) (float64, bool) {
	o.evaluations++
	d := o.d
	k, m, delta, beta := x[0], x[1], x[2:2+o.s], x[3+o.s:]
	sigma := math.Exp(x[2+o.s])
	if sigma == 0 || !finite(sigma) {
		return 0, false
	}
	o.trend(k, m, delta)
	rss := o.residuals(beta)

	// Priors.
	const rate2 = posterior.RatePrior * posterior.RatePrior
	const offset2 = posterior.OffsetPrior * posterior.OffsetPrior
	const sigma2 = posterior.SigmaPrior * posterior.SigmaPrior
	n, s2 := float64(len(d.Y)), sigma*sigma
	f := n*x[2+o.s] + rss/(2*s2) + s2/(2*sigma2) + k*k/(2*rate2) + m*m/(2*offset2)
	grad[0], grad[1] = k/rate2, m/offset2
	for j, v := range delta {
		f += math.Abs(v) / d.Tau
		grad[2+j] = sign(v) / d.Tau
	}
	grad[2+o.s] = n - rss/s2 + s2/sigma2

	// Likelihood: e becomes the adjoint of the mean, w that of the trend.
	floats.Scale(-1/s2, o.e)
	for j, b := range beta {
		v := d.Prior[j] * d.Prior[j]
		f += b * b / (2 * v)
		gb := b / v
		if d.Multiplicative[j] {
			for i, c := range d.X[j] {
				gb += c * o.g[i] * o.e[i]
			}
		} else {
			gb += floats.Dot(d.X[j], o.e)
		}
		grad[3+o.s+j] = gb
	}
	floats.Mul(o.w, o.e)
	o.trendGradient(grad)

	if !finite(f) {
		return f, false
	}
	for _, v := range grad {
		if !finite(v) {
			return f, false
		}
	}
	return f, true
}

// residuals fills w with the factor 1 + X_mult·beta and e with y − mean, and
// returns the sum of squares.
func (o *objective) residuals(beta []float64) float64 {
	d := o.d
	for i := range o.w {
		o.w[i] = 1
	}
	copy(o.e, d.Y)
	for j, b := range beta {
		if d.Multiplicative[j] {
			floats.AddScaled(o.w, b, d.X[j])
		} else {
			floats.AddScaled(o.e, -b, d.X[j])
		}
	}
	var rss float64
	for i, g := range o.g {
		o.e[i] -= g * o.w[i]
		rss += o.e[i] * o.e[i]
	}
	return rss
}

// sign is the derivative of |v|, zero at the kink, as in Stan.
func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}
