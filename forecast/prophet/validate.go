package prophet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxWindow bounds the days of a holiday's window; more than a year on either
// side is a mistake and would cost a column each.
const maxWindow = 366

// maxOrder bounds the Fourier terms of a seasonality.
const maxOrder = 1000

// Validate checks the specification by itself, without data. It returns every
// problem found, each an ErrModel.
func (m Model) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrModel}, args...)...))
	}
	known := func(name string, v, n int) {
		if v < 0 || v >= n {
			bad("unknown %s %d", name, v)
		}
	}
	known("growth", int(m.Growth), 3)
	known("scaling", int(m.Scaling), 2)
	known("seasonality mode", int(m.SeasonalityMode), 3)
	known("holidays mode", int(m.HolidaysMode), 3)
	known("solver", int(m.Solver), 4)
	if m.NChangepoints < NoChangepoints {
		bad("%d changepoints", m.NChangepoints)
	}
	if !(m.ChangepointRange >= 0 && m.ChangepointRange <= 1) {
		bad("changepoint range %v is not within 0 and 1", m.ChangepointRange)
	}
	if !(m.IntervalWidth >= 0 && m.IntervalWidth < 1) {
		bad("interval width %v is not within 0 and 1", m.IntervalWidth)
	}
	scale := func(what string, v float64) {
		if !(v >= 0) || math.IsInf(v, 1) {
			bad("prior scale %v of %s is not positive and finite", v, what)
		}
	}
	scale("changepoints", m.ChangepointPriorScale)
	scale("seasonalities", m.SeasonalityPriorScale)
	scale("holidays", m.HolidaysPriorScale)
	for _, b := range m.builtins() {
		if b.order < On || b.order > maxOrder {
			bad("%s seasonality of order %d", b.name, b.order)
		}
	}
	m.validateSeasonalities(bad, known, scale)
	m.validateHolidays(bad, scale)
	for i, r := range m.Regressors {
		m.validateName(bad, r.Name)
		if slices.ContainsFunc(m.Regressors[:i], func(o Regressor) bool { return o.Name == r.Name }) ||
			slices.ContainsFunc(m.Seasonalities, func(o Seasonality) bool { return o.Name == r.Name }) ||
			slices.ContainsFunc(m.Holidays, func(o Holiday) bool { return o.Name == r.Name }) {
			bad("the name %q of a regressor is used twice", r.Name)
		}
		known("mode", int(r.Mode), 3)
		known("standardization", int(r.Standardize), 3)
		scale(r.Name, r.PriorScale)
	}
	return errors.Join(errs...)
}

func (m Model) validateSeasonalities(bad func(string, ...any), known func(string, int, int), scale func(string, float64)) {
	for i, s := range m.Seasonalities {
		if s.Name != "yearly" && s.Name != "weekly" && s.Name != "daily" {
			m.validateName(bad, s.Name)
		}
		if slices.ContainsFunc(m.Seasonalities[:i], func(o Seasonality) bool { return o.Name == s.Name }) ||
			slices.ContainsFunc(m.Holidays, func(o Holiday) bool { return o.Name == s.Name }) {
			bad("the name %q of a seasonality is used twice", s.Name)
		}
		if !(s.Period > 0) || math.IsInf(s.Period, 1) {
			bad("period %v of seasonality %q", s.Period, s.Name)
		}
		if s.Order < 1 || s.Order > maxOrder {
			bad("order %d of seasonality %q", s.Order, s.Name)
		}
		if s.Condition != "" {
			m.validateName(bad, s.Condition)
		}
		known("mode", int(s.Mode), 3)
		scale(s.Name, s.PriorScale)
	}
}

func (m Model) validateHolidays(bad func(string, ...any), scale func(string, float64)) {
	prior := map[string]float64{}
	for _, h := range m.Holidays {
		if h.Lower > 0 || h.Upper < 0 || h.Lower < -maxWindow || h.Upper > maxWindow {
			bad("window %d to %d of holiday %q", h.Lower, h.Upper, h.Name)
		}
		if _, err := wallClock(h.Date); err != nil {
			bad("date %v of holiday %q", h.Date, h.Name)
		}
		p := h.PriorScale
		if p == 0 {
			p = m.HolidaysPriorScale
		}
		if p == 0 {
			p = 10
		}
		before, ok := prior[h.Name]
		if !ok {
			m.validateName(bad, h.Name)
			scale(h.Name, h.PriorScale)
		} else if before != p {
			bad("prior scales %v and %v of holiday %q", before, p, h.Name)
		}
		prior[h.Name] = p
	}
}

// validateName refuses the names that Prophet's tables use themselves.
func (m Model) validateName(bad func(string, ...any), name string) {
	base := strings.TrimSuffix(strings.TrimSuffix(name, "_lower"), "_upper")
	reserved := []string{
		"trend", "additive_terms", "daily", "weekly", "yearly", "holidays", "zeros",
		"extra_regressors_additive", "yhat", "extra_regressors_multiplicative", "multiplicative_terms",
	}
	columns := []string{"", "ds", "y", "cap", "floor", "y_scaled", "cap_scaled"}
	if slices.Contains(reserved, base) || slices.Contains(columns, name) || strings.Contains(name, "_delim_") {
		bad("the name %q is empty or reserved", name)
	}
}
