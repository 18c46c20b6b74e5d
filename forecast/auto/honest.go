package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
)

// honest makes the forecast that would have been made at the latest origin,
// from what was known there, and scores it. With full it also runs the
// backtest that final needs. A sample, if given, receives what the pool wants
// to know.
func (e *Engine) honest(sc *Score, full bool, pool *Pool, sample *View) {
	t, tr := &e.task, &e.trial
	o := tr.latest()
	past := t.y[:o]
	class := forecast.Classify(past, t.season)
	key := poolKey(past, class)
	pl := e.pools(pool, viewBefore, key)
	short := demands(past) < fewDemands || class == forecast.Dead
	if full || !short {
		e.backtest(tr, e.pools(pool, viewBefore, poolKey(t.y[:tr.origins[0]], forecast.Classify(t.y[:tr.origins[0]], t.season))))
	}
	var mu []float64
	if short {
		mu = e.arena.take(tr.h)
		e.sparse(mu, o, pl)
	} else {
		earlier := len(tr.origins) - 1
		gram, steps := e.errorsGram(tr, earlier, o)
		w := e.chooseWeights(tr.ids, gram, steps, pl)
		mu = e.mix(tr, earlier, w)
		e.setSpread(o, class, e.residuals(tr, earlier, o, w), pl)
	}
	mean := e.arena.take(tr.h)
	if cap(e.quant) < tr.h {
		e.quant = make([][forecast.NQuantiles]float64, tr.h)
	}
	q := e.quant[:tr.h]
	e.write(mean, q, mu, tr.h, nil)
	e.score(sc, mean, q, o)
	if sample != nil {
		e.observe(sample, key, mu, full || !short)
	}
}

// score compares a forecast from origin o with what happened.
func (e *Engine) score(sc *Score, mean []float64, q [][forecast.NQuantiles]float64, o int) {
	t := &e.task
	naive := e.arena.take(len(mean))
	t.seasonalNaive(naive, o)
	actual := t.y[o : o+len(mean)]
	var cal metric.Calibration
	var se, seNaive, pinball float64
	for j, y := range actual {
		if y != y {
			continue
		}
		d, dn := y-mean[j]/t.unit, y-naive[j]
		se += d * d
		seNaive += dn * dn
		y *= t.unit
		sc.AbsError += math.Abs(y - mean[j])
		sc.AbsActual += y
		pinball += metric.MeanPinball(y, &q[j])
		cal.Add(y, &q[j])
	}
	sc.NScored, sc.Below, sc.AtOrBelow = cal.N, cal.Below, cal.AtOrBelow
	sc.AbsError, sc.AbsActual = finite(sc.AbsError), finite(sc.AbsActual)
	sc.Pinball = finite(forecast.Round6(pinball))
	if scale := metric.SquaredScale(t.y[:o]); scale > 0 && cal.N > 0 {
		k := float64(cal.N) * scale
		sc.RMSSE = forecast.Round6(math.Sqrt(se / k))
		sc.RMSSESNaive = forecast.Round6(math.Sqrt(seNaive / k))
	}
}
