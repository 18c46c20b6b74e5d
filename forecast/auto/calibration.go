package auto

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// poolResiduals sets the standardised quantiles of each horizon group from
// the series' residuals, with the prior's distribution mixed in.
func (c *classPool) poolResiduals(views []*View) {
	for g := range groups {
		var all []float64
		for _, v := range views {
			all = append(all, v.Residuals[g]...)
		}
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		const pseudo = 40.0
		own := float64(len(all)) / (float64(len(all)) + pseudo)
		for i, p := range forecast.Probabilities() {
			c.z[g][i] = own*quantileOf(all, p) + (1-own)*c.z[g][i]
		}
		slices.Sort(c.z[g][:])
	}
}

// quantileOf interpolates a sorted sample at probability p, with plotting
// positions i/(n+1): extremes of a small sample are not called certain.
func quantileOf(sorted []float64, p float64) float64 {
	at := p*float64(len(sorted)+1) - 1
	i := int(math.Floor(at))
	switch {
	case i < 0:
		return sorted[0]
	case i >= len(sorted)-1:
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// pitCells is the resolution of the pooled distribution of probabilities.
const pitCells = 2000

// poolProbabilities finds, for each horizon group and wanted probability p,
// the probability at which the count distribution must be read so that a share
// p of the sample falls at or below it. Each observation is spread evenly over
// the interval that its value covers, and uniform pseudo-observations stand
// for the prior belief that the distribution is right.
func (c *classPool) poolProbabilities(views []*View) {
	const pseudo = 100.0
	density, step := make([]float64, pitCells), make([]float64, pitCells+1)
	for g := range groups {
		clear(density)
		clear(step)
		step[0] = pseudo / pitCells
		total := pseudo
		for _, v := range views {
			for i := 0; i+1 < len(v.PIT[g]); i += 2 {
				spreadMass(density, step, v.PIT[g][i], v.PIT[g][i+1])
				total++
			}
		}
		level := 0.0
		for i := range density {
			level += step[i]
			density[i] = math.Max(density[i]+level, 1e-9)
		}
		cell, cum := 0, 0.0
		for i, p := range forecast.Probabilities() {
			target := p * total
			for cell < pitCells-1 && cum+density[cell] < target {
				cum += density[cell]
				cell++
			}
			inside := math.Min(1, math.Max(0, (target-cum)/density[cell]))
			c.prob[g][i] = (float64(cell) + inside) / pitCells
		}
	}
}

// spreadMass adds 1 evenly over [low, high] ⊂ [0, 1]: the ends to density, what
// lies between as a step up and a step down, so that a wide interval costs as
// little as a narrow one.
func spreadMass(density, step []float64, low, high float64) {
	low, high = math.Max(0, math.Min(low, 1)), math.Max(0, math.Min(high, 1))
	a, b := low*pitCells, high*pitCells
	first, last := min(int(a), pitCells-1), min(int(b), pitCells-1)
	if first >= last || !(b > a) {
		density[first]++
		return
	}
	per := 1 / (b - a)
	density[first] += (float64(first+1) - a) * per
	step[first+1] += per
	step[last] -= per
	density[last] += (b - float64(last)) * per
}
