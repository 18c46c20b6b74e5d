package generate

import "math"

// The functions here give the same bits on every machine, which package math does not
// promise: it has assembly for some processors, and the compiler may fuse x*y + z into one
// rounding on others. A conversion of the product forbids that (Go specification,
// "Floating-point operators"). Relative errors are below
// 1e-13 in the ranges used here.

// exp is e^x for |x| < 700: by halves of ln 2, then the Taylor series.
func exp(x float64) float64 {
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	f := x - float64(k*math.Ln2)
	sum := 1.0
	for i := 14.0; i >= 1; i-- { // 0.35^15/15! is below 2^-53
		sum = 1 + float64(float64(f*sum)/i)
	}
	return math.Ldexp(sum, int(k))
}

// log is the natural logarithm of x > 0: of the mantissa by the series of the inverse
// hyperbolic tangent, ln m = 2 artanh((m−1)/(m+1)).
func log(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	z := (m - 1) / (m + 1)
	zz := z * z
	sum := 0.0
	for i := 23.0; i >= 1; i -= 2 { // 0.172^24 is below 2^-53
		sum = float64(zz*sum) + 1/i
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(z*sum))
}

// wave is sin(2πt) for t ≥ 0, by its Taylor series around the nearest quarter.
func wave(t float64) float64 {
	t -= math.Floor(t)
	quarter := math.Floor(float64(4*t) + 0.5)
	x := float64(2 * math.Pi * (t - float64(quarter/4)))
	if int(quarter)%2 == 0 { // sin x
		s := alternating(x, 3)
		if quarter == 2 {
			return float64(-x * s)
		}
		return float64(x * s)
	}
	if quarter == 1 {
		return alternating(x, 2) // cos x
	}
	return -alternating(x, 2)
}

// alternating is 1 − x²/((n−1)n) (1 − x²/((n+1)(n+2)) (…)): the cosine for n = 2, the sine
// divided by x for n = 3.
func alternating(x float64, n float64) float64 {
	xx := x * x
	sum := 1.0
	for i := n + 18; i >= n; i -= 2 {
		sum = 1 - float64(float64(xx*sum)/float64(i*(i-1)))
	}
	return sum
}
