// Package croston holds models of intermittent demand, which follow the sizes
// of demands apart from how often they occur.
package croston

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// TSB is the model of Teunter, Syntetos and Babai (2011), "Intermittent
// demand: linking forecasting to inventory obsolescence", European Journal of
// Operational Research 214, doi:10.1016/j.ejor.2011.05.018: the probability of
// demand is smoothed in every period, the size when there is one,
//
//	p ← p + β(1{y>0} − p)      z ← z + α(y − z) if y > 0      ŷ = p·z
//
// so that the forecast of an item that stopped selling decays. Zero parameters
// are estimated: the pair of a small grid with the least squared one-step
// error, since the surface is flat and a finer answer is noise.
type TSB struct {
	AlphaSize, AlphaProbability float64
}

// SBA is the method of Croston (1972), doi:10.1057/jors.1972.50, with the bias
// correction of Syntetos and Boylan (2005), "The accuracy of intermittent
// demand estimates", International Journal of Forecasting 21,
// doi:10.1016/j.ijforecast.2004.10.001: sizes z and intervals q are smoothed at
// each demand, ŷ = (1 − α/2)·z/q.
type SBA struct {
	Alpha float64 // 0 = 0.1, the value of the M5 benchmark
}

// Fit implements forecast.Model.
func (m TSB) Fit(s forecast.Series) (forecast.Fitted, error) {
	start, ok := initialTSB(s.Y)
	if !ok {
		return nil, forecast.ErrTooShort
	}
	sizes := []float64{m.AlphaSize}
	if m.AlphaSize == 0 {
		sizes = []float64{0.02, 0.05, 0.1, 0.2}
	}
	probs := []float64{m.AlphaProbability}
	if m.AlphaProbability == 0 {
		probs = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.3}
	}
	best, least := start, math.Inf(1)
	for _, a := range sizes {
		for _, b := range probs {
			f := start
			f.alpha, f.beta = a, b
			if sse := f.filter(s.Y); sse < least {
				best, least = f, sse
			}
		}
	}
	if math.IsInf(least, 1) {
		return nil, forecast.ErrNotFinite
	}
	return &best, nil
}

type tsb struct{ alpha, beta, p, z float64 }

// initialTSB starts from the first demand's size and the overall rate.
func initialTSB(y []float64) (tsb, bool) {
	var f tsb
	n, k := 0, 0
	for _, v := range y {
		if v == v {
			n++
			if v > 0 {
				k++
				if k <= 3 {
					f.z += v
				}
			}
		}
	}
	if k == 0 {
		return f, false
	}
	f.z /= float64(min(k, 3))
	f.p = float64(k) / float64(n)
	return f, true
}

func (f *tsb) filter(y []float64) float64 {
	p, z, sse := f.p, f.z, 0.0
	for _, v := range y {
		switch {
		case v > 0:
			e := v - p*z
			sse += e * e
			p += f.beta * (1 - p)
			z += f.alpha * (v - z)
		case v == v:
			sse += p * z * p * z
			p -= f.beta * p
		}
	}
	f.p, f.z = p, z
	return sse
}

// Append implements forecast.Fitted.
func (f *tsb) Append(y []float64) { f.filter(y) }

// PredictTo implements forecast.Fitted.
func (f *tsb) PredictTo(dst []float64) { fill(dst, f.p*f.z) }

// Parameters implements forecast.Fitted.
func (f *tsb) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	return append(dst, forecast.Parameter{Name: "alpha_size", Value: f.alpha},
		forecast.Parameter{Name: "alpha_probability", Value: f.beta})
}

// Fit implements forecast.Model.
func (m SBA) Fit(s forecast.Series) (forecast.Fitted, error) {
	f := &sba{alpha: m.Alpha}
	if f.alpha == 0 {
		f.alpha = 0.1
	}
	f.Append(s.Y)
	if f.demands == 0 {
		return nil, forecast.ErrTooShort
	}
	if math.IsInf(f.z, 0) || f.z != f.z {
		return nil, forecast.ErrNotFinite
	}
	return f, nil
}

type sba struct {
	alpha   float64
	z, q    float64
	since   int // observed periods since the last demand
	demands int
}

// Clone implements forecast.Fitted.
func (f *tsb) Clone() forecast.Fitted { c := *f; return &c }

// Clone implements forecast.Fitted.
func (f *sba) Clone() forecast.Fitted { c := *f; return &c }

// Append implements forecast.Fitted.
func (f *sba) Append(y []float64) {
	for _, v := range y {
		if v != v {
			continue
		}
		f.since++
		if !(v > 0) {
			continue
		}
		if f.demands == 0 {
			f.z, f.q = v, float64(f.since)
		} else {
			f.z += f.alpha * (v - f.z)
			f.q += f.alpha * (float64(f.since) - f.q)
		}
		f.demands++
		f.since = 0
	}
}

// PredictTo implements forecast.Fitted.
func (f *sba) PredictTo(dst []float64) { fill(dst, (1-f.alpha/2)*f.z/f.q) }

// Parameters implements forecast.Fitted.
func (f *sba) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	return append(dst, forecast.Parameter{Name: "alpha", Value: f.alpha})
}

func fill(dst []float64, v float64) {
	for i := range dst {
		dst[i] = v
	}
}
