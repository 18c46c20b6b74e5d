package prophet

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"time"
)

// History is what has been observed: columns of equal length, a row per
// observation, in any order. Rows whose Y is NaN are not observations; they
// only count as dates of the history (FutureTimes starts after them). Several
// rows may have the same time: they are repeated observations.
type History struct {
	Time []time.Time // wall clock: the location is ignored
	Y    []float64
	// Cap is the carrying capacity and Floor the lower saturation, for
	// logistic growth; without Floor it is 0 (MinMax: the least y).
	Cap, Floor []float64
	// Conditions and Regressors have the columns that the model names; others
	// are ignored.
	Conditions map[string][]bool
	Regressors map[string][]float64
}

// Future is what a forecast is for: columns of equal length, in any order.
type Future struct {
	Time       []time.Time
	Cap, Floor []float64
	Conditions map[string][]bool
	Regressors map[string][]float64
}

// Future is the history as rows to be predicted.
func (h History) Future() Future {
	return Future{Time: h.Time, Cap: h.Cap, Floor: h.Floor, Conditions: h.Conditions, Regressors: h.Regressors}
}

// wallClock is the time in nanoseconds since 1970-01-01 00:00 on the clock of
// its location.
func wallClock(t time.Time) (int64, error) {
	if y := t.Year(); y < 1678 || y > 2261 {
		return 0, ErrTime
	}
	_, offset := t.Zone()
	return t.UnixNano() + int64(offset)*1e9, nil
}

func fromWallClock(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// check looks at the lengths and presence of the columns that m needs.
func (f *Future) check(m *Model, floors bool) error {
	n := len(f.Time)
	length := func(name string, got int) error {
		if got != n {
			return fmt.Errorf("%w: %s has %d rows, time %d", ErrLength, name, got, n)
		}
		return nil
	}
	if m.Growth == Logistic {
		if f.Cap == nil && n > 0 {
			return fmt.Errorf("%w: no capacities", ErrCap)
		}
		if err := length("cap", len(f.Cap)); err != nil {
			return err
		}
		if floors {
			if f.Floor == nil && n > 0 {
				return fmt.Errorf("%w: floor", ErrMissing)
			}
			if err := length("floor", len(f.Floor)); err != nil {
				return err
			}
		}
	}
	for i := range m.Seasonalities {
		if name := m.Seasonalities[i].Condition; name != "" {
			col, ok := f.Conditions[name]
			if !ok {
				return fmt.Errorf("%w: condition %q of seasonality %q", ErrMissing, name, m.Seasonalities[i].Name)
			}
			if err := length(name, len(col)); err != nil {
				return err
			}
		}
	}
	for i := range m.Regressors {
		name := m.Regressors[i].Name
		col, ok := f.Regressors[name]
		if !ok {
			return fmt.Errorf("%w: regressor %q", ErrMissing, name)
		}
		if err := length(name, len(col)); err != nil {
			return err
		}
	}
	return nil
}

// sorted is a copy of the observations in time order (stable, so that repeated
// times keep their order), with only the columns that m uses, in UTC; and all
// distinct times, those without an observation too.
func (h History) sorted(m *Model) (History, []time.Time, error) {
	future := h.Future()
	if len(h.Y) != len(h.Time) {
		return h, nil, fmt.Errorf("%w: y has %d rows, time %d", ErrLength, len(h.Y), len(h.Time))
	}
	if err := future.check(m, h.Floor != nil); err != nil {
		return h, nil, err
	}
	ns, rows := make([]int64, len(h.Time)), make([]int, 0, len(h.Time))
	for i, t := range h.Time {
		at, err := wallClock(t)
		if err != nil {
			return h, nil, fmt.Errorf("%w: row %d is %v", err, i, t)
		}
		ns[i] = at
		if math.IsInf(h.Y[i], 0) {
			return h, nil, fmt.Errorf("%w: y of row %d is %v", ErrNotFinite, i, h.Y[i])
		}
		if !math.IsNaN(h.Y[i]) {
			rows = append(rows, i)
		}
	}
	sort.SliceStable(rows, func(a, b int) bool { return ns[rows[a]] < ns[rows[b]] })
	if len(rows) < 2 {
		return h, nil, fmt.Errorf("%w: %d rows have a value, 2 are needed", ErrTooFewRows, len(rows))
	}
	if ns[rows[0]] == ns[rows[len(rows)-1]] {
		return h, nil, fmt.Errorf("%w: all rows with a value have the time %v", ErrTooFewRows, fromWallClock(ns[rows[0]]))
	}

	out := History{Y: pick(h.Y, rows)}
	for _, i := range rows {
		out.Time = append(out.Time, fromWallClock(ns[i]))
	}
	if m.Growth == Logistic {
		out.Cap = pick(h.Cap, rows)
		if h.Floor != nil {
			out.Floor = pick(h.Floor, rows)
		}
	}
	for i := range m.Seasonalities {
		if name := m.Seasonalities[i].Condition; name != "" {
			if out.Conditions == nil {
				out.Conditions = map[string][]bool{}
			}
			out.Conditions[name] = pick(h.Conditions[name], rows)
		}
	}
	for i := range m.Regressors {
		name := m.Regressors[i].Name
		col := pick(h.Regressors[name], rows)
		if at := slices.IndexFunc(col, notFinite); at >= 0 {
			return h, nil, fmt.Errorf("%w: regressor %q is %v at %v", ErrNotFinite, name, col[at], out.Time[at])
		}
		if out.Regressors == nil {
			out.Regressors = map[string][]float64{}
		}
		out.Regressors[name] = col
	}

	slices.Sort(ns)
	ns = slices.Compact(ns)
	dates := make([]time.Time, len(ns))
	for i, at := range ns {
		dates[i] = fromWallClock(at)
	}
	return out, dates, nil
}

// Clone is a copy that shares nothing with h.
func (h History) Clone() History {
	h.Time, h.Y = slices.Clone(h.Time), slices.Clone(h.Y)
	h.Cap, h.Floor = slices.Clone(h.Cap), slices.Clone(h.Floor)
	h.Conditions, h.Regressors = maps.Clone(h.Conditions), maps.Clone(h.Regressors)
	for name, col := range h.Conditions {
		h.Conditions[name] = slices.Clone(col)
	}
	for name, col := range h.Regressors {
		h.Regressors[name] = slices.Clone(col)
	}
	return h
}

func pick[T any](from []T, rows []int) []T {
	out := make([]T, len(rows))
	for j, i := range rows {
		out[j] = from[i]
	}
	return out
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
