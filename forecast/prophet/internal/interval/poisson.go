package interval

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Poisson holds the parameters of the uncertainty where changes of the trend come
// at any time (Taylor and Letham, 2018, section 3.1.4): a Poisson process with
// Rate changes per unit of scaled time, each from the Laplace distribution with
// scale Lambda, and noise with standard deviation Sigma. A change s at the
// distance τ from the end of the history moves the observation of a row at the
// distance t by F·(t − τ)⁺·s. The sum over a window is a compound Poisson variable
// with the weight c(τ) = Σ F_h (t_h − τ)⁺, which is linear between rows, and
// Campbell's theorem gives its characteristic function
//
//	φ(u) = exp(−n σ² u²/2) · exp(−Rate ∫₀^T (λ c(τ) u)² / (1 + (λ c(τ) u)²) dτ),
//
// whose integral over a piece of length L, on which λ c u goes from a to b, is
// L·(1 − (arctan b − arctan a)/(b − a)).
type Poisson struct{ Sigma, Lambda, Rate float64 }

// PoissonOf is the law that Prophet derives from a fit.
func PoissonOf(g posterior.Growth, p *posterior.Params) Poisson {
	l := LawOf(g, p, 1)
	out := Poisson{Sigma: l.Sigma, Lambda: l.Lambda}
	if l.Chance > 0 {
		out.Rate = float64(len(p.Delta))
	}
	return out
}

// piece is a stretch of time on which the weight of a change is linear.
type piece struct {
	a, b   float64 // λ·c at its ends
	length float64
}

// PoissonWindow is Window for changes that come at any time. ahead holds the
// scaled distances of rows 1…to from the end of the history, positive and not
// descending.
func (v *Inverter) PoissonWindow(l Poisson, ahead, factors []float64, from, to int) error {
	if from < 1 || to < from || len(ahead) < to || factors != nil && len(factors) < to {
		panic("interval: no such window")
	}
	for _, x := range [3]float64{l.Sigma, l.Lambda, l.Rate} {
		if !(x >= 0) || math.IsInf(x, 0) {
			return ErrLaw
		}
	}
	noise := l.Sigma * math.Sqrt(float64(to-from+1))
	variance, largest, active := noise*noise, 0.0, 0.0
	v.pieces = v.pieces[:0]
	var slope, weight float64
	for h := to; h >= from; h-- {
		f, start := 1.0, 0.0
		if factors != nil {
			f = factors[h-1]
		}
		if h > from {
			start = ahead[h-2]
		}
		slope += f * l.Lambda
		p := piece{a: weight, length: ahead[h-1] - start}
		if !(p.length >= 0) {
			return ErrLaw
		}
		weight += slope * p.length
		p.b = weight
		if p.length == 0 || p.a == 0 && p.b == 0 {
			continue
		}
		variance += l.Rate * 2 * p.length * (p.a*p.a + p.a*p.b + p.b*p.b) / 3
		largest = math.Max(largest, math.Max(math.Abs(p.a), math.Abs(p.b)))
		active += p.length
		v.pieces = append(v.pieces, p)
	}
	v.u, v.w = v.u[:0], v.w[:0]
	v.sd, v.noise, v.atom, v.rate = math.Sqrt(variance), 1, 1, l.Rate
	if math.IsInf(variance, 0) || math.IsNaN(variance) {
		return ErrLaw
	}
	if v.sd == 0 || l.Rate == 0 || largest == 0 {
		return nil
	}
	v.noise, v.atom = noise/v.sd, math.Exp(-l.Rate*active)
	for i := range v.pieces {
		v.pieces[i].a /= v.sd
		v.pieces[i].b /= v.sd
	}
	v.place(largest/v.sd, 0)
	return nil
}

// changes is the characteristic function of the changes of the trend.
func (v *Inverter) changes(u, chance float64) float64 {
	if v.rate == 0 {
		return product(v.weight, chance, u*u)
	}
	var sum float64
	for _, p := range v.pieces {
		sum += p.length * (1 - arctans(p.a*u, p.b*u))
	}
	return math.Exp(-v.rate * sum)
}

// arctans is (arctan b − arctan a)/(b − a), the mean of 1/(1 + x²) between them.
func arctans(a, b float64) float64 {
	d := b - a
	if 1+a*b <= 0 { // of different signs, and far from each other
		return (math.Atan(b) - math.Atan(a)) / d
	}
	// arctan b − arctan a = arctan t, without the difference of near numbers.
	t := d / (1 + a*b)
	if math.Abs(t) < 1e-4 {
		return (1 - t*t/3) / (1 + a*b)
	}
	return math.Atan(t) / d
}
