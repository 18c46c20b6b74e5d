package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/count"
)

// spread turns means into quantiles. Dense demand of some size has residuals
// on the square-root scale, where their spread is about constant, times the
// pool's standardised quantiles; low or gappy demand has a count distribution
// at probabilities that the pool has corrected.
type spread struct {
	kind   int // of the constants below
	dist   count.Dist
	hurdle count.Hurdle
	lean   float64 // of the point forecast, for the hurdle
	scale  float64 // of residuals of √demand
	own    float64 // sum of the series' squared residuals over its roughness squared
	ownN   int     // number of those residuals
	pool   *classPool
}

// The kinds of spread.
const (
	residualSpread = iota
	countSpread
	hurdleSpread
)

// lowCount is the mean below which whole-number demand is treated as counts.
const lowCount = 12

// How many residuals, or periods, weigh as much as the pool's opinion.
const (
	ownResiduals  = 60
	ownDispersion = 60
)

// usualDispersion is the variance to mean ratio of retail demand.
const usualDispersion = 2.5

// sizesKept is the number of recent demands in the hurdle distribution.
const sizesKept = 60

// setSpread prepares e.spread for a forecast from origin n. Residuals are
// those of √demand over the backtest.
func (e *Engine) setSpread(n int, class forecast.Class, residuals []float64, pl *classPool) {
	s, t := &e.spread, &e.task
	s.pool = pl
	past := t.y[:n]
	recent := past[max(0, n-spansOf(t.season).residual):]
	gappy := class != forecast.Smooth && class != forecast.Erratic
	s.kind = residualSpread
	if gappy || t.integer && meanOf(recent) < lowCount {
		s.kind = countSpread
		s.dist.Mix, s.dist.Integer = 0.5, t.integer
		s.dist.Dispersion = dispersion(recent, dispersion(past, usualDispersion))
		s.dist.Fit(past, sizesKept)
		return
	}
	rough := roughness(recent, t.season)
	s.own, s.ownN = 0, len(residuals)
	for _, r := range residuals {
		s.own += r / rough * (r / rough)
	}
	if !(rough > 0) || math.IsInf(s.own, 0) {
		s.scale, s.own, s.ownN = rough, 0, 0
		return
	}
	s.scale = rough * shrunkScale(s.own, s.ownN, pl.scaleRatio)
}

// shrunkScale is the scale of residuals in units of the roughness.
func shrunkScale(own float64, n int, ratio float64) float64 {
	return math.Sqrt((own + ownResiduals*ratio*ratio) / (float64(n) + ownResiduals))
}

// quantiles writes the quantiles for mean mu at step j of h, in the units of
// the task.
func (s *spread) quantiles(q *[forecast.NQuantiles]float64, mu float64, j, h int) {
	g := groupOf(j, h)
	switch s.kind {
	case countSpread:
		s.dist.At(mu)
		s.dist.Quantiles(&s.pool.prob, q)
		return
	case hurdleSpread:
		p := forecast.Probabilities()
		prob := 0.0
		if mu > 0 {
			prob = mu / s.hurdle.Mean()
		}
		s.hurdle.Quantiles(prob, &p, q)
		return
	}
	root := math.Sqrt(mu)
	for i, z := range s.pool.z[g] {
		v := math.Max(0, root+s.scale*z)
		q[i] = v * v
	}
}

// residual is the error on the scale of spread.
func residual(y, mu float64) float64 { return math.Sqrt(y) - math.Sqrt(mu) }

// roughness is the root mean squared difference of √demand from a season ago
// (a period ago where a season is a year of weeks).
func roughness(y []float64, season int) float64 {
	lag := season
	if season > 12 {
		lag = 1
	}
	var sum float64
	n := 0
	for i := lag; i < len(y); i++ {
		if d := math.Sqrt(y[i]) - math.Sqrt(y[i-lag]); d == d {
			sum += d * d
			n++
		}
	}
	if n == 0 {
		return math.Sqrt(meanOf(y)) / 2
	}
	return math.Sqrt(sum / float64(n))
}

// dispersion is the variance to mean ratio of y, shrunk in the logarithm to a
// prior and at least 1.
func dispersion(y []float64, prior float64) float64 {
	raw := rawDispersion(y)
	if raw == 0 {
		return math.Max(1, prior)
	}
	k := float64(forecast.Observed(y))
	return math.Max(1, math.Exp((k*math.Log(raw)+ownDispersion*math.Log(prior))/(k+ownDispersion)))
}

// rawDispersion is the variance to mean ratio of y, 0 if it cannot be told.
func rawDispersion(y []float64) float64 {
	m, n := meanOf(y), 0
	var ss float64
	for _, v := range y {
		if v == v {
			ss += (v - m) * (v - m)
			n++
		}
	}
	if n < 4 || !(ss > 0) {
		return 0
	}
	return ss / float64(n-1) / m
}

// meanOf is the mean of the observed values, 0 without any.
func meanOf(y []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range y {
		if v == v {
			sum += v
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
