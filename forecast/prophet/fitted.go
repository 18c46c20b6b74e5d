package prophet

import (
	"fmt"
	"slices"
	"time"
)

// Params are the estimates, in scaled units: time runs from 0 to 1 over the
// history, y is (y − floor)/YScale.
type Params struct {
	K, M, Sigma float64
	Delta       []float64 // one per element of Fitted.ChangepointT
	Beta        []float64 // one per element of Fitted.Columns
}

// Column is one column of the design matrix.
type Column struct {
	// Name is unique: for seasonalities name_delim_1, …; for holidays
	// name_delim_+0, …; for regressors their name. A model without any has the
	// column zeros.
	Name string
	// Component is the seasonality, holiday or regressor that it belongs to.
	Component  string
	PriorScale float64
	Mode       Mode // Additive or Multiplicative
}

// FittedRegressor is a regressor and the scale it was brought to.
type FittedRegressor struct {
	Regressor
	// The design holds (x − Mean)/SD. Mean 0 and SD 1 = as it is.
	Mean, SD float64
	// Constant says that the history has one value only, Value: nothing is
	// known about the effect of others.
	Constant bool
	Value    float64
}

// Fitted is a model with its estimates and everything that forecasts and
// serialisation need. It can be rebuilt from its exported fields: those of the
// Python package's JSON form, and Diagnostics and Phases beside them, which
// may be left zero. It is not changed by forecasting and may be shared.
type Fitted struct {
	// Model is the specification with its defaults filled in. In the result of
	// a fallback (Diagnostics.Simplified) it is the simpler one.
	Model Model

	// History holds the observations in time order, without the rows that had
	// none; HistoryDates all distinct times, those too. Forecasts need neither
	// but for FutureTimes.
	History      History
	HistoryDates []time.Time

	// Scaled time is (time − Start)/TScale.
	Start  time.Time
	TScale time.Duration
	// Scaled y is (y − floor)/YScale, where floor is Future.Floor with
	// LogisticFloor, else YMin with MinMax scaling, else 0.
	YScale, YMin  float64
	LogisticFloor bool

	// Changepoints are the times at which the rate may change, ChangepointT
	// the same in scaled time, sorted. Without any, Changepoints is empty and
	// ChangepointT holds a single 0 with a Delta of 0, as in Prophet.
	Changepoints []time.Time
	ChangepointT []float64

	// Seasonalities in the order of their columns: custom ones, then the
	// built-in ones that are on.
	Seasonalities []Seasonality
	// Phases say for each of Seasonalities which phases were observed; nil =
	// unknown, as in a model read from elsewhere.
	Phases []Phases
	// HolidayNames in the order of their first occurrence in Model.Holidays:
	// Prophet's train_holiday_names.
	HolidayNames []string
	// Regressors in the order of Model.Regressors.
	Regressors []FittedRegressor
	// Columns of the design: seasonalities, holidays by name, regressors.
	Columns []Column

	Params      Params
	Diagnostics Diagnostics
}

// Component names of sums over other components.
const (
	AdditiveTerms                 = "additive_terms"
	MultiplicativeTerms           = "multiplicative_terms"
	HolidayTerms                  = "holidays"
	ExtraRegressorsAdditive       = "extra_regressors_additive"
	ExtraRegressorsMultiplicative = "extra_regressors_multiplicative"
)

// ComponentModes lists the names of components of each mode, single ones and
// sums, in Prophet's order (its field component_modes). A sum is listed even if
// nothing belongs to it.
func (f *Fitted) ComponentModes() (additive, multiplicative []string) {
	add := func(m Mode, name string) {
		if m == Multiplicative {
			multiplicative = append(multiplicative, name)
		} else {
			additive = append(additive, name)
		}
	}
	for _, s := range f.Seasonalities {
		add(s.Mode, s.Name)
	}
	for _, name := range f.HolidayNames {
		add(f.Model.HolidaysMode, name)
	}
	for _, r := range f.Regressors {
		add(r.Mode, r.Name)
	}
	additive = append(additive, AdditiveTerms, ExtraRegressorsAdditive)
	multiplicative = append(multiplicative, MultiplicativeTerms, ExtraRegressorsMultiplicative)
	add(f.Model.HolidaysMode, HolidayTerms)
	return additive, multiplicative
}

// ComponentTable says which columns each component sums: Prophet's
// train_component_cols. names are sorted, but for additive_terms or
// multiplicative_terms at the end where no column belongs to it; table has a
// row per column of the design and an entry per name.
func (f *Fitted) ComponentTable() (names []string, table [][]bool) {
	groups := make([][]string, len(f.Columns))
	for j, c := range f.Columns {
		groups[j] = f.groupsOf(c)
		names = append(names, groups[j]...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, n := range []string{AdditiveTerms, MultiplicativeTerms} {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for j := range f.Columns {
		row := make([]bool, len(names))
		for i, n := range names {
			row[i] = slices.Contains(groups[j], n)
		}
		table = append(table, row)
	}
	return names, table
}

// groupsOf lists the components that a column is part of.
func (f *Fitted) groupsOf(c Column) []string {
	if c.Component == zeros {
		return nil
	}
	terms, regressors := AdditiveTerms, ExtraRegressorsAdditive
	if c.Mode == Multiplicative {
		terms, regressors = MultiplicativeTerms, ExtraRegressorsMultiplicative
	}
	out := []string{c.Component, terms}
	if slices.Contains(f.HolidayNames, c.Component) {
		out = append(out, HolidayTerms)
	}
	if slices.ContainsFunc(f.Regressors, func(r FittedRegressor) bool { return r.Name == c.Component }) {
		out = append(out, regressors)
	}
	return out
}

// Coefficient is the effect of a regressor in units of the data: by Value·y per
// unit above Center if Additive, by Value·trend if Multiplicative.
type Coefficient struct {
	Regressor string
	Mode      Mode
	Center    float64
	Value     float64
}

// Coefficients are the effects of the regressors in their own units
// (regressor_coefficients of the Python package).
func (f *Fitted) Coefficients() []Coefficient {
	var out []Coefficient
	first := len(f.Columns) - len(f.Regressors)
	for i, r := range f.Regressors {
		v := f.Params.Beta[first+i] / r.SD
		if r.Mode == Additive {
			v *= f.YScale
		}
		out = append(out, Coefficient{Regressor: r.Name, Mode: r.Mode, Center: r.Mean, Value: v})
	}
	return out
}

// check refuses a model whose parts do not fit together.
func (f *Fitted) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrParameters}, args...)...)
	}
	if len(f.Params.Delta) != len(f.ChangepointT) {
		return bad("%d rate changes for %d changepoints", len(f.Params.Delta), len(f.ChangepointT))
	}
	if !slices.IsSorted(f.ChangepointT) {
		return bad("changepoints are not sorted")
	}
	if len(f.Params.Beta) != len(f.Columns) {
		return bad("%d coefficients for %d columns", len(f.Params.Beta), len(f.Columns))
	}
	if f.TScale <= 0 || !(f.YScale > 0) {
		return bad("scales %v and %v", f.TScale, f.YScale)
	}
	for _, r := range f.Regressors {
		if !(r.SD > 0) {
			return bad("standard deviation %v of regressor %q", r.SD, r.Name)
		}
	}
	want := columns(f.Seasonalities, f.Model, f.HolidayNames, f.Regressors)
	same := func(a, b Column) bool { return a.Name == b.Name && a.Mode == b.Mode }
	if !slices.EqualFunc(want, f.Columns, same) {
		return bad("the columns are not those of the seasonalities, holidays and regressors")
	}
	return nil
}
