package prophet

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// initial is where the search starts, by Prophet's formulas: a linear trend
// through the first and the last observation, a logistic one through the same
// two (kept within 1 % and 99 % of the capacity), the mean for a flat one; no
// changes of rate, no effects, sigma 1.
func initial(d *posterior.Data) posterior.Params {
	p := posterior.Params{Sigma: 1, Delta: make([]float64, len(d.Changepoints)), Beta: make([]float64, len(d.X))}
	// Of repeated observations at the end the first counts, as in Prophet.
	last := len(d.T) - 1
	for last > 0 && d.T[last-1] == d.T[last] {
		last--
	}
	span := d.T[last] - d.T[0]
	switch d.Growth {
	case posterior.Flat:
		for _, y := range d.Y {
			p.M += y
		}
		p.M /= float64(len(d.Y))
	case posterior.Linear:
		p.K = (d.Y[last] - d.Y[0]) / span
		p.M = d.Y[0] - p.K*d.T[0]
	case posterior.Logistic:
		r0 := ratio(d.Cap[0], d.Y[0])
		r1 := ratio(d.Cap[last], d.Y[last])
		if math.Abs(r0-r1) <= 0.01 {
			r0 *= 1.05
		}
		l0, l1 := math.Log(r0-1), math.Log(r1-1)
		p.M = l0 * span / (l0 - l1)
		p.K = (l0 - l1) / span
	}
	return p
}

func ratio(limit, y float64) float64 {
	return limit / math.Max(0.01*limit, math.Min(0.99*limit, y))
}
