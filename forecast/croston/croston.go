// Package croston holds models of intermittent demand: those that follow the
// sizes of demands apart from how often they occur (Croston, SBA, TSB), and
// those that add periods up until the zeros are gone (ADIDA, IMAPA).
//
// All forecast a level: the same mean for every step. Missing periods are
// passed over, as if they had not been. Every model needs one demand
// (forecast.ErrTooShort) and refuses infinite ones (forecast.ErrNotFinite).
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

// Clone implements forecast.Fitted.
func (f *tsb) Clone() forecast.Fitted { c := *f; return &c }

func fill(dst []float64, v float64) {
	for i := range dst {
		dst[i] = v
	}
}
