package naive

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// Drift continues the line through the first and the last observation,
//
//	ŷ(T+h) = y(b) + (T+h−b)·(y(b) − y(a))/(b − a)
//
// where a and b are the first and the last observed periods of the history up
// to T: the naive forecast plus the mean of all changes.
type Drift struct{}

// Fit implements forecast.Model.
func (Drift) Fit(s forecast.Series) (forecast.Fitted, error) {
	if hasInf(s.Y) {
		return nil, forecast.ErrNotFinite
	}
	var d drift
	d.Append(s.Y)
	if d.lastAt == d.firstAt {
		return nil, forecast.ErrTooShort
	}
	if slope := d.slope(); slope-slope != 0 {
		return nil, forecast.ErrNotFinite
	}
	return &d, nil
}

// drift counts periods from 1; a period of 0 was never observed.
type drift struct {
	first, last            float64
	firstAt, lastAt, total int
}

func (d *drift) slope() float64 { return (d.last - d.first) / float64(d.lastAt-d.firstAt) }

// Append implements forecast.Fitted.
func (d *drift) Append(y []float64) {
	for _, v := range y {
		d.total++
		if v-v != 0 { // missing, or infinite
			continue
		}
		if d.firstAt == 0 {
			d.first, d.firstAt = v, d.total
		}
		d.last, d.lastAt = v, d.total
	}
}

// PredictTo implements forecast.Fitted.
func (d *drift) PredictTo(dst []float64) {
	slope, since := d.slope(), d.total-d.lastAt
	for i := range dst {
		v := d.last + slope*float64(since+i+1)
		dst[i] = math.Max(-math.MaxFloat64, math.Min(math.MaxFloat64, v))
	}
}

// Clone implements forecast.Fitted.
func (d *drift) Clone() forecast.Fitted { c := *d; return &c }

// Parameters implements forecast.Fitted.
func (d *drift) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	return append(dst, forecast.Parameter{Name: "slope", Value: d.slope()})
}
