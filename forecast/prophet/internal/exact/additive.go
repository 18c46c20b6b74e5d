package exact

import (
	"errors"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// fitAdditive solves the convex problem: once through the Gram matrix, then on
// the rows until they confirm the point.
func fitAdditive(d *posterior.Data, start posterior.Params, o Options) (posterior.Params, Certificate, error) {
	z := newRows(d)
	f, err := NewFactor(z.gram())
	if err != nil {
		return start, Certificate{}, err // not finite: products of finite numbers that are too large
	}
	b := make([]float64, f.Size())
	z.transposeTo(b, d.Y)
	var ws Workspace
	ws.StartFrom(start.Delta[:z.s], start.Sigma)
	_, err = f.Solve(&ws, b, dot(d.Y, d.Y), float64(len(d.Y)), o)
	if err != nil && !errors.Is(err, ErrNotConverged) {
		return start, Certificate{}, err
	}
	return ws.refine(z, o)
}

// refine anchors the correction at gradient and sum of squares computed from
// the rows, as often as that brings the point nearer to the tolerance. Where
// the residuals themselves are only known to a few digits it ends at what
// rounding permits.
func (w *Workspace) refine(z *rows, o Options) (posterior.Params, Certificate, error) {
	floor := o.SigmaFloor * o.SigmaFloor
	norm := math.Sqrt(dot(z.d.Y, z.d.Y))
	best, lambda := math.Inf(1), w.lambda
	theta := append([]float64(nil), w.theta...)
	for failures := 0; failures < 3; {
		w.rss = z.residuals(w.g, w.theta)
		if l := max(variance(w.rss, w.rows), floor); math.Abs(l-w.lambda) <= 1e-6*w.lambda {
			w.lambda = l
		}
		kkt := w.certificate(floor).KKT
		failures++
		if kkt < best {
			if kkt < best/2 {
				failures = 0
			}
			best, lambda = kkt, w.lambda
			copy(theta, w.theta)
		}
		if best <= o.Tolerance {
			break
		}
		copy(w.base, w.theta)
		copy(w.g0, w.g)
		w.rss0 = w.rss
		w.polish(max(o.Tolerance/4, w.attainable(norm)/20), floor)
	}
	w.lambda = lambda
	copy(w.theta, theta)
	w.rss = z.residuals(w.g, w.theta)
	p := z.params(w.theta, math.Sqrt(w.lambda))
	c := w.certificate(floor)
	c.LogPosterior = z.d.LogPosterior(&p)
	if !finite(c.KKT) || c.KKT > max(o.Tolerance, w.attainable(norm)) {
		return p, c, ErrNotConverged
	}
	return p, c, nil
}

// certificate of the point with the gradient and the residuals at hand.
func (w *Workspace) certificate(floor float64) Certificate {
	floored := w.lambda <= floor && variance(w.rss, w.rows) < floor
	kkt := w.violation(w.lambda)
	if !floored {
		kkt = max(kkt, sigmaViolation(w.lambda, w.rss, w.rows))
	}
	return Certificate{
		KKT: kkt, Gap: w.gap(), LogPosterior: w.logPosterior(),
		Iterations: w.steps, SigmaFloored: floored, NullDirections: w.f.nulls,
	}
}

// sigmaViolation is the derivative of the log posterior in σ.
func sigmaViolation(lambda, rss, rows float64) float64 {
	return math.Abs(lambda*(rows+4*lambda)-rss) / (lambda * math.Sqrt(lambda))
}
