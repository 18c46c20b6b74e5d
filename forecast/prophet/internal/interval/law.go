// Package interval computes the uncertainty of a Prophet forecast: exactly, by
// inverting its characteristic function, and by simulation.
//
// Prophet assumes that trend changes go on in the future as often and as
// large as in the past. At every future step the rate of the trend changes
// with probability p = S·Δ (S changepoints in a history of length 1, steps of
// length Δ) by an amount s from the Laplace distribution with the mean absolute
// change of the past as its scale λ. Averaged over where in the step the
// change happens, as Prophet's sampler does it, the trend of step h deviates by
//
//	D_h = Δ Σ_{j=1..h} (h − j + ½) s_j,
//
// and the observation by F_h·D_h + e_h, with F_h = 1 + the multiplicative terms
// of that step and e_h normal with standard deviation σ. The s_j are
// independent, hence every linear combination of the errors, such as the
// demand of a lead time, has the characteristic function
//
//	φ(u) = exp(−n σ² u²/2) · Π_j [1 − p + p/(1 + (λ c_j u)²)],
//
// n being the number of steps added up and c_j the weight of s_j. It is real
// and even; the distribution is symmetric about the forecast and follows from
// Gil-Pelaez (1951), "Note on the inversion theorem", Biometrika 38,
// doi:10.1093/biomet/38.3-4.481.
//
// Prophet's original sampler has changes at any time; see Poisson.
//
// Everything is in the units of the scaled data. Flat trends have no changes.
// Logistic trends are not linear in them: no closed form exists, and only the
// simulation applies.
package interval

import (
	"errors"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Law holds the parameters of the uncertainty.
type Law struct {
	Sigma  float64 // standard deviation of the noise
	Lambda float64 // scale of a change of the rate
	Chance float64 // probability of a change per step, in [0, 1]
	Step   float64 // length of a step in scaled time
}

// ErrLaw means that a parameter is negative, not finite, or no probability.
var ErrLaw = errors.New("interval: parameters of the uncertainty are out of range")

// lambdaFloor is what Prophet adds to the mean absolute change, so that its
// sampler has a scale when nothing changed.
const lambdaFloor = 1e-8

// LawOf is the law that Prophet derives from a fit for steps of the given
// scaled length.
func LawOf(g posterior.Growth, p *posterior.Params, step float64) Law {
	l := Law{Sigma: p.Sigma, Lambda: lambdaFloor, Step: step}
	if g == posterior.Flat || len(p.Delta) == 0 {
		return l
	}
	for _, d := range p.Delta {
		l.Lambda += math.Abs(d) / float64(len(p.Delta))
	}
	l.Chance = math.Min(1, float64(len(p.Delta))*step)
	return l
}

// Check returns ErrLaw for parameters that describe no distribution.
func (l Law) Check() error {
	for _, v := range [4]float64{l.Sigma, l.Lambda, l.Chance, l.Step} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return ErrLaw
		}
	}
	if l.Chance > 1 {
		return ErrLaw
	}
	return nil
}

// weightsTo writes λ·c_j for the changes at steps 1…to: their effect on the sum
// of the observations of steps from…to. factors holds F_1, F_2, …; nil means 1.
func (l Law) weightsTo(dst, factors []float64, from, to int) {
	var sum, weight float64 // Σ F_h and Σ F_h (h − j + ½) over the steps of the window from j on
	unit := l.Lambda * l.Step
	for j := to; j >= 1; j-- {
		weight += sum
		if j >= from {
			f := 1.0
			if factors != nil {
				f = factors[j-1]
			}
			weight += f / 2
			sum += f
		}
		dst[j-1] = unit * weight
	}
}
