package series

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
)

// Model is Prophet on a regular grid. The zero value has Prophet's defaults and
// a level.
type Model struct {
	// Mode of the seasonalities and inputs; Inherit = Additive. Multiplicative
	// has no closed form of its sums and costs milliseconds.
	Mode prophet.Mode
	// Growth is Linear or Flat.
	Growth prophet.Growth
	// ChangepointPriorScale is the flexibility of the trend; 0 = 0.05.
	ChangepointPriorScale float64
	// Fixed has no level: Prophet as it is.
	Fixed bool
	// Blind ignores the known inputs.
	Blind bool
}

// What a series must have.
const (
	leastObserved = 14
	yearDays      = 365.25
	twoYears      = 730 // days, from which Prophet looks for a yearly season
	maxOrder      = 10
)

// grid is the calendar of a season length.
type grid struct {
	step    time.Duration // of a period
	seasons []wanted
}

// wanted is a seasonality for histories from span periods on.
type wanted struct {
	name   string
	period float64 // in periods
	order  int
	span   float64
}

const (
	day   = 24 * time.Hour
	month = 2629800 * time.Second // 365.25 days / 12
)

// calendar says how long a period is and which seasons it may have.
func calendar(season int) grid {
	switch {
	case season == 7:
		return grid{day, []wanted{{"weekly", 7, 3, 14}, {"yearly", yearDays, maxOrder, twoYears}}}
	case season == 52:
		return grid{7 * day, []wanted{{"yearly", yearDays / 7, maxOrder, twoYears / 7.}}}
	case season == 12:
		return grid{month, []wanted{{"yearly", 12, 5, 24}}}
	case season > 1:
		m := float64(season)
		return grid{day, []wanted{{"season", m, min(maxOrder, max(1, (season-1)/2)), 2 * m}}}
	}
	return grid{step: day}
}

// Fit implements forecast.Model. It needs two seasons of observations, a year of
// weeks, and at least 14. What it returns is a *Fitted.
//
// Errors: forecast.ErrTooShort, forecast.ErrNotFinite (also where Prophet finds
// no estimate), prophet.ErrModel for settings out of range, and prophet.ErrTime
// for more than 291 years.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	return m.fit(s, func(spec prophet.Model, h table) (*prophet.Fitted, error) { return spec.Fit(h.history(s.Y)) })
}

// table is what there is to fit.
type table struct {
	step   time.Duration
	inputs []input
}

// fit sets up the specification and has it estimated.
func (m Model) fit(s forecast.Series, estimate func(prophet.Model, table) (*prophet.Fitted, error)) (forecast.Fitted, error) {
	if n := forecast.Observed(s.Y); n < max(leastObserved, min(2*s.Season, 52)) {
		return nil, forecast.ErrTooShort
	}
	if m.Growth == prophet.Logistic {
		return nil, fmt.Errorf("%w: logistic growth needs capacities, which a series has not", prophet.ErrModel)
	}
	f := &Fitted{model: m, length: len(s.Y)}
	f.first, f.last = span(s.Y)
	g := calendar(s.Season)
	stepDays := g.step.Hours() / 24
	if !m.Blind {
		f.inputs = inputs(s)
	}
	spec := prophet.Model{
		Growth: m.Growth, ChangepointPriorScale: m.ChangepointPriorScale, SeasonalityMode: m.Mode,
		Yearly: prophet.Off, Weekly: prophet.Off, Daily: prophet.Off,
	}
	for _, w := range g.seasons {
		if float64(f.last-f.first) >= w.span {
			spec.Seasonalities = append(spec.Seasonalities, prophet.Seasonality{
				Name: w.name, Period: w.period * stepDays, Order: w.order,
			})
		}
	}
	for i := range f.inputs {
		spec.Regressors = append(spec.Regressors, prophet.Regressor{Name: f.inputs[i].name})
	}
	p, err := estimate(spec, table{g.step, f.inputs})
	if err != nil {
		return nil, named(err)
	}
	f.take(p, stepDays)
	if v := f.mean(f.t); math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("%w: the forecast is %v", forecast.ErrNotFinite, v)
	}
	if !m.Fixed {
		f.tune(s)
	}
	return f, nil
}

// named maps what the solver could not do to an error of every model.
func named(err error) error {
	if errors.Is(err, prophet.ErrSolver) {
		return fmt.Errorf("%w: %w", forecast.ErrNotFinite, err)
	}
	return err
}

// span is the first and the last observed period.
func span(y []float64) (first, last int) {
	last = len(y) - 1
	for first < last && math.IsNaN(y[first]) {
		first++
	}
	for last > first && math.IsNaN(y[last]) {
		last--
	}
	return first, last
}

// at is the time of period t, t steps after 1970: the phase of a season at t is
// that of t itself.
func at(t int, step time.Duration) time.Time { return time.Unix(0, int64(step)*int64(t)).UTC() }

// history is the table of the observed periods.
func (h table) history(y []float64) prophet.History {
	n := forecast.Observed(y)
	out := prophet.History{Time: make([]time.Time, 0, n), Y: make([]float64, 0, n)}
	for t, v := range y {
		if !math.IsNaN(v) {
			out.Time, out.Y = append(out.Time, at(t, h.step)), append(out.Y, v)
		}
	}
	if len(h.inputs) == 0 {
		return out
	}
	out.Regressors = map[string][]float64{}
	for i := range h.inputs {
		col := make([]float64, 0, n)
		for t, v := range y {
			if !math.IsNaN(v) {
				col = append(col, h.inputs[i].values[t])
			}
		}
		out.Regressors[h.inputs[i].name] = col
	}
	return out
}
