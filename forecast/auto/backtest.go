package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// trial is the backtest of the candidates of one series as of period n.
type trial struct {
	n       int
	h       int            // steps of each origin; less than the horizon for a short history
	class   forecast.Class // at the latest origin
	origins []int          // ascending; the last is n−h
	ids     []int
	pred    [][]float64 // [origin*len(ids)+candidate][step]
	limit   float64     // forecasts beyond it are numerical accidents
}

// latest is the origin that is scored.
func (tr *trial) latest() int { return tr.n - tr.h }

func (tr *trial) at(origin, cand int) []float64 { return tr.pred[origin*len(tr.ids)+cand] }

// plan sets the origins of a backtest as of n; false if the history is too
// short for any.
func (tr *trial) plan(n, h, minimum int) bool {
	tr.n, tr.origins = n, tr.origins[:0]
	tr.h = min(h, n-minimum)
	if tr.h < 1 {
		return false
	}
	step := (tr.h + 2) / 3
	for k := 2; k >= 0; k-- {
		if o := n - tr.h - k*step; o >= minimum {
			tr.origins = append(tr.origins, o)
		}
	}
	return true
}

// backtest estimates the candidates at the earliest origin and filters them
// forward to the others. Nothing after an origin reaches its forecast, except
// the known inputs. It needs plan.
func (e *Engine) backtest(tr *trial, pl *classPool) {
	t := &e.task
	first := tr.origins[0]
	tr.limit = limitOf(t.y[:first])
	tr.class = forecast.Classify(t.y[:first], t.season)
	tr.ids, tr.pred = tr.ids[:0], tr.pred[:0]
	e.models = e.models[:0]
	for id := range nCandidates {
		m, ok := candidate(id, t, tr.class, pl.profileFor(t.season))
		if !ok {
			continue
		}
		f, err := e.fit(m, first)
		if err != nil {
			continue // too short for this one: the others compete without it
		}
		tr.ids = append(tr.ids, id)
		e.models = append(e.models, f)
	}
	for i, o := range tr.origins {
		for _, f := range e.models {
			if i > 0 {
				f.Append(t.y[tr.origins[i-1]:o])
			}
			p := e.arena.take(tr.h)
			f.PredictTo(p)
			clip(p, tr.limit)
			tr.pred = append(tr.pred, p)
		}
	}
}

// limitOf is four times the largest demand: beyond it a forecast is an
// accident of the numbers, not an opinion.
func limitOf(y []float64) float64 {
	top := 0.0
	for _, v := range y {
		if v > top {
			top = v
		}
	}
	return 4 * top
}

// clip forces forecasts into [0, limit]; NaN becomes 0.
func clip(p []float64, limit float64) {
	for j, v := range p {
		if !(v > 0) {
			p[j] = 0
		} else if v > limit {
			p[j] = limit
		}
	}
}

// errorsGram adds the products of the candidates' errors at the first
// nOrigins origins, on periods before cut, and returns the mean products and
// how many periods they rest on.
func (e *Engine) errorsGram(tr *trial, nOrigins, cut int) (gram []float64, n int) {
	k := len(tr.ids)
	gram = e.arena.take(k * k)
	errs := e.arena.take(k)
	y := e.task.y
	for i := range nOrigins {
		o := tr.origins[i]
		for j := 0; j < tr.h && o+j < cut; j++ {
			v := y[o+j]
			if v != v {
				continue
			}
			n++
			for a := range k {
				errs[a] = v - tr.at(i, a)[j]
				for b := range a + 1 {
					gram[a*k+b] += errs[a] * errs[b]
				}
			}
		}
	}
	for a := range k {
		for b := range a + 1 {
			gram[a*k+b] /= math.Max(1, float64(n))
			gram[b*k+a] = gram[a*k+b]
		}
	}
	return gram, n
}

// mix is the weighted mean of the candidates' forecasts at one origin.
func (e *Engine) mix(tr *trial, origin int, w []float64) []float64 {
	dst := e.arena.take(tr.h)
	for c, wc := range w {
		if wc > 0 {
			for j, v := range tr.at(origin, c) {
				dst[j] += wc * v
			}
		}
	}
	return dst
}
