package auto_test

import (
	"math"
	"math/rand/v2"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// poisson draws by multiplication of uniforms; fine for small means.
func poisson(rng *rand.Rand, mean float64) float64 {
	limit, p, k := math.Exp(-mean), rng.Float64(), 0.0
	for p > limit {
		p *= rng.Float64()
		k++
	}
	return k
}

// shop makes n series of daily demand: levels from 0.05 to 60 a day, a shared
// weekday profile, slowly moving levels and gamma-mixed Poisson noise.
func shop(seed uint64, n, days int) []auto.Input {
	rng := rand.New(rand.NewPCG(seed, 1))
	week := [7]float64{0.7, 0.8, 0.9, 1, 1.3, 1.6, 0.7}
	out := make([]auto.Input, n)
	for i := range out {
		level := 0.05 * math.Exp(rng.Float64()*math.Log(60/0.05))
		y := make([]float64, days)
		for t := range y {
			level *= math.Exp(0.01 * rng.NormFloat64())
			noise := 0.5 + rng.Float64()
			y[t] = poisson(rng, level*week[(t+3)%7]*noise)
		}
		out[i] = auto.Input{Y: y, Season: 7, Phase: 3, Integer: true}
	}
	return out
}

// pooled runs the sample step over all inputs.
func pooled(in []auto.Input, horizon int) *auto.Pool {
	var e auto.Engine
	samples := make([]auto.Sample, len(in))
	for i := range in {
		samples[i] = e.Sample(in[i], horizon)
	}
	return auto.NewPool(samples, horizon, in[0].Season)
}

// valid returns what is wrong with a result, or "".
func valid(r auto.Result, in auto.Input, h int) string {
	whole := in.Integer
	for _, v := range in.Y {
		whole = whole && (math.IsNaN(v) || math.Abs(v) < 1<<40 && v == math.Trunc(v))
	}
	if r.Status == auto.Rejected {
		for _, v := range in.Y {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				return "rejected although something was observed"
			}
		}
		return ""
	}
	switch {
	case r.Status != auto.Fitted && r.Status != auto.Fallback:
		return "status " + r.Status
	case r.Status == auto.Fallback && r.Reason == "":
		return "a fallback without a reason"
	case r.Model == "" || r.Class == "":
		return "no model or class"
	case len(r.Mean) != h || len(r.Quantiles) != h:
		return "wrong length"
	}
	for j, m := range r.Mean {
		if !(m >= 0) || math.IsInf(m, 0) || forecast.Round6(m) != m || math.Signbit(m) {
			return "mean is not a rounded, finite, non-negative number"
		}
		last := 0.0
		for _, q := range r.Quantiles[j] {
			if !(q >= last) || math.IsInf(q, 0) || forecast.Round6(q) != q || math.Signbit(q) {
				return "quantiles cross, or are not rounded, finite and non-negative"
			}
			if whole && q != math.Trunc(q) {
				return "a fractional quantile of whole numbers"
			}
			last = q
		}
		if in.Closed != nil && in.Closed[j] && (m != 0 || last != 0) {
			return "demand in a closed store"
		}
	}
	s := r.Score
	if s.NScored < 0 || !(s.AbsError >= 0) || !(s.AbsActual >= 0) || !(s.Pinball >= 0) ||
		math.IsInf(s.AbsError, 0) || math.IsInf(s.Pinball, 0) {
		return "a figure is out of range"
	}
	if math.IsNaN(s.RMSSE) != math.IsNaN(s.RMSSESNaive) {
		return "rmsse without its yardstick"
	}
	for i := range s.Below {
		if s.Below[i] > s.AtOrBelow[i] || s.AtOrBelow[i] > s.NScored {
			return "calibration counts do not nest"
		}
	}
	return ""
}
