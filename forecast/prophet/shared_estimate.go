package prophet

import (
	"math"
	"slices"
)

// Path is the way by which an estimate was found, which decides what it cost;
// see Shared.
type Path int

// The paths.
const (
	// SameDates: the factorisation was there.
	SameDates Path = iota
	// OtherDates: it was made for these dates.
	OtherDates
	// OwnRegressors: it was made for this series.
	OwnRegressors
	// Separate: by Model.Fit.
	Separate
)

// String is the name of the path.
func (p Path) String() string {
	if p < SameDates || p > Separate {
		return "unknown"
	}
	return [...]string{"same dates", "other dates", "own regressors", "separate"}[p]
}

// Estimate is what a Fitter found out about a series. It can be reused for the
// next one; the zero value is ready.
type Estimate struct {
	// Params in the form of Fitted.Params, and the scale of y as in Fitted.
	Params       Params
	YScale, YMin float64
	Diagnostics  Diagnostics
	Path         Path

	shared *Shared
	whole  bool // all dates are observed
	own    []FittedRegressor
	fitted *Fitted // of Separate

	// For forecasts: the origin and the length of the history in time, the trend
	// by segment, and effects by columns of the calendar as stored, with what
	// they need in level.
	start   int64
	length  float64
	trend   []segment
	effects []float64
	level   float64
}

// reset forgets the last series and keeps the memory.
func (e *Estimate) reset(s *Shared) {
	*e = Estimate{
		Params: Params{Delta: e.Params.Delta[:0], Beta: e.Params.Beta[:0]},
		shared: s, own: e.own[:0], trend: e.trend[:0], effects: e.effects[:0],
	}
}

// scale sets YScale and YMin from the range of y; see Fitted.scale.
func (e *Estimate) scale(scaling Scaling, lo, hi float64) bool {
	if scaling == MinMax {
		e.YMin, e.YScale = lo, hi-lo
	} else {
		e.YScale = math.Max(math.Abs(lo), math.Abs(hi))
	}
	if e.YScale == 0 {
		e.YScale = 1
	}
	return !notFinite(e.YScale)
}

func (e *Estimate) floor() float64 { return e.YMin } // 0 with AbsMax

// take stores the parameters θ of sums.
func (e *Estimate) take(p *pattern, theta []float64, sigma float64, own []FittedRegressor) {
	s, first := e.shared, p.lead+p.changes
	e.own = append(e.own[:0], own...)
	v := &e.Params
	v.M, v.Sigma = theta[p.lead-1], sigma
	if p.lead == 2 {
		v.K = theta[0]
	}
	v.Delta = append(v.Delta[:0], theta[p.lead:first]...)
	switch {
	case p.lead == 1: // a flat trend has changepoints, but no changes
		v.Delta = zeroed(v.Delta, max(1, p.given))
	case p.given == 0:
		v.K += v.Delta[0]
		v.Delta[0] = 0
	}

	// β in the order of the model: its regressors may be common or not.
	x := theta[first:p.size]
	plain := len(x) - len(s.common)
	v.Beta = append(zeroed(v.Beta, 0), x[:plain]...)
	for range s.model.Regressors {
		v.Beta = append(v.Beta, 0)
	}
	for k, i := range s.common {
		v.Beta[plain+i] = x[plain+k]
	}
	for k, i := range s.own {
		v.Beta[plain+i] = theta[p.size+k]
	}
	if len(v.Beta) == 0 {
		v.Beta = append(v.Beta, 0) // the column zeros
	}
	e.ready(p, x)
}

// ready prepares forecasts.
func (e *Estimate) ready(p *pattern, x []float64) {
	s, v := e.shared, &e.Params
	e.whole = p == &s.whole
	e.start, e.length = s.ns[p.first], float64(s.ns[p.end-1]-s.ns[p.first])
	at := segment{math.Inf(-1), v.K, v.M}
	e.trend = append(e.trend[:0], at)
	if p.lead == 2 {
		start, days := s.calendar.At(p.first), s.calendar.Span(&p.window)
		for j, d := range v.Delta {
			if d == 0 {
				continue
			}
			at.from = (p.window.Knots[j] - start) / days
			at.m -= at.from * d
			at.k += d
			e.trend = append(e.trend, at)
		}
	}
	e.level = 0
	e.effects = zeroed(e.effects, s.calendar.Columns())
	to := e.effects
	for k, season := range s.seasons {
		if p.window.Blocks[k] {
			x = x[copy(to[:2*season.Order], x):]
		}
		to = to[2*season.Order:]
	}
	copy(to, x)
	common := e.effects[len(e.effects)-len(s.common):]
	for k, sh := range p.shifts {
		common[k] /= sh.sd
		e.level -= common[k] * sh.mean
	}
}

// trendAt is the trend in scaled units at a time.
func (e *Estimate) trendAt(ns int64) float64 {
	t := float64(ns-e.start) / e.length
	j := len(e.trend) - 1
	for e.trend[j].from > t {
		j--
	}
	return e.trend[j].k*t + e.trend[j].m
}

// borrow takes the result of Model.Fit over.
func (e *Estimate) borrow(f *Fitted) {
	e.fitted = f
	e.Params.K, e.Params.M, e.Params.Sigma = f.Params.K, f.Params.M, f.Params.Sigma
	e.Params.Delta = append(e.Params.Delta[:0], f.Params.Delta...)
	e.Params.Beta = append(e.Params.Beta[:0], f.Params.Beta...)
	e.YScale, e.YMin, e.Diagnostics = f.YScale, f.YMin, f.Diagnostics
}

func zeroed(v []float64, n int) []float64 {
	v = slices.Grow(v[:0], n)[:n]
	clear(v)
	return v
}

// history is a series as Model.Fit takes it. y may be shorter than the calendar.
func (s *Shared) history(y []float64, own map[string][]float64) History {
	if len(y) > len(s.ns) {
		return History{Time: s.dates.Time, Y: y} // an ErrLength
	}
	all := History{Time: s.dates.Time, Cap: s.dates.Cap, Floor: s.dates.Floor, Conditions: s.dates.Conditions, Regressors: s.dates.Regressors}
	all.Y = make([]float64, len(s.ns))
	h := all.slice(0, len(y))
	h.Y = y
	if len(s.own) > 0 && h.Regressors == nil {
		h.Regressors = map[string][]float64{}
	}
	for _, i := range s.own {
		name := s.model.Regressors[i].Name
		if x, ok := own[name]; ok {
			h.Regressors[name] = x
		}
	}
	return h
}

// Fitted is the estimate with everything that Model.Fit returns, for
// components, quantiles and serialisation. y and own are those of the Fit that
// e is the result of. It takes some hundred microseconds, less where all dates
// are observed; parts that do not depend on y are then shared with others.
//
// Errors are those of Model.Fit.
func (e *Estimate) Fitted(y []float64, own map[string][]float64) (*Fitted, error) {
	if e.fitted != nil {
		return e.fitted, nil
	}
	f, err := e.prepared(y, own)
	if err != nil {
		return nil, err
	}
	f.YScale, f.YMin = e.YScale, e.YMin
	f.Params = e.Params
	f.Params.Delta, f.Params.Beta = slices.Clone(e.Params.Delta), slices.Clone(e.Params.Beta)
	f.Diagnostics = e.Diagnostics
	return f, nil
}

// prepared is the Fitted without the estimates.
func (e *Estimate) prepared(y []float64, own map[string][]float64) (*Fitted, error) {
	s := e.shared
	if !e.whole || len(s.own) > 0 {
		return prepare(s.model, s.history(y, own))
	}
	// What a Fitted holds depends on the values in few places.
	s.templateOnce.Do(func() {
		y := s.blank()
		y[0] = 1
		s.template, _ = prepare(s.model, s.history(y, nil))
	})
	if s.template == nil || len(y) != len(s.ns) {
		return prepare(s.model, s.history(y, own))
	}
	f := *s.template
	f.History.Y = slices.Clone(y)
	return &f, nil
}

// Fit estimates one series by itself; Fitter.Fit does many.
func (s *Shared) Fit(y []float64, own map[string][]float64) (*Fitted, error) {
	var e Estimate
	if err := s.Fitter().Fit(&e, y, own); err != nil {
		return nil, err
	}
	return e.Fitted(y, own)
}
