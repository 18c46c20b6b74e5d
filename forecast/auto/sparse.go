package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// fewDemands is the number of non-zero periods below which no backtest could
// tell models apart: such series get a rate.
const fewDemands = 8

// memories is the number of ways to count the past: all of it alike, and with
// a weight that halves every long or short span.
const memories = 3

// halfLives are those of the memories; 0 = never forget.
func halfLives(season int) [memories]float64 {
	sp := spansOf(season)
	return [memories]float64{0, float64(sp.long), float64(sp.window)}
}

// tallied are the demands and the observed periods of a history after its
// first demand (which is there by construction: the history begins with it),
// flattened in pairs, one for each memory.
type tallied [2 * memories]float64

func tallyDemands(y []float64, season int) (c tallied) {
	var keep [memories]float64
	for m, h := range halfLives(season) {
		keep[m] = 1
		if h > 0 {
			keep[m] = math.Exp2(-1 / h)
		}
	}
	for i, v := range y {
		if i == 0 {
			continue
		}
		for m, k := range keep {
			c[2*m] *= k
			c[2*m+1] *= k
			if v == v {
				c[2*m+1]++
				if v > 0 {
					c[2*m]++
				}
			}
		}
	}
	return c
}

// sparseModel is the probability of demand in a period of series with few
// demands, a beta-binomial posterior mean: (k + strength·rate)/(n +
// strength) for the k demands in n periods that a memory still counts.
type sparseModel struct {
	memory         int
	strength, rate float64
	logSize        float64 // mean logarithm of the class's sizes
	shrink         float64 // how many own sizes weigh as much as logSize
	// lean is the share of the mean that the point forecast believes. It is 1
	// but for dead series: most of them stay dead, and the root mean square
	// averaged over series punishes many small misses more than a few large.
	lean  float64
	sizes []float64 // of demands, over the shrunk size of the series, ascending
}

func (m *sparseModel) prob(c *tallied) float64 {
	return (c[2*m.memory] + m.strength*m.rate) / (c[2*m.memory+1] + m.strength)
}

// ownSizes is the number of a series' own demands that weigh as much as the
// sizes that other series show.
const ownSizes = 4

// sparse writes the means of the next len(dst) periods from origin n of a
// series with few demands, or dead, and prepares e.spread: demand is a hurdle
// with the probability of the class's sparseModel, shaped by the class's
// season profile, and the sizes that the series and its class have shown.
func (e *Engine) sparse(dst []float64, n int, pl *classPool) {
	t, s := &e.task, &e.spread
	y := t.y[:n]
	s.pool, s.kind, s.lean = pl, hurdleSpread, pl.sparse.lean
	s.hurdle.Reset(t.integer)
	logSize, k := logMeanSize(y, t.unit)
	size := pl.sparse.size(logSize, k) / t.unit
	for i, kept := len(y)-1, 0; i >= 0 && kept < sizesKept; i-- {
		if y[i] > 0 {
			s.hurdle.Add(y[i], 1)
			kept++
		}
	}
	weight := ownSizes / float64(max(1, len(pl.sparse.sizes)))
	for _, r := range pl.sparse.sizes {
		s.hurdle.Add(r*size, weight)
	}
	if k == 0 || !s.hurdle.Seal() {
		return
	}
	c := tallyDemands(y, t.season)
	none := math.Log1p(-math.Min(pl.sparse.prob(&c), 1-1e-9))
	shape := pl.profileFor(t.season)
	p := t.phaseAt(n)
	for j := range dst {
		f := 1.0
		if shape != nil {
			f = shape[p]
		}
		dst[j] = -math.Expm1(f*none) * s.hurdle.Mean()
		if p++; p == t.season {
			p = 0
		}
	}
}

// size is the typical demand of a series with k demands of mean logarithm
// own: shrunk to that of its class, because a single order says little about
// the next one.
func (m *sparseModel) size(own float64, k int) float64 {
	n := float64(k)
	return math.Exp((n*own + m.shrink*m.logSize) / (n + m.shrink))
}

// logMeanSize is the mean logarithm of the last demands of y·unit and their
// number.
func logMeanSize(y []float64, unit float64) (mean float64, k int) {
	for i := len(y) - 1; i >= 0 && k < sizesKept; i-- {
		if y[i] > 0 {
			mean += math.Log(y[i])
			k++
		}
	}
	return mean/math.Max(1, float64(k)) + math.Log(unit), k
}

// priorSparse is the belief about a class before a sample is seen.
func priorSparse(key int) sparseModel {
	m := sparseModel{strength: 10, rate: 0.1, lean: 1, sizes: []float64{0.3, 0.5, 0.7, 1, 1, 1.3, 2}}
	switch key {
	case int(forecast.Dead):
		m.memory, m.strength, m.rate, m.lean = 1, 20, 0.01, 0
	case int(forecast.New):
		m.rate = 0.3
	case keyUnsold:
		m.rate = 0 // until a sample shows that such series begin to sell
	}
	return m
}
