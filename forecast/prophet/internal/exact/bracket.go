package exact

import "math"

// bracket encloses the root of φ(λ) = 4λ² + Tλ − RSS(λ), which is negative on
// its left and positive on its right.
type bracket struct {
	lo, hi  float64
	below   bool // φ(lo) has been found negative; until then lo is the floor
	floored bool
}

// next is the point to try after λ, at which RSS and its derivative are given:
// Newton's, or where that leaves the bracket, the geometric mean of its ends.
// last says that the point is the root as precisely as Newton's method gets.
func (b *bracket) next(lambda, rss, slope, rows float64) (next float64, last bool) {
	phi := lambda*(4*lambda+rows) - rss
	if phi >= 0 {
		b.hi = lambda
		if !b.below && lambda <= b.lo {
			b.floored = true
			return lambda, true
		}
	} else {
		b.lo, b.below = max(b.lo, lambda), true
	}
	next = lambda - phi/(8*lambda+rows-slope)
	if phi > 0 && slope > (8*lambda+rows)/2 && !(next > closeBy*lambda) {
		// Newton's step could jump over a root; this one stays above the largest.
		next = variance(rss, rows)
	}
	if !(8*lambda+rows > slope) || !(next > b.lo && next < b.hi) {
		if !b.below && !(next > b.lo) {
			return b.lo, false // the floor, and nothing is known about it yet
		}
		if !(next >= b.lo && next <= b.hi) {
			next = math.Sqrt(b.lo) * math.Sqrt(b.hi)
		}
	}
	return next, math.Abs(next-lambda) <= 1e-6*lambda
}
