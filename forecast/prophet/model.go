package prophet

import "time"

// Growth is the shape of the trend.
type Growth int

// The growths.
const (
	Linear   Growth = iota // piecewise linear
	Flat                   // a constant
	Logistic               // piecewise logistic, saturating at History.Cap
)

// String is Prophet's word.
func (g Growth) String() string { return word(int(g), "linear", "flat", "logistic") }

// Scaling is how y is brought to a scale near 1 before fitting.
type Scaling int

// The scalings.
const (
	AbsMax Scaling = iota // y / max|y|
	MinMax                // (y − min y) / (max y − min y); see FloorMismatch
)

// String is Prophet's word.
func (s Scaling) String() string { return word(int(s), "absmax", "minmax") }

// Mode is how an effect joins the trend.
type Mode int

// The modes.
const (
	Inherit        Mode = iota // the mode of the level above; at the top, Additive
	Additive                   // added to the trend, in units of y
	Multiplicative             // a share of the trend
)

// String is Prophet's word.
func (m Mode) String() string { return word(int(m), "inherit", "additive", "multiplicative") }

func (m Mode) or(above Mode) Mode {
	if m == Inherit {
		return above
	}
	return m
}

// Order switches a built-in seasonality: Auto, Off, On (its default order), or
// any positive number of Fourier terms.
type Order int

// The values of Order that are not a number of terms.
const (
	Auto Order = 0
	Off  Order = -1
	On   Order = -2
)

// Standardize says whether a regressor is brought to mean 0 and standard
// deviation 1 before fitting.
type Standardize int

// The settings of Standardize.
const (
	StandardizeAuto Standardize = iota // yes, unless its values are 0 and 1
	StandardizeYes                     // yes, unless it is constant
	StandardizeNo
)

// Solver finds the parameters.
type Solver int

// The solvers.
const (
	// Exact maximises the log posterior to the precision of floating point
	// numbers and proves it (Diagnostics.KKT, Diagnostics.Gap).
	Exact Solver = iota
	// Stan repeats the optimisers that the Python package runs, for people
	// who compare: Newton below 100 observations, else L-BFGS with Newton
	// behind it. It has no fallbacks; what is ill-posed is only reported.
	Stan
	// StanLBFGS and StanNewton are Stan's optimisers by name.
	StanLBFGS
	StanNewton
)

// String is the name of the solver.
func (s Solver) String() string { return word(int(s), "exact", "stan", "stan-lbfgs", "stan-newton") }

func word(i int, words ...string) string {
	if i < 0 || i >= len(words) {
		return "unknown"
	}
	return words[i]
}

// NoChangepoints is a Model.NChangepoints that keeps the rate of the trend constant.
const NoChangepoints = -1

// Model is a specification. The zero value is Prophet's default: linear growth,
// 25 changepoints, automatic seasonalities. A Model is never changed by Fit and
// may be shared.
type Model struct {
	Growth  Growth
	Scaling Scaling

	// Changepoints are the times at which the rate may change; they must lie
	// within the history. Nil places NChangepoints of them (0 = 25,
	// NoChangepoints = none) evenly over the rows of the first
	// ChangepointRange (0 = 0.8) of the history. Empty but not nil = none.
	Changepoints     []time.Time
	NChangepoints    int
	ChangepointRange float64

	// Scales of the priors: of the Laplace distribution of rate changes
	// (0 = 0.05), and standard deviations of the coefficients of seasonalities
	// and of holidays and regressors (0 = 10).
	ChangepointPriorScale float64
	SeasonalityPriorScale float64
	HolidaysPriorScale    float64

	SeasonalityMode Mode // of seasonalities and regressors that inherit
	HolidaysMode    Mode // Inherit = SeasonalityMode

	// Built-in seasonalities: 365.25 days (10 terms, Auto from 730 days of
	// history), 7 days (3 terms, Auto from 14 days and steps under a week),
	// 1 day (4 terms, Auto from 2 days and steps under a day).
	Yearly, Weekly, Daily Order

	Seasonalities []Seasonality
	Holidays      []Holiday
	Regressors    []Regressor

	// IntervalWidth is the probability within the prediction interval, 0 = 0.8.
	IntervalWidth float64
	// UncertaintySamples is the number of draws where intervals are simulated,
	// 0 = 1000. It has no part in estimates.
	UncertaintySamples int

	Solver Solver
	// Literal returns the optimum that Exact finds as it is, without the
	// fallbacks that Diagnostics describes (FellBack, Pinned): for comparisons.
	// The floor of sigma stays.
	Literal bool
}

// Seasonality is a periodic effect beside the built-in ones, or, with the name
// yearly, weekly or daily, instead of a built-in one on Auto.
type Seasonality struct {
	Name       string
	Period     float64 // days
	Order      int     // Fourier terms: 2·Order columns
	PriorScale float64 // 0 = Model.SeasonalityPriorScale
	Mode       Mode    // Inherit = Model.SeasonalityMode
	// Condition names the column of History.Conditions and Future.Conditions
	// that says in which rows the effect acts; empty = in all.
	Condition string
}

// Holiday is one occurrence of a named holiday or event. Each name has one
// effect for each day of its window.
type Holiday struct {
	Name string
	Date time.Time // the time of day is ignored
	// Lower ≤ 0 and Upper ≥ 0 extend the effect to days before and after.
	Lower, Upper int
	// PriorScale is the same for all occurrences of a name; 0 =
	// Model.HolidaysPriorScale.
	PriorScale float64
}

// Regressor is a further input, known for the past and the future.
type Regressor struct {
	Name        string
	PriorScale  float64 // 0 = Model.HolidaysPriorScale
	Standardize Standardize
	Mode        Mode // Inherit = Model.SeasonalityMode
}

// WithDefaults is the model with every zero that stands for a default replaced
// by it, in the seasonalities, holidays and regressors too.
func (m Model) WithDefaults() Model {
	set := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	if m.NChangepoints == 0 {
		m.NChangepoints = 25
	}
	set(&m.ChangepointRange, 0.8)
	set(&m.ChangepointPriorScale, 0.05)
	set(&m.SeasonalityPriorScale, 10)
	set(&m.HolidaysPriorScale, 10)
	set(&m.IntervalWidth, 0.8)
	if m.UncertaintySamples == 0 {
		m.UncertaintySamples = 1000
	}
	m.SeasonalityMode = m.SeasonalityMode.or(Additive)
	m.HolidaysMode = m.HolidaysMode.or(m.SeasonalityMode)
	m.Changepoints = cloneKeepingNil(m.Changepoints)
	m.Seasonalities = append([]Seasonality(nil), m.Seasonalities...)
	m.Holidays = append([]Holiday(nil), m.Holidays...)
	m.Regressors = append([]Regressor(nil), m.Regressors...)
	for i := range m.Seasonalities {
		set(&m.Seasonalities[i].PriorScale, m.SeasonalityPriorScale)
		m.Seasonalities[i].Mode = m.Seasonalities[i].Mode.or(m.SeasonalityMode)
	}
	for i := range m.Holidays {
		set(&m.Holidays[i].PriorScale, m.HolidaysPriorScale)
	}
	for i := range m.Regressors {
		set(&m.Regressors[i].PriorScale, m.HolidaysPriorScale)
		m.Regressors[i].Mode = m.Regressors[i].Mode.or(m.SeasonalityMode)
	}
	return m
}

func cloneKeepingNil(t []time.Time) []time.Time {
	if t == nil {
		return nil
	}
	return append(make([]time.Time, 0, len(t)), t...)
}
