package auto

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/skucast/skucast/forecast"
)

// Pool is what a sample of series says about all of them. It is never
// written: everyone builds it from the same samples.
type Pool struct {
	season int
	views  [2][nKeys]classPool
}

// Keys of the pool: the demand classes, and one for series of the first four
// with too few demands for a backtest, and one for those without any.
const (
	keySparse = forecast.NClasses
	keyUnsold = forecast.NClasses + 1
	nKeys     = forecast.NClasses + 2
)

// minPooled is the number of series that a class needs for a pool of its own,
// and that all classes need together for any.
const minPooled = 20

// classPool is the knowledge about one class at one moment.
type classPool struct {
	gram       [nCandidates * nCandidates]float64 // of normed errors
	z          [groups][forecast.NQuantiles]float64
	prob       [forecast.NQuantiles]float64
	scaleRatio float64
	sparse     sparseModel
	profile    []float64 // by phase, mean 1; nil = flat
}

// profileFor is the profile if it is of this season length.
func (c *classPool) profileFor(season int) []float64 {
	if len(c.profile) != season {
		return nil
	}
	return c.profile
}

func poolKey(y []float64, class forecast.Class) int {
	if class != forecast.Dead && class != forecast.New && demands(y) < fewDemands {
		return keySparse
	}
	return int(class)
}

func keyName(key int) string {
	switch key {
	case keySparse:
		return "sparse"
	case keyUnsold:
		return "unsold"
	}
	return forecast.Class(key).String()
}

// keyOf is the inverse of keyName, −1 for an unknown name.
func keyOf(name string) int {
	for k := range nKeys {
		if keyName(k) == name {
			return k
		}
	}
	return -1
}

// pools returns the knowledge to use for a key, of the pool or the priors.
func (e *Engine) pools(p *Pool, view, key int) *classPool {
	if p != nil {
		return &p.views[view][key]
	}
	if e.priors == nil {
		e.priors = make([]classPool, nKeys)
		for k := range e.priors {
			e.priors[k] = prior(k)
		}
	}
	return &e.priors[key]
}

// NewPool pools the samples of one run. The result does not depend on their
// order, to the last bit.
func NewPool(samples []Sample, horizon, season int) *Pool {
	p := &Pool{season: season}
	for purpose := range p.views {
		use := lags(horizon, season, purpose == viewBefore)
		var all []*View
		var series [nKeys]int
		n := 0
		for i := range samples {
			if samples[i].Version != sampleVersion {
				continue
			}
			n++
			var seen [nKeys]bool
			for j := range samples[i].Views {
				v := &samples[i].Views[j]
				k := keyOf(v.Key)
				if k < 0 || !slices.Contains(use, v.Lag) {
					continue
				}
				all = append(all, v)
				if !seen[k] {
					seen[k] = true
					series[k]++
				}
			}
		}
		order(all)
		var shared *classPool // by classes with too few series
		for k := range nKeys {
			c := prior(k)
			switch {
			case series[k] >= minPooled:
				own := slices.DeleteFunc(slices.Clone(all), func(v *View) bool { return v.Key != keyName(k) })
				c.learn(own, season, true)
			case n >= minPooled:
				if shared == nil {
					s := prior(int(forecast.Intermittent))
					s.learn(all, season, false)
					shared = &s
				}
				c = c.sharing(shared)
				if k == keyUnsold {
					c = prior(k) // others that sell prove nothing
				} else if typical := typicalRate(all, season, c.sparse.rate); k == int(forecast.New) || typical < c.sparse.rate {
					c.sparse.rate = typical
				}
			}
			p.views[purpose][k] = c
		}
	}
	return p
}

// sharing is c, the prior of a class with few series, with what all classes
// know. Dispersion and the rate of demand say little about another class.
func (c *classPool) sharing(all *classPool) classPool {
	s := *all
	s.sparse = c.sparse
	return s
}

// order sorts views by their content. Sums of floating point numbers depend on
// the order of the terms; views that compare equal are interchangeable.
func order(views []*View) {
	slices.SortFunc(views, func(a, b *View) int {
		c := cmp.Or(
			cmp.Compare(a.Lag, b.Lag), strings.Compare(a.Key, b.Key), cmp.Compare(a.RateN, b.RateN),
			cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.ScaleRatio, b.ScaleRatio),
		)
		if c != 0 {
			return c
		}
		for g := range groups {
			if c := slices.Compare(a.Residuals[g], b.Residuals[g]); c != 0 {
				return c
			}
		}
		return cmp.Or(
			slices.Compare(a.PIT, b.PIT), slices.Compare(a.Gram, b.Gram), slices.Compare(a.Models, b.Models),
			slices.Compare(a.Profile, b.Profile), slices.Compare(a.Exposure, b.Exposure),
			slices.Compare(a.Recent, b.Recent), slices.Compare(a.Sizes, b.Sizes),
			cmp.Compare(a.LogSize, b.LogSize), cmp.Compare(a.SizeN, b.SizeN),
			cmp.Compare(a.Scale, b.Scale), cmp.Compare(a.First, b.First), cmp.Compare(a.Own, b.Own), cmp.Compare(a.OwnN, b.OwnN), cmp.Compare(a.Second, b.Second),
		)
	})
}

// learn moves the prior to what the views show, of the own class or of all.
func (c *classPool) learn(views []*View, season int, ownClass bool) {
	c.poolProfile(views, season)
	c.poolGram(views)
	c.poolRatio(views)
	c.poolResiduals(views)
	if ownClass {
		c.poolSparse(views, season)
	}
	c.poolProbabilities(views)
}

// priorSeries is how many series the prior of a pooled number is worth.
const priorSeries = 5

// poolRatio pools the scale ratio.
func (c *classPool) poolRatio(views []*View) {
	ratio, n := priorSeries*math.Log(c.scaleRatio), float64(priorSeries)
	for _, v := range views {
		if v.ScaleRatio > 0 {
			ratio += math.Log(v.ScaleRatio)
			n++
		}
	}
	c.scaleRatio = math.Exp(ratio / n)
}

// poolGram averages the error products of each pair of candidates over the
// series that have both.
func (c *classPool) poolGram(views []*View) {
	names := candidateNames()
	sum := c.gram
	var n [nCandidates * nCandidates]float64
	for i := range sum {
		sum[i] *= priorSeries
		n[i] = priorSeries
	}
	ids := make([]int, 0, nCandidates)
	for _, v := range views {
		ids = ids[:0]
		for _, name := range v.Models {
			ids = append(ids, slices.Index(names[:], name))
		}
		if len(v.Gram) != len(ids)*(len(ids)+1)/2 {
			continue
		}
		i := 0
		for a, ia := range ids {
			for _, ib := range ids[:a+1] {
				if ia >= 0 && ib >= 0 {
					x := v.Gram[i]
					sum[ia*nCandidates+ib] += x
					n[ia*nCandidates+ib]++
					if ia != ib {
						sum[ib*nCandidates+ia] += x
						n[ib*nCandidates+ia]++
					}
				}
				i++
			}
		}
	}
	for i := range sum {
		c.gram[i] = sum[i] / n[i]
	}
}

// poolProfile is the ratio of sums over the series.
func (c *classPool) poolProfile(views []*View, season int) {
	if season <= 1 {
		return
	}
	demand, exposure := make([]float64, season), make([]float64, season)
	n := 0
	for _, v := range views {
		if len(v.Profile) != season || len(v.Exposure) != season {
			continue
		}
		n++
		for p := range season {
			demand[p] += v.Profile[p]
			exposure[p] += v.Exposure[p]
		}
	}
	if n < minPooled {
		return
	}
	shape, mean := make([]float64, season), 0.0
	for p := range shape {
		k := 2 / float64(season) // two series of flat profile
		shape[p] = (demand[p] + k) / (exposure[p] + k)
		mean += shape[p] / float64(season)
	}
	for p := range shape {
		shape[p] /= mean
	}
	c.profile = shape
}
