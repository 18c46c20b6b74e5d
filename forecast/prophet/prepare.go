package prophet

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// prepare is everything before estimation: m has its defaults filled in and
// has been validated.
func prepare(m Model, h History) (*Fitted, error) {
	f := &Fitted{Model: m}
	var err error
	if f.History, f.HistoryDates, err = h.sorted(&m); err != nil {
		return nil, err
	}
	times := f.History.Time
	f.Start, f.TScale = times[0], times[len(times)-1].Sub(times[0])
	if f.TScale == math.MaxInt64 {
		return nil, fmt.Errorf("%w: the history spans more than 292 years", ErrTime)
	}
	if err := f.scale(); err != nil {
		return nil, err
	}
	f.Seasonalities = seasonalities(m, times)
	f.observePhases()
	f.HolidayNames = holidayNames(m.Holidays)
	for _, r := range m.Regressors {
		fr, err := standardized(r, f.History.Regressors[r.Name])
		if err != nil {
			return nil, err
		}
		f.Regressors = append(f.Regressors, fr)
	}
	f.Columns = columns(f.Seasonalities, m, f.HolidayNames, f.Regressors)
	return f, f.placeChangepoints()
}

// scale sets YScale, YMin and LogisticFloor, and checks the capacities.
func (f *Fitted) scale() error {
	h, m := &f.History, &f.Model
	f.LogisticFloor = m.Growth == Logistic && h.Floor != nil
	lo, hi := slices.Min(h.Y), slices.Max(h.Y)
	switch {
	case f.LogisticFloor && m.Scaling == MinMax:
		f.YMin = slices.Min(h.Floor)
		f.YScale = slices.Max(h.Cap) - f.YMin
	case f.LogisticFloor:
		f.YMin = math.Inf(1)
		for i, y := range h.Y {
			d := math.Abs(y - h.Floor[i])
			f.YMin, f.YScale = math.Min(f.YMin, d), math.Max(f.YScale, d)
		}
	case m.Scaling == MinMax:
		f.YMin, f.YScale = lo, hi-lo
	default:
		f.YScale = math.Max(math.Abs(lo), math.Abs(hi))
	}
	if notFinite(f.YScale) || notFinite(f.YMin) {
		return fmt.Errorf("%w: the range of y", ErrNotFinite)
	}
	if f.YScale == 0 {
		f.YScale = 1
	}
	if m.Growth == Logistic {
		return f.checkCap(h.Cap, h.Floor, h.Time)
	}
	return nil
}

// floorAt is the floor of a row.
func (f *Fitted) floorAt(floor []float64, i int) float64 {
	switch {
	case f.LogisticFloor:
		return floor[i]
	case f.Model.Scaling == MinMax:
		return f.YMin
	}
	return 0
}

func (f *Fitted) checkCap(limit, floor []float64, times []time.Time) error {
	for i, c := range limit {
		fl := f.floorAt(floor, i)
		if notFinite(c) || notFinite(fl) {
			return fmt.Errorf("%w: cap %v, floor %v at %v", ErrNotFinite, c, fl, times[i])
		}
		if c <= fl {
			return fmt.Errorf("%w: cap %v, floor %v at %v", ErrCap, c, fl, times[i])
		}
	}
	return nil
}

// builtin is a seasonality that Prophet switches on by itself.
type builtin struct {
	name          string
	period        float64
	order         Order
	defaultOrder  int
	least, coarse time.Duration // history needed, and steps at which it is pointless
}

func (m Model) builtins() []builtin {
	const day = 24 * time.Hour
	return []builtin{
		{"yearly", 365.25, m.Yearly, 10, 730 * day, math.MaxInt64},
		{"weekly", 7, m.Weekly, 3, 14 * day, 7 * day},
		{"daily", 1, m.Daily, 4, 2 * day, day},
	}
}

// seasonalities are the model's own and the built-in ones that are on for a
// history with the given sorted times.
func seasonalities(m Model, times []time.Time) []Seasonality {
	out := append([]Seasonality(nil), m.Seasonalities...)
	span, step := times[len(times)-1].Sub(times[0]), time.Duration(math.MaxInt64)
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > 0 {
			step = min(step, d)
		}
	}
	for _, b := range m.builtins() {
		at := slices.IndexFunc(out, func(s Seasonality) bool { return s.Name == b.name })
		order := int(b.order)
		switch b.order {
		case Auto:
			if at >= 0 || span < b.least || step >= b.coarse {
				continue
			}
			order = b.defaultOrder
		case On:
			order = b.defaultOrder
		case Off:
			continue
		}
		s := Seasonality{Name: b.name, Period: b.period, Order: order, PriorScale: m.SeasonalityPriorScale, Mode: m.SeasonalityMode}
		if at >= 0 {
			out[at] = s
		} else {
			out = append(out, s)
		}
	}
	return out
}

// standardized finds the scale of a regressor: the mean and the standard
// deviation with n−1, unless its values are 0 and 1, or constant.
func standardized(r Regressor, x []float64) (FittedRegressor, error) {
	out := FittedRegressor{Regressor: r, SD: 1}
	lo, hi := slices.Min(x), slices.Max(x)
	if lo == hi {
		out.Constant, out.Value = true, lo
		return out, nil
	}
	binary := lo == 0 && hi == 1 && !slices.ContainsFunc(x, func(v float64) bool { return v != 0 && v != 1 })
	if r.Standardize == StandardizeNo || r.Standardize == StandardizeAuto && binary {
		return out, nil
	}
	// Deviations are divided by their largest before squaring, so that neither
	// tiny nor huge values leave the range of floating point numbers.
	n := float64(len(x))
	var mean, largest, ss float64
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		largest = math.Max(largest, math.Abs(v-mean))
	}
	for _, v := range x {
		d := (v - mean) / largest
		ss += d * d
	}
	out.Mean, out.SD = mean, largest*math.Sqrt(ss/(n-1))
	if notFinite(out.Mean) || notFinite(out.SD) || out.SD == 0 {
		return out, fmt.Errorf("%w: the scale of regressor %q", ErrNotFinite, r.Name)
	}
	return out, nil
}

// placeChangepoints sets Changepoints and ChangepointT.
func (f *Fitted) placeChangepoints() error {
	times, m := f.History.Time, &f.Model
	if m.Changepoints != nil {
		for _, t := range m.Changepoints {
			ns, err := wallClock(t)
			at := fromWallClock(ns)
			if err != nil || at.Before(times[0]) || at.After(times[len(times)-1]) {
				return fmt.Errorf("%w: %v is not within %v and %v", ErrChangepoints, t, times[0], times[len(times)-1])
			}
			f.Changepoints = append(f.Changepoints, at)
		}
	} else {
		for _, i := range design.Changepoints(len(times), m.NChangepoints, m.ChangepointRange) {
			f.Changepoints = append(f.Changepoints, times[i])
		}
	}
	for _, t := range f.Changepoints {
		f.ChangepointT = append(f.ChangepointT, f.scaledTime(t.UnixNano()))
	}
	slices.Sort(f.ChangepointT)
	if len(f.ChangepointT) == 0 {
		f.ChangepointT = []float64{0}
	}
	return nil
}

// scaledTime is 0 at the first observation and 1 at the last.
func (f *Fitted) scaledTime(ns int64) float64 {
	return float64(ns-f.Start.UnixNano()) / float64(f.TScale)
}

// data is the estimation problem on scaled data.
func (f *Fitted) data() *posterior.Data {
	h, n := &f.History, len(f.History.Y)
	d := &posterior.Data{
		Growth: posterior.Growth(f.Model.Growth), // the constants agree
		T:      make([]float64, n), Y: make([]float64, n),
		Changepoints: f.ChangepointT, X: f.matrix(), Tau: f.Model.ChangepointPriorScale,
	}
	for i, t := range h.Time {
		d.T[i] = f.scaledTime(t.UnixNano())
		d.Y[i] = (h.Y[i] - f.floorAt(h.Floor, i)) / f.YScale
	}
	if f.Model.Growth == Logistic {
		d.Cap = make([]float64, n)
		for i, c := range h.Cap {
			d.Cap[i] = (c - f.floorAt(h.Floor, i)) / f.YScale
		}
	}
	for _, c := range f.Columns {
		d.Multiplicative = append(d.Multiplicative, c.Mode == Multiplicative)
		d.Prior = append(d.Prior, c.PriorScale)
	}
	return d
}
