package exact

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// level is the solution of the reduced problem at a λ.
type level struct {
	lambda, rss float64
	slope       float64 // derivative of rss in λ
	value       float64 // of the log posterior
}

// phi is negative where the residuals ask for a larger λ.
func (l *level) phi(rows float64) float64 { return l.lambda*(4*l.lambda+rows) - l.rss }

// search finds the λ with the highest log posterior, and its δ.
//
// Maxima are where φ(λ) = 4λ² + Tλ − RSS(λ) turns from negative to positive, and
// nearly every series has just one. RSS grows with λ, which encloses all of
// them: no λ above h(RSS(λ')) is one for any λ' at or above it, none below it
// for a λ' at or below it, where h is variance. The search descends from a
// bound of the first kind. Unless the other kind, that of least squares, comes
// close to what it finds, it looks at the λ between.
func (w *Workspace) search(o Options) {
	floor := o.SigmaFloor * o.SigmaFloor
	top := w.most(floor)
	w.set.clear()
	var at level
	warm := len(w.startDelta) == w.f.s && w.startSigma > 0
	if warm {
		w.set.start(w.startDelta)
		at = w.descend(min(max(w.startSigma*w.startSigma, floor), top), floor, top, o)
		w.startDelta, w.startSigma = w.startDelta[:0], 0
	}
	if !warm || at.lambda < top/2 {
		at = w.descend(top, floor, top, o)
	}
	if low := max(w.leastNoise(), floor); low < closeBy*at.lambda {
		if best := w.scan(low, at, floor, o); best != w.lambda {
			w.solve(best)
		}
	}
}

// closeBy is the part of λ from which on another maximum is not looked for.
const closeBy = 0.9

// solve is the reduced problem at a λ.
func (w *Workspace) solve(lambda float64) {
	w.at(lambda)
	w.steps++
	penalty := lambda / w.f.gram.Tau
	w.set.minimise(w, w.reduced, penalty, lassoSlack*penalty)
}

// descend finds a maximum, the one with the largest λ if it begins at top, and
// leaves its solution in w.
func (w *Workspace) descend(lambda, floor, top float64, o Options) level {
	root := bracket{lo: floor, hi: top * (1 + 1e-9)}
	for last := false; ; {
		w.solve(lambda)
		at := w.level()
		if last || w.steps >= o.MaxIterations {
			return at
		}
		lambda, last = root.next(lambda, at.rss, at.slope, w.rows)
	}
}

// most bounds the λ of a maximum: RSS is not above 2P, which is not above 2P of
// the model without changes.
func (w *Workspace) most(floor float64) float64 {
	lambda := variance(w.yy, w.rows)
	for range 4 {
		rss := w.yy - w.fitted(lambda)
		for k, c := range w.c {
			rss -= c * c * w.f.slow.damp(k, lambda)
		}
		next := variance(rss, w.rows)
		if next > 0.99*lambda {
			break
		}
		lambda = next
	}
	return max(lambda, floor)
}

// fitted is b'M(λ)⁻¹b over the fast directions.
func (w *Workspace) fitted(lambda float64) float64 {
	return w.q[0] - lambda*(w.q[1]-lambda*(w.q[2]-lambda*w.q[3]))
}

// leastNoise bounds the λ of a maximum from below: by the residuals of least
// squares.
func (w *Workspace) leastNoise() float64 {
	f := w.f
	rss := w.yy - w.q[0]
	x := w.side[:len(f.kept)]
	for i, j := range f.kept {
		x[i] = w.r[0][j]
	}
	for k, c := range w.c {
		if f.slow.from[k] > 0 {
			continue
		}
		c /= f.slow.d[k]
		rss -= c * w.c[k]
		for i, j := range f.kept {
			x[i] -= c * f.slow.v[k*f.s+j]
		}
	}
	forward(f.least, f.s, x)
	return 0.99 * variance(rss-dot(x, x)-lossyRSS*w.yy, w.rows)
}

// lossyRSS is the part of y'y that a sum of squares may be wrong by.
const lossyRSS = 1e-14

// scan looks for maxima between low, below which there is none, and the one
// known. It returns the λ of the best.
func (w *Workspace) scan(low float64, known level, floor float64, o Options) float64 {
	best := known
	before := 0.0 // the last λ, if φ was negative there
	for lambda := low; lambda < closeBy*known.lambda && w.steps < 10*o.MaxIterations; {
		w.solve(lambda)
		at := w.level()
		if at.phi(w.rows) < 0 {
			before = lambda
			lambda = max(1.5*lambda, variance(at.rss, w.rows))
			continue
		}
		candidate := level{value: math.Inf(-1)}
		switch {
		case before > 0:
			candidate = w.descend(lambda, before, lambda, o)
		case lambda <= floor:
			candidate = at
		}
		if candidate.value > best.value {
			best = candidate
		}
		before = 0
		lambda *= 1.5
	}
	return best.lambda
}

// level evaluates the solution that w holds.
//
// With P the value of the problem, P' = ½w'w + ‖δ‖₁/τ, where w'w = u'Λu, and
// RSS = 2(P − λP'). While signs and active set stay, RSS' = −2λP” =
// 2λ·(h'R⁻¹h + w'(D+λ)⁻¹w) with h = R'δ − r' + sign/τ.
func (w *Workspace) level() level {
	f, lambda, s := w.f, w.lambda, &w.set
	tau := f.gram.Tau
	q := w.fitted(lambda)
	ww := w.q[1] - lambda*(2*w.q[2]-3*lambda*w.q[3])
	h := s.target[:len(s.set)]
	var size, along, quad float64
	for i, j := range s.set {
		x := s.x[j]
		size += math.Abs(x)
		along += w.reduced[j] * x
		a1, a2 := f.a[1][j*f.s:(j+1)*f.s], f.a[2][j*f.s:(j+1)*f.s]
		var fast float64
		for _, l := range s.set {
			fast += (a1[l] - 2*lambda*a2[l]) * s.x[l]
		}
		rate := w.r[1][j] - 2*lambda*w.r[2][j]
		ww += x * (fast - 2*rate)
		h[i] = fast - rate + s.sign[i]/tau
	}
	for k, d := range w.damp {
		v := f.slow.v[k*f.s : (k+1)*f.s]
		omega := w.c[k]
		for _, j := range s.set {
			omega -= v[j] * s.x[j]
		}
		omega *= d
		ww += omega * omega
		q += w.c[k] * w.c[k] * d
		quad += omega * omega * d
		for i, j := range s.set {
			h[i] -= v[j] * omega * d
		}
	}
	at := level{lambda: lambda, rss: max(0, w.yy-q-along-lambda*(size/tau+ww))}
	forward(s.l, s.n, h)
	at.slope = 2 * lambda * (quad + dot(h, h))
	// What rounding hides is not counted as an explanation of the data.
	at.value = -(w.rows*math.Log(lambda)/2 + (at.rss+lossyRSS*w.yy)/(2*lambda) +
		lambda/(2*posterior.SigmaPrior*posterior.SigmaPrior) + ww/2 + size/tau)
	return at
}
