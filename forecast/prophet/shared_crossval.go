package prophet

import (
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// CrossValidateTo estimates a series on the dates before each origin (a number
// of dates) and writes the forecasts of the next horizon dates into dst, one
// origin after the other: the yhat of cross_validation of the Python package.
// As there, the folds have the seasonalities of the full series, and of given
// changepoints those before their last observation. y and own are those of Fit,
// but own also has to have values on the dates that are forecast.
//
// Every fold is a window of the calendar: an origin costs no more than Fit
// does for a series on the same dates, once a series has had the origin before.
//
// Errors are those of Model.Fit with the origin beside them; ErrCutoffs for
// origins that leave less than the horizon. It panics if dst has not
// len(origins)·horizon elements.
func (w *Fitter) CrossValidateTo(dst, y []float64, own map[string][]float64, origins []int, horizon int) error {
	s := w.s
	if len(dst) != len(origins)*horizon {
		panic("prophet: CrossValidateTo: dst does not have a row per origin")
	}
	if len(y) != len(s.ns) {
		return fmt.Errorf("%w: %d values for %d dates", ErrLength, len(y), len(s.ns))
	}
	for _, i := range s.own {
		name := s.model.Regressors[i].Name
		if x, ok := own[name]; !ok {
			return fmt.Errorf("%w: regressor %q", ErrMissing, name)
		} else if len(x) != len(y) {
			return fmt.Errorf("%w: %s has %d rows, time %d", ErrLength, name, len(x), len(y))
		}
	}
	seasons := s.seasons
	if sp, ok := w.scan(y); ok && !s.whole.same(sp) {
		seasons = s.seasonsOf(sp)
	}
	if seasons == nil {
		seasons = []Seasonality{}
	}
	for k, n := range origins {
		if n < 2 || n > len(y)-horizon {
			return fmt.Errorf("%w: %d dates of %d before a horizon of %d", ErrCutoffs, n, len(y), horizon)
		}
		if err := w.foldTo(dst[k*horizon:(k+1)*horizon], y[:n], own, seasons); err != nil {
			return fmt.Errorf("%d dates: %w", n, err)
		}
	}
	return nil
}

// foldTo forecasts the dates after y.
func (w *Fitter) foldTo(dst, y []float64, own map[string][]float64, seasons []Seasonality) error {
	e, n := &w.fold, len(y)
	e.reset(w.s)
	past := own
	if len(w.s.own) > 0 {
		if w.past == nil {
			w.past = map[string][]float64{}
		}
		for _, i := range w.s.own {
			name := w.s.model.Regressors[i].Name
			w.past[name] = own[name][:n]
		}
		past = w.past
	}
	if w.fit(e, y, past, seasons) {
		for i := range dst {
			dst[i] = e.at(n+i, own)
			if notFinite(dst[i]) {
				return fmt.Errorf("%w: yhat of %v is %v", ErrNotFinite, w.s.dates.Time[n+i], dst[i])
			}
		}
		return nil
	}
	f, err := w.s.foldModel(y, seasons).Fit(w.s.history(y, past))
	if err != nil {
		return err
	}
	p, err := f.Predictor()
	if err != nil {
		return err
	}
	all := w.s.history(w.s.blank(), own)
	ahead := all.slice(n, n+len(dst))
	future := ahead.Future()
	return p.PredictTo(dst, &future)
}

// blank has a value per date.
func (s *Shared) blank() []float64 { return make([]float64, len(s.ns)) }

// foldModel is the model of a fold.
func (s *Shared) foldModel(y []float64, seasons []Seasonality) Model {
	m := s.model
	m.Yearly, m.Weekly, m.Daily, m.Seasonalities = Off, Off, Off, seasons
	if m.Changepoints != nil {
		last := len(y) - 1
		for last > 0 && math.IsNaN(y[last]) {
			last--
		}
		m.Changepoints = before(m.Changepoints, s.dates.Time[last])
	}
	return m
}

// before are the changepoints before a time.
func before(changepoints []time.Time, last time.Time) []time.Time {
	out := []time.Time{}
	for _, t := range changepoints {
		if ns, err := wallClock(t); err == nil && ns < last.UnixNano() {
			out = append(out, t)
		}
	}
	return out
}

// folds cross-validate one fitted model by sums.
type folds struct {
	fitter  *Fitter
	inverse interval.Inverter
	upper   []float64
}

// folds is nil where sums are no way to fit the model: then each fold goes to
// Model.Fit.
func (f *Fitted) folds() *folds {
	m := f.Model
	m.Yearly, m.Weekly, m.Daily = Off, Off, Off
	m.Seasonalities = f.Seasonalities
	s, err := m.share(f.History.Future())
	if err != nil || !s.additive {
		return nil
	}
	w := s.Fitter()
	w.keep = 1 // no fold comes twice
	return &folds{fitter: w}
}

// fold appends the forecasts of rows n ≤ i < end from the rows before; false =
// that is for Model.Fit.
func (d *folds) fold(out []CVPoint, h *History, n, end int, cutoff time.Time) ([]CVPoint, bool) {
	if d == nil || n == end {
		return out, false
	}
	w, s, e := d.fitter, d.fitter.s, &d.fitter.fold
	e.reset(s)
	seasons := s.seasons
	if seasons == nil {
		seasons = []Seasonality{}
	}
	if !w.fit(e, h.Y[:n], nil, seasons) {
		return out, false
	}
	step := 1 / float64(n-1)
	if end-n > 1 {
		step = float64(s.ns[end-1]-s.ns[n]) / float64(s.ns[n-1]-s.ns[0]) / float64(end-n-1)
	}
	v := &e.Params
	law := interval.LawOf(posterior.Growth(s.model.Growth), &posterior.Params{K: v.K, M: v.M, Sigma: v.Sigma, Delta: v.Delta, Beta: v.Beta}, step)
	// The distribution is symmetric about the forecast.
	d.upper = grow(d.upper, end-n)
	probabilities := [1]float64{1 - (1-s.model.IntervalWidth)/2}
	if d.inverse.QuantilesTo(d.upper, law, nil, probabilities[:]) != nil {
		return out, false
	}
	first := len(out)
	for i := n; i < end; i++ {
		yhat, half := e.at(i, nil), e.YScale*d.upper[i-n]
		if notFinite(yhat) || notFinite(half) {
			return out[:first], false
		}
		out = append(out, CVPoint{Time: h.Time[i], Cutoff: cutoff, Y: h.Y[i], Yhat: yhat, Lower: yhat - half, Upper: yhat + half})
	}
	return out, true
}
