package prophet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrCutoffs means that a history leaves no room for the cutoffs asked for.
var ErrCutoffs = errors.New("prophet: no room for the cutoffs")

// maxCutoffs bounds the fits of one cross-validation.
const maxCutoffs = 100_000

// CrossValidation says how to cross-validate.
type CrossValidation struct {
	// Horizon is the distance of the last forecast from its cutoff.
	Horizon time.Duration
	// Period is the distance of cutoffs, 0 = Horizon/2.
	Period time.Duration
	// Initial is the least history before the first cutoff, 0 = 3·Horizon or
	// the longest seasonality, whichever is longer.
	Initial time.Duration
	// Cutoffs are used instead of Period and Initial if there are any.
	Cutoffs []time.Time
}

// CrossValidate fits the model anew on the history up to each cutoff, forecasts
// the observations of the following Horizon, and returns them by cutoff and
// time, with the interval of Model.IntervalWidth (cross_validation of the
// Python package). PerformanceMetrics sums them up.
//
// The folds have the seasonalities of the full fit, whatever an automatic
// choice would have been, and of given changepoints those before their last
// observation. They also keep its scaling: the Python package forgets it there,
// and silently validates a MinMax model with AbsMax.
//
// Models that sums suffice for (see Shared) are fitted that way, every fold
// being a window of the same dates; the others by Model.Fit.
//
// Errors: ErrCutoffs, and those of Fit and PredictTo with the cutoff beside
// them. A model read from CompactJSON has no history: ErrTooFewRows.
func (f *Fitted) CrossValidate(c CrossValidation) ([]CVPoint, error) {
	h := &f.History
	if len(h.Time) < 2 {
		return nil, fmt.Errorf("%w: cross-validation needs the history", ErrTooFewRows)
	}
	if err := f.checkHistory(); err != nil {
		return nil, err
	}
	cutoffs, err := f.cutoffs(c)
	if err != nil {
		return nil, err
	}
	var out []CVPoint
	quick := f.folds()
	for _, cutoff := range cutoffs {
		n, end := firstAfter(h.Time, cutoff), firstAfter(h.Time, cutoff.Add(c.Horizon))
		if more, ok := quick.fold(out, h, n, end, cutoff); ok {
			out = more
			continue
		}
		fold, err := f.fold(cutoff, n, end)
		if err != nil {
			return nil, fmt.Errorf("cutoff %s: %w", cutoff.Format(time.DateTime), err)
		}
		out = append(out, fold...)
	}
	return out, nil
}

// cutoffs are those asked for, or generated.
func (f *Fitted) cutoffs(c CrossValidation) ([]time.Time, error) {
	times := f.History.Time
	if len(c.Cutoffs) == 0 {
		period, initial := c.Period, c.Initial
		if period == 0 {
			period = c.Horizon / 2
		}
		if initial == 0 {
			initial = c.Horizon * 3
			for _, s := range f.Seasonalities {
				initial = max(initial, time.Duration(math.Min(s.Period*float64(24*time.Hour), math.MaxInt64/2)))
			}
		}
		return Cutoffs(times, c.Horizon, initial, period)
	}
	var out []time.Time
	first, last := times[0], times[len(times)-1].Add(-c.Horizon)
	for _, t := range c.Cutoffs {
		ns, err := wallClock(t)
		if err != nil {
			return nil, fmt.Errorf("%w: cutoff %v", err, t)
		}
		at := fromWallClock(ns)
		if !at.After(first) || at.After(last) {
			return nil, fmt.Errorf("%w: %v is not after %v and up to %v", ErrCutoffs, at, first, last)
		}
		out = append(out, at)
	}
	return out, nil
}

// Cutoffs places cutoffs as the Python package does (generate_cutoffs): the
// last one lies horizon before the last time, the others every period before
// it, while there is a history of initial before them. Where the data have a
// gap as long as the horizon, the next cutoff lies horizon before the gap.
// times are ascending; so are the cutoffs.
func Cutoffs(times []time.Time, horizon, initial, period time.Duration) ([]time.Time, error) {
	if horizon <= 0 || period <= 0 || initial < 0 {
		return nil, fmt.Errorf("%w: horizon %v, period %v, initial %v", ErrCutoffs, horizon, period, initial)
	}
	if len(times) == 0 {
		return nil, fmt.Errorf("%w: no history", ErrCutoffs)
	}
	first, last := times[0], times[len(times)-1]
	cutoff := last.Add(-horizon)
	if cutoff.Before(first) {
		return nil, fmt.Errorf("%w: the history is shorter than the horizon %v", ErrCutoffs, horizon)
	}
	if last.Sub(first)/period > maxCutoffs {
		return nil, fmt.Errorf("%w: more than %d of them, every %v", ErrCutoffs, maxCutoffs, period)
	}
	var out []time.Time
	for least := first.Add(initial); !cutoff.Before(least); {
		out = append(out, cutoff)
		cutoff = cutoff.Add(-period)
		// The first time after the cutoff decides whether there are data.
		next := firstAfter(times, cutoff)
		if next < len(times) && !times[next].After(cutoff.Add(horizon)) {
			continue
		}
		if cutoff.After(first) {
			cutoff = times[next-1].Add(-horizon)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: less than the horizon %v is left after %v", ErrCutoffs, horizon, initial)
	}
	slices.Reverse(out)
	return out, nil
}

// firstAfter is the index of the first of the ascending times after t.
func firstAfter(times []time.Time, t time.Time) int {
	i, _ := slices.BinarySearchFunc(times, t, func(a, b time.Time) int {
		if a.After(b) {
			return 1
		}
		return -1
	})
	return i
}

// fold fits on the first n rows of the history and forecasts those up to end.
func (f *Fitted) fold(cutoff time.Time, n, end int) ([]CVPoint, error) {
	if n < 2 {
		return nil, fmt.Errorf("%w: %d rows", ErrTooFewRows, n)
	}
	m := f.Model
	m.Yearly, m.Weekly, m.Daily = Off, Off, Off
	m.Seasonalities = f.Seasonalities
	if m.Changepoints != nil {
		m.Changepoints = before(f.Changepoints, f.History.Time[n-1])
	}
	fitted, err := m.Fit(f.History.slice(0, n))
	if err != nil {
		return nil, err
	}
	p, err := fitted.Predictor()
	if err != nil {
		return nil, err
	}
	ahead := f.History.slice(n, end)
	future := ahead.Future()
	yhat, bounds := make([]float64, end-n), make([]float64, 2*(end-n))
	if err := p.PredictTo(yhat, &future); err != nil {
		return nil, err
	}
	tail := (1 - m.IntervalWidth) / 2
	if err := p.Uncertainty().QuantilesTo(bounds, &future, []float64{tail, 1 - tail}); err != nil {
		return nil, err
	}
	out := make([]CVPoint, end-n)
	for i := range out {
		out[i] = CVPoint{Time: ahead.Time[i], Cutoff: cutoff, Y: ahead.Y[i], Yhat: yhat[i], Lower: bounds[2*i], Upper: bounds[2*i+1]}
	}
	return out, nil
}

// slice is the rows from ≤ i < to, sharing memory.
func (h *History) slice(from, to int) History {
	out := History{Time: h.Time[from:to], Y: h.Y[from:to]}
	if h.Cap != nil {
		out.Cap = h.Cap[from:to]
	}
	if h.Floor != nil {
		out.Floor = h.Floor[from:to]
	}
	if h.Conditions != nil {
		out.Conditions = map[string][]bool{}
		for name, v := range h.Conditions {
			out.Conditions[name] = v[from:to]
		}
	}
	if h.Regressors != nil {
		out.Regressors = map[string][]float64{}
		for name, v := range h.Regressors {
			out.Regressors[name] = v[from:to]
		}
	}
	return out
}
