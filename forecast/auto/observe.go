package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/forecast/profile"
)

// Sample measures what one series contributes to the pool: the whole honest
// procedure, with priors in place of a pool, as of T and of earlier moments.
func (e *Engine) Sample(in Input, horizon int) Sample {
	s := Sample{Version: sampleVersion, Class: forecast.Dead.String()}
	if !e.prepare(in, horizon) {
		return s
	}
	t, tr := &e.task, &e.trial
	y, full := t.y, t.full
	for _, lag := range allLags(horizon, t.season) {
		if v, ok := e.unsoldView(lag); ok {
			s.Views = append(s.Views, v)
		}
	}
	if len(y) == 0 {
		return s
	}
	s.Class = forecast.Classify(y, t.season).String()
	for _, lag := range allLags(horizon, t.season) {
		n := len(y) - lag
		if n < 1 {
			continue
		}
		t.y, t.full = y[:n], full[:len(full)-lag]
		if !tr.plan(n, t.h, e.minimum(n)) {
			continue
		}
		v := View{Lag: lag}
		var sc Score
		e.honest(&sc, demands(t.y[:tr.latest()]) >= fewDemands, nil, &v)
		s.Views = append(s.Views, v)
	}
	return s
}

// observe fills the parts of v that compare the honest forecast mu with what
// happened. It runs before e.spread changes.
func (e *Engine) observe(v *View, key int, mu []float64, full bool) {
	t, tr := &e.task, &e.trial
	o := tr.latest()
	v.Key = keyName(key)
	if full {
		last := *tr
		last.origins = tr.origins[len(tr.origins)-1:]
		last.pred = tr.pred[(len(tr.origins)-1)*len(tr.ids):]
		gram, n := e.errorsGram(&last, 1, tr.n)
		if norm := gramNorm(tr.ids, gram); n > 0 && norm > 0 && !math.IsInf(norm, 0) {
			names := candidateNames()
			for a, id := range tr.ids {
				v.Models = append(v.Models, names[id])
				for b := range a + 1 {
					v.Gram = append(v.Gram, forecast.Round6(gram[a*len(tr.ids)+b]/norm))
				}
			}
		}
	}
	s := &e.spread
	demandPeriods := 0
	var ss float64
	k := 0
	if s.kind == hurdleSpread {
		c := tallyDemands(t.y[:o], t.season)
		for i, x := range c {
			c[i] = forecast.Round6(x)
		}
		v.Recent = c[:]
		var k int
		v.LogSize, k = logMeanSize(t.y[:o], t.unit)
		v.LogSize, v.SizeN = forecast.Round6(v.LogSize), k
		e.observeMoments(v, o)
	}
	for j, m := range mu {
		y := t.y[o+j]
		if y != y {
			continue
		}
		v.RateN++
		if y > 0 {
			demandPeriods++
		}
		g := groupOf(j, tr.h)
		switch s.kind {
		case hurdleSpread:
			if y > 0 {
				v.Sizes = append(v.Sizes, forecast.Round6(math.Log(y)+math.Log(t.unit)))
			}
			continue
		case countSpread:
			s.dist.At(m)
			low, high := s.dist.Interval(y)
			v.PIT = append(v.PIT, forecast.Round6(low), forecast.Round6(high))
			continue
		}
		r := residual(y, m)
		ss += r * r
		k++
		if s.scale > 0 {
			v.Residuals[g] = append(v.Residuals[g], forecast.Round6(r/s.scale))
		}
	}
	if v.RateN > 0 {
		v.Rate = forecast.Round6(float64(demandPeriods) / float64(v.RateN))
	}
	recent := t.y[max(0, o-spansOf(t.season).residual):o]
	if rough := roughness(recent, t.season); s.kind == residualSpread && k > 3 && rough > 0 {
		v.Own, v.OwnN = forecast.Round6(s.own), s.ownN
		v.ScaleRatio = forecast.Round6(math.Sqrt(ss/float64(k)) / rough)
	}
	e.observeProfile(v)
}

// observeMoments adds what the RMSSE of any constant forecast follows from.
func (e *Engine) observeMoments(v *View, o int) {
	t := &e.task
	scale := math.Sqrt(metric.SquaredScale(t.y[:o]))
	if !(scale > 0) {
		return
	}
	var first, second float64
	n := 0
	for _, y := range t.y[o : o+e.trial.h] {
		if y == y {
			first += y / scale
			second += y / scale * (y / scale)
			n++
		}
	}
	if n == 0 || math.IsInf(second, 0) {
		return
	}
	v.Scale = forecast.Round6(math.Log(scale) + math.Log(t.unit))
	v.First, v.Second = forecast.Round6(first/float64(n)), forecast.Round6(second/float64(n))
}

// observeProfile adds the season profile, in units of the series' mean level
// so that large series do not outvote small ones.
func (e *Engine) observeProfile(v *View) {
	t := &e.task
	if t.season <= 1 {
		return
	}
	demand, exposure := make([]float64, t.season), make([]float64, t.season)
	profile.Sums(demand, exposure, t.series(len(t.y)))
	var total float64
	for _, x := range exposure {
		total += x
	}
	if !(total > 0) {
		return
	}
	for p := range demand {
		demand[p] = forecast.Round6(demand[p] / total)
		exposure[p] = forecast.Round6(exposure[p] / total)
	}
	v.Profile, v.Exposure = demand, exposure
}
