package count

import (
	"cmp"
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Hurdle is the distribution of demand that is zero with some probability and
// otherwise one of a few weighted sizes. Its mean is the probability of demand
// times the mean size exactly, so a forecast's mean and quantiles cannot
// disagree. Reset it, Add sizes, call Seal, then read Quantiles for any
// probability of demand.
type Hurdle struct {
	Integer bool // sizes are whole numbers of at least 1

	points []point
	mean   float64
}

type point struct{ size, weight float64 } // after Seal: cumulative share

// Reset forgets all sizes.
func (d *Hurdle) Reset(integer bool) {
	d.Integer, d.points, d.mean = integer, d.points[:0], 0
}

// Add adds a size; what is not positive counts for nothing.
func (d *Hurdle) Add(size, weight float64) {
	if d.Integer {
		size = math.Max(1, math.Round(size))
	}
	if size > 0 && weight > 0 && size <= math.MaxFloat64 {
		d.points = append(d.points, point{size, weight})
	}
}

// Seal sorts the sizes and reports whether there are any.
func (d *Hurdle) Seal() bool {
	slices.SortFunc(d.points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.weight, b.weight))
	})
	var total, cum float64
	for _, p := range d.points {
		total += p.weight
	}
	d.mean = 0
	for i, p := range d.points {
		cum += p.weight
		d.mean += p.size * (p.weight / total)
		d.points[i].weight = cum / total
	}
	return len(d.points) > 0
}

// Mean is the mean size of a demand.
func (d *Hurdle) Mean() float64 { return d.mean }

// Quantiles writes the smallest values whose cumulative probability reaches
// each of the ascending probabilities, if there is demand with probability
// prob.
func (d *Hurdle) Quantiles(prob float64, p, q *[forecast.NQuantiles]float64) {
	const eps = 1e-12
	i := 0
	for k, want := range p {
		if want <= 1-prob+eps || len(d.points) == 0 {
			q[k] = 0
			continue
		}
		share := 1 - (1-want)/prob
		for i < len(d.points)-1 && d.points[i].weight < share-eps {
			i++
		}
		q[k] = d.points[i].size
	}
}
