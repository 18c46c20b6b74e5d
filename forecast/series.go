package forecast

import "math"

// Series is one history on a regular grid: day after day, week after week or
// month after month, without a missing index. A period without an observation
// (closed, stocked out, no record) is NaN, never zero: zero means that nothing
// sold although it could have.
type Series struct {
	// Y holds the demand per period; the last element is the origin.
	Y []float64
	// Season is the season length in periods: 7 for days, 52 for weeks, 12
	// for months. 1 or less means that the series has no season.
	Season int
	// Phase is the season phase of Y[0], in [0, Season).
	Phase int
	// Known are the inputs whose future is known; most models ignore them.
	Known []Regressor
}

// Kind says what a known input measures, and so how a model may transform it.
type Kind int

// The kinds of known inputs.
const (
	Flag   Kind = iota // 0 or 1: promotion, holiday
	Price              // positive, acts in proportion
	Number             // anything else, acts in proportion to exp(value)
)

// Regressor is an input that is known for the past and for the periods to be
// forecast.
type Regressor struct {
	Name string
	Kind Kind
	// Values runs from the period of Series.Y[0] to the end of the horizon.
	// NaN = unknown; a model uses a regressor only if it knows every period
	// that it has to forecast.
	Values []float64
}

// PhaseAt is the season phase of period t (t = 0 is Y[0]); with no season it
// is 0.
func (s Series) PhaseAt(t int) int {
	if s.Season <= 1 {
		return 0
	}
	p := (s.Phase + t) % s.Season
	if p < 0 {
		p += s.Season
	}
	return p
}

// Observed counts the periods of y that have a value.
func Observed(y []float64) int {
	n := 0
	for _, v := range y {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}
