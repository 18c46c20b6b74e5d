package exact

import (
	"fmt"
	"math"
)

// Solution is the maximum for one series. Its slice belongs to the workspace
// and is overwritten by the next Solve.
type Solution struct {
	Theta []float64 // in the order of the columns of Z (see Gram)
	Sigma float64
	RSS   float64
	// Certificate is computed from Z'Z, Z'y and y'y.
	Certificate
	// Lossy says that the residuals are so small against the data that rounding
	// in Z'y and y'y hides what the tolerance asks for. Such a series is one for
	// Fit, which goes back to the rows.
	Lossy bool
}

// lossyShare of y'y is what the sum of squares must exceed to be known to at
// least seven digits.
const lossyShare = 1e-8

// Solve finds the maximum for the series with Z'y = b (length p), y'y = yy and
// the given number of rows. It costs a few microseconds for 53 columns,
// whatever the number of rows, and does not allocate once ws has served the
// design, unless y'y/rows exceeds 1 (data that have not been scaled), which
// makes it prepare another Factor.
//
// Errors: ErrData; ErrNotConverged, with the last point.
func (f *Factor) Solve(ws *Workspace, b []float64, yy, rows float64, o Options) (Solution, error) {
	if len(b) != f.Size() || !(rows >= 1) || !(yy >= 0) || math.IsInf(yy, 1) {
		return Solution{}, fmt.Errorf("%w: %d sums for %d columns, y'y = %v, %v rows", ErrData, len(b), f.Size(), yy, rows)
	}
	for j, v := range b {
		if !finite(v) {
			return Solution{}, fmt.Errorf("%w: the sum of column %d is %v", ErrData, j, v)
		}
	}
	o = o.withDefaults()
	if most := variance(yy, rows); most > f.limit {
		f = f.wide(most)
	}
	ws.fit(f)
	ws.steps, ws.rows = 0, rows
	ws.take(b)
	ws.yy = yy
	ws.search(o)
	ws.assemble()

	clear(ws.base)
	copy(ws.g0, b)
	ws.rss0 = yy
	floor := o.SigmaFloor * o.SigmaFloor
	attainable := ws.attainable(math.Sqrt(yy))
	ok := ws.polish(max(o.Tolerance, attainable), floor)
	s := Solution{
		Theta: ws.theta, Sigma: math.Sqrt(ws.lambda), RSS: ws.rss,
		Certificate: ws.certificate(floor),
		Lossy:       attainable > o.Tolerance || ws.rss < lossyShare*yy,
	}
	if !ok {
		return s, ErrNotConverged
	}
	return s, nil
}

// at sets λ: r(λ), and R(λ) on the active set.
func (w *Workspace) at(lambda float64) {
	f := w.f
	w.lambda = lambda
	for j, v := range w.r[0] {
		w.reduced[j] = v + lambda*(w.r[1][j]-lambda*w.r[2][j])
	}
	for k := range w.damp {
		w.damp[k] = f.slow.damp(k, lambda)
		axpy(w.reduced, -w.c[k]*w.damp[k], f.slow.v[k*f.s:])
	}
	w.set.renew(w)
}

// row writes row j of R(λ).
func (w *Workspace) row(dst []float64, j int) {
	f, lambda := w.f, w.lambda
	a0, a1, a2 := f.a[0][j*f.s:], f.a[1][j*f.s:], f.a[2][j*f.s:]
	a0, a1, a2 = a0[:len(dst)], a1[:len(dst)], a2[:len(dst)]
	for i := range dst {
		dst[i] = a0[i] + lambda*(a1[i]-lambda*a2[i])
	}
	for k, d := range w.damp {
		v := f.slow.v[k*f.s : (k+1)*f.s]
		axpy(dst, -v[j]*d, v)
	}
}

// assemble writes θ from the reduced solution.
func (w *Workspace) assemble() {
	f, lambda := w.f, w.lambda
	for i := range w.u {
		w.u[i] = w.e[0][i] - lambda*(w.e[1][i]-lambda*w.e[2][i])
	}
	for k, d := range w.damp {
		axpy(w.u, w.c[k]*d, f.slow.w[k*f.n:])
	}
	for _, j := range w.set.set {
		w.spread(w.u, j, w.set.x[j])
	}
	f.put(w.theta, w.u)
	copy(w.theta[f.lead:f.lead+f.s], w.set.x)
}

// spread subtracts from u what a change of δ_j by x takes from it.
func (w *Workspace) spread(u []float64, j int, x float64) {
	f, lambda := w.f, w.lambda
	x0, x1, x2 := f.x[0][j*f.n:], f.x[1][j*f.n:], f.x[2][j*f.n:]
	x0, x1, x2 = x0[:len(u)], x1[:len(u)], x2[:len(u)]
	for i := range u {
		u[i] -= x * (x0[i] - lambda*(x1[i]-lambda*x2[i]))
	}
	for k, d := range w.damp {
		axpy(u, -x*f.slow.v[k*f.s+j]*d, f.slow.w[k*f.n:])
	}
}
