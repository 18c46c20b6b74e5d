package exact

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// polish moves the point until it meets the stationarity conditions to within
// limit, in units of the log posterior, and says whether it got there; if not,
// it is as near as rounding lets it come. Gradient and sum of squares come from
// the Gram matrix and those at the base, so neither the approximations of the
// search nor cancellation remain.
func (w *Workspace) polish(limit, floor float64) bool {
	root := bracket{lo: floor, hi: max(variance(w.yy, w.rows)*(1+1e-9), floor)}
	for range 50 {
		reached := w.settle(limit)
		if w.follow(limit, floor) {
			return true
		}
		next, last := root.next(w.lambda, w.rss, w.slope(), w.rows)
		if root.floored {
			return reached
		}
		if last && math.Abs(next-w.lambda) <= 1e-13*w.lambda {
			break
		}
		w.at(next)
	}
	return false
}

// follow sets λ by the residuals if that is no more than a last correction.
func (w *Workspace) follow(limit, floor float64) bool {
	lambda := max(variance(w.rss, w.rows), floor)
	if math.Abs(lambda-w.lambda) <= 1e-6*w.lambda && w.violation(lambda) <= limit {
		w.lambda = lambda
		return true
	}
	return false
}

// settle finds the minimum at the present λ. It gives up when the violation is
// no longer halved although the active set stays.
func (w *Workspace) settle(limit float64) bool {
	best, stalled := math.Inf(1), 0
	for range 100 {
		w.differentiate()
		v := w.violation(w.lambda)
		if v <= limit {
			return true
		}
		if v > best/2 {
			stalled++
		}
		if stalled > 3 {
			return false
		}
		best = min(best, v)
		w.steps++
		if w.correct(limit) {
			best, stalled = math.Inf(1), 0
		}
	}
	return false
}

// differentiate computes g = Z'(y − Zθ) and the sum of squares.
func (w *Workspace) differentiate() {
	f := w.f
	p := f.Size()
	copy(w.g, w.g0)
	for i, v := range w.theta {
		w.move[i] = v - w.base[i]
		if w.move[i] != 0 {
			axpy(w.g, -w.move[i], f.gram.Cross[i*p:(i+1)*p])
		}
	}
	w.rss = max(0, w.rss0-dot(w.move, w.g0)-dot(w.move, w.g))
}

// attainable is what rounding may leave of a violation: that of an element of
// Z'(y − Zθ), in units of the log posterior, for y of the given norm.
func (w *Workspace) attainable(norm float64) float64 {
	f, p := w.f, w.f.Size()
	for i, v := range w.theta {
		norm += math.Abs(v) * math.Sqrt(f.gram.Cross[i*p+i])
	}
	return 1e-15 * f.largest * norm / w.lambda
}

// violation of the stationarity conditions of k, m, δ and β at λ.
func (w *Workspace) violation(lambda float64) float64 {
	f := w.f
	var worst float64
	for i, v := range f.prec {
		z := f.index[i]
		worst = max(worst, math.Abs(w.g[z]/lambda-v*w.theta[z]))
	}
	for j := range f.s {
		z := f.lead + j
		worst = max(worst, changeViolation(w.g[z]/lambda, w.theta[z], 1/f.gram.Tau))
	}
	return worst
}

// changeViolation is that of a change of rate: g must be slope·sign(delta), and
// between −slope and slope where delta is zero.
func changeViolation(g, delta, slope float64) float64 {
	switch {
	case delta > 0:
		return math.Abs(g - slope)
	case delta < 0:
		return math.Abs(g + slope)
	}
	return max(0, math.Abs(g)-slope)
}

// correct goes one active-set step from the point, at the same λ, and says
// whether the set has changed. A change of rate enters only if it violates its
// condition by more than what is in play already does: until then its gradient
// says little.
func (w *Workspace) correct(limit float64) bool {
	f, s := w.f, &w.set
	slope := w.lambda / f.gram.Tau
	copy(s.g, w.g[f.lead:])
	f.pick(w.t, w.g)
	inner := limit * w.lambda
	for i, v := range f.prec {
		w.t[i] -= w.lambda * v * w.theta[f.index[i]]
		inner = max(inner, math.Abs(w.t[i]))
	}
	for i, j := range s.set {
		inner = max(inner, math.Abs(s.g[j]-slope*s.sign[i]))
	}
	size := len(s.set)
	if j := s.worst(slope + inner); j >= 0 {
		copy(w.side, s.x)
		if s.enter(w, j, s.g[j]) {
			w.followChanges(w.side)
			return true
		}
	}
	changed := len(s.set) != size
	for i, j := range s.set {
		w.side[i] = s.g[j] - slope*s.sign[i]
	}
	w.direction(w.t, w.side[:len(s.set)])
	part, drop := 1.0, -1
	for i, j := range s.set {
		to := s.x[j] + w.side[i]
		if to*s.sign[i] > 0 {
			continue
		}
		if at := s.x[j] / (s.x[j] - to); !(at >= part) {
			part, drop = max(0, at), i
		}
	}
	for i, j := range s.set {
		s.x[j] += part * w.side[i]
		w.theta[f.lead+j] = s.x[j]
	}
	for i, v := range w.t {
		z := f.index[i]
		w.theta[z] += part * v
	}
	if drop >= 0 {
		j := s.set[drop]
		w.theta[f.lead+j] = 0
		s.remove(drop)
		s.factorise(w, drop)
	}
	return changed || drop >= 0
}

// followChanges moves θ after δ, which was before.
func (w *Workspace) followChanges(before []float64) {
	f := w.f
	clear(w.t)
	for j, x := range w.set.x {
		if x != before[j] {
			w.spread(w.t, j, x-before[j])
			w.theta[f.lead+j] = x
		}
	}
	for i, v := range w.t {
		w.theta[f.index[i]] += v
	}
}

// direction solves M·(u, δ) = (u, δ) in place, δ on the active set and M the
// Hessian G + λΛ.
func (w *Workspace) direction(u, delta []float64) {
	f, lambda := w.f, w.lambda
	copy(w.u, u)
	multiply(w.t1, f.inv, w.u)
	copy(u, w.t1)
	factor := 1.0
	for range 2 {
		scaleBy(w.t1, f.prec)
		copy(w.move[:f.n], w.t1)
		multiply(w.t1, f.inv, w.move[:f.n])
		factor *= -lambda
		axpy(u, factor, w.t1)
	}
	for k, d := range w.damp {
		v := f.slow.w[k*f.n : (k+1)*f.n]
		axpy(u, dot(v, w.u)*d, v)
	}
	for i, j := range w.set.set {
		delta[i] -= dot(u, f.cross[j*f.n:])
	}
	w.set.solve(delta)
	for i, j := range w.set.set {
		w.spread(u, j, delta[i])
	}
}

// slope is the derivative of the sum of squares in λ: 2λ·v'M⁻¹v with
// v = Λu + sign/τ.
func (w *Workspace) slope() float64 {
	f, s := w.f, &w.set
	f.pick(w.t, w.theta)
	scaleBy(w.t, f.prec)
	v := w.side[:len(s.set)]
	for i := range v {
		v[i] = s.sign[i] / f.gram.Tau
	}
	w.direction(w.t, v)
	var sum float64
	for i, t := range w.t {
		z := f.index[i]
		sum += t * f.prec[i] * w.theta[z]
	}
	for i, t := range v {
		sum += t * s.sign[i] / f.gram.Tau
	}
	return max(0, 2*w.lambda*sum)
}

// gap bounds by how much the log posterior at this σ could still rise: value
// less dual value at ν = c·(y − Zθ), divided by λ, written as a sum of terms that
// cannot be negative.
func (w *Workspace) gap() float64 {
	f := w.f
	tau := f.gram.Tau
	c := 1.0
	for j := range f.s {
		if g := math.Abs(w.g[f.lead+j]) / w.lambda * tau; g > 1 {
			c = min(c, 1/g)
		}
	}
	sum := (1 - c) * (1 - c) * w.rss / w.lambda / 2
	for i, v := range f.prec {
		z := f.index[i]
		e := v*w.theta[z] - c*w.g[z]/w.lambda
		sum += e * e / (2 * v)
	}
	for j := range f.s {
		delta := w.theta[f.lead+j]
		sum += math.Abs(delta)/tau - c*delta*w.g[f.lead+j]/w.lambda
	}
	return max(0, sum)
}

// logPosterior at the point.
func (w *Workspace) logPosterior() float64 {
	f := w.f
	v := w.rows*math.Log(w.lambda)/2 + w.rss/(2*w.lambda) + w.lambda/(2*posterior.SigmaPrior*posterior.SigmaPrior)
	for i, prec := range f.prec {
		z := f.index[i]
		v += prec * w.theta[z] * w.theta[z] / 2
	}
	for _, d := range w.theta[f.lead : f.lead+f.s] {
		v += math.Abs(d) / f.gram.Tau
	}
	return -v
}
