// Package empirical forecasts the distribution of demand by what the series
// has shown, and nothing else: the values of a recent window, or those of the
// same weekday (climatology). Such quantiles are hard to beat where demand has
// no trend, and honest where a formula would be wrong: they know that a shop
// orders by the dozen.
package empirical

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Recent takes every step of the horizon for a draw from the last Window
// observed values.
type Recent struct {
	Window int // 0 = 8 seasons, at least 30 values
}

// Climatology takes a step for a draw from the last Seasons observed values of
// the same season phase, such as the weekday. A phase that was never observed
// gets what all phases together have shown. Without a season it is Recent.
type Climatology struct {
	Seasons int // 0 = 26
}

const (
	usualSeasons = 8  // of Recent
	leastWindow  = 30 // of Recent
	usualPhases  = 26 // of Climatology: half a year of weekdays
)

// Fit implements forecast.Model. It returns forecast.ErrTooShort if nothing
// was observed and forecast.ErrNotFinite for infinities.
func (m Recent) Fit(s forecast.Series) (forecast.Fitted, error) {
	size := m.Window
	if size < 0 {
		panic("empirical: negative window")
	}
	if size == 0 {
		size = max(leastWindow, usualSeasons*s.Season)
	}
	return fit(s, 1, size)
}

// Fit implements forecast.Model. Errors are those of Recent.
func (m Climatology) Fit(s forecast.Series) (forecast.Fitted, error) {
	size := m.Seasons
	if size < 0 {
		panic("empirical: negative number of seasons")
	}
	if size == 0 {
		size = usualPhases
	}
	return fit(s, max(1, s.Season), size)
}

func fit(s forecast.Series, season, size int) (forecast.Fitted, error) {
	f := &Fitted{phases: make([]ring, season), size: size}
	if season > 1 {
		f.phase = s.PhaseAt(0)
	}
	for _, v := range s.Y {
		if math.IsInf(v, 0) {
			return nil, forecast.ErrNotFinite
		}
	}
	f.Append(s.Y)
	if f.all() == 0 {
		return nil, forecast.ErrTooShort
	}
	return f, nil
}

// Fitted is a forecast of distributions. It implements forecast.Fitted with
// their means.
type Fitted struct {
	phases []ring
	size   int
	phase  int // of the next period
}

// ring holds the last values of one phase.
type ring struct {
	values []float64
	next   int
}

func (r *ring) add(v float64, size int) {
	if len(r.values) < size {
		r.values = append(r.values, v)
		return
	}
	r.values[r.next] = v
	r.next = (r.next + 1) % size
}

func (f *Fitted) all() int {
	n := 0
	for i := range f.phases {
		n += len(f.phases[i].values)
	}
	return n
}

// Clone implements forecast.Fitted.
func (f *Fitted) Clone() forecast.Fitted {
	c := &Fitted{phases: make([]ring, len(f.phases)), size: f.size, phase: f.phase}
	for i, r := range f.phases {
		c.phases[i] = ring{values: slices.Clone(r.values), next: r.next}
	}
	return c
}

// Append implements forecast.Fitted. Missing and infinite values move the
// season and are otherwise passed over.
func (f *Fitted) Append(y []float64) {
	for _, v := range y {
		if v == v && !math.IsInf(v, 0) {
			f.phases[f.phase].add(v, f.size)
		}
		f.phase = (f.phase + 1) % len(f.phases)
	}
}

// PredictTo implements forecast.Fitted.
func (f *Fitted) PredictTo(dst []float64) {
	p := f.phase
	for j := range dst {
		if j < len(f.phases) {
			dst[j] = f.mean(p)
		} else {
			dst[j] = dst[j-len(f.phases)]
		}
		p = (p + 1) % len(f.phases)
	}
}

// mean of a phase, in parts that cannot overflow.
func (f *Fitted) mean(phase int) float64 {
	sum, n := 0.0, len(f.phases[phase].values)
	if n > 0 {
		for _, v := range f.phases[phase].values {
			sum += v / float64(n)
		}
		return sum
	}
	n = f.all()
	for i := range f.phases {
		for _, v := range f.phases[i].values {
			sum += v / float64(n)
		}
	}
	return sum
}

// Parameters implements forecast.Fitted: the number of values in use.
func (f *Fitted) Parameters(dst []forecast.Parameter) []forecast.Parameter {
	return append(dst, forecast.Parameter{Name: "values", Value: float64(f.all())})
}

// QuantilesTo writes the quantiles of every step at probabilities, which are in
// (0, 1): dst[j][i] is that of step j at probabilities[i]. They are values that
// were observed (the inverse of the empirical distribution, definition 1 of
// Hyndman and Fan, 1996, doi:10.1080/00031305.1996.10473566), so that whole
// numbers stay whole, and dozens dozens.
func (f *Fitted) QuantilesTo(dst [][]float64, probabilities []float64) {
	p := f.phase
	for j := range dst {
		if j < len(f.phases) {
			f.quantiles(dst[j], probabilities, p)
		} else {
			copy(dst[j], dst[j-len(f.phases)])
		}
		p = (p + 1) % len(f.phases)
	}
}

func (f *Fitted) quantiles(dst, probabilities []float64, phase int) {
	sorted := slices.Clone(f.phases[phase].values)
	if len(sorted) == 0 {
		for i := range f.phases {
			sorted = append(sorted, f.phases[i].values...)
		}
	}
	slices.Sort(sorted)
	n := float64(len(sorted))
	for i, p := range probabilities {
		if !(p > 0 && p < 1) {
			panic("empirical: a probability outside (0, 1)")
		}
		k := int(math.Ceil(n*p - 1e-9*n)) // 0.1 of ten values is one of them, whatever 10·0.1 rounds to
		dst[i] = sorted[min(max(k, 1), len(sorted))-1]
	}
}
