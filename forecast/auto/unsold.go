package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// unsold forecasts a series that was observed and never sold: nothing, unless
// the pool has seen such series begin.
func (e *Engine) unsold(r *Result, pool *Pool) {
	t := &e.task
	r.Status, r.Reason, r.Model = Fallback, ReasonNoDemand, "zero"
	t.y = t.full // zeros and gaps, for the score
	mu := e.arena.take(t.h)
	if o := len(t.full) - t.h; o > 0 {
		e.rare(mu, t.full[:o], e.pools(pool, viewBefore, keyUnsold))
		if cap(e.quant) < t.h {
			e.quant = make([][forecast.NQuantiles]float64, t.h)
		}
		mean := e.arena.take(t.h)
		e.write(mean, e.quant[:t.h], mu, t.h, nil)
		e.score(&r.Score, mean, e.quant[:t.h], o)
	}
	e.rare(mu, t.full, e.pools(pool, viewNow, keyUnsold))
	e.write(r.Mean, r.Quantiles, mu, t.h, t.closed)
	if mu[0] > 0 {
		r.Model = "class_profile"
	}
}

// rare writes the means of a series of which past is observed and empty.
func (e *Engine) rare(mu, past []float64, pl *classPool) {
	t, s := &e.task, &e.spread
	s.pool, s.kind, s.lean = pl, hurdleSpread, 1
	s.hurdle.Reset(t.integer)
	size := pl.sparse.size(0, 0) / t.unit
	for _, r := range pl.sparse.sizes {
		s.hurdle.Add(r*size, 1)
	}
	var c tallied
	for i, v := range tallyDemands(past, t.season) {
		c[i] = v
	}
	p := pl.sparse.prob(&c)
	if !s.hurdle.Seal() {
		p = 0
	}
	for j := range mu {
		mu[j] = p * s.hurdle.Mean()
	}
}

// unsoldView is the view at a lag of a series that had been observed and not
// sold before the horizon that ends there; ok is false otherwise.
func (e *Engine) unsoldView(lag int) (v View, ok bool) {
	t := &e.task
	n := len(t.full) - lag
	o := n - t.h
	if o < 1 || o > len(t.full)-len(t.y) || forecast.Observed(t.full[:o]) < 1 {
		return v, false
	}
	v = View{Lag: lag, Key: keyName(keyUnsold)}
	demand := 0
	for _, y := range t.full[o:n] {
		if y != y {
			continue
		}
		v.RateN++
		if y > 0 {
			demand++
			v.Sizes = append(v.Sizes, forecast.Round6(math.Log(y)+math.Log(t.unit)))
		}
	}
	if v.RateN == 0 {
		return v, false
	}
	v.Rate = forecast.Round6(float64(demand) / float64(v.RateN))
	c := tallyDemands(t.full[:o], t.season)
	for i, x := range c {
		c[i] = forecast.Round6(x)
	}
	v.Recent = c[:]
	return v, true
}
