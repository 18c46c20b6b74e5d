package auto

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// maxRatio bounds the logarithm of pooled relative sizes: one giant order of
// one series must not become the fate of all.
const maxRatio = 1.5

// sizesPooled is the number of pooled relative sizes.
const sizesPooled = 20

// poolSparse finds the memory, strength and rate that would have foretold best
// (least Bernoulli log loss, each view with the same weight) in how many
// periods of the horizons the sample's series sold, and pools the sizes.
func (c *classPool) poolSparse(views []*View, season int) {
	var own []*View
	var demand, periods float64
	for _, v := range views {
		if len(v.Recent) != 2*memories || v.RateN == 0 {
			continue
		}
		own = append(own, v)
		w := age(v, season)
		demand += w * v.Rate
		periods += w
	}
	if len(own) < minPooled {
		return
	}
	base := (demand + 0.05) / (periods + 1)
	best, least := c.sparse, math.Inf(1)
	for m := range memories {
		for _, strength := range [8]float64{1, 2, 4, 8, 16, 32, 64, 128} {
			for _, f := range [9]float64{0.1, 0.2, 0.35, 0.6, 1, 1.5, 2.2, 3, 4} {
				try := c.sparse
				try.memory, try.strength, try.rate = m, strength, math.Min(base*f, 0.95)
				if l := try.logLoss(own, season); l < least {
					best, least = try, l
				}
			}
		}
	}
	best.poolSizes(own, season)
	if c.sparse.lean < 1 {
		best.poolLean(own, season)
	}
	c.sparse = best
}

// typicalRate is the mean rate of demand of the views that are not of dead
// series, with the prior's if there are few.
func typicalRate(views []*View, season int, prior float64) float64 {
	sum, n := priorSeries*prior, float64(priorSeries)
	for _, v := range views {
		if v.RateN > 0 && v.Key != forecast.Dead.String() {
			sum += age(v, season) * v.Rate
			n += age(v, season)
		}
	}
	return sum / n
}

// age is the weight of a view: half for what is a year older.
func age(v *View, season int) float64 {
	year := float64(season)
	if season > 1 && season <= 7 {
		year *= 52
	}
	return math.Exp2(-float64(v.Lag) / math.Max(year, 4))
}

// poolSizes finds the shrinkage of sizes that would have foretold them best,
// and the distribution around what it says.
func (m *sparseModel) poolSizes(views []*View, season int) {
	var sum, n float64
	for _, v := range views {
		for _, x := range v.Sizes {
			sum += age(v, season) * x
			n += age(v, season)
		}
	}
	if n < sizesPooled {
		return
	}
	m.logSize = sum / n
	best, least := 0.0, math.Inf(1)
	for _, try := range [6]float64{0, 0.5, 1, 2, 4, 8} {
		m.shrink = try
		loss := 0.0
		for _, v := range views {
			at := math.Log(m.size(v.LogSize, v.SizeN))
			for _, x := range v.Sizes {
				loss += age(v, season) * (x - at) * (x - at)
			}
		}
		if loss < least {
			best, least = try, loss
		}
	}
	m.shrink = best
	var ratios []float64
	for _, v := range views {
		at := math.Log(m.size(v.LogSize, v.SizeN))
		for _, x := range v.Sizes {
			ratios = append(ratios, math.Exp(math.Max(-maxRatio, math.Min(x-at, maxRatio))))
		}
	}
	slices.Sort(ratios)
	m.sizes = make([]float64, sizesPooled)
	for i := range m.sizes {
		m.sizes[i] = quantileOf(ratios, (float64(i)+0.5)/sizesPooled)
	}
}

// poolLean lowers the point forecast as far as that lowers the mean RMSSE.
func (m *sparseModel) poolLean(views []*View, season int) {
	mean := 0.0
	for _, r := range m.sizes {
		mean += r / float64(len(m.sizes))
	}
	best, least := 1.0, math.Inf(1)
	for _, try := range [5]float64{1, 0.75, 0.5, 0.25, 0} {
		loss := 0.0
		for _, v := range views {
			f := try * m.prob((*tallied)(v.Recent)) * mean * m.size(v.LogSize, v.SizeN) * math.Exp(-v.Scale)
			if e := math.Sqrt(v.Second - 2*f*v.First + f*f); e == e {
				loss += age(v, season) * e
			}
		}
		if loss < least {
			best, least = try, loss
		}
	}
	m.lean = best
}

// logLoss is the weighted sum of the views' mean Bernoulli log losses.
func (m *sparseModel) logLoss(views []*View, season int) float64 {
	var sum float64
	for _, v := range views {
		p := m.prob((*tallied)(v.Recent))
		p = math.Max(1e-6, math.Min(p, 1-1e-6))
		sum -= age(v, season) * (v.Rate*math.Log(p) + (1-v.Rate)*math.Log1p(-p))
	}
	return sum
}
