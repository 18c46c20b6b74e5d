package prophet

import (
	"slices"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// Forecast has one element per row of the Future it answers, in its order.
type Forecast struct {
	Time  []time.Time
	YHat  []float64 // Trend·(1 + multiplicative_terms) + additive_terms
	Trend []float64
	// Cap and Floor are those of the future, for logistic growth.
	Cap, Floor []float64
	// Components in the order of Fitted.ComponentTable: additive ones in units
	// of y, multiplicative ones as shares of the trend.
	Components []Component
	// Unobserved lists what the history could not teach but the rows ask for;
	// empty = nothing. The forecast of these rows is a fallback.
	Unobserved []Unobserved
}

// Component is one effect, or the sum of a group of effects.
type Component struct {
	Name   string
	Mode   Mode
	Values []float64
}

// Unobserved names an effect that is asked for where it has never been seen:
// a seasonality at phases without observations, or a regressor that was
// constant in the history and is not in the future.
type Unobserved struct {
	Name  string
	Rows  int       // how many rows
	First time.Time // the first of them
}

// Component returns the values of a component by name, nil if there is none.
func (f *Forecast) Component(name string) []float64 {
	for i := range f.Components {
		if f.Components[i].Name == name {
			return f.Components[i].Values
		}
	}
	return nil
}

// Predict forecasts the rows of future with all components. A future without
// rows has a forecast without rows. Errors are those of Predictor.PredictTo.
func (f *Fitted) Predict(future Future) (*Forecast, error) {
	p, err := f.Predictor()
	if err != nil {
		return nil, err
	}
	return p.Predict(future)
}

// Predict forecasts the rows of future with all components.
func (p *Predictor) Predict(future Future) (*Forecast, error) {
	n := len(future.Time)
	out := &Forecast{Time: slices.Clone(future.Time), YHat: make([]float64, n), Trend: make([]float64, n)}
	if err := p.PredictTo(out.YHat, &future); err != nil {
		return nil, err
	}
	if p.f.Model.Growth == Logistic {
		out.Cap = slices.Clone(future.Cap)
		if p.f.LogisticFloor {
			out.Floor = slices.Clone(future.Floor)
		}
	}
	at := rows(future.Time)
	for i, ns := range at {
		out.Trend[i] = p.trendOf(&future, i, ns)
	}
	out.Components = p.components(&future, at)
	out.Unobserved = p.unobserved(&future, at)
	return out, nil
}

// components evaluates each effect once and adds it to all sums it is part of.
func (p *Predictor) components(future *Future, at []int64) []Component {
	f, n := p.f, len(at)
	names, table := f.ComponentTable()
	_, multiplicative := f.ComponentModes()
	out := make([]Component, len(names))
	store := make([]float64, n*len(names))
	for c, name := range names {
		out[c] = Component{Name: name, Mode: Additive, Values: store[c*n : (c+1)*n : (c+1)*n]}
		if slices.Contains(multiplicative, name) {
			out[c].Mode = Multiplicative
		}
	}
	// add adds v to row i of every component that column j is part of.
	add := func(j, i int, v float64) {
		if f.Columns[j].Mode == Additive {
			v *= f.YScale
		}
		for c, in := range table[j] {
			if in {
				out[c].Values[i] += v
			}
		}
	}
	first := 0
	for k := range p.seasons {
		s := &p.seasons[k]
		for i, ns := range at {
			add(first, i, s.at(future, i, ns))
		}
		first += len(s.beta)
	}
	days := holidayDays(f.Model.Holidays, f.Columns)
	for i, ns := range at {
		day := design.DayOf(ns)
		from, _ := slices.BinarySearchFunc(days, dayColumn{day, 0}, compareDays)
		for _, d := range days[from:] {
			if d.day != day {
				break
			}
			add(d.column, i, f.Params.Beta[d.column])
		}
	}
	first = len(f.Columns) - len(f.Regressors)
	for k := range p.xreg {
		for i := range at {
			add(first+k, i, p.xreg[k].at(future, i))
		}
	}
	return out
}

// unobserved reports what Phases and constant regressors do not cover.
func (p *Predictor) unobserved(future *Future, at []int64) []Unobserved {
	var out []Unobserved
	note := func(name string, unseen func(i int) bool) {
		u := Unobserved{Name: name}
		for i := range at {
			if !unseen(i) {
				continue
			}
			if u.Rows == 0 || future.Time[i].Before(u.First) {
				u.First = future.Time[i]
			}
			u.Rows++
		}
		if u.Rows > 0 {
			out = append(out, u)
		}
	}
	for k, s := range p.f.Seasonalities {
		if k < len(p.f.Phases) {
			note(s.Name, func(i int) bool {
				on := s.Condition == "" || future.Conditions[s.Condition][i]
				return on && !p.f.Phases[k].covers(design.Days(at[i]), s.Period)
			})
		}
	}
	for _, r := range p.f.Regressors {
		if r.Constant {
			note(r.Name, func(i int) bool { return future.Regressors[r.Name][i] != r.Value })
		}
	}
	return out
}
