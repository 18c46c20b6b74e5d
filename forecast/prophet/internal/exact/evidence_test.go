package exact_test

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// evidence is the largest violation of the stationarity conditions, from the
// definitions: column by column of Z, row by row. rounding is what the
// evaluation itself may be wrong by.
func evidence(d *posterior.Data, p *posterior.Params, floored bool) (kkt, rounding float64) {
	mean := make([]float64, len(d.T))
	d.MeanTo(mean, p)
	r := make([]float64, len(d.T))
	var rss float64
	for i, y := range d.Y {
		r[i] = y - mean[i]
		rss += r[i] * r[i]
	}
	v := p.Sigma * p.Sigma
	note := func(e float64) { kkt = max(kkt, math.Abs(e)) }
	lead := 1
	theta := []float64{p.M}
	prec := []float64{1. / 25}
	if d.Growth == posterior.Linear {
		lead = 2
		theta, prec = []float64{p.K, p.M}, []float64{1. / 25, 1. / 25}
	}
	z := design(d)
	beta := len(z) - len(d.X)
	if lead == 2 {
		theta = append(theta, p.Delta...)
	}
	theta = append(theta, p.Beta...)
	size := math.Sqrt(inner(d.Y, d.Y)) // of what the residuals are the difference of
	for j, col := range z {
		size += math.Abs(theta[j]) * math.Sqrt(inner(col, col))
	}
	for j, col := range z {
		g := inner(col, r) / v
		rounding = max(rounding, 4e-15*math.Sqrt(inner(col, col))*size/v)
		switch {
		case j < lead:
			note(g - theta[j]*prec[j])
		case j >= beta:
			note(g - p.Beta[j-beta]/(d.Prior[j-beta]*d.Prior[j-beta]))
		case p.Delta[j-lead] != 0:
			note(g - math.Copysign(1/d.Tau, p.Delta[j-lead]))
		default:
			note(max(0, math.Abs(g)-1/d.Tau))
		}
	}
	n := float64(len(d.Y))
	slope := n/p.Sigma - rss/(v*p.Sigma) + 4*p.Sigma
	if floored {
		slope = min(0, slope)
	}
	note(slope)
	return kkt, rounding
}
