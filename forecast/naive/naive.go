// Package naive holds the forecasts that any model has to beat: the last
// value, the last value of the same season phase, the line through the ends,
// and means. The definitions are those of Hyndman and Athanasopoulos (2021),
// "Forecasting: Principles and Practice", 3rd edition, section 5.2.
//
// A missing period moves the season and the line and is otherwise skipped: a
// window counts observations, not periods. Every model needs one observation,
// Drift two, and returns forecast.ErrTooShort without; infinities in the
// history are forecast.ErrNotFinite, and appended ones count as missing.
package naive

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Last forecasts the last observed value.
type Last struct{}

// Seasonal forecasts the last observed value of the same season phase; a phase
// that was never observed gets the last observed value.
type Seasonal struct{}

// Mean forecasts the mean of the last Window observed values (0 = all).
type Mean struct{ Window int }

// SeasonalMean forecasts the mean of the last Window observed values of the
// same season phase (0 = all); a phase that was never observed gets the mean
// over the phases.
type SeasonalMean struct{ Window int }

// Fit implements forecast.Model.
func (Last) Fit(s forecast.Series) (forecast.Fitted, error) { return newWindow(s, 1, false, false) }

// Fit implements forecast.Model.
func (Seasonal) Fit(s forecast.Series) (forecast.Fitted, error) { return newWindow(s, 1, true, true) }

// Fit implements forecast.Model.
func (m Mean) Fit(s forecast.Series) (forecast.Fitted, error) {
	return newWindow(s, m.Window, false, false)
}

// Fit implements forecast.Model.
func (m SeasonalMean) Fit(s forecast.Series) (forecast.Fitted, error) {
	return newWindow(s, m.Window, true, false)
}

// window keeps the last observed values, by phase or in one ring, and their
// running sums.
type window struct {
	size          int // 0 = everything
	season, phase int // phase of the next period
	lastForUnseen bool
	ring          []float64 // len(sum)*size values
	n             []int     // values seen
	sum           []float64
	last          float64
}

// newWindow returns an interface, so that an error has no model beside it.
func newWindow(s forecast.Series, size int, seasonal, lastForUnseen bool) (forecast.Fitted, error) {
	if size < 0 {
		panic("naive: negative window")
	}
	if hasInf(s.Y) {
		return nil, forecast.ErrNotFinite
	}
	w := &window{size: size, season: 1, lastForUnseen: lastForUnseen}
	if seasonal && s.Season > 1 {
		w.season, w.phase = s.Season, s.PhaseAt(0)
	}
	w.ring = make([]float64, w.season*size)
	w.n = make([]int, w.season)
	w.sum = make([]float64, w.season)
	w.Append(s.Y)
	seen := 0
	for p, n := range w.n {
		seen += n
		if math.IsInf(w.sum[p], 0) {
			return nil, forecast.ErrNotFinite
		}
	}
	if seen == 0 {
		return nil, forecast.ErrTooShort
	}
	return w, nil
}

func hasInf(y []float64) bool {
	for _, v := range y {
		if math.IsInf(v, 0) {
			return true
		}
	}
	return false
}

// Append implements forecast.Fitted.
func (w *window) Append(y []float64) {
	for _, v := range y {
		p := w.phase
		if w.phase++; w.phase == w.season {
			w.phase = 0
		}
		if v-v != 0 { // missing, or infinite
			continue
		}
		w.last = v
		if w.size == 0 {
			w.sum[p] += v
			w.n[p]++
			continue
		}
		at := p*w.size + w.n[p]%w.size
		w.ring[at] = v
		w.n[p]++
	}
	if w.size == 0 {
		return
	}
	for p := range w.sum { // summed afresh: no drift from subtracting
		w.sum[p] = 0
		for _, v := range w.ring[p*w.size : p*w.size+min(w.n[p], w.size)] {
			w.sum[p] += v
		}
	}
}

// PredictTo implements forecast.Fitted.
func (w *window) PredictTo(dst []float64) {
	p, overall := w.phase, w.overall()
	for i := range dst {
		if w.n[p] > 0 {
			dst[i] = w.sum[p] / float64(w.count(p))
		} else {
			dst[i] = overall
		}
		if p++; p == w.season {
			p = 0
		}
	}
}

func (w *window) count(p int) int {
	if w.size == 0 {
		return w.n[p]
	}
	return min(w.n[p], w.size)
}

func (w *window) overall() float64 {
	if w.lastForUnseen {
		return w.last
	}
	var sum float64
	n := 0
	for p := range w.sum {
		if c := w.count(p); c > 0 {
			sum += w.sum[p] / float64(c)
			n++
		}
	}
	return sum / float64(n)
}

// Clone implements forecast.Fitted.
func (w *window) Clone() forecast.Fitted {
	c := *w
	c.ring, c.n, c.sum = slices.Clone(w.ring), slices.Clone(w.n), slices.Clone(w.sum)
	return &c
}

// Parameters implements forecast.Fitted; nothing is estimated.
func (*window) Parameters(dst []forecast.Parameter) []forecast.Parameter { return dst }
