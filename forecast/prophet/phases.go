package prophet

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// Phases says which phases of a seasonality were observed: whether there was
// an observation in each of equal parts of its period, which starts at
// 1970-01-01 00:00. There are four parts per degree of freedom of the Fourier
// series, 2·Order+1. A phase counts as observed if an observation lies within
// two parts of its own, about half the spacing of the fewest regular
// observations that determine the series.
type Phases []bool

func newPhases(order int) Phases { return make(Phases, 4*(2*order+1)) }

func (p Phases) part(days, period float64) int {
	phase := math.Mod(days, period) / period
	if phase < 0 {
		phase++
	}
	// A hair forward, so that times on the border of two parts, as whole days
	// are, fall into one of them however their phase is rounded.
	return int(phase*float64(len(p))+1e-6) % len(p)
}

func (p Phases) observe(days, period float64) { p[p.part(days, period)] = true }

// covers says whether a phase near that of a time was observed.
func (p Phases) covers(days, period float64) bool {
	n := len(p)
	if n == 0 {
		return true
	}
	at := p.part(days, period)
	for d := -2; d <= 2; d++ {
		if p[((at+d)%n+n)%n] {
			return true
		}
	}
	return false
}

// freedom is the number of coefficients that the observed phases determine: a
// quarter of each run of observed parts, but at least one.
func (p Phases) freedom() int {
	gap := slices.Index(p, false)
	if gap < 0 {
		return len(p) / 4
	}
	total, run := 0, 0
	for i := range p { // from behind a gap, around to it
		if p[(gap+1+i)%len(p)] {
			run++
			continue
		}
		if run > 0 {
			total += max(1, run/4)
		}
		run = 0
	}
	return total
}

// observePhases fills Phases from the history.
func (f *Fitted) observePhases() {
	f.Phases = make([]Phases, len(f.Seasonalities))
	for k, s := range f.Seasonalities {
		p := newPhases(s.Order)
		on, conditional := f.History.Conditions[s.Condition]
		for i, t := range f.History.Time {
			if !conditional || on[i] {
				p.observe(design.Days(t.UnixNano()), s.Period)
			}
		}
		f.Phases[k] = p
	}
}
