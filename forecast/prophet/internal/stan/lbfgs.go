package stan

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Stan's defaults for L-BFGS.
const (
	initialStep  = 1e-3
	tolObjective = 1e-12
	tolGradient  = 1e-8
	tolParameter = 1e-8
	epsilon      = 0x1p-52
	tolRelObj    = 1e4 * epsilon
	tolRelGrad   = 1e7 * epsilon
	historySize  = 5
)

// point is a place in the parameter space with what was evaluated there.
type point struct {
	x, grad []float64
	f       float64
}

func newPoint(n int) *point {
	return &point{x: make([]float64, n), grad: make([]float64, n)}
}

// lbfgs minimises o from x and leaves the last accepted point in x.
func lbfgs(o *objective, x []float64) (Report, error) {
	n := len(x)
	at, trial := newPoint(n), newPoint(n)
	copy(at.x, x)
	var ok bool
	if at.f, ok = o.eval(at.x, at.grad); !ok {
		return Report{Algorithm: LBFGS}, ErrStart
	}
	search := wolfe{o: o}
	h := newHistory(n)
	dir, last := make([]float64, n), make([]float64, n)
	var lastStep, lastF, lastSlope float64 // along last: step taken, value and slope before it
	for it := 1; ; it++ {
		reset, failed := it == 1, false
		for {
			if reset {
				floats.ScaleTo(dir, -1, at.grad)
			}
			step := initialStep
			if it > 1 && !failed {
				step = 1
				guess := 1.01 * cubicMinimum(lastSlope, lastStep, at.f-lastF, floats.Dot(at.grad, last), minStep, 1)
				if guess < 1 {
					step = guess
				}
			}
			taken, found := search.run(at, trial, dir, step)
			if found {
				lastStep = taken
				break
			}
			if reset {
				copy(x, at.x)
				return Report{
					Algorithm: LBFGS, Iterations: it, Stop: StopLineSearch,
					LogPosterior: -at.f, GradientNorm: floats.Norm(at.grad, 2),
				}, ErrLineSearch
			}
			reset, failed = true, true
		}
		at, trial = trial, at // trial is now the previous point
		dir, last = last, dir
		if factor := h.add(at, trial, reset); reset {
			floats.Scale(1/factor, last)
			lastStep *= factor
		}
		lastF, lastSlope = trial.f, floats.Dot(trial.grad, last)
		h.direction(dir, at.grad)
		if stop := converged(at, trial, dir, it); stop != "" {
			copy(x, at.x)
			return Report{
				Algorithm: LBFGS, Iterations: it, Stop: stop,
				LogPosterior: -at.f, GradientNorm: floats.Norm(at.grad, 2),
			}, nil
		}
	}
}

// converged applies Stan's tests in Stan's order; dir is the direction of the
// next step. It returns the reason, or nothing.
func converged(at, before *point, dir []float64, iteration int) string {
	change := math.Abs(before.f - at.f)
	size := math.Max(math.Abs(at.f), 1)
	switch {
	case change < tolObjective:
		return StopObjective
	case floats.Norm(at.grad, 2) < tolGradient:
		return StopGradient
	case floats.Distance(at.x, before.x, 2) < tolParameter:
		return StopParameters
	case iteration >= maxIterations:
		return StopIterations
	case change/math.Max(math.Abs(before.f), size) < tolRelObj:
		return StopRelObjective
	case -floats.Dot(dir, at.grad)/size < tolRelGrad:
		return StopRelGradient
	}
	return ""
}

// history holds the last changes of position and gradient, from which the
// inverse Hessian is approximated (Nocedal and Wright, 2006, "Numerical
// optimization", 2nd edition, algorithm 7.4).
type history struct {
	s, y  [historySize][]float64
	rho   [historySize]float64
	first int // index of the oldest
	count int
	scale float64 // initial inverse Hessian
}

func newHistory(n int) *history {
	h := new(history)
	for i := range h.s {
		h.s[i], h.y[i] = make([]float64, n), make([]float64, n)
	}
	return h
}

// add records the step from before to at. With reset it forgets the steps
// before and returns the curvature |y|²/(s·y), the natural scale of a step
// along the gradient.
func (h *history) add(at, before *point, reset bool) float64 {
	if reset {
		h.first, h.count = 0, 0
	}
	i := (h.first + h.count) % historySize
	if h.count == historySize {
		h.first = (h.first + 1) % historySize
	} else {
		h.count++
	}
	floats.SubTo(h.s[i], at.x, before.x)
	floats.SubTo(h.y[i], at.grad, before.grad)
	sy, yy := floats.Dot(h.s[i], h.y[i]), floats.Dot(h.y[i], h.y[i])
	h.rho[i], h.scale = 1/sy, sy/yy
	return yy / sy
}

// direction writes minus the approximated inverse Hessian times the gradient.
func (h *history) direction(dst, grad []float64) {
	var a [historySize]float64
	floats.ScaleTo(dst, -1, grad)
	for j := h.count - 1; j >= 0; j-- {
		i := (h.first + j) % historySize
		a[j] = h.rho[i] * floats.Dot(h.s[i], dst)
		floats.AddScaled(dst, -a[j], h.y[i])
	}
	floats.Scale(h.scale, dst)
	for j := range h.count {
		i := (h.first + j) % historySize
		b := h.rho[i] * floats.Dot(h.y[i], dst)
		floats.AddScaled(dst, a[j]-b, h.s[i])
	}
}
