package exact

import "math"

// eigenSymmetric decomposes the symmetric n×n matrix a (row-major) into
// eigenvalues, in no particular order, and eigenvectors, the rows of the
// result. It overwrites a. Householder tridiagonalisation and implicit QL with
// Wilkinson's shift (Golub and Van Loan, 2013, Matrix Computations, 4th ed.,
// sections 8.3.1 and 8.3.5); the eigenvectors are stored in rows so that the
// inner loops run along memory.
func eigenSymmetric(a []float64, n int) (values, vectors []float64) {
	values = make([]float64, n)
	off := make([]float64, n) // off[i] couples i and i+1
	q := make([]float64, n*n) // rows: transposed accumulated transformation
	for i := range n {
		q[i*n+i] = 1
	}
	tridiagonalise(a, n, values, off, q)
	for l := range n {
		for range 60 {
			m := l
			for m < n-1 && math.Abs(off[m]) > 1.1e-16*(math.Abs(values[m])+math.Abs(values[m+1])) {
				m++
			}
			if m == l {
				break
			}
			shiftedQL(values, off, q, n, l, m)
		}
	}
	return values, q
}

// tridiagonalise reduces a to a tridiagonal matrix T with a = q'·T·q.
func tridiagonalise(a []float64, n int, diag, off, q []float64) {
	v, p := make([]float64, n), make([]float64, n)
	for k := range max(0, n-2) {
		// The reflector I − 2vv' maps column k below the diagonal onto its
		// first element.
		var norm float64
		for i := k + 1; i < n; i++ {
			v[i] = a[i*n+k]
			norm = math.Hypot(norm, v[i])
		}
		diag[k], off[k] = a[k*n+k], 0
		if norm == 0 {
			continue
		}
		if v[k+1] > 0 {
			norm = -norm
		}
		off[k] = norm
		v[k+1] -= norm
		tail := v[k+1:]
		scale := 1 / math.Sqrt(dot(tail, tail))
		for i := range tail {
			tail[i] *= scale
		}
		// a ← a − 2v·w' − 2w·v' with w = a·v − (v'a·v)·v.
		for i := k + 1; i < n; i++ {
			p[i] = dot(a[i*n+k+1:i*n+n], tail)
		}
		along := dot(p[k+1:], tail)
		for i := k + 1; i < n; i++ {
			p[i] -= along * v[i]
		}
		for i := k + 1; i < n; i++ {
			row := a[i*n+k+1 : i*n+n]
			axpy(row, -2*v[i], p[k+1:])
			axpy(row, -2*p[i], tail)
		}
		// q ← (I − 2vv')·q, row by row of the product.
		clear(p)
		for i := k + 1; i < n; i++ {
			axpy(p, v[i], q[i*n:i*n+n])
		}
		for i := k + 1; i < n; i++ {
			axpy(q[i*n:i*n+n], -2*v[i], p)
		}
	}
	for k := max(0, n-2); k < n; k++ {
		diag[k] = a[k*n+k]
		if k+1 < n {
			off[k] = a[(k+1)*n+k]
		}
	}
}

// shiftedQL is one implicit QL step on the unreduced block l…m.
func shiftedQL(d, e, q []float64, n, l, m int) {
	g := (d[l+1] - d[l]) / (2 * e[l])
	r := math.Hypot(g, 1)
	g = d[m] - d[l] + e[l]/(g+math.Copysign(r, g))
	s, c, p := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := s*e[i], c*e[i]
		r = math.Hypot(f, g)
		e[i+1] = r
		if r == 0 { // the block has split
			d[i+1] -= p
			e[m] = 0
			return
		}
		s, c = f/r, g/r
		g = d[i+1] - p
		r = (d[i]-g)*s + 2*c*b
		p = s * r
		d[i+1] = g + p
		g = c*r - b
		x, y := q[i*n:i*n+n], q[(i+1)*n:(i+1)*n+n]
		for k, xk := range x {
			yk := y[k]
			y[k] = s*xk + c*yk
			x[k] = c*xk - s*yk
		}
	}
	d[l] -= p
	e[l] = g
	e[m] = 0
}

// eigenGraded is eigenSymmetric for a matrix whose diagonal spans many orders
// of magnitude. Jacobi's rotations keep the small eigenvalues of a positive
// definite matrix to the precision of its elements (Demmel and Veselić, 1992,
// "Jacobi's method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13(4));
// they take three times as long.
func eigenGraded(a []float64, n int) (values, vectors []float64) {
	values = make([]float64, n)
	q := make([]float64, n*n)
	for i := range n {
		q[i*n+i] = 1
	}
	for range 40 { // some eight do
		turned := false
		for i := range n {
			for j := i + 1; j < n; j++ {
				size := math.Sqrt(math.Abs(a[i*n+i])) * math.Sqrt(math.Abs(a[j*n+j]))
				if math.Abs(a[i*n+j]) > 1.1e-16*size {
					rotate(a, q, n, i, j)
					turned = true
				}
			}
		}
		if !turned {
			break
		}
	}
	for i := range n {
		values[i] = a[i*n+i]
	}
	return values, q
}

// rotate makes element i, j of a zero.
func rotate(a, q []float64, n, i, j int) {
	ri, rj := a[i*n:(i+1)*n], a[j*n:(j+1)*n]
	off := ri[j]
	theta := (rj[j] - ri[i]) / (2 * off)
	t := math.Copysign(1/(math.Abs(theta)+math.Hypot(theta, 1)), theta)
	c := 1 / math.Sqrt(1+t*t)
	s := c * t
	di, dj := ri[i]-t*off, rj[j]+t*off
	plane(ri, rj, c, s)
	for k := range n {
		a[k*n+i], a[k*n+j] = ri[k], rj[k]
	}
	ri[i], rj[j], ri[j], rj[i] = di, dj, 0, 0
	plane(q[i*n:(i+1)*n], q[j*n:(j+1)*n], c, s)
}

// plane rotates two vectors.
func plane(x, y []float64, c, s float64) {
	y = y[:len(x)]
	for k, v := range x {
		w := y[k]
		x[k] = c*v - s*w
		y[k] = s*v + c*w
	}
}
