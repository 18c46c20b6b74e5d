package auto

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// pseudoResiduals is how many residuals the prior's quantiles are worth.
const pseudoResiduals = 40.0

// poolResiduals sets the standardised quantiles from the series' residuals,
// with the prior's distribution mixed in. Their shape is that of all horizon
// groups together, because a group of a few moments shows the calendar of
// those moments; a group has a scale of its own, half way to what it shows.
func (c *classPool) poolResiduals(views []*View) {
	var all []float64
	var squares, count [groups]float64
	for _, v := range views {
		f := c.rescale(v)
		for g := range groups {
			for _, r := range v.Residuals[g] {
				all = append(all, f*r)
				squares[g] += f * r * f * r
				count[g]++
			}
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	total := (squares[0] + squares[1] + squares[2]) / float64(len(all))
	own := float64(len(all)) / (float64(len(all)) + pseudoResiduals)
	unproved := luck(views)
	for g := range groups {
		scale := 1.0
		if squares[g] > 0 {
			scale = math.Pow(squares[g]/count[g]/total, 0.25)
		}
		for i, p := range forecast.Probabilities() {
			z := quantileOf(all, p) - unproved
			c.z[g][i] = own*scale*z + (1-own)*c.z[g][i]
		}
		slices.Sort(c.z[g][:])
	}
}

// rescale turns residuals in units of the scale that a view had without a pool
// into units of the scale that it would have with this one.
func (c *classPool) rescale(v *View) float64 {
	if !(v.ScaleRatio > 0) {
		return 1
	}
	f := shrunkScale(v.Own, v.OwnN, priorScaleRatio) / shrunkScale(v.Own, v.OwnN, c.scaleRatio)
	return math.Max(0.1, math.Min(f, 10))
}

// minShared is the number of residuals whose mean is called shared.
const minShared = 50

// luck is the part of the mean residual that is not proved by the few moments
// that the views look at: what the residuals of all series of a moment have in
// common (a hot month, a holiday, a shift of the market) differs from moment to
// moment, however many series there are. Views are sorted by lag.
func luck(views []*View) float64 {
	var squares, mean, k float64
	for i := 0; i < len(views); {
		j, sum, n := i, 0.0, 0.0
		for ; j < len(views) && views[j].Lag == views[i].Lag; j++ {
			for g := range groups {
				for _, r := range views[j].Residuals[g] {
					sum += r
					n++
				}
			}
		}
		if n >= minShared {
			squares += sum / n * sum / n
			mean += sum / n
			k++
		}
		i = j
	}
	if k < 2 {
		return 0
	}
	mean /= k
	variance := math.Max(0, squares-k*mean*mean) / (k - 1) / k // of the mean
	if !(variance > 0) {
		return 0
	}
	return mean * variance / (mean*mean + variance)
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

// pseudoPIT is how many observations the belief is worth that the count
// distribution is right.
const pseudoPIT = 100.0

// poolProbabilities finds, for each wanted probability p, the probability at
// which the count distribution must be read so that a share p of the sample
// falls at or below it. Each observation is spread evenly over the interval
// that its value covers, and uniform pseudo-observations stand for the prior
// belief. As with residuals, all horizon groups share it.
func (c *classPool) poolProbabilities(views []*View) {
	density, step := make([]float64, pitCells), make([]float64, pitCells+1)
	step[0] = pseudoPIT / pitCells
	total := pseudoPIT
	for _, v := range views {
		for i := 0; i+1 < len(v.PIT); i += 2 {
			spreadMass(density, step, v.PIT[i], v.PIT[i+1])
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
		c.prob[i] = (float64(cell) + inside) / pitCells
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
