package metric

import "math"

// Sum adds numbers without rounding and rounds once, when it is read: the
// value is that of the exact sum, whatever the order of the additions and
// merges, so that figures pooled by any number of workers are the same bytes.
// The zero value is an empty sum.
//
// The numbers are kept as an expansion of parts that do not overlap
// (Shewchuk, 1997, "Adaptive precision floating-point arithmetic and fast
// robust geometric predicates", Discrete & Computational Geometry 18,
// doi:10.1007/PL00009321, Grow-Expansion). Infinities and NaN follow the usual
// rules; a sum beyond the largest float is infinite.
type Sum struct {
	parts   []float64 // ascending in magnitude
	special float64   // sum of the infinities and NaN
}

// Add adds x.
func (s *Sum) Add(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		s.special += x
		return
	}
	kept := 0
	for _, y := range s.parts {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		high := x + y
		if math.IsInf(high, 0) {
			s.special += high
			return
		}
		if low := y - (high - x); low != 0 {
			s.parts[kept] = low
			kept++
		}
		x = high
	}
	s.parts = append(s.parts[:kept], x)
}

// Merge adds everything that o has added.
func (s *Sum) Merge(o *Sum) {
	for _, x := range o.parts {
		s.Add(x)
	}
	s.special += o.special
}

// Value is the sum, rounded to nearest, ties to even.
func (s *Sum) Value() float64 {
	if s.special != 0 { // NaN too
		return s.special
	}
	n := len(s.parts)
	if n == 0 {
		return 0
	}
	n--
	high, low := s.parts[n], 0.0
	for n > 0 {
		n--
		x, y := high, s.parts[n]
		high = x + y
		if low = y - (high - x); low != 0 {
			break
		}
	}
	// Half an ulp left over is a tie only if nothing lies below it.
	if n > 0 && (low < 0) == (s.parts[n-1] < 0) {
		if y, x := low*2, high+low*2; y == x-high {
			high = x
		}
	}
	return high
}
