package prophet

import (
	"math"
	"slices"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/gram"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// span is the part of the calendar that a series observes: rows first ≤ i < end
// without the missing ones.
type span struct {
	first, end int
	missing    []int
}

func (p span) observed() int { return p.end - p.first - len(p.missing) }

func (p span) same(o span) bool {
	return p.first == o.first && p.end == o.end && slices.Equal(p.missing, o.missing)
}

// dated is what decides about a pattern.
type dated struct {
	span
	// seasons that are on. In a fold of a cross-validation they are those of
	// the full series, otherwise the ones that the dates call for.
	seasons []Seasonality
	fold    bool
}

// pattern is everything about a set of observed dates that does not depend on
// the values.
//
// The parameters θ of sums are in the order t, 1, hinges, columns of the
// calendar in use, regressors of the series.
type pattern struct {
	dated
	usable  bool // false = Model.Fit has something to say about these dates
	window  gram.Window
	size    int // columns of Z without regressors of the series
	lead    int // before the hinges
	changes int // hinges: at least one, as in Prophet, if the trend is not flat
	given   int // changepoints that the model has, 0 where changes holds Prophet's dummy
	columns int // of Fitted.Columns

	// shifts bring the common regressors from the scale of the calendar to that
	// of the dates.
	shifts     []shift
	regressors []FittedRegressor // in the order of the model; common ones only
	unobserved []string
	phases     int // how many of unobserved are seasonalities

	problem exact.Gram    // without regressors of the series
	factor  *exact.Factor // nil = this goes to Model.Fit
	store   exact.Factor  // behind factor
	pin     *pinMap       // where the level is not determined everywhere
}

// shift is column' = (column − mean)/sd.
type shift struct {
	column   int // in θ
	mean, sd float64
}

// renew prepares p for a set of dates, in the memory that it has.
func (s *Shared) renew(p *pattern, d dated, scratch *gram.Scratch) {
	*p = pattern{
		dated: d, lead: 2, store: p.store, problem: exact.Gram{Cross: p.problem.Cross},
		window: gram.Window{Knots: p.window.Knots[:0]}, shifts: p.shifts[:0], regressors: p.regressors[:0],
	}
	p.missing = slices.Clone(d.missing)
	knots := p.window.Knots
	p.window = gram.Window{First: p.first, End: p.end, Missing: p.missing, Knots: knots, Flat: s.model.Growth == Flat}
	if !s.placeKnots(p) || !s.chooseBlocks(p) {
		return
	}
	if p.window.Flat {
		p.window.Knots, p.lead = p.window.Knots[:0], 1
	}
	p.changes, p.size = len(p.window.Knots), s.calendar.Size(&p.window)
	p.columns = max(1, p.size-p.lead-p.changes+len(s.own))
	if !s.standardizeCommon(p) {
		return
	}
	s.notePhases(p)
	p.usable = true
	// As few dates as columns: Model.Fit looks whether these interpolate them.
	if p.lead+p.changes+p.columns < p.observed() {
		s.factorise(p, scratch)
	}
}

// factorise sets problem, factor and pin.
func (s *Shared) factorise(p *pattern, scratch *gram.Scratch) {
	cross := grow(p.problem.Cross, p.size*p.size)
	s.calendar.GramTo(cross, &p.window, scratch)
	for _, sh := range p.shifts {
		sh.matrix(cross, p.size, p.lead-1)
	}
	growth := posterior.Linear
	if p.window.Flat {
		growth = posterior.Flat
	}
	p.problem = exact.Gram{Growth: growth, Changes: p.changes, Cross: cross, Prior: s.priors(p), Tau: s.model.ChangepointPriorScale}
	if p.store.Reset(p.problem) != nil {
		return
	}
	if len(p.unobserved) > 0 && !s.model.Literal {
		pin, ok := newPinMap(&p.problem, p.lead)
		if !ok {
			return
		}
		p.pin = pin
	}
	p.factor = &p.store
}

// priors are the scales of the columns of the calendar in use.
func (s *Shared) priors(p *pattern) []float64 {
	var out []float64
	for _, c := range columns(p.seasons, s.model, s.holidays, nil) {
		if c.Component != zeros {
			out = append(out, c.PriorScale)
		}
	}
	for _, i := range s.common {
		out = append(out, s.model.Regressors[i].PriorScale)
	}
	return out
}

// placeKnots places the changepoints as Model.Fit does, in rows that are
// observed; false = Model.Fit has something to say about them.
func (s *Shared) placeKnots(p *pattern) bool {
	m, w := &s.model, &p.window
	n := p.observed()
	if n < 2 {
		return false
	}
	if m.Changepoints != nil {
		for _, t := range m.Changepoints {
			ns, err := wallClock(t)
			if p.fold && ns >= s.ns[p.end-1] {
				continue
			}
			if err != nil || ns < s.ns[p.first] || ns > s.ns[p.end-1] {
				return false
			}
			w.Knots = append(w.Knots, float64(ns-s.ns[0])/design.Day)
		}
		slices.Sort(w.Knots)
	} else {
		missing, row, at := p.missing, p.first-1, -1
		for _, index := range design.Changepoints(n, m.NChangepoints, m.ChangepointRange) {
			for at < index {
				row++
				if len(missing) > 0 && missing[0] == row {
					missing = missing[1:]
					continue
				}
				at++
			}
			w.Knots = append(w.Knots, s.calendar.At(row))
		}
	}
	p.given = len(w.Knots)
	if p.given == 0 {
		w.Knots = []float64{s.calendar.At(p.first)}
	}
	return true
}

// seasonsOf are the seasonalities that Model.Fit would use on observed dates.
func (s *Shared) seasonsOf(p span) []Seasonality {
	step, last, missing := int64(math.MaxInt64), p.first, p.missing
	for i := p.first + 1; i < p.end; i++ {
		if len(missing) > 0 && missing[0] == i {
			missing = missing[1:]
			continue
		}
		step = min(step, s.ns[i]-s.ns[last])
		last = i
	}
	// Only the length of the history and its least step decide.
	first := s.dates.Time[p.first]
	return seasonalities(s.model, []time.Time{first, first.Add(time.Duration(step)), s.dates.Time[last]})
}

// chooseBlocks finds the blocks of the seasons.
func (s *Shared) chooseBlocks(p *pattern) bool {
	blocks, found := make([]bool, len(s.seasons)+2), 0
	for k, season := range s.seasons {
		blocks[k] = slices.Contains(p.seasons, season)
		if blocks[k] {
			found++
		}
	}
	blocks[len(s.seasons)], blocks[len(s.seasons)+1] = true, true
	p.window.Blocks = blocks
	return found == len(p.seasons)
}

// standardizeCommon finds the scales that the common regressors have on the
// observed dates.
func (s *Shared) standardizeCommon(p *pattern) bool {
	p.regressors = make([]FittedRegressor, len(s.model.Regressors))
	x := make([]float64, 0, p.observed())
	for k, i := range s.common {
		r := s.model.Regressors[i]
		x = x[:0]
		missing := p.missing
		for row, v := range s.dates.Regressors[r.Name][p.first:p.end] {
			if len(missing) > 0 && missing[0] == p.first+row {
				missing = missing[1:]
				continue
			}
			x = append(x, v)
		}
		fr, err := standardized(r, x)
		if err != nil {
			return false
		}
		p.regressors[i] = fr
		p.shifts = append(p.shifts, shift{
			column: p.size - len(s.common) + k,
			mean:   (fr.Mean - s.centers[k]) / s.scales[k], sd: fr.SD / s.scales[k],
		})
	}
	return true
}

// notePhases lists what the dates do not show, as Fitted.unseen does.
func (s *Shared) notePhases(p *pattern) {
	for k, season := range s.seasons {
		if !p.window.Blocks[k] || s.covered(p, season) {
			continue
		}
		phases, missing := newPhases(season.Order), p.missing
		for row, part := range s.partsOf(k)[p.first:p.end] {
			if len(missing) > 0 && missing[0] == p.first+row {
				missing = missing[1:]
				continue
			}
			if part >= 0 {
				phases[part] = true
			}
		}
		f := Fitted{Seasonalities: []Seasonality{season}, Phases: []Phases{phases}}
		p.unobserved = append(p.unobserved, f.unseen()...)
	}
	p.phases = len(p.unobserved)
	for _, r := range p.regressors {
		if r.Constant {
			p.unobserved = append(p.unobserved, r.Name)
		}
	}
}

// covered says that all phases are observed, without looking at each: the rows
// are everywhere so near to each other that a phase has one within two parts of
// the period (Phases), and go on for a period.
func (s *Shared) covered(p *pattern, season Seasonality) bool {
	if season.Condition != "" || len(p.missing) > 0 || !s.regular {
		return false
	}
	step := float64(s.ns[1]-s.ns[0]) / design.Day
	span := float64(s.ns[p.end-1]-s.ns[p.first]) / design.Day
	return step*float64(4*(2*season.Order+1)) <= 4*season.Period && span+step >= season.Period
}

// partsOf is the part of the period of season k that each date is in, −1 where
// its condition is not met.
func (s *Shared) partsOf(k int) []int32 {
	s.partsOnce.Do(func() {
		for _, season := range s.seasons {
			phases, parts := newPhases(season.Order), make([]int32, len(s.ns))
			for i, ns := range s.ns {
				parts[i] = -1
				if season.Condition == "" || s.dates.Conditions[season.Condition][i] {
					parts[i] = int32(phases.part(design.Days(ns), season.Period))
				}
			}
			s.parts = append(s.parts, parts)
		}
	})
	return s.parts[k]
}

// matrix changes Z'Z, size×size, for the changed column; one is that of ones.
func (h shift) matrix(cross []float64, size, one int) {
	for i := range size {
		row := cross[i*size : (i+1)*size]
		row[h.column] = (row[h.column] - h.mean*row[one]) / h.sd
	}
	row, ones := cross[h.column*size:(h.column+1)*size], cross[one*size:(one+1)*size]
	for j := range row {
		row[j] = (row[j] - h.mean*ones[j]) / h.sd
	}
}

// vector changes Z'y.
func (h shift) vector(b []float64, one int) { b[h.column] = (b[h.column] - h.mean*b[one]) / h.sd }

// back brings parameters to the columns as stored.
func (h shift) back(theta []float64, one int) {
	theta[h.column] /= h.sd
	theta[one] -= theta[h.column] * h.mean
}
