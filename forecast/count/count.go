// Package count holds the distribution of demand in one period for series
// where a Gaussian would be wrong: low counts and demand with many zeros.
package count

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Dist is a mixture of two distributions with the same mean: a negative
// binomial with variance Dispersion·mean, and a hurdle: the sizes that the
// series has shown, with a probability of demand that fits the mean. The first
// is smooth where little was seen; the second knows that a shop orders by the
// dozen. Demand that is not whole numbers has the hurdle only.
//
// Set it up with Fit, then call At for each mean.
type Dist struct {
	Mix        float64 // weight of the hurdle, in [0, 1]
	Dispersion float64 // at least 1; 1 = Poisson
	Integer    bool

	sizes       []float64 // sorted, positive
	share, size float64   // of periods with demand; mean of sizes

	mean, prob, scale float64
	nb                []float64 // cumulative
}

// Limits of the negative binomial: beyond them it is left out, because its
// table would cost more than its smoothness is worth.
const (
	maxMean  = 80
	maxTable = 3000
	tail     = 1e-4
)

// Fit takes the sizes of the last at most n demands of y, and the share of
// periods with demand among the observed periods since then. It reports
// whether there was any demand.
func (d *Dist) Fit(y []float64, n int) bool {
	d.sizes = d.sizes[:0]
	var sum float64
	observed := 0
	for t := len(y) - 1; t >= 0 && len(d.sizes) < n; t-- {
		if v := y[t]; v == v {
			observed++
			if v > 0 {
				d.sizes = append(d.sizes, v)
				sum += v
			}
		}
	}
	if len(d.sizes) == 0 {
		return false
	}
	slices.Sort(d.sizes)
	d.size = sum / float64(len(d.sizes))
	// One more period without demand than was seen: a history without a gap is no promise.
	d.share = float64(len(d.sizes)) / float64(observed+1)
	return true
}

// At moves the distribution to a mean. The probability of demand follows it as
// in a thinned Poisson stream; what is missing then scales the sizes.
func (d *Dist) At(mean float64) {
	d.mean, d.prob, d.scale = mean, 0, 1
	d.nb = d.nb[:0]
	if !(mean > 0) {
		return
	}
	ratio := mean / (d.share * d.size)
	if d.share < 1 {
		d.prob = -math.Expm1(ratio * math.Log1p(-d.share))
	} else {
		d.prob = 1
	}
	d.scale = mean / (d.prob * d.size)
	if d.Integer && mean <= maxMean && d.Mix < 1 {
		d.fillNB()
	}
}

// fillNB tabulates the negative binomial by its recursion
// p(k+1) = p(k)·(k+r)/(k+1)·q with r = mean/(φ−1), q = (φ−1)/φ.
func (d *Dist) fillNB() {
	phi := d.Dispersion
	var p, r, q float64
	poisson := !(phi > 1.02)
	if poisson {
		p = math.Exp(-d.mean)
	} else {
		r, q = d.mean/(phi-1), (phi-1)/phi
		p = math.Exp(-r * math.Log(phi))
	}
	var cum float64
	for k := range maxTable {
		cum += p
		d.nb = append(d.nb, cum)
		if cum > 1-tail {
			break
		}
		if poisson {
			p *= d.mean / float64(k+1)
		} else {
			p *= (float64(k) + r) / float64(k+1) * q
		}
	}
}

// weight of the hurdle for the present mean.
func (d *Dist) weight() float64 {
	if len(d.nb) == 0 {
		return 1
	}
	return d.Mix
}

// scaled is size i at the present mean: whole and at least 1 if demand is.
func (d *Dist) scaled(i int) float64 {
	v := d.sizes[i] * d.scale
	if d.Integer {
		return math.Max(1, math.Round(v))
	}
	return v
}

// Quantiles writes the smallest values whose cumulative probability reaches
// each of the ascending probabilities.
func (d *Dist) Quantiles(p, q *[forecast.NQuantiles]float64) {
	if !(d.mean > 0) {
		*q = [forecast.NQuantiles]float64{}
		return
	}
	if !d.Integer {
		for i := range p {
			q[i] = d.hurdleQuantile(p[i])
		}
		return
	}
	const eps = 1e-12
	w, n := d.weight(), len(d.sizes)
	x, i := 0.0, 0 // F(x) counts sizes[:i]
	for k := range p {
		for {
			for i < n && d.scaled(i) <= x {
				i++
			}
			f := w * (1 - d.prob + d.prob*float64(i)/float64(n))
			if w < 1 {
				f += (1 - w) * d.nbCDF(x)
			}
			if f >= p[k]-eps || i == n && int(x) >= len(d.nb) {
				break
			}
			if int(x) < len(d.nb) {
				x++
			} else {
				x = d.scaled(i)
			}
		}
		q[k] = x
	}
}

func (d *Dist) nbCDF(x float64) float64 {
	if int(x) >= len(d.nb) {
		return 1
	}
	return d.nb[int(x)]
}

// hurdleQuantile interpolates between the sizes.
func (d *Dist) hurdleQuantile(p float64) float64 {
	zero := 1 - d.prob
	if p <= zero {
		return 0
	}
	at := (p-zero)/d.prob*float64(len(d.sizes)) - 0.5
	i := int(math.Floor(at))
	switch {
	case i < 0:
		return d.scaled(0)
	case i >= len(d.sizes)-1:
		return d.scaled(len(d.sizes) - 1)
	}
	a := d.scaled(i)
	return a + (at-float64(i))*(d.scaled(i+1)-a)
}

// Interval is the range of cumulative probability that the value y covers:
// from below y to including y. Under the true distribution it is where a
// uniform variable falls (Czado, Gneiting and Held, 2009, "Predictive model
// assessment for count data", Biometrics 65,
// doi:10.1111/j.1541-0420.2009.01191.x).
func (d *Dist) Interval(y float64) (low, high float64) {
	if !(d.mean > 0) {
		if y > 0 {
			return 1, 1
		}
		return 0, 1
	}
	if !(y > 0) {
		return 0, d.cdf(0)
	}
	if d.Integer {
		return d.cdf(y - 1), d.cdf(y)
	}
	f := d.cdf(y)
	return f, f
}

func (d *Dist) cdf(x float64) float64 {
	n := len(d.sizes)
	below := 0
	for below < n && d.scaled(below) <= x {
		below++
	}
	share := float64(below) / float64(n)
	if !d.Integer && below > 0 && below < n { // the inverse of hurdleQuantile
		a, b := d.scaled(below-1), d.scaled(below)
		share = (float64(below) - 0.5 + (x-a)/(b-a)) / float64(n)
	}
	f := 1 - d.prob + d.prob*share
	if w := d.weight(); w < 1 {
		f = w*f + (1-w)*d.nbCDF(x)
	}
	return f
}
