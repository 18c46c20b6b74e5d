package exact

import (
	"math"
	"slices"
)

// entry is by how much |gradient| must exceed the penalty for a δ to become
// active; it is a tenth of the tolerance of a fit.
const entry = 1e-8

// solve minimises grad'x + ½x'(H + damp·D)x + ‖δ + x‖₁/τ, D being the diagonal
// of H and δ that of at, and leaves x in dx and δ + x in delta. It reports whether H was positive
// definite where it matters.
//
// k, m and β are eliminated by a Cholesky decomposition; what remains is a lasso
// in δ. Everything is in terms of the step x, so that rounding vanishes with it.
func (c *curve) solve(at *curvePoint, grad []float64, damp float64) bool {
	p, dim := c.smooth, c.dim
	copy(c.chol, c.h)
	for j := range dim {
		d := math.Abs(c.h[j*dim+j])
		if !finite(d) {
			return false
		}
		c.chol[j*dim+j] += damp * d
	}
	if !choleskyHead(c.chol, dim, p) {
		return false
	}
	y := c.row[:p]
	copy(y, grad[:p])
	forward(c.chol, dim, y)
	s := dim - p
	for j := range s {
		row := c.chol[(p+j)*dim : (p+j)*dim+p+j+1]
		forward(c.chol, dim, row[:p])
		c.pull[j] = grad[p+j] - dot(row[:p], y)
		for i := range j + 1 {
			other := c.chol[(p+i)*dim : (p+i)*dim+p]
			v := row[p+i] - dot(other, row[:p])
			c.reduced.a[j*s+i], c.reduced.a[i*s+j] = v, v
		}
	}
	start := at.x[p:]
	for j := range s {
		c.pull[j] = dot(c.reduced.a[j*s:j*s+s], start) - c.pull[j]
	}
	c.set.start(start)
	c.set.renew(&c.reduced)
	if !c.set.minimise(&c.reduced, c.pull, 1/c.d.Tau, entry) || slices.Contains(c.set.barred, true) {
		return false
	}
	copy(c.delta, c.set.x)
	for j, v := range c.delta {
		v -= start[j]
		c.dx[p+j] = v
		if v != 0 {
			axpy(y, v, c.chol[(p+j)*dim:(p+j)*dim+p])
		}
	}
	backward(c.chol, dim, y)
	for j, v := range y {
		c.dx[j] = -v
	}
	return true
}

// choleskyHead factorises the leading n×n block.
func choleskyHead(a []float64, stride, n int) bool {
	for i := range n {
		if !choleskyRow(a, stride, i) {
			return false
		}
	}
	return true
}
