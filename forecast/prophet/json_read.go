package prophet

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/pandas"
)

// Limits of what a file may ask for beyond its own size.
const (
	maxHolidayDays = 1 << 18 // rows × days of their windows
	maxSamples     = 1 << 20
	// Periods in days, from a microsecond to longer than times can be apart:
	// beyond, phases are no longer numbers.
	leastPeriod, longestPeriod = 1e-11, 1e6
)

// UnmarshalJSON reads what prophet.serialize.model_to_json writes, versions 0.6
// to 1.5; also encoded once more as a JSON string, as MLflow's model.pr is. The
// model predicts what it predicts in Python. It returns ErrJSON, or one of the
// more specific errors beside it, and leaves f as it was.
//
// Not in the file, and so unknown afterwards: Diagnostics; Phases, if the
// history has no rows. A number of samples of 0, which switches intervals off in
// Python, becomes the default.
func (f *Fitted) UnmarshalJSON(text []byte) error {
	if t := strings.TrimSpace(string(text)); strings.HasPrefix(t, `"`) {
		var inner string
		if err := json.Unmarshal(text, &inner); err != nil {
			return fmt.Errorf("%w: %w", ErrJSON, err)
		}
		text = []byte(inner)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	r := reader{d: &d, f: &Fitted{}}
	for _, step := range []func() error{r.support, r.model, r.seasonalities, r.regressors, r.holidays, r.scales, r.params, r.history, r.verify} {
		if err := step(); err != nil {
			return err
		}
	}
	*f = *r.f
	return nil
}

// reader turns a document into a fitted model, step by step.
type reader struct {
	d *document
	f *Fitted
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrJSON}, args...)...)
}

// support refuses what cannot be predicted from the file.
func (r reader) support() error {
	switch {
	case r.d.CountryHolidays != nil:
		return fmt.Errorf("%w: %.40q", ErrCountryHolidays, *r.d.CountryHolidays)
	case r.d.MCMCSamples != 0:
		return ErrSampled
	case r.d.Params == nil:
		return invalid("no parameters; was the model fitted?")
	}
	return nil
}

// model reads the specification.
func (r reader) model() error {
	d, m := r.d, &r.f.Model
	if d.Scaling == "" { // before 1.1.5
		d.Scaling, d.YMin = AbsMax.String(), 0
	}
	if d.HolidaysMode == "" { // before 1.1.5
		d.HolidaysMode = d.SeasonalityMode
	}
	var ok [7]bool
	m.Growth, ok[0] = parse(d.Growth, Linear, Flat, Logistic)
	m.Scaling, ok[1] = parse(d.Scaling, AbsMax, MinMax)
	m.SeasonalityMode, ok[2] = parse(d.SeasonalityMode, Additive, Multiplicative)
	m.HolidaysMode, ok[3] = parse(d.HolidaysMode, Additive, Multiplicative)
	m.Yearly, ok[4] = parseOrder(d.Yearly)
	m.Weekly, ok[5] = parseOrder(d.Weekly)
	m.Daily, ok[6] = parseOrder(d.Daily)
	for i, what := range [...]string{"growth", "scaling", "seasonality_mode", "holidays_mode", "yearly_seasonality", "weekly_seasonality", "daily_seasonality"} {
		if !ok[i] {
			return invalid("unknown %s", what)
		}
	}
	if m.NChangepoints = d.NChangepoints; m.NChangepoints == 0 {
		m.NChangepoints = NoChangepoints
	}
	m.ChangepointRange, m.IntervalWidth = d.ChangepointRange, d.IntervalWidth
	m.ChangepointPriorScale, m.SeasonalityPriorScale = d.ChangepointPriorScale, d.SeasonalityPriorScale
	m.HolidaysPriorScale = d.HolidaysPriorScale
	var samples int
	if s := string(d.UncertaintySamples); s != "false" && s != "" {
		if json.Unmarshal(d.UncertaintySamples, &samples) != nil || samples < 0 || samples > maxSamples {
			return invalid("uncertainty_samples %.40s", s)
		}
	}
	m.UncertaintySamples = samples
	return nil
}

// parse finds the constant of which word is the name.
func parse[T interface{ String() string }](word string, constants ...T) (T, bool) {
	for _, c := range constants {
		if c.String() == word {
			return c, true
		}
	}
	return constants[0], false
}

func parseOrder(raw json.RawMessage) (Order, bool) {
	switch string(raw) {
	case `"` + auto + `"`, "":
		return Auto, true
	case "true":
		return On, true
	case "false", "0":
		return Off, true
	}
	var n int
	err := json.Unmarshal(raw, &n)
	return Order(n), err == nil && n > 0 && n <= maxOrder
}

func (r reader) seasonalities() error {
	total := 0
	for _, name := range r.d.Seasonalities.Order {
		s := r.d.Seasonalities.Values[name]
		mode, ok := parse(s.Mode, Additive, Multiplicative)
		if !ok {
			return invalid("mode %.40q of seasonality %.40q", s.Mode, name)
		}
		out := Seasonality{Name: name, Period: s.Period, Order: s.Order, PriorScale: s.PriorScale, Mode: mode}
		if s.Condition != nil {
			out.Condition = *s.Condition
		}
		r.f.Seasonalities = append(r.f.Seasonalities, out)
		if b := r.builtin(name); b == nil || *b == Auto && !isBuiltin(r.f.Model, out) || *b == Off {
			r.f.Model.Seasonalities = append(r.f.Model.Seasonalities, out)
		}
		if out.Order < 1 || out.Order > maxOrder || !(out.Period >= leastPeriod && out.Period <= longestPeriod) {
			return invalid("order %d or period %v days of seasonality %.40q", out.Order, out.Period, name)
		}
		total += 2 * out.Order
	}
	// Before anything of that size is built: each column has a coefficient.
	if beta, _ := r.row("beta"); total > len(beta) {
		return fmt.Errorf("%w: %d seasonal columns, %d coefficients", ErrJSONSize, total, len(beta))
	}
	return nil
}

// builtin is the switch of the seasonality of that name, nil for a custom one.
func (r reader) builtin(name string) *Order {
	switch m := &r.f.Model; name {
	case "yearly":
		return &m.Yearly
	case "weekly":
		return &m.Weekly
	case "daily":
		return &m.Daily
	}
	return nil
}

// isBuiltin says whether s is what the automatic choice adds, and not a custom
// seasonality of the same name.
func isBuiltin(m Model, s Seasonality) bool {
	for _, b := range m.builtins() {
		if b.name == s.Name {
			return s.Period == b.period && s.Order == b.defaultOrder && s.Condition == "" &&
				s.Mode == m.SeasonalityMode && s.PriorScale == m.SeasonalityPriorScale
		}
	}
	return false
}

func (r reader) regressors() error {
	for _, name := range r.d.ExtraRegressors.Order {
		x := r.d.ExtraRegressors.Values[name]
		mode, ok := parse(x.Mode, Additive, Multiplicative)
		if !ok {
			return invalid("mode %.40q of regressor %.40q", x.Mode, name)
		}
		out := FittedRegressor{Regressor: Regressor{Name: name, PriorScale: x.PriorScale, Mode: mode}, Mean: x.Mean, SD: x.SD}
		switch string(x.Standardize) {
		case "true":
			out.Standardize = StandardizeYes
		case "false":
			out.Standardize = StandardizeNo
		case `"` + auto + `"`, "":
			out.Standardize = StandardizeAuto
		default:
			return invalid("standardize %.40s of regressor %.40q", x.Standardize, name)
		}
		if !(out.SD > 0) || notFinite(out.SD) {
			return invalid("standard deviation %v of regressor %.40q", out.SD, name)
		}
		r.f.Regressors = append(r.f.Regressors, out)
		r.f.Model.Regressors = append(r.f.Model.Regressors, out.Regressor)
	}
	return nil
}

func (r reader) holidays() error {
	if r.d.TrainHolidayNames != nil {
		s, err := pandas.ParseSeries(*r.d.TrainHolidayNames)
		if err != nil {
			return invalid("train_holiday_names: %w", err)
		}
		if r.f.HolidayNames, err = s.Strings(); err != nil {
			return invalid("train_holiday_names: %w", err)
		}
	}
	if r.d.Holidays == nil {
		if len(r.f.HolidayNames) > 0 {
			return invalid("holidays without dates")
		}
		return nil
	}
	t, err := pandas.ParseFrame(*r.d.Holidays)
	if err != nil {
		return invalid("holidays: %w", err)
	}
	ds, err := t.Times("ds")
	if err != nil {
		return invalid("holidays: %w", err)
	}
	names, err := t.Strings("holiday")
	if err != nil {
		return invalid("holidays: %w", err)
	}
	extra := map[string][]float64{}
	for _, name := range [...]string{"lower_window", "upper_window", "prior_scale"} {
		if extra[name] = make([]float64, t.Len()); t.Has(name) {
			if extra[name], err = t.Numbers(name); err != nil {
				return invalid("holidays: %w", err)
			}
		}
	}
	days := 0
	for i, name := range names {
		h := Holiday{Name: name, Date: ds[i]}
		var ok1, ok2 bool
		h.Lower, ok1 = whole(extra["lower_window"][i])
		h.Upper, ok2 = whole(extra["upper_window"][i])
		if !ok1 || !ok2 || h.Lower > 0 || h.Upper < 0 || h.Lower < -maxWindow || h.Upper > maxWindow {
			return invalid("window of holiday %.40q", name)
		}
		if p := extra["prior_scale"][i]; !math.IsNaN(p) {
			h.PriorScale = p
		}
		if days += h.Upper - h.Lower + 1; days > maxHolidayDays {
			return fmt.Errorf("%w: more than %d days of holidays", ErrJSONSize, maxHolidayDays)
		}
		r.f.Model.Holidays = append(r.f.Model.Holidays, h)
	}
	for _, name := range r.f.HolidayNames {
		if !slices.Contains(names, name) {
			return invalid("no dates of holiday %.40q", name)
		}
	}
	return nil
}

// whole is v as an integer; NaN (missing) is 0.
func whole(v float64) (int, bool) {
	if math.IsNaN(v) {
		return 0, true
	}
	return int(v), v == math.Trunc(v) && math.Abs(v) < 1e6
}

func (r reader) scales() error {
	d, f := r.d, r.f
	f.YScale, f.YMin, f.LogisticFloor = d.YScale, d.YMin, d.LogisticFloor
	limit := time.Duration(math.MaxInt64).Seconds()
	if !(f.YScale > 0) || !(d.TScale > 0 && d.TScale < limit) || !(math.Abs(d.Start) < limit) {
		return invalid("scales y %v, t %v s, start %v s", d.YScale, d.TScale, d.Start)
	}
	// Python has microseconds; more digits are noise of the floating point form.
	f.Start = time.UnixMicro(int64(math.Round(d.Start * 1e6))).UTC()
	f.TScale = time.Duration(math.Round(d.TScale * 1e9))
	if _, err := wallClock(f.Start); err != nil || f.TScale <= 0 {
		return invalid("start %v s, t_scale %v s", d.Start, d.TScale)
	}
	var err error
	if f.Changepoints, err = parseTimes(d.Changepoints); err != nil {
		return invalid("changepoints: %w", err)
	}
	if f.HistoryDates, err = parseTimes(d.HistoryDates); err != nil {
		return invalid("history_dates: %w", err)
	}
	if !slices.IsSortedFunc(f.HistoryDates, time.Time.Compare) {
		slices.SortFunc(f.HistoryDates, time.Time.Compare)
	}
	if d.SpecifiedChangepoints {
		f.Model.Changepoints = append([]time.Time{}, f.Changepoints...)
	}
	f.ChangepointT = d.ChangepointsT
	if len(f.ChangepointT) == 0 || slices.ContainsFunc(f.ChangepointT, notFinite) || !slices.IsSorted(f.ChangepointT) {
		return invalid("changepoints_t is empty or not ascending")
	}
	return nil
}

func parseTimes(text *string) ([]time.Time, error) {
	if text == nil {
		return nil, nil
	}
	s, err := pandas.ParseSeries(*text)
	if err != nil {
		return nil, err
	}
	out, err := s.Times()
	if err != nil {
		return nil, err
	}
	for _, t := range out {
		if _, err := wallClock(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r reader) params() error {
	p := &r.f.Params
	for name, to := range map[string]*float64{"k": &p.K, "m": &p.M, "sigma_obs": &p.Sigma} {
		v, ok := r.row(name)
		if !ok || len(v) != 1 {
			return invalid("parameter %s is not one number", name)
		}
		*to = v[0]
	}
	var ok1, ok2 bool
	p.Delta, ok1 = r.row("delta")
	p.Beta, ok2 = r.row("beta")
	if !ok1 || !ok2 {
		return invalid("parameter delta or beta is not one row of numbers")
	}
	if !(p.Sigma >= 0) {
		return invalid("negative noise")
	}
	return nil
}

// row reads [[a, b, …]]; a single number may also stand alone in [a].
func (r reader) row(name string) ([]float64, bool) {
	v := r.d.Params[name]
	if len(v) != 1 {
		return nil, false
	}
	var out []float64
	if json.Unmarshal(v[0], &out) == nil && out != nil {
		return out, true
	}
	var one *float64
	if json.Unmarshal(v[0], &one) != nil || one == nil {
		return nil, false
	}
	return []float64{*one}, true
}
