package auto

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// prior is what is believed about a class before any sample is seen: round
// numbers near what backtests on public retail data show.
func prior(key int) classPool {
	c := classPool{scaleRatio: priorScaleRatio, sparse: priorSparse(key)}
	loss := priorLoss(key)
	for a, la := range loss {
		for b, lb := range loss {
			rho := 0.9 // errors are mostly the same noise
			if a == b {
				rho = 1
			} else if a == seasonalNaive || b == seasonalNaive {
				rho = 0.7
			}
			c.gram[a*nCandidates+b] = rho * math.Sqrt(la*lb)
		}
	}
	c.prob = forecast.Probabilities()
	for g := range groups {
		// A Gaussian with heavier tails; a little wider for far steps.
		wide := 1 + 0.05*float64(g)
		c.z[g] = [forecast.NQuantiles]float64{-2.1, -1.65, -1.2, -0.6, 0, 0.6, 1.25, 1.75, 2.25, 2.9}
		for i := range c.z[g] {
			c.z[g][i] *= wide
		}
	}
	return c
}

// priorScaleRatio is the scale of residuals over the roughness.
const priorScaleRatio = 0.75

// priorLoss is the mean squared error of each candidate relative to the
// simple means.
func priorLoss(key int) [nCandidates]float64 {
	loss := [nCandidates]float64{
		seasonalNaive: 1.8, windowMean: 1.02, longMean: 1, ses: 1,
		etsSeason: 0.98, etsTrendSeason: 1, profileLevel: 0.98, profileMean: 0.98,
		tsb: 1, sba: 1.02, regression: 1, calendar: 1, dot: 1, prophet: 1.1, imapa: 1,
	}
	switch key {
	case int(forecast.Smooth), int(forecast.Erratic):
		loss[etsSeason], loss[profileLevel], loss[profileMean] = 0.75, 0.72, 0.75
		loss[etsTrendSeason], loss[regression], loss[calendar], loss[dot], loss[prophet], loss[seasonalNaive] = 0.8, 0.75, 0.75, 0.8, 0.8, 1.2
	}
	return loss
}
