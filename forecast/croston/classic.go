package croston

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// usualAlpha is the value of the M5 benchmarks.
const usualAlpha = 0.1

// Croston is the method of Croston (1972), "Forecasting and stock control for
// intermittent demands", Operational Research Quarterly 23,
// doi:10.1057/jors.1972.50: sizes z and intervals q are smoothed at each demand,
//
//	z ← z + α(y − z)     q ← q + α(periods since the last demand − q)     ŷ = z/q
//
// starting from the first demand and the number of periods up to it. It is
// biased upwards, which SBA corrects, and never forgets an item that stopped
// selling, which TSB does.
type Croston struct {
	Alpha float64 // 0 = 0.1
	// Optimised estimates one α for sizes and one for intervals, between 0.1
	// and 0.3, by the least squared one-step error.
	Optimised bool
}

// SBA is Croston's method with the bias correction of Syntetos and Boylan
// (2005), "The accuracy of intermittent demand estimates", International
// Journal of Forecasting 21, doi:10.1016/j.ijforecast.2004.10.001:
// ŷ = (1 − α/2)·z/q.
type SBA struct {
	Alpha float64 // 0 = 0.1
}

// Fit implements forecast.Model.
func (m Croston) Fit(s forecast.Series) (forecast.Fitted, error) {
	f := &classic{sizeAlpha: m.Alpha, factor: 1}
	if m.Alpha == 0 {
		f.sizeAlpha = usualAlpha
	}
	f.intervalAlpha = f.sizeAlpha
	if m.Optimised {
		sizes, intervals := demands(s.Y)
		f.sizeAlpha, f.intervalAlpha = bestAlpha(sizes), bestAlpha(intervals)
	}
	return f.fit(s.Y)
}

// Fit implements forecast.Model.
func (m SBA) Fit(s forecast.Series) (forecast.Fitted, error) {
	f := &classic{sizeAlpha: m.Alpha}
	if m.Alpha == 0 {
		f.sizeAlpha = usualAlpha
	}
	f.intervalAlpha, f.factor = f.sizeAlpha, 1-f.sizeAlpha/2
	return f.fit(s.Y)
}

type classic struct {
	sizeAlpha, intervalAlpha, factor float64

	z, q    float64
	since   int // observed periods since the last demand
	demands int
}

func (f *classic) fit(y []float64) (forecast.Fitted, error) {
	f.Append(y)
	if f.demands == 0 {
		return nil, forecast.ErrTooShort
	}
	if math.IsInf(f.z, 0) || f.z != f.z {
		return nil, forecast.ErrNotFinite
	}
	return f, nil
}

// Clone implements forecast.Fitted.
func (f *classic) Clone() forecast.Fitted { c := *f; return &c }

// Append implements forecast.Fitted.
func (f *classic) Append(y []float64) {
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
			f.z += f.sizeAlpha * (v - f.z)
			f.q += f.intervalAlpha * (float64(f.since) - f.q)
		}
		f.demands++
		f.since = 0
	}
}

// PredictTo implements forecast.Fitted.
func (f *classic) PredictTo(dst []float64) { fill(dst, f.factor*f.z/f.q) }

// Parameters implements forecast.Fitted.
func (f *classic) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	if f.sizeAlpha == f.intervalAlpha {
		return append(dst, forecast.Parameter{Name: "alpha", Value: f.sizeAlpha})
	}
	return append(dst, forecast.Parameter{Name: "alpha_size", Value: f.sizeAlpha},
		forecast.Parameter{Name: "alpha_interval", Value: f.intervalAlpha})
}

// demands are the sizes of the demands and the observed periods up to each.
func demands(y []float64) (sizes, intervals []float64) {
	since := 0
	for _, v := range y {
		if v != v {
			continue
		}
		since++
		if v > 0 {
			sizes = append(sizes, v)
			intervals = append(intervals, float64(since))
			since = 0
		}
	}
	return sizes, intervals
}
