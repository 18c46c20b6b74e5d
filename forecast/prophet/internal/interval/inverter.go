package interval

import "math"

// Inverter is the distribution of one linear combination of forecast errors,
// with the scratch to compute it. The zero value is ready; an inverter that
// was used for a horizon allocates nothing for horizons up to that. It belongs
// to one goroutine.
//
// The atom of the trend (no change at all, probability P₀) is split off, since
// it alone keeps φ from decaying: with s the standard deviation of the noise,
//
//	F(x) = P₀ Φ(x/s) + (1 − P₀)/2 + 1/π ∫₀^∞ sin(ux)/u ψ(u) du,
//	ψ(u) = exp(−s²u²/2) (Π_j […] − P₀).
//
// The integral is a composite Gauss–Legendre sum, and the error of F is below
// 1e-9. Only where the noise is under a hundredth of the standard deviation or
// so, ψ is cut off before it has decayed; that costs up to 1e-5 beyond a
// standard deviation from the centre, and 1e-4 beyond a tenth of one.
type Inverter struct {
	sd     float64   // of the combination; what follows is in units of it
	noise  float64   // s
	atom   float64   // P₀
	weight []float64 // λ c_j, later squared
	rate   float64   // of a Poisson process; 0 = changes come by steps
	pieces []piece   // of a Poisson process
	u, w   []float64 // nodes, and quadrature weight × ψ / π
	table  table     // of QuantilesTo
}

// Panels: the number of nodes is at most order·maxPanels.
const (
	maxPanels  = 512
	gaussReach = 8.5   // standard deviations at which a Gaussian factor is 2e-16
	negligible = 1e-15 // of ψ
	// The integral ends where ψ/u, which bounds what is left of it, falls under
	// tail; under slowTail if the noise is too small for ψ to decay by itself.
	tail, slowTail = 1e-12, 1e-5
	maxPhase       = 20 // radians of sin(ux) within a panel, at the far end of x
)

// Window prepares the distribution of the sum of the errors of steps from…to,
// counted from 1. factors holds the F_h of steps 1…to or is nil for ones. It
// panics for an empty window or missing factors.
func (v *Inverter) Window(l Law, factors []float64, from, to int) error {
	if from < 1 || to < from || factors != nil && len(factors) < to {
		panic("interval: no such window")
	}
	if err := l.Check(); err != nil {
		return err
	}
	v.weight = grow(v.weight, to)
	l.weightsTo(v.weight, factors, from, to)
	noise := l.Sigma * math.Sqrt(float64(to-from+1))
	variance := noise * noise
	var largest float64
	jumps := 0
	for _, c := range v.weight {
		variance += 2 * l.Chance * c * c
		largest = math.Max(largest, math.Abs(c))
		if c != 0 {
			jumps++
		}
	}
	v.u, v.w = v.u[:0], v.w[:0]
	v.sd, v.noise, v.atom, v.rate = math.Sqrt(variance), 1, 1, 0
	if math.IsInf(variance, 0) || math.IsNaN(variance) {
		return ErrLaw
	}
	if v.sd == 0 || l.Chance == 0 || largest == 0 {
		return nil
	}
	v.noise = noise / v.sd
	v.atom = math.Exp(float64(jumps) * math.Log1p(-l.Chance))
	for j, c := range v.weight {
		c /= v.sd
		v.weight[j] = c * c
	}
	v.place(largest/v.sd, l.Chance)
	return nil
}

// place fills the nodes and their weights; far is the largest scale of a jump.
func (v *Inverter) place(far, chance float64) {
	width := panelWidth(1, far)
	end, least := gaussReach/v.noise, tail
	if !(end < maxPanels*width) { // also without any noise
		end, least = maxPanels*width, slowTail
	}
	for low := 0.0; low < end; low += width {
		first := len(v.u)
		v.u, v.w = appendPanel(v.u, v.w, low, min(width, end-low))
		alive := false
		for i := first; i < len(v.u); i++ {
			u2 := v.u[i] * v.u[i]
			psi := math.Exp(-v.noise*v.noise*u2/2) * (v.changes(v.u[i], chance) - v.atom)
			v.w[i] *= psi / math.Pi
			alive = alive || psi > least*v.u[i]
		}
		if !alive {
			return
		}
	}
}

// product is Π_j [1 − p + p/(1 + c_j² u²)] with c2 the squared scales. Numerators
// and denominators are multiplied up in blocks: a division takes longer than
// everything else.
func product(c2 []float64, p, u2 float64) float64 {
	const block = 8
	out, rest := 1.0, (1-p)*u2
	for len(c2) > 0 && out > 1e-17 {
		n := min(block, len(c2))
		num, den := 1.0, 1.0
		for _, c := range c2[:n] {
			num *= 1 + c*rest
			den *= 1 + c*u2
		}
		out *= num / den
		c2 = c2[n:]
	}
	return out
}

// StdDev is the standard deviation.
func (v *Inverter) StdDev() float64 { return v.sd }

// CDF is the probability of an error of at most x.
func (v *Inverter) CDF(x float64) float64 {
	if v.sd == 0 {
		if x < 0 {
			return 0
		}
		return 1
	}
	f, _ := v.upper(math.Abs(x) / v.sd)
	if x < 0 {
		return 1 - f
	}
	return f
}

// upper is distribution function and density at x ≥ 0, in units of sd.
func (v *Inverter) upper(x float64) (cdf, density float64) {
	cdf, density = (1-v.atom)/2, 0
	if v.noise > 0 {
		z := x / v.noise
		cdf += v.atom * 0.5 * math.Erfc(-z/math.Sqrt2)
		density = v.atom / v.noise * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
	} else {
		cdf += v.atom
	}
	for i, u := range v.u {
		sin, cos := math.Sincos(u * x)
		cdf += v.w[i] * sin / u
		density += v.w[i] * cos
	}
	return cdf, density
}

// Quantile is the smallest error that is not exceeded with probability p. It is
// infinite for p = 0 and 1; between them and 1e-9 (1 − 1e-9) it is no longer
// accurate. It panics if p is not a probability.
func (v *Inverter) Quantile(p float64) float64 {
	switch {
	case !(p >= 0 && p <= 1):
		panic("interval: not a probability")
	case v.sd == 0:
		return 0
	case p < 0.5:
		return -v.sd * v.solve(1-p)
	}
	return v.sd * v.solve(p)
}

// solve inverts upper for p ≥ ½ by Newton's method inside a bracket.
func (v *Inverter) solve(p float64) float64 {
	if p == 1 {
		return math.Inf(1)
	}
	if v.noise == 0 && p <= (1+v.atom)/2 {
		return 0 // inside the atom
	}
	normal := math.Sqrt2 * math.Erfinv(2*p-1)
	if len(v.u) == 0 {
		return normal * v.noise
	}
	low, high := 0.0, math.Inf(1)
	const precision, width = 1e-7, 1e-13 // Newton's error is the square of its step
	x := normal
	for range 200 {
		f, density := v.upper(x)
		if f < p {
			low = x
		} else {
			high = x
		}
		next := x - (f-p)/density
		if next > low && next < high {
			if math.Abs(next-x) <= precision*(1+x) {
				return next
			}
			x = next
			continue
		}
		if high-low <= width*(1+x) { // also when the density is 0 or less
			return x
		}
		if math.IsInf(high, 0) {
			x = 2*x + 1
		} else {
			x = (low + high) / 2
		}
	}
	return x
}

// grow returns a slice of length n, reusing the memory of s.
func grow(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}
