// Package posterior holds Prophet's statistical model on scaled data: what is
// observed, what is estimated, and the log posterior density that a solver
// maximises (Taylor and Letham, 2018, "Forecasting at scale", The American
// Statistician 72, doi:10.1080/00031305.2017.1380080; the priors are those of
// the published Stan program).
package posterior

import "math"

// Growth is the shape of the trend.
type Growth int

// The growths.
const (
	Linear Growth = iota
	Flat
	Logistic
)

// Data is one series, scaled, and its design. Rows are in time order; rows
// without an observation are left out by the caller.
type Data struct {
	Growth Growth
	T      []float64 // time, training in [0, 1]
	Y      []float64
	Cap    []float64 // logistic growth only
	// Changepoints are times in ascending order. Prophet passes a single one
	// at 0 where there are none, and adds its delta to k afterwards.
	Changepoints []float64
	X            [][]float64 // columns, each as long as T
	// Multiplicative says for each column whether it multiplies the trend.
	Multiplicative []bool
	// Prior is the standard deviation of each column's coefficient.
	Prior []float64
	Tau   float64 // scale of the Laplace prior of the changepoints
}

// Params are a point in the parameter space.
type Params struct {
	K, M, Sigma float64
	Delta       []float64 // one per changepoint
	Beta        []float64 // one per column of X
}

// Clone is an independent copy.
func (p Params) Clone() Params {
	p.Delta = append([]float64(nil), p.Delta...)
	p.Beta = append([]float64(nil), p.Beta...)
	return p
}

// Prior standard deviations of k and m, and the scale of the half normal prior
// of sigma.
const (
	RatePrior   = 5
	OffsetPrior = 5
	SigmaPrior  = 0.5
)

// TrendTo writes the trend at scaled times t (ascending, any times). limit is
// the carrying capacity at those times, for logistic growth.
func TrendTo(dst []float64, g Growth, t, limit, changepoints []float64, p *Params) {
	if g == Flat {
		for i := range dst {
			dst[i] = p.M
		}
		return
	}
	k, m, next := p.K, p.M, 0
	for i, at := range t {
		for next < len(changepoints) && at >= changepoints[next] {
			s, d := changepoints[next], p.Delta[next]
			if g == Logistic {
				m += (s - m) * (1 - k/(k+d))
			} else {
				m -= s * d
			}
			k += d
			next++
		}
		if g == Logistic {
			dst[i] = limit[i] / (1 + math.Exp(-k*(at-m)))
		} else {
			dst[i] = k*at + m
		}
	}
}

// MeanTo writes the expectation of Y: trend·(1 + X_mult·beta) + X_add·beta.
func (d *Data) MeanTo(dst []float64, p *Params) {
	TrendTo(dst, d.Growth, d.T, d.Cap, d.Changepoints, p)
	for i, trend := range dst {
		factor, sum := 1.0, 0.0
		for j, col := range d.X {
			if d.Multiplicative[j] {
				factor += col[i] * p.Beta[j]
			} else {
				sum += col[i] * p.Beta[j]
			}
		}
		dst[i] = trend*factor + sum
	}
}

// RSS is the sum of squared residuals.
func (d *Data) RSS(p *Params) float64 {
	mu := make([]float64, len(d.T))
	d.MeanTo(mu, p)
	var rss float64
	for i, y := range d.Y {
		e := y - mu[i]
		rss += e * e
	}
	return rss
}

// LogPosterior is the log density without the constants that Stan's sampling
// statements drop and without the Jacobian of sigma's transform, so that it
// can be compared with Stan's lp__.
func (d *Data) LogPosterior(p *Params) float64 {
	n, s := float64(len(d.Y)), p.Sigma
	f := n*math.Log(s) + d.RSS(p)/(2*s*s) + s*s/(2*SigmaPrior*SigmaPrior) +
		p.K*p.K/(2*RatePrior*RatePrior) + p.M*p.M/(2*OffsetPrior*OffsetPrior)
	for _, v := range p.Delta {
		f += math.Abs(v) / d.Tau
	}
	for j, b := range p.Beta {
		f += b * b / (2 * d.Prior[j] * d.Prior[j])
	}
	return -f
}
