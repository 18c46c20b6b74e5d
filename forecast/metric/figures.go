package metric

import (
	"math"
	"strconv"

	"github.com/skucast/skucast/forecast"
)

// Figure is a number of 6 significant digits that may not exist: NaN then, and
// null in JSON.
type Figure float64

// Defined reports whether the figure exists.
func (f Figure) Defined() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// MarshalJSON implements json.Marshaler.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Defined() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Figure) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Figure(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	*f = Figure(v)
	return err
}

// Figures are what a tally of cases comes to.
type Figures struct {
	Series  int64 `json:"series"`  // cases with an observed period
	Periods int64 `json:"periods"` // observed and scored

	RMSSE      Figure `json:"rmsse"`       // mean over cases with a scale
	RMSSENaive Figure `json:"rmsse_naive"` // of the naive forecast, where both exist
	FVA        Figure `json:"fva"`         // forecast value added by RMSSE
	MASE       Figure `json:"mase"`        // mean over cases with a scale
	WAPE       Figure `json:"wape"`        // pooled
	WAPENaive  Figure `json:"wape_naive"`  // pooled
	FVAWAPE    Figure `json:"fva_wape"`    // forecast value added by WAPE
	Bias       Figure `json:"bias"`        // pooled; positive is too high
	Alarms     Figure `json:"alarms"`      // share of cases beyond TrackingLimit

	Pinball Figure `json:"pinball"`  // mean over periods and quantiles, units
	SPL     Figure `json:"spl"`      // mean over cases with a scale
	WSPL    Figure `json:"wspl"`     // weighted by recent demand
	CRPS    Figure `json:"crps"`     // mean over periods, units
	MSIS    Figure `json:"msis"`     // of the central 95 %, mean over cases
	Width80 Figure `json:"width_80"` // mean over periods, units
	Width95 Figure `json:"width_95"`

	// Calibration is nil for point forecasts.
	Calibration []Bound `json:"calibration,omitempty"`
}

// Bound is how demand fell about one quantile.
type Bound struct {
	P         float64 `json:"p"`
	Below     Figure  `json:"below"`       // share of y < q
	AtOrBelow Figure  `json:"at_or_below"` // share of y ≤ q
}

// Holds reports whether the bounds allow the probability, within tol.
func (b Bound) Holds(tol float64) bool {
	return float64(b.Below) <= b.P+tol && float64(b.AtOrBelow) >= b.P-tol
}

// Judged are the probabilities by which a forecast is called calibrated.
func Judged() [4]float64 { return [4]float64{.025, .1, .9, .975} }

// JudgedTolerance is how far a share may miss its probability.
const JudgedTolerance = 0.03

// Calibrated reports whether the bounds of the judged probabilities hold
// within JudgedTolerance; known is false for a forecast without quantiles.
func (f *Figures) Calibrated() (ok, known bool) {
	ok = true
	for _, p := range Judged() {
		for _, b := range f.Calibration {
			if b.P == p {
				known = true
				ok = ok && b.Holds(JudgedTolerance)
			}
		}
	}
	return ok && known, known
}

// Figures computes what the tally has pooled.
func (t *Tally) Figures() Figures {
	f := Figures{
		Series: t.series, Periods: t.periods,
		RMSSE:      ratio(&t.rmsse, float64(t.scaled)),
		RMSSENaive: ratio(&t.rmsseNaive, float64(t.compared)),
		FVA:        added(&t.rmsseCompared, &t.rmsseNaive),
		MASE:       ratio(&t.mase, float64(t.mased)),
		WAPE:       ratio(&t.absError, t.absActual.Value()),
		WAPENaive:  naiveWAPE(t),
		FVAWAPE:    added(&t.comparedAbs, &t.naiveAbs),
		Bias:       ratio(&t.signed, t.absActual.Value()),
		Alarms:     round(float64(t.alarms) / float64(t.series)),
		Pinball:    ratio(&t.pinball, float64(t.qPeriods)),
		SPL:        ratio(&t.spl, float64(t.spls)),
		WSPL:       ratio(&t.weightedSPL, t.weight.Value()),
		CRPS:       ratio(&t.crps, float64(t.qPeriods)),
		MSIS:       ratio(&t.msisSum, float64(t.intervals)),
		Width80:    ratio(&t.width80, float64(t.qPeriods)),
		Width95:    ratio(&t.width95, float64(t.qPeriods)),
	}
	if t.cal.N > 0 {
		for i, p := range forecast.Probabilities() {
			below, at := t.cal.Bounds(i)
			f.Calibration = append(f.Calibration, Bound{P: p, Below: round(below), AtOrBelow: round(at)})
		}
	}
	return f
}

// naiveWAPE is undefined unless every period has a naive forecast.
func naiveWAPE(t *Tally) Figure {
	if t.naivePeriods != t.periods {
		return Figure(math.NaN())
	}
	return ratio(&t.naiveAbs, t.absActual.Value())
}

func ratio(s *Sum, of float64) Figure {
	if !(of > 0) {
		return Figure(math.NaN())
	}
	return round(s.Value() / of)
}

func added(e, naive *Sum) Figure { return round(ValueAdded(e.Value(), naive.Value())) }

func round(x float64) Figure { return Figure(forecast.Round6(x)) }
