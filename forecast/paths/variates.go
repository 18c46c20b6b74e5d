package paths

import (
	"math"
	"math/rand/v2"
)

// gamma draws from the gamma distribution with scale 1: the method of Marsaglia
// and Tsang (2000), "A simple method for generating gamma variables", ACM
// Transactions on Mathematical Software 26, doi:10.1145/358407.358414; for a
// shape below 1 from that of shape + 1 (their section 6).
func gamma(r *rand.Rand, shape float64) float64 {
	boost := 1.0
	if shape < 1 {
		boost = math.Pow(1-r.Float64(), 1/shape)
		shape++
	}
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if u := 1 - r.Float64(); math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return boost * d * v
		}
	}
}

// Where the methods of poisson change: the transformed rejection needs a mean of
// 10, and integers are exact up to 2⁵³.
const (
	largePoisson = 10
	hugePoisson  = 1 << 50
)

// poisson draws from the Poisson distribution: by the product of uniform
// variables (Knuth, The Art of Computer Programming, volume 2, section 3.4.1)
// for small means; for large ones by transformed rejection, algorithm PTRS of
// Hörmann (1993), "The transformed rejection method for generating Poisson
// random variables", Insurance: Mathematics and Economics 12,
// doi:10.1016/0167-6687(93)90997-4; beyond all counts that demand can have, by
// its normal limit.
func poisson(r *rand.Rand, mean float64) float64 {
	switch {
	case mean < largePoisson:
		limit, product := math.Exp(-mean), 1.0
		for k := 0.0; ; k++ {
			if product *= 1 - r.Float64(); product <= limit {
				return k
			}
		}
	case !(mean < hugePoisson): // NaN too
		return math.Round(mean + math.Sqrt(mean)*r.NormFloat64())
	}
	root, logMean := math.Sqrt(mean), math.Log(mean)
	b := 0.931 + 2.53*root
	a := -0.059 + 0.02483*b
	for {
		u, v := r.Float64()-0.5, 1-r.Float64()
		near := 0.5 - math.Abs(u)
		k := math.Floor((2*a/near+b)*u + mean + 0.43)
		if near >= 0.07 && v <= 0.9277-3.6224/(b-2) {
			return k
		}
		if k < 0 || near < 0.013 && v > near {
			continue
		}
		inverse := 1.1239 + 1.1328/(b-3.4)
		logFactorial, _ := math.Lgamma(k + 1)
		if math.Log(v*inverse/(a/(near*near)+b)) <= k*logMean-mean-logFactorial {
			return k
		}
	}
}
