package regress

import "math"

// cholesky factors the lower triangle of the p×p matrix a in place; false if
// it is not positive definite. It is here because p is about 30 and one fit
// would otherwise spend as long in allocations as in arithmetic.
func cholesky(a []float64, p int) bool {
	for i := range p {
		ri := a[i*p : i*p+p]
		for j := range i + 1 {
			rj := a[j*p : j*p+p]
			sum := ri[j]
			for k, v := range rj[:j] {
				sum -= ri[k] * v
			}
			if i != j {
				ri[j] = sum / rj[j]
				continue
			}
			if !(sum > 0) || math.IsInf(sum, 0) {
				return false
			}
			ri[i] = math.Sqrt(sum)
		}
	}
	return true
}

// substitute solves L L' x = b in place of b.
func substitute(l, b []float64, p int) {
	for i := range p {
		sum := b[i]
		for k, v := range l[i*p : i*p+i] {
			sum -= v * b[k]
		}
		b[i] = sum / l[i*p+i]
	}
	for i := p - 1; i >= 0; i-- {
		sum := b[i]
		for k := i + 1; k < p; k++ {
			sum -= l[k*p+i] * b[k]
		}
		b[i] = sum / l[i*p+i]
	}
}
