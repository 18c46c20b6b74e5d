package exact

import "math"

// dot is the inner product of a and the first len(a) elements of b, in four
// partial sums: the order of additions is part of the result.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// axpy adds f·x to dst.
func axpy(dst []float64, f float64, x []float64) {
	x = x[:len(dst)]
	for len(dst) >= 4 && len(x) >= 4 {
		dst[0] += f * x[0]
		dst[1] += f * x[1]
		dst[2] += f * x[2]
		dst[3] += f * x[3]
		dst, x = dst[4:], x[4:]
	}
	for i, v := range x {
		dst[i] += f * v
	}
}

// cholesky factorises the symmetric n×n matrix a (row-major, lower half read)
// in place into its lower factor, and says whether it was positive definite
// beyond rounding.
func cholesky(a []float64, n int) bool {
	for i := range n {
		if !choleskyRow(a, n, i) {
			return false
		}
	}
	return true
}

// choleskyRow turns row i into a row of the factor; the rows above are done.
func choleskyRow(a []float64, stride, i int) bool {
	row := a[i*stride : i*stride+i+1]
	for j := range i {
		other := a[j*stride : j*stride+j+1]
		row[j] = (row[j] - dot(row[:j], other)) / other[j]
	}
	pivot := row[i] - dot(row[:i], row)
	if !(pivot > 4e-16*row[i]) { // also catches NaN
		return false
	}
	row[i] = math.Sqrt(pivot)
	return true
}

// forward solves L·x = x in place.
func forward(l []float64, stride int, x []float64) {
	for i := range x {
		row := l[i*stride : i*stride+i+1]
		x[i] = (x[i] - dot(row[:i], x)) / row[i]
	}
}

// backward solves L'·x = x in place.
func backward(l []float64, stride int, x []float64) {
	for i := len(x) - 1; i >= 0; i-- {
		row := l[i*stride : i*stride+i+1]
		x[i] /= row[i]
		axpy(x[:i], -x[i], row)
	}
}

// multiply writes the product of m, which has len(dst) rows, and x: four rows
// at a time, so that x is loaded once for all of them.
func multiply(dst, m, x []float64) {
	n := len(x)
	for len(dst) >= 4 {
		r0, r1, r2, r3 := m[:n], m[n:2*n], m[2*n:3*n], m[3*n:4*n]
		r1, r2, r3 = r1[:len(r0)], r2[:len(r0)], r3[:len(r0)]
		xs := x[:len(r0)]
		var s0, s1, s2, s3 float64
		for i, v := range xs {
			s0 += r0[i] * v
			s1 += r1[i] * v
			s2 += r2[i] * v
			s3 += r3[i] * v
		}
		dst[0], dst[1], dst[2], dst[3] = s0, s1, s2, s3
		dst, m = dst[4:], m[4*n:]
	}
	for i := range dst {
		dst[i] = dot(x, m[i*n:(i+1)*n])
	}
}

// scaleBy multiplies element by element.
func scaleBy(dst, by []float64) {
	for i, v := range by {
		dst[i] *= v
	}
}
