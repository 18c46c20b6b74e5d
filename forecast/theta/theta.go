package theta

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// Variant says which of the four models of Fiorucci et al. is meant.
type Variant int

// The variants. The zero value is the one with the best record on the M3 data
// in the paper and the strongest of the four on retail series.
const (
	DOTM Variant = iota // dynamic, θ estimated
	DSTM                // dynamic, θ = 2
	OTM                 // one line, θ estimated
	STM                 // one line, θ = 2: the method of 2000
)

func (v Variant) dynamic() bool   { return v == DOTM || v == DSTM }
func (v Variant) optimised() bool { return v == DOTM || v == OTM }

// Seasonality says how a season is removed.
type Seasonality int

// The ways. The zero value is that of the paper.
const (
	Tested   Seasonality = iota // multiplicative or additive, if significant
	Additive                    // additive, if significant
	None                        // the series is taken as it is
)

// Model is a Theta model; the zero value is the dynamic optimised one with a
// tested season.
//
// Fit needs four observations (forecast.ErrTooShort) and refuses infinities
// (forecast.ErrNotFinite). Forecasts can be negative where the trend falls.
type Model struct {
	Variant     Variant
	Seasonality Seasonality
}

// minObserved leaves one error to judge the parameters by.
const minObserved = skipped + 1

// skipped is the number of observations whose errors do not count: they depend
// on the initial level and on a line through two or three points.
const skipped = 3

// Params are the numbers of a model without its season.
type Params struct {
	// Level is ℓ(0), in the units of the deseasonalised series.
	Level float64
	// Alpha smooths the level, in (0, 1).
	Alpha float64
	// Theta ≥ 1 weighs the trend by κ = 1 − 1/θ; ignored, as 2, by the
	// variants that do not estimate it.
	Theta float64
}

// Fit implements forecast.Model; the result is a *Fitted.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	f, w, err := m.prepare(s)
	if err != nil {
		return nil, err
	}
	if f, err = m.finish(f, w, w.search()); err != nil {
		return nil, err // an untyped nil
	}
	return f, nil
}

// Filter is Fit with given parameters: only the season and, in the static
// variants, the line are estimated from s.
func (m Model) Filter(s forecast.Series, p Params) (*Fitted, error) {
	f, w, err := m.prepare(s)
	if err != nil {
		return nil, err
	}
	c := candidate{alpha: p.Alpha, kappa: half, level: p.Level / f.scale}
	if m.Variant.optimised() {
		c.kappa = 1 - 1/p.Theta
	}
	return m.finish(f, w, c)
}

// prepare strips, scales and deseasonalises s.
func (m Model) prepare(s forecast.Series) (*Fitted, *problem, error) {
	start, observed, largest := 0, 0, 0.0
	for t, v := range s.Y {
		if math.IsInf(v, 0) {
			return nil, nil, forecast.ErrNotFinite
		}
		if v != v {
			continue
		}
		if observed == 0 {
			start = t
		}
		observed++
		largest = math.Max(largest, math.Abs(v))
	}
	if observed < minObserved {
		return nil, nil, forecast.ErrTooShort
	}
	f := &Fitted{dynamic: m.Variant.dynamic(), scale: powerOfTwo(largest)}
	y := make([]float64, len(s.Y)-start)
	for i := range y {
		y[i] = s.Y[start+i] / f.scale
	}
	if m.Seasonality != None {
		f.season = decompose(y, s.Season, s.PhaseAt(start), m.Seasonality == Tested)
		f.season.remove(y)
	}
	return f, newProblem(y, m.Variant), nil
}

// finish filters the history with the chosen parameters.
func (m Model) finish(f *Fitted, w *problem, c candidate) (*Fitted, error) {
	f.alpha, f.kappa, f.level0 = c.alpha, c.kappa, c.level
	f.state = state{level: c.level, power: 1, fixed: !f.dynamic}
	if !f.dynamic {
		f.state.a, f.state.b = w.a[0], w.b[0]
	}
	f.season.phase = f.season.first
	seen := 0
	for _, v := range w.y {
		e := f.step(v)
		if v == v {
			if seen++; seen > skipped {
				f.sse += e * e
			}
		}
	}
	f.season.phase = f.season.after(len(w.y))
	f.n = seen
	if v := f.sse + f.state.level + f.state.a + f.state.b; v-v != 0 {
		return nil, forecast.ErrNotFinite
	}
	return f, nil
}

// powerOfTwo is a scale that changes no digit and brings x into [1, 2), so
// that no square over- or underflows.
func powerOfTwo(x float64) float64 {
	if x == 0 {
		return 1
	}
	_, exp := math.Frexp(x)
	return math.Ldexp(1, max(exp-1, -1022))
}
