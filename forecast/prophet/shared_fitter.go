package prophet

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/gram"
)

// keptPatterns is how many sets of dates a Fitter remembers.
const keptPatterns = 32

// Fitter estimates series of a Shared, one after the other. It belongs to one
// goroutine.
type Fitter struct {
	// FromSums leaves out the passes over the rows that certify an estimate:
	// KKT and Gap are then computed from Z'Z, Z'y and y'y, in which rounding
	// hides violations of up to some 1e-8 (where it could hide more, the rows
	// are looked at all the same). It saves almost half of the time.
	FromSums bool

	s       *Shared
	scratch *gram.Scratch
	solver  exact.Workspace
	kept    []*pattern // a ring
	keep    int        // its greatest length
	next    int        // the one to be replaced

	lo, hi, y0   float64 // least, greatest and first value
	missing      []int
	y, residual  []float64 // of the window, scaled, 0 where missing
	b, theta, g  []float64
	optimum      []float64 // a copy of theta
	ownScale     []FittedRegressor
	own          [][]float64 // regressors of the series, in the window, standardised
	cross, prior []float64   // Z'Z with them, and the scales of all effects
	problem      exact.Gram
	bordered     exact.Factor

	fold Estimate // of a cross-validation
	past map[string][]float64
}

// Fitter is a workspace for series of s.
func (s *Shared) Fitter() *Fitter {
	w := &Fitter{s: s, keep: keptPatterns}
	if s.additive {
		w.scratch = gram.NewScratch(s.calendar)
		n := len(s.ns)
		w.y, w.residual = make([]float64, n), make([]float64, n)
		w.own = make([][]float64, len(s.own))
		for i := range w.own {
			w.own[i] = make([]float64, n)
		}
		w.ownScale = make([]FittedRegressor, len(s.own))
	}
	return w
}

// room grows the vectors of the size of θ.
func (w *Fitter) room(n int) {
	if cap(w.b) < n {
		w.b, w.theta, w.g = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	w.b, w.theta, w.g = w.b[:n], w.theta[:n], w.g[:n]
}

// Fit estimates a series, which has a value for each of the dates (NaN = none),
// and writes the result to e, whose memory it reuses. own has the regressors
// of the series (Shared.Own), with values where the series has one.
//
// It does not allocate for a series on all dates, or on the same dates as one
// before it (see Shared), without regressors of its own.
//
// Errors are those of Model.Fit; e is then of no use.
func (w *Fitter) Fit(e *Estimate, y []float64, own map[string][]float64) error {
	if len(y) != len(w.s.ns) {
		return fmt.Errorf("%w: %d values for %d dates", ErrLength, len(y), len(w.s.ns))
	}
	e.reset(w.s)
	if w.fit(e, y, own, nil) {
		return nil
	}
	e.reset(w.s)
	e.Path = Separate
	f, err := w.s.model.Fit(w.s.history(y, own))
	if err != nil {
		return err
	}
	e.borrow(f)
	return nil
}

// fit estimates y, which is not longer than the calendar, from sums; false =
// that is for Model.Fit. seasons are those of a fold, otherwise nil.
func (w *Fitter) fit(e *Estimate, y []float64, own map[string][]float64, seasons []Seasonality) bool {
	if !w.s.additive {
		return false
	}
	sp, ok := w.scan(y)
	if !ok {
		return false
	}
	p := w.pattern(e, sp, seasons)
	if !p.usable || !w.takeOwn(y, p, own) {
		return false
	}
	if w.lo == w.hi {
		w.constant(e, p)
		return true
	}
	return p.factor != nil && w.takeValues(e, y, p) && w.solve(e, p)
}

// scan finds the observed rows and the range of the values; false = too few, or
// infinite ones.
func (w *Fitter) scan(y []float64) (span, bool) {
	sp := span{end: len(y)}
	for sp.first < sp.end && math.IsNaN(y[sp.first]) {
		sp.first++
	}
	for sp.end > sp.first && math.IsNaN(y[sp.end-1]) {
		sp.end--
	}
	if sp.end-sp.first < 2 {
		return sp, false
	}
	w.missing = w.missing[:0]
	w.y0 = y[sp.first]
	lo, hi := w.y0, w.y0
	for i, v := range y[sp.first:sp.end] {
		switch {
		case v < lo:
			lo = v
		case v > hi:
			hi = v
		case v != v:
			w.missing = append(w.missing, sp.first+i)
		}
	}
	sp.missing = w.missing
	w.lo, w.hi = lo, hi
	return sp, !notFinite(hi - lo)
}

// pattern is that of the observed dates, and the way taken to it.
func (w *Fitter) pattern(e *Estimate, sp span, seasons []Seasonality) *pattern {
	s, fold := w.s, seasons != nil
	e.Path = SameDates
	if !fold && s.whole.same(sp) {
		return &s.whole
	}
	for _, p := range w.kept {
		if p.same(sp) && p.fold == fold && (!fold || slices.Equal(p.seasons, seasons)) {
			return p
		}
	}
	e.Path = OtherDates
	if !fold {
		seasons = s.seasonsOf(sp)
	}
	if len(w.kept) < w.keep {
		w.kept = append(w.kept, new(pattern))
	}
	p := w.kept[w.next]
	w.next = (w.next + 1) % w.keep
	s.renew(p, dated{sp, seasons, fold}, w.scratch)
	return p
}

// takeOwn standardises the regressors of the series; false = Model.Fit has
// something to say about them.
func (w *Fitter) takeOwn(y []float64, p *pattern, own map[string][]float64) bool {
	for k, i := range w.s.own {
		r := w.s.model.Regressors[i]
		x, ok := own[r.Name]
		if !ok || len(x) != len(y) {
			return false
		}
		// The observed values, for their scale.
		values, missing := w.residual[:0], p.missing
		for row, v := range x[p.first:p.end] {
			if len(missing) > 0 && missing[0] == p.first+row {
				missing = missing[1:]
				continue
			}
			if notFinite(v) {
				return false
			}
			values = append(values, v)
		}
		fr, err := standardized(r, values)
		if err != nil {
			return false
		}
		w.ownScale[k] = fr
		z := w.own[k][:p.end-p.first]
		for row, v := range x[p.first:p.end] {
			z[row] = (v - fr.Mean) / fr.SD
		}
		for _, row := range p.missing {
			z[row-p.first] = 0
		}
	}
	return true
}

// takeValues scales the series.
func (w *Fitter) takeValues(e *Estimate, y []float64, p *pattern) bool {
	if !e.scale(w.s.model.Scaling, w.lo, w.hi) {
		return false
	}
	z, floor := w.y[:p.end-p.first], e.floor()
	if inverse := 1 / e.YScale; e.YScale > 1e-290 && e.YScale < 1e290 {
		for i, v := range y[p.first:p.end] {
			z[i] = (v - floor) * inverse
		}
	} else {
		for i, v := range y[p.first:p.end] {
			z[i] = (v - floor) / e.YScale
		}
	}
	for _, row := range p.missing {
		z[row-p.first] = 0
	}
	return true
}

// task is a design as a series has it.
type task struct {
	problem    *exact.Gram
	factor     *exact.Factor
	pin        *pinMap
	unobserved []string
}

// task is that of the dates, or one with the regressors of the series.
func (w *Fitter) task(e *Estimate, p *pattern) (task, bool) {
	if len(w.s.own) == 0 {
		return task{&p.problem, p.factor, p.pin, p.unobserved}, true
	}
	e.Path = OwnRegressors
	t := task{problem: w.border(p), factor: &w.bordered, unobserved: w.unobserved(p)}
	ok := t.factor.Reset(*t.problem) == nil
	if ok && len(t.unobserved) > 0 && !w.s.model.Literal {
		t.pin, ok = newPinMap(t.problem, p.lead)
	}
	return t, ok
}

// solve finds the optimum and certifies it; false = the sums do not suffice.
func (w *Fitter) solve(e *Estimate, p *pattern) bool {
	w.room(p.size + len(w.s.own))
	rows, y := float64(p.observed()), w.y[:p.end-p.first]
	w.productTo(w.b, y, p)
	yy := floats.Dot(y, y)
	mean := w.b[p.lead-1] / rows
	floor := math.Max(leastSigma, floorShare*math.Sqrt(math.Max(0, yy/rows-mean*mean)))
	t, ok := w.task(e, p)
	if !ok {
		return false
	}
	sol, err := t.factor.Solve(&w.solver, w.b, yy, rows, exact.Options{SigmaFloor: floor})
	if err != nil && !errors.Is(err, exact.ErrNotConverged) || sol.SigmaFloored {
		return false
	}
	copy(w.theta, sol.Theta)
	sigma, d := sol.Sigma, &e.Diagnostics
	d.KKT, d.Gap, d.LogPosterior = sol.KKT, sol.Gap, sol.LogPosterior
	if !w.FromSums || err != nil || sol.Lossy {
		c := certifier{problem: t.problem, lead: p.lead, rows: rows, theta: w.theta, g: w.g}
		w.residualTo(w.residual[:len(y)], y, p)
		w.productTo(w.g, w.residual[:len(y)], p)
		c.rss = floats.Dot(w.residual[:len(y)], w.residual[:len(y)])
		c.sigma = noise(c.rss, rows)
		sigma = c.sigma
		d.KKT, d.Gap, d.LogPosterior = c.kkt(), c.gap(), c.logPosterior()
		if sigma < floor || !(d.KKT <= certified) {
			return false
		}
	}
	d.Status |= Converged
	d.Solver, d.Unobserved, d.SigmaFloor, d.Iterations = Exact, t.unobserved, floor, sol.Iterations
	w.finish(e, p, t.pin, sigma)
	return true
}

// certified is the violation of the conditions of an optimum, recomputed from
// the rows, up to which an estimate is given out.
const certified = 1e-6

// finish moves what the dates leave open to where the priors of the effects put
// it, and stores the parameters.
func (w *Fitter) finish(e *Estimate, p *pattern, pin *pinMap, sigma float64) {
	if pin != nil {
		one, first := p.lead-1, p.lead+p.changes
		move := w.b[:pin.q] // no longer needed
		if pin.moveTo(move, w.theta[first:]) >= 1e-9 {
			w.optimum = append(w.optimum[:0], w.theta...)
			ok := w.restored(p, move, sigma)
			copy(w.theta, w.optimum)
			if ok {
				e.Diagnostics.Status |= Pinned
				w.theta[one] += move[0]
				floats.Add(w.theta[first:], move[1:])
			}
		}
	}
	e.take(p, w.theta, sigma, w.ownScale)
}

// restored says whether a move leaves the fitted values as they are, against
// sigma. The values and the residuals are lost.
func (w *Fitter) restored(p *pattern, move []float64, sigma float64) bool {
	zero, moved := w.y[:p.end-p.first], w.residual[:p.end-p.first]
	clear(zero)
	clear(w.theta)
	w.theta[p.lead-1] = move[0]
	copy(w.theta[p.lead+p.changes:], move[1:])
	w.residualTo(moved, zero, p)
	for _, v := range moved {
		if !(math.Abs(v) <= 1e-3*sigma+1e-12) {
			return false
		}
	}
	return true
}

// constant continues a series that does not vary, as Model.Fit does.
func (w *Fitter) constant(e *Estimate, p *pattern) {
	e.scale(w.s.model.Scaling, w.lo, w.hi)
	w.room(p.size + len(w.s.own))
	clear(w.theta)
	w.theta[p.lead-1] = (w.y0 - e.floor()) / e.YScale
	d := &e.Diagnostics
	d.Status |= Constant
	d.Solver, d.Unobserved, d.SigmaFloor, d.Gap = Exact, w.unobserved(p), leastSigma, math.NaN()
	c := certifier{problem: &p.problem, lead: p.lead, rows: float64(p.observed()), theta: w.theta[:p.lead], sigma: leastSigma}
	d.LogPosterior = c.logPosterior()
	e.take(p, w.theta, leastSigma, w.ownScale)
}
