package forecast

import (
	"math"
	"strconv"
)

// Round6 rounds x to 6 significant decimal digits and turns −0 into 0. Every
// number of a forecast passes through it before any use, so that differences
// in the last bits (fused multiply-add on other processors) do not reach a
// file or a digest. The result is the double nearest to the decimal number.
// NaN and infinities are returned as they are.
func Round6(x float64) float64 {
	a := math.Abs(x)
	if a < 1e6 && a == math.Trunc(a) {
		return x + 0 // −0 + 0 = 0
	}
	if a >= 1e-10 && a < 1e15 {
		return roundFast(x, a)
	}
	if a == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	var buf [32]byte
	r, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], x, 'e', 5, 64)), 64)
	if err != nil { // beyond the largest double after rounding up
		return math.Copysign(math.MaxFloat64, x)
	}
	return r
}

// roundFast needs one product, one rounding and one quotient: both operands of
// the quotient are exact (at most 6 digits, and a power of ten up to 1e15),
// hence it is correctly rounded.
func roundFast(x, a float64) float64 {
	k, s := 0, 1.0 // s = 10^k, exact
	for ; a*s < 1e5; k++ {
		s *= 10
	}
	if k > 0 || a < 1e6 {
		return math.Round(x*s)/s + 0
	}
	for a/s >= 1e6 {
		s *= 10
	}
	return math.Round(x/s)*s + 0
}
