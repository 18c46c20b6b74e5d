package prophet

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// SharedFuture is a future that many series have in common, with its rows of
// the design matrix. It does not change and may be used by several goroutines.
type SharedFuture struct {
	s      *Shared
	future Future
	ns     []int64
	x      []float64 // rows × columns of the calendar
}

// Future makes a future ready for the estimates of s. It needs the conditions,
// capacities and common regressors; rows may be in any order.
//
// Errors are those of Predictor.PredictTo.
func (s *Shared) Future(future Future) (*SharedFuture, error) {
	known := s.model
	known.Regressors = nil
	for _, i := range s.common {
		known.Regressors = append(known.Regressors, s.model.Regressors[i])
	}
	if err := future.check(&known, s.dates.Floor != nil); err != nil {
		return nil, err
	}
	for i, t := range future.Time {
		if _, err := wallClock(t); err != nil {
			return nil, fmt.Errorf("%w: row %d is %v", err, i, t)
		}
	}
	for _, r := range known.Regressors {
		if at := slices.IndexFunc(future.Regressors[r.Name], notFinite); at >= 0 {
			return nil, fmt.Errorf("%w: regressor %q is %v at %v", ErrNotFinite, r.Name, future.Regressors[r.Name][at], future.Time[at])
		}
	}
	history := History{Time: future.Time, Cap: future.Cap, Floor: future.Floor, Conditions: future.Conditions, Regressors: future.Regressors}
	a := &SharedFuture{s: s, future: history.Clone().Future(), ns: rows(future.Time)}
	if s.additive {
		a.fill()
	}
	return a, nil
}

// fill computes the rows.
func (a *SharedFuture) fill() {
	s, k := a.s, a.s.calendar.Columns()
	a.x = make([]float64, len(a.ns)*k)
	holidays := s.holidayColumns(a.ns)
	for i, ns := range a.ns {
		row := a.x[i*k : (i+1)*k]
		for _, season := range s.seasons {
			if season.Condition == "" || a.future.Conditions[season.Condition][i] {
				design.FourierTo(row[:2*season.Order], design.Days(ns), season.Period)
			}
			row = row[2*season.Order:]
		}
		for j := range holidays {
			row[j] = holidays[j][i]
		}
		row = row[len(holidays):]
		for j, r := range s.common {
			row[j] = (a.future.Regressors[s.model.Regressors[r].Name][i] - s.centers[j]) / s.scales[j]
		}
	}
}

// PredictTo writes the forecast (yhat) of each row for the series that e
// describes. own has the future of its own regressors. It does not allocate,
// unless e is the result of Separate.
//
// Errors: ErrMissing and ErrLength for own, and ErrNotFinite. It panics if dst
// does not have one element per row, or if e is not an estimate of the same
// Shared.
func (a *SharedFuture) PredictTo(dst []float64, e *Estimate, own map[string][]float64) error {
	if len(dst) != len(a.ns) {
		panic("prophet: SharedFuture.PredictTo: dst and the future differ in length")
	}
	if e.shared != a.s {
		panic("prophet: SharedFuture.PredictTo: an estimate of another Shared")
	}
	if e.fitted != nil {
		return a.separate(dst, e.fitted, own)
	}
	s := a.s
	k := s.calendar.Columns()
	for i, ns := range a.ns {
		sum := e.level
		if k > 0 {
			sum += floats.Dot(a.x[i*k:(i+1)*k], e.effects)
		}
		dst[i] = e.trendAt(ns) + sum
	}
	for j, r := range s.own {
		name, first := s.model.Regressors[r].Name, len(e.Params.Beta)-len(s.model.Regressors)
		x, ok := own[name]
		if !ok {
			return fmt.Errorf("%w: regressor %q", ErrMissing, name)
		}
		if len(x) != len(dst) {
			return fmt.Errorf("%w: %s has %d rows, time %d", ErrLength, name, len(x), len(dst))
		}
		fr, beta := &e.own[j], e.Params.Beta[first+r]
		for i, v := range x {
			dst[i] += beta * ((v - fr.Mean) / fr.SD)
		}
	}
	for i, v := range dst {
		dst[i] = v*e.YScale + e.floor()
		if notFinite(dst[i]) {
			return fmt.Errorf("%w: yhat of %v is %v", ErrNotFinite, a.future.Time[i], dst[i])
		}
	}
	return nil
}

// separate forecasts with the result of Model.Fit.
func (a *SharedFuture) separate(dst []float64, f *Fitted, own map[string][]float64) error {
	p, err := f.Predictor()
	if err != nil {
		return err
	}
	future := a.future
	if len(a.s.own) > 0 {
		future.Regressors = map[string][]float64{}
		for _, r := range a.s.model.Regressors {
			x, ok := own[r.Name]
			if !ok {
				x, ok = a.future.Regressors[r.Name]
			}
			if ok {
				future.Regressors[r.Name] = x
			}
		}
	}
	return p.PredictTo(dst, &future)
}

// at is the forecast of a row of the calendar, own regressors given with all
// their rows.
func (e *Estimate) at(row int, own map[string][]float64) float64 {
	s, sum := e.shared, e.level
	if len(e.effects) > 0 {
		sum += floats.Dot(s.calendar.Row(row), e.effects)
	}
	for j, r := range s.own {
		fr := &e.own[j]
		sum += e.Params.Beta[len(e.Params.Beta)-len(s.model.Regressors)+r] * ((own[fr.Name][row] - fr.Mean) / fr.SD)
	}
	return (e.trendAt(s.ns[row])+sum)*e.YScale + e.floor()
}
