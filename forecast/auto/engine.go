package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet/series"
)

// Engine is the reusable workspace of one goroutine; the zero value is ready.
// What it computes does not depend on what it computed before.
type Engine struct {
	task   task
	arena  arena
	trial  trial
	spread spread
	models []forecast.Fitted
	params []forecast.Parameter
	priors []classPool                    // in place of a pool
	quant  [][forecast.NQuantiles]float64 // of the honest forecast
	shared series.Workspace               // what Prophet keeps for series on the same grid
}

// fit estimates a candidate on the periods before n.
func (e *Engine) fit(m forecast.Model, n int) (forecast.Fitted, error) {
	if p, ok := m.(series.Model); ok {
		return p.FitIn(&e.shared, e.task.series(n))
	}
	return m.Fit(e.task.series(n))
}

// view selects the pool's knowledge: as of T−h, or as of T.
const (
	viewBefore = iota
	viewNow
)

// Forecast makes the forecast of one series. It panics if a slice of in does
// not fit the horizon (a programmer error).
func (e *Engine) Forecast(in Input, s Settings) Result {
	if !e.prepare(in, s.Horizon) {
		return Result{
			Status: Rejected, Reason: ReasonNoObservation, Class: forecast.Dead.String(),
			Score: Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN()},
		}
	}
	t := &e.task
	n := len(t.y)
	class := forecast.Classify(t.y, t.season)
	r := Result{
		Status: Fitted, Class: class.String(),
		Mean:      make([]float64, t.h),
		Quantiles: make([][forecast.NQuantiles]float64, t.h),
		Score:     Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN()},
	}
	if n == 0 { // observed, but nothing ever sold
		e.unsold(&r, s.Pool)
		return r
	}
	tr := &e.trial
	tested := tr.plan(n, t.h, e.minimum(n))
	full := demands(t.y) >= fewDemands && class != forecast.Dead
	if tested {
		e.honest(&r.Score, full, s.Pool, nil)
	}
	pl := e.pools(s.Pool, viewNow, poolKey(t.y, class))
	mean := e.arena.take(t.h)
	switch {
	case full && tested && e.final(&r, mean, pl):
	case full && e.simple(&r, mean, class, pl):
	default:
		e.sparse(mean, n, pl)
		r.Model = "sparse_rate"
		if forecast.Observed(t.y) < 3 {
			r.Status, r.Reason, r.Model = Fallback, ReasonClassProfile, "class_profile"
		}
	}
	e.write(r.Mean, r.Quantiles, mean, t.h, t.closed)
	return r
}

// minimum is the history that a backtest origin needs.
func (e *Engine) minimum(n int) int {
	m := spansOf(e.task.season).minimum
	return max(2, min(m, n/2))
}

// final combines all candidates over all origins, estimates those with a
// weight once more on everything and forecasts. False if none is left.
func (e *Engine) final(r *Result, mean []float64, pl *classPool) bool {
	t, tr := &e.task, &e.trial
	n := len(t.y)
	class := forecast.Classify(t.y, t.season)
	gram, steps := e.errorsGram(tr, len(tr.origins), n)
	w := e.chooseWeights(tr.ids, gram, steps, pl)
	if len(t.crowned) > 0 {
		w = e.keepChampion(w, tr.ids, gram, steps, pl)
	}
	residuals := e.residuals(tr, len(tr.origins), n, w)
	r.Weights, r.Parameters = map[string]float64{}, map[string]float64{}
	names, limit := candidateNames(), limitOf(t.y)
	one := e.arena.take(t.h)
	var total float64
	for c, id := range tr.ids {
		if w[c] == 0 {
			continue
		}
		m, _ := candidate(id, t, class, pl.profileFor(t.season))
		if m == nil {
			continue
		}
		f, err := e.fit(m, n)
		if err != nil {
			continue
		}
		f.PredictTo(one)
		clip(one, limit)
		for j, v := range one {
			mean[j] += w[c] * v
		}
		total += w[c]
		r.Model = names[id]
		r.Weights[names[id]] = w[c]
		e.params = f.Parameters(e.params[:0])
		for _, p := range e.params {
			r.Parameters[names[id]+"."+p.Name] = forecast.Round6(p.Value)
		}
	}
	if !(total > 0) {
		r.Weights, r.Parameters = nil, nil
		return false
	}
	for j := range mean {
		mean[j] /= total
	}
	for name, v := range r.Weights { // each on its own: order does not matter
		r.Weights[name] = forecast.Round6(v / total)
	}
	if len(r.Weights) > 1 {
		r.Model = "combination"
	}
	e.setSpread(n, class, residuals, pl)
	return true
}

// simple is the rest of the ladder for a series with enough demands whose
// models cannot be backtested or estimated: profile and mean, then seasonal
// naive.
func (e *Engine) simple(r *Result, mean []float64, class forecast.Class, pl *classPool) bool {
	t := &e.task
	n := len(t.y)
	for _, id := range [3]int{profileMean, windowMean, seasonalNaive} {
		m, ok := candidate(id, t, class, pl.profileFor(t.season))
		if !ok {
			continue
		}
		f, err := e.fit(m, n)
		if err != nil {
			continue
		}
		f.PredictTo(mean)
		clip(mean, limitOf(t.y))
		r.Status, r.Reason, r.Model = Fallback, ReasonSimpleModel, candidateNames()[id]
		if id == seasonalNaive {
			r.Reason = ReasonSeasonalNaive
		}
		e.setSpread(n, class, nil, pl)
		return true
	}
	return false
}

// residuals are those of the combination on the scale of spread, at the first
// nOrigins origins and before cut.
func (e *Engine) residuals(tr *trial, nOrigins, cut int, w []float64) []float64 {
	res := e.arena.take(nOrigins * tr.h)[:0]
	for i := range nOrigins {
		o := tr.origins[i]
		for j, mu := range e.mix(tr, i, w) {
			if o+j >= cut {
				break
			}
			if y := e.task.y[o+j]; y == y {
				res = append(res, residual(y, mu))
			}
		}
	}
	return res
}

// write brings a forecast of h-step groups into units of demand: rounded,
// whole where demand is, zero where closed.
func (e *Engine) write(mean []float64, q [][forecast.NQuantiles]float64, mu []float64, h int, closed []bool) {
	t := &e.task
	for j, m := range mu {
		if closed != nil && closed[j] {
			mean[j], q[j] = 0, [forecast.NQuantiles]float64{}
			continue
		}
		if j >= t.season && m == mu[j-t.season] && groupOf(j, h) == groupOf(j-t.season, h) &&
			(closed == nil || !closed[j-t.season]) {
			mean[j], q[j] = mean[j-t.season], q[j-t.season]
			continue
		}
		mean[j] = m * t.unit
		if e.spread.kind == hurdleSpread {
			mean[j] *= e.spread.lean
		}
		mean[j] = finite(forecast.Round6(mean[j]))
		e.spread.quantiles(&q[j], m, j, h)
		for i, v := range q[j] {
			v *= t.unit
			if t.integer {
				v = math.Round(v)
			}
			q[j][i] = finite(forecast.Round6(v))
		}
		forecast.Repair(&q[j])
	}
}

// finite caps overflow at the largest number of 6 digits.
func finite(v float64) float64 { return math.Min(v, 1.79769e308) }
