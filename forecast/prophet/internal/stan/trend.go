package stan

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// trend fills g, and the rate and offset of every segment between
// changepoints.
func (o *objective) trend(k, m float64, delta []float64) {
	d := o.d
	if d.Growth == posterior.Flat {
		for i := range o.g {
			o.g[i] = m
		}
		return
	}
	o.rate[0], o.off[0] = k, m
	for j, v := range delta {
		r, c, at := o.rate[j], o.off[j], d.Changepoints[j]
		o.rate[j+1] = r + v
		if d.Growth == posterior.Logistic {
			o.off[j+1] = c + (at-c)*(1-r/(r+v))
		} else {
			o.off[j+1] = c - at*v
		}
	}
	for i, t := range d.T {
		r, c := o.rate[o.segment[i]], o.off[o.segment[i]]
		if d.Growth == posterior.Logistic {
			o.g[i] = d.Cap[i] / (1 + math.Exp(-r*(t-c)))
		} else {
			o.g[i] = r*t + c
		}
	}
}

// trendGradient adds the derivatives with respect to k, m and delta; w holds
// the adjoint of every g. The adjoints of the segments' rates and offsets are
// collected first and then carried back through the recursion of trend.
func (o *objective) trendGradient(grad []float64) {
	d := o.d
	if d.Growth == posterior.Flat {
		for _, v := range o.w {
			grad[1] += v
		}
		return
	}
	for j := range o.dRate {
		o.dRate[j], o.dOff[j] = 0, 0
	}
	for i, v := range o.w {
		j, t := o.segment[i], d.T[i]
		if d.Growth == posterior.Logistic {
			// g = C·p with p' = p(1−p) in the argument r(t − c).
			q := 1 / (1 + math.Exp(o.rate[j]*(t-o.off[j]))) // 1 − p
			v *= o.g[i] * q
			o.dRate[j] += v * (t - o.off[j])
			o.dOff[j] -= v * o.rate[j]
		} else {
			o.dRate[j] += v * t
			o.dOff[j] += v
		}
	}
	for j := o.s - 1; j >= 0; j-- {
		v, at := o.dOff[j+1], d.Changepoints[j]
		if d.Growth == posterior.Logistic {
			r, next, gap := o.rate[j], o.rate[j+1], at-o.off[j]
			o.dRate[j+1] += v * gap * r / (next * next)
			o.dRate[j] -= v * gap / next
			o.dOff[j] += v * r / next
			grad[2+j] += o.dRate[j+1]
		} else {
			grad[2+j] += o.dRate[j+1] - at*v
			o.dOff[j] += v
		}
		o.dRate[j] += o.dRate[j+1]
	}
	grad[0] += o.dRate[0]
	grad[1] += o.dOff[0]
}
