package auto

import "github.com/skucast/skucast/forecast"

// fewDemands is the number of non-zero periods below which no backtest could
// tell models apart: such series get a rate.
const fewDemands = 8

// sparse writes the means of the next len(dst) periods from origin n of a
// series with few demands, or dead, and prepares e.spread. The rate is that
// of the periods after the first demand (which is there by construction, as
// the history begins with it), with the pool's rate as prior; of a dead series
// it is the rule of succession over the run of zeros.
func (e *Engine) sparse(dst []float64, n int, class forecast.Class, pl *classPool) {
	t := &e.task
	y := t.y[:n]
	observed, k, run := 0, 0, 0
	var size float64
	for _, v := range y {
		if v != v {
			continue
		}
		observed++
		run++
		if v > 0 {
			k++
			run = 0
			size += v
		}
	}
	size /= float64(k)
	prior := priorPeriods(t.season)
	rate := (float64(k-1) + prior*pl.rate) / (float64(observed-1) + prior)
	if class == forecast.Dead {
		rate = (0.5 + prior*pl.rate) / (float64(run+1) + prior)
	}
	shape := pl.profileFor(t.season)
	p := t.phaseAt(n)
	for j := range dst {
		dst[j] = rate * size
		if shape != nil {
			dst[j] *= shape[p]
		}
		if p++; p == t.season {
			p = 0
		}
	}
	s := &e.spread
	s.pool, s.counts = pl, true
	s.dist.Mix, s.dist.Integer, s.dist.Dispersion = 0.7, t.integer, pl.dispersion
	s.dist.Fit(y, fewDemands)
}

// priorPeriods is how many periods the pool's rate is worth.
func priorPeriods(season int) float64 {
	switch {
	case season <= 7:
		return 14
	case season <= 12:
		return 3
	}
	return 8
}
