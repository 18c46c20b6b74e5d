package croston

import "math"

// The range in which the optimised methods look for α: below it a short history
// is its first value, above it the last one.
const leastAlpha, mostAlpha = 0.1, 0.3

// bestAlpha is the α of simple exponential smoothing, started from the first
// value, with the least squared one-step error on x. The error has more than
// one minimum at times: the best of a grid is refined.
func bestAlpha(x []float64) float64 {
	const cells = 10
	const width = (mostAlpha - leastAlpha) / cells
	top := 0.0
	for _, v := range x {
		top = math.Max(top, v)
	}
	if len(x) < 2 || !(top > 0) || math.IsInf(top, 0) {
		return leastAlpha
	}
	best, least := leastAlpha, squares(x, leastAlpha, top)
	for i := 1; i <= cells; i++ {
		if a := leastAlpha + width*float64(i); squares(x, a, top) < least {
			best, least = a, squares(x, a, top)
		}
	}
	return golden(x, top, math.Max(leastAlpha, best-width), math.Min(mostAlpha, best+width))
}

// golden narrows [a, b] down to a minimum by golden section.
func golden(x []float64, top, a, b float64) float64 {
	const ratio = 0.6180339887498949
	c, d := b-ratio*(b-a), a+ratio*(b-a)
	fc, fd := squares(x, c, top), squares(x, d, top)
	for b-a > 1e-7 {
		if fc < fd {
			b, d, fd = d, c, fc
			c = b - ratio*(b-a)
			fc = squares(x, c, top)
		} else {
			a, c, fc = c, d, fd
			d = a + ratio*(b-a)
			fd = squares(x, d, top)
		}
	}
	best := (a + b) / 2
	for _, end := range [2]float64{a, b} { // the minimum may lie at a bound
		if squares(x, end, top) < squares(x, best, top) {
			best = end
		}
	}
	return best
}

// squares is the sum of squared one-step errors, in units of top squared.
func squares(x []float64, alpha, top float64) float64 {
	level, sum := x[0]/top, 0.0
	for _, v := range x[1:] {
		e := v/top - level
		sum += e * e
		level += alpha * e
	}
	return sum
}

// smooth is the level after x.
func smooth(x []float64, alpha float64) float64 {
	level := x[0]
	for _, v := range x[1:] {
		level += alpha * (v - level)
	}
	return level
}
