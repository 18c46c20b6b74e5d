package prophet

import (
	"fmt"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/pandas"
)

// history reads the rows, if there are any, and undoes the standardisation of
// the regressors.
func (r reader) history() error {
	if r.d.History == nil {
		return nil
	}
	t, err := pandas.ParseFrame(*r.d.History)
	if err != nil {
		return invalid("history: %w", err)
	}
	if t.Len() == 0 {
		return nil
	}
	h := &r.f.History
	if h.Time, err = t.Times("ds"); err != nil {
		return invalid("history: %w", err)
	}
	for _, at := range h.Time {
		if _, err := wallClock(at); err != nil {
			return invalid("history: %w", err)
		}
	}
	numbers := func(name string) ([]float64, error) {
		v, err := t.Numbers(name)
		if err == nil && slices.ContainsFunc(v, notFinite) {
			err = fmt.Errorf("%w: %.40q", ErrNotFinite, name)
		}
		return v, err
	}
	if h.Y, err = numbers("y"); err != nil {
		return invalid("history: %w", err)
	}
	if r.f.Model.Growth == Logistic {
		if h.Cap, err = numbers("cap"); err != nil {
			return invalid("history: %w", err)
		}
		if r.f.LogisticFloor {
			if h.Floor, err = numbers("floor"); err != nil {
				return invalid("history: %w", err)
			}
		}
	}
	for _, s := range r.f.Seasonalities {
		if s.Condition == "" {
			continue
		}
		v, err := numbers(s.Condition)
		if err != nil {
			return invalid("history: %w", err)
		}
		on := make([]bool, len(v))
		for i := range v {
			on[i] = v[i] != 0
		}
		if h.Conditions == nil {
			h.Conditions = map[string][]bool{}
		}
		h.Conditions[s.Condition] = on
	}
	for i := range r.f.Regressors {
		x := &r.f.Regressors[i]
		v, err := numbers(x.Name)
		if err != nil {
			return invalid("history: %w", err)
		}
		for j := range v {
			v[j] = v[j]*x.SD + x.Mean
		}
		if h.Regressors == nil {
			h.Regressors = map[string][]float64{}
		}
		h.Regressors[x.Name] = v
		if x.Constant = slices.Min(v) == slices.Max(v); x.Constant {
			x.Value = v[0]
		}
	}
	return nil
}

// verify builds what follows from the rest and compares it with the file.
func (r reader) verify() error {
	f, m := r.f, &r.f.Model
	if err := m.Validate(); err != nil {
		return invalid("%w", err)
	}
	*m = m.WithDefaults()
	f.Columns = columns(f.Seasonalities, *m, f.HolidayNames, f.Regressors)
	if err := f.check(); err != nil {
		return invalid("%w", err)
	}
	if len(f.Changepoints) > 0 && len(f.Changepoints) != len(f.ChangepointT) {
		return invalid("%d changepoints at %d times", len(f.Changepoints), len(f.ChangepointT))
	}
	if len(f.History.Time) > 0 {
		f.observePhases()
	}
	if err := r.verifyModes(); err != nil {
		return err
	}
	if r.d.ComponentColumns != nil {
		return r.verifyColumns()
	}
	return nil
}

// verifyModes compares the modes of everything that has a column.
func (r reader) verifyModes() error {
	names, table := r.f.ComponentTable()
	_, multiplicative := r.f.ComponentModes()
	in := func(mode Mode, name string) bool {
		return slices.Contains(r.d.ComponentModes[mode.String()], name)
	}
	for c, name := range names {
		if !slices.ContainsFunc(table, func(row []bool) bool { return row[c] }) {
			continue // a sum of nothing
		}
		mode, other := Additive, Multiplicative
		if slices.Contains(multiplicative, name) {
			mode, other = other, mode
		}
		if !in(mode, name) || in(other, name) {
			return fmt.Errorf("%w: %.40q is %s", ErrComponentModes, name, mode)
		}
	}
	return nil
}

// verifyColumns compares train_component_cols with the columns of each
// component. The Python package refuses to predict if they differ.
func (r reader) verifyColumns() error {
	t, err := pandas.ParseFrame(*r.d.ComponentColumns)
	if err != nil {
		return invalid("train_component_cols: %w", err)
	}
	names, table := r.f.ComponentTable()
	if t.Len() != len(table) || len(t.Names()) != len(names) {
		return invalid("train_component_cols has %d rows and %d components, the model %d and %d", t.Len(), len(t.Names()), len(table), len(names))
	}
	for c, name := range names {
		v, err := t.Numbers(name)
		if err != nil {
			return invalid("train_component_cols: %w", err)
		}
		for j := range table {
			if want := float64(index(table[j][c])); v[j] != want {
				return invalid("train_component_cols: row %d of %.40q is %v, not %v", j, name, v[j], want)
			}
		}
	}
	return nil
}
