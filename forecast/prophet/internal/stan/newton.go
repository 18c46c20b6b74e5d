package stan

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

const (
	newtonTolerance = 1e-8  // of the log posterior, from one iteration to the next
	newtonSmallest  = 1e-50 // step under which an iteration gives up
	hessianStep     = 1e-3
)

// newton minimises o from x by Stan's Newton method: the Hessian comes from
// differences of the gradient, its eigenvalues are replaced by their absolute
// values, and a step is halved until the density does not decrease.
func newton(o *objective, x []float64) (Report, error) {
	n := len(x)
	at, next := newPoint(n), newPoint(n)
	copy(at.x, x)
	var ok bool
	if at.f, ok = o.eval(at.x, at.grad); !ok {
		return Report{Algorithm: Newton}, ErrStart
	}
	rep := Report{Algorithm: Newton, Stop: StopIterations}
	work := newHessian(n)
	for rep.Iterations < maxIterations {
		rep.Iterations++
		dir, ok := work.direction(o, at)
		if !ok || !halve(o, at, next, dir) {
			rep.Stop = StopLineSearch
			break
		}
		at, next = next, at
		if math.Abs(at.f-next.f) <= newtonTolerance {
			rep.Stop = StopObjective
			break
		}
	}
	copy(x, at.x)
	rep.LogPosterior, rep.GradientNorm = -at.f, floats.Norm(at.grad, 2)
	return rep, nil
}

// halve tries full, half, quarter steps along dir until the objective does not
// rise.
func halve(o *objective, at, next *point, dir []float64) bool {
	for step := 1.0; step >= newtonSmallest; step /= 2 {
		floats.AddScaledTo(next.x, at.x, step, dir)
		f, ok := o.eval(next.x, next.grad)
		if ok && f <= at.f {
			next.f = f
			return true
		}
	}
	return false
}

// hessian is the scratch of one Newton step.
type hessian struct {
	h      *mat.SymDense
	raw    []float64 // n×n, not yet symmetric
	x, g   []float64
	values []float64
	dir    []float64
}

func newHessian(n int) *hessian {
	return &hessian{
		h: mat.NewSymDense(n, nil), raw: make([]float64, n*n),
		x: make([]float64, n), g: make([]float64, n),
		values: make([]float64, n), dir: make([]float64, n),
	}
}

// direction is −|H|⁻¹·gradient at the point. It fails where the differences
// leave the region in which the density is finite.
func (w *hessian) direction(o *objective, at *point) ([]float64, bool) {
	if !w.fill(o, at) {
		return nil, false
	}
	var eig mat.EigenSym
	if !eig.Factorize(w.h, true) {
		return nil, false
	}
	eig.Values(w.values)
	var vec mat.Dense
	eig.VectorsTo(&vec)
	for i := range w.dir {
		w.dir[i] = 0
	}
	n := len(w.dir)
	for j, v := range w.values {
		var proj float64
		for i := range n {
			proj += vec.At(i, j) * at.grad[i]
		}
		proj /= -math.Abs(v)
		for i := range n {
			w.dir[i] += proj * vec.At(i, j)
		}
	}
	return w.dir, true
}

// fill computes the Hessian by the five-point difference of the gradient in
// every coordinate, and averages it with its transpose.
func (w *hessian) fill(o *objective, at *point) bool {
	offsets := [4]float64{-2, -1, 1, 2}
	weights := [4]float64{1. / 12, -2. / 3, 2. / 3, -1. / 12}
	n := len(w.x)
	copy(w.x, at.x)
	for d := range n {
		row := w.raw[d*n : (d+1)*n]
		for i := range row {
			row[i] = 0
		}
		for i, off := range offsets {
			w.x[d] = at.x[d] + off*hessianStep
			if _, ok := o.eval(w.x, w.g); !ok {
				return false
			}
			floats.AddScaled(row, weights[i]/hessianStep, w.g)
		}
		w.x[d] = at.x[d]
	}
	for i := range n {
		for j := i; j < n; j++ {
			w.h.SetSym(i, j, 0.5*(w.raw[i*n+j]+w.raw[j*n+i]))
		}
	}
	return true
}
