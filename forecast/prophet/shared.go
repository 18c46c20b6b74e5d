package prophet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
	"github.com/skucast/skucast/forecast/prophet/internal/gram"
)

// ErrDates means that the dates to be shared do not ascend.
var ErrDates = errors.New("prophet: shared dates must ascend")

// Shared is a model made ready for many series on the same dates. The design
// matrix Z depends on the dates alone, and a series enters the estimate through
// Z'y and y'y only: what depends on Z is computed once (package internal/gram),
// so that a series costs one pass over its values and a problem of the size of
// the parameters. Estimates are those of Model.Fit, to the precision of the
// solver: the same optimum, certified on the rows in the same way.
//
// A series has a value per date; NaN is none. What that costs, for five years of
// days (T = 1,913) with yearly and weekly seasonality and 25 changepoints, on
// one core of a server (Path names the cases, the benchmarks measure them):
//
//   - All dates: O(T·K), some 20 µs, of which the certificate takes 9.
//   - Later start or earlier end, or some dates missing between: changepoints
//     and scale of time are others, and so is Z'Z. It is put together from sums
//     over the calendar in O(S·K + K²), and K·(S+K) for each missing date; with
//     its factorisation some 75 µs. The next series on the same dates pays for
//     all dates only, as long as its Fitter still has the factorisation (it
//     keeps 32).
//   - Regressors that each series has for itself: their products with the
//     shared columns, O(T·K) each, border Z'Z; with the factorisation some
//     100 µs for two.
//   - Phases of a season that the dates do not show (closed on Sundays) add 9 µs
//     where all else is shared, and the decomposition of a K×K matrix, up to
//     1 ms, where it is not; so does a regressor of a series that is constant.
//   - Anything else goes to Model.Fit, at 1 ms and more: multiplicative effects,
//     logistic growth, Stan's solvers, no more observations than columns, or
//     noise so small (below some 0.3 % of the greatest value) that the sums do
//     not have the digits to be certified.
//
// A Shared does not change and may be used by several goroutines, each with its
// own Fitter. Results depend on the series alone, to the last bit, and not on
// those before it.
type Shared struct {
	model    Model // with defaults
	dates    Future
	ns       []int64
	additive bool // sums are enough
	regular  bool // the dates are at equal distances

	seasons  []Seasonality // of the whole calendar; a part of it may have fewer
	holidays []string
	// common are the regressors of the calendar, own those of the series; both
	// are indices in model.Regressors.
	common, own []int
	// centers and scales of the common ones as stored.
	centers, scales []float64

	calendar *gram.Calendar
	whole    pattern // all dates; empty in a Shared for folds only

	// Made when first needed: of each season the part of its period (Phases) of
	// each date, and all of a Fitted of all dates but the estimates (nil = there
	// is none).
	partsOnce, templateOnce sync.Once
	parts                   [][]int32
	template                *Fitted
}

// Share makes the model ready for series on the given dates, which ascend.
// dates also holds what the series have in common: conditions, capacities, and
// regressors. Regressors of the model that it does not hold are given with each
// series.
//
// Errors: ErrDates, and those of Fit that do not need values.
func (m Model) Share(dates Future) (*Shared, error) {
	s, err := m.share(dates)
	if err == nil && s.additive {
		s.renew(&s.whole, dated{span: span{end: len(s.ns)}, seasons: s.seasons}, gram.NewScratch(s.calendar))
	}
	return s, err
}

// share is Share without the pattern of all dates.
func (m Model) share(dates Future) (*Shared, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	s := &Shared{model: m.WithDefaults(), ns: make([]int64, 0, len(dates.Time))}
	s.dates.Time = make([]time.Time, 0, len(dates.Time))
	if err := s.take(dates); err != nil {
		return nil, err
	}
	m = s.model
	s.seasons = seasonalities(m, s.dates.Time)
	s.holidays = holidayNames(m.Holidays)
	s.additive = m.Growth != Logistic && m.Solver == Exact
	for _, c := range columns(s.seasons, m, s.holidays, nil) {
		s.additive = s.additive && c.Mode != Multiplicative
	}
	for _, r := range m.Regressors {
		s.additive = s.additive && r.Mode != Multiplicative
	}
	if s.additive {
		s.prepare()
	}
	return s, nil
}

// take copies and checks the dates.
func (s *Shared) take(dates Future) error {
	m := &s.model
	for _, t := range dates.Time {
		ns, err := wallClock(t)
		if err != nil {
			return fmt.Errorf("%w: %v", err, t)
		}
		if n := len(s.ns); n > 0 && ns <= s.ns[n-1] {
			return fmt.Errorf("%w: %v follows %v", ErrDates, fromWallClock(ns), fromWallClock(s.ns[n-1]))
		}
		s.ns, s.dates.Time = append(s.ns, ns), append(s.dates.Time, fromWallClock(ns))
	}
	s.regular = true
	for i := 2; i < len(s.ns); i++ {
		s.regular = s.regular && s.ns[i]-s.ns[i-1] == s.ns[1]-s.ns[0]
	}
	if len(s.ns) < 2 {
		return fmt.Errorf("%w: %d dates", ErrTooFewRows, len(s.ns))
	}
	if s.dates.Time[len(s.ns)-1].Sub(s.dates.Time[0]) == math.MaxInt64 {
		return fmt.Errorf("%w: the dates span more than 292 years", ErrTime)
	}
	known := *m
	known.Regressors = nil
	for i, r := range m.Regressors {
		if _, ok := dates.Regressors[r.Name]; ok {
			s.common = append(s.common, i)
			known.Regressors = append(known.Regressors, r)
		} else {
			s.own = append(s.own, i)
		}
	}
	if err := dates.check(&known, dates.Floor != nil); err != nil {
		return err
	}
	if m.Growth == Logistic {
		s.dates.Cap, s.dates.Floor = slices.Clone(dates.Cap), slices.Clone(dates.Floor)
	}
	for _, season := range m.Seasonalities {
		if name := season.Condition; name != "" {
			if s.dates.Conditions == nil {
				s.dates.Conditions = map[string][]bool{}
			}
			s.dates.Conditions[name] = slices.Clone(dates.Conditions[name])
		}
	}
	for _, i := range s.common {
		name := m.Regressors[i].Name
		col := slices.Clone(dates.Regressors[name])
		if at := slices.IndexFunc(col, notFinite); at >= 0 {
			return fmt.Errorf("%w: regressor %q is %v at %v", ErrNotFinite, name, col[at], s.dates.Time[at])
		}
		if s.dates.Regressors == nil {
			s.dates.Regressors = map[string][]float64{}
		}
		s.dates.Regressors[name] = col
	}
	return nil
}

// Dates are the dates of the calendar, as wall-clock times; not to be changed.
func (s *Shared) Dates() []time.Time { return s.dates.Time }

// Own are the names of the regressors that have to be given with each series.
func (s *Shared) Own() []string {
	var out []string
	for _, i := range s.own {
		out = append(out, s.model.Regressors[i].Name)
	}
	return out
}

// prepare builds the calendar: a block for each seasonality, one for the
// holidays and one for the common regressors.
func (s *Shared) prepare() {
	var blocks []gram.Block
	for _, season := range s.seasons {
		b := gram.Block{Period: season.Period, Order: season.Order}
		if season.Condition != "" {
			b.On = s.dates.Conditions[season.Condition]
		}
		blocks = append(blocks, b)
	}
	blocks = append(blocks, gram.Block{Columns: s.holidayColumns(s.ns)})
	var common gram.Block
	for _, i := range s.common {
		// Stored with mean 0 and variance 1: the means of parts of the calendar
		// are taken off later, and are then not large.
		x := s.dates.Regressors[s.model.Regressors[i].Name]
		fr, err := standardized(Regressor{Standardize: StandardizeYes}, x)
		if err != nil {
			fr = FittedRegressor{SD: 1}
		}
		if fr.Constant {
			fr.Mean = fr.Value
		}
		s.centers, s.scales = append(s.centers, fr.Mean), append(s.scales, fr.SD)
		common.Columns = append(common.Columns, brought(x, fr.Mean, fr.SD))
	}
	s.calendar = gram.New(s.ns, append(blocks, common))
}

// brought to mean 0 and standard deviation 1.
func brought(x []float64, mean, sd float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = (v - mean) / sd
	}
	return out
}

// holidayColumns are the columns of the holidays at some times.
func (s *Shared) holidayColumns(at []int64) [][]float64 {
	cols := columns(nil, s.model, s.holidays, nil)
	if len(s.holidays) == 0 {
		return nil
	}
	out := make([][]float64, len(cols))
	for j := range out {
		out[j] = make([]float64, len(at))
	}
	days := holidayDays(s.model.Holidays, cols)
	for i, ns := range at {
		day := design.DayOf(ns)
		from, _ := slices.BinarySearchFunc(days, dayColumn{day, 0}, compareDays)
		for _, d := range days[from:] {
			if d.day != day {
				break
			}
			out[d.column][i] = 1
		}
	}
	return out
}
