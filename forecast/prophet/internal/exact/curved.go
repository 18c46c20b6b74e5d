package exact

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Constants of the damped Newton iteration (Moré, 1978, "The Levenberg–
// Marquardt algorithm", Lecture Notes in Mathematics 630; Lee, Sun and
// Saunders, 2014, "Proximal Newton-type methods for minimizing composite
// functions", SIAM Journal on Optimization 24).
const (
	leastGain   = 1e-3  // share of the predicted decrease that a step must bring
	poorGain    = 0.25  // below this the damping rises
	goodGain    = 0.75  // above this it falls
	quietSteps  = 8     // where the value is flat to rounding
	corrections = 3     // of a step that brings less
	firstDamp   = 1e-5  // relative to the diagonal of the Hessian
	firstRaise  = 4.0   // factor of the damping after a failure, doubled after the next
	leastDamp   = 1e-12 // below this there is none
	largestDamp = 1e12
)

// fitCurved maximises the log posterior where effects multiply the trend or the
// trend is logistic. It descends from start. Where the level of the trend is
// free (see freeLevel), or the descent does not end, it also descends from the
// optimum of the model with all effects additive, and returns the better point.
func fitCurved(d *posterior.Data, start posterior.Params, o Options) (posterior.Params, Certificate, error) {
	c := newCurve(d, o)
	p, cert, err := c.fit(start, o)
	if err == nil && !c.freeLevel() {
		return p, cert, nil
	}
	other, ok := c.additiveStart(start, o)
	if !ok {
		return p, cert, err
	}
	q, second, err2 := c.fit(other, o)
	steps := cert.Iterations + second.Iterations
	if second.LogPosterior > cert.LogPosterior {
		p, cert, err = q, second, err2
	}
	cert.Iterations = steps
	return p, cert, err
}

// fit descends from start. σ is eliminated: for given residuals its optimum is
// known (variance), which leaves
//
//	φ(θ) = ½T·ln λ + RSS/(2λ) + 2λ + ½θ'Λθ + ‖δ‖₁/τ,  λ = λ(RSS(θ))
//
// Each iteration minimises a quadratic model of the smooth part plus the
// penalty of δ as it is (solve), with a damping that rises when the model has
// promised too much. The model is Newton's, with the curvature of the mean and
// of λ, where that is convex; otherwise Gauss and Newton's at fixed λ, which
// always is. Gradients come from the rows, so that what the Hessian loses to
// rounding costs iterations and not accuracy.
func (c *curve) fit(start posterior.Params, o Options) (posterior.Params, Certificate, error) {
	at, trial := c.newPoint(start), c.newPoint(start)
	c.evaluate(at)
	if !finite(at.f) {
		return start, Certificate{Gap: math.NaN()}, fmt.Errorf("%w: the log posterior is not finite at the start", ErrNotConverged)
	}
	c.gradient(at)
	iterations := c.descend(&at, &trial, o)
	p := at.params(c.d)
	cert := Certificate{
		KKT: at.kkt, Gap: math.NaN(), LogPosterior: c.d.LogPosterior(&p),
		Iterations: iterations, SigmaFloored: at.floored,
	}
	if !(at.kkt <= max(o.Tolerance, c.rounding(at))) {
		return p, cert, fmt.Errorf("%w: after %d steps the conditions are violated by %.3g", ErrNotConverged, iterations, at.kkt)
	}
	return p, cert, nil
}

// descend moves at to a stationary point and returns the number of steps
// tried.
func (c *curve) descend(at, trial **curvePoint, o Options) int {
	damp, raise, quiet := 0.0, firstRaise, 0
	best := (*at).kkt // of the points between which the value cannot tell
	for it := range o.MaxIterations {
		if (*at).kkt <= o.Tolerance {
			return it
		}
		noise := 1e-14 * (math.Abs((*at).f) + float64(len(c.d.Y)))
		// Far from the optimum, as at the start, the full Hessian is rarely convex.
		predicted, gain := c.step(*at, *trial, damp, noise, it > 0)
		switch {
		case predicted <= noise && damp > 0:
			damp = 0
			continue
		case predicted <= noise:
			// The value can no longer tell; the gradient can. It may rise before
			// it falls, as a step along a valley leaves its ground.
			if quiet++; quiet == 1 || (*at).kkt < best {
				best = (*at).kkt
				copy(c.best, (*at).x)
			}
			if quiet > quietSteps || !(gain >= -noise) {
				copy((*at).x, c.best)
				c.evaluate(*at)
				c.gradient(*at)
				return it + 1
			}
			c.gradient(*trial)
			*at, *trial = *trial, *at
			continue
		case !(gain >= leastGain*predicted): // also catches NaN
			if damp = max(firstDamp, raise*damp); damp > largestDamp {
				return it + 1
			}
			raise *= 2
			continue
		case gain < poorGain*predicted:
			damp = max(firstDamp, 4*damp)
		case gain > goodGain*predicted:
			if damp /= 8; damp < leastDamp {
				damp = 0
			}
		}
		c.gradient(*trial)
		raise = firstRaise
		*at, *trial = *trial, *at
	}
	return o.MaxIterations
}

// step leaves in trial the point that a model proposes, evaluated, and returns
// the decrease that the model predicts and that of the value: NaN if no model
// was convex. A step that does not keep its promise is corrected a few times.
func (c *curve) step(at, trial *curvePoint, damp, noise float64, newton bool) (predicted, gain float64) {
	c.hessian(at, newton)
	ok := c.solve(at, at.grad, damp)
	if !ok && newton {
		c.hessian(at, false)
		ok = c.solve(at, at.grad, damp)
	}
	if !ok {
		return math.NaN(), math.NaN()
	}
	predicted = c.move(at, trial)
	c.evaluate(trial)
	gain = at.f - trial.f
	for tries := 0; tries < corrections && predicted > noise && !(gain >= leastGain*predicted); tries++ {
		less, ok := c.correct(at, trial, damp)
		if !ok {
			break
		}
		if gain = at.f - trial.f; less > noise && gain >= leastGain*less {
			predicted = less
		}
	}
	return predicted, gain
}

// move applies the solved step and returns the predicted decrease.
func (c *curve) move(at, trial *curvePoint) float64 {
	p, dim := c.smooth, c.dim
	copy(trial.x, at.x)
	for j, v := range c.dx[:p] {
		trial.x[j] += v
	}
	copy(trial.x[p:], c.delta)
	var predicted float64
	for j, v := range c.dx {
		row := c.h[j*dim : j*dim+j+1]
		predicted -= v * (at.grad[j] + dot(row[:j], c.dx) + 0.5*row[j]*v)
	}
	for j, v := range c.delta {
		predicted += (math.Abs(at.x[p+j]) - math.Abs(v)) / c.d.Tau
	}
	c.bend(at, trial)
	return predicted
}

// rounding is how large a violation may look through rounding alone.
func (c *curve) rounding(at *curvePoint) float64 {
	var size, largest float64
	for i, r := range at.r {
		y := c.d.Y[i]
		size += y*y + r*r
	}
	for j := range c.dim {
		largest = max(largest, math.Abs(c.h[j*c.dim+j]))
	}
	return 8 * 0x1p-52 * math.Sqrt(size*largest/at.lambda)
}
