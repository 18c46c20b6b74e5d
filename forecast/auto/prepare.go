package auto

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// task is one series, cleaned: no infinite or negative values, nothing before
// the first demand, and in a unit in which squares neither overflow nor vanish.
type task struct {
	full    []float64 // the whole cleaned history
	y       []float64 // full from the first demand on
	season  int
	phase   int // of y[0]
	known   []forecast.Regressor
	start   int // day of y[0]; 0 = unknown
	integer bool
	unit    float64 // y·unit is demand; a power of two, hence exact
	h       int
	closed  []bool
	crowned map[string]float64 // the champion's weights
}

// prepare fills e.task and reports whether anything was observed.
func (e *Engine) prepare(in Input, h int) bool {
	if h <= 0 {
		panic("auto: horizon must be positive")
	}
	if in.Closed != nil && len(in.Closed) != h {
		panic("auto: Closed must have one element per period of the horizon")
	}
	e.arena.reset()
	t := &e.task
	*t = task{season: max(1, in.Season), integer: in.Integer, h: h, closed: in.Closed, crowned: in.Champion, unit: 1, known: t.known[:0]}
	t.full = e.arena.take(len(in.Y))
	top, observed := 0.0, false
	for i, v := range in.Y {
		switch {
		case v != v || math.IsInf(v, 0):
			v = math.NaN()
		case !(v > 0): // returns beyond sales are no demand
			v, observed = 0, true
		default:
			observed = true
			top = math.Max(top, v)
		}
		t.full[i] = v
	}
	if !observed {
		return false
	}
	t.integer = t.integer && top < 1<<40 && whole(t.full)
	if !t.integer && top > 0 {
		_, exp := math.Frexp(top)
		exp = max(-1000, min(1000, exp-10))
		t.unit = math.Ldexp(1, exp)
		for i := range t.full {
			t.full[i] /= t.unit
		}
	}
	first := firstDemand(t.full)
	t.y = t.full[first:]
	if in.Start != 0 {
		t.start = in.Start + first
	}
	t.phase = forecast.Series{Season: t.season, Phase: in.Phase}.PhaseAt(first)
	for _, r := range in.Known {
		if len(r.Values) != len(in.Y)+h {
			panic("auto: a known input needs one value per period of history and horizon")
		}
		if knownAhead(r.Values[len(in.Y):], in.Closed) {
			r.Values = r.Values[first:]
			t.known = append(t.known, r)
		}
	}
	e.closures()
	return true
}

// whole reports whether all observed values are whole numbers.
func whole(y []float64) bool {
	for _, v := range y {
		if v == v && v != math.Trunc(v) {
			return false
		}
	}
	return true
}

// knownAhead reports whether an input has a value in every open future period.
func knownAhead(future []float64, closed []bool) bool {
	for j, v := range future {
		if (v != v || math.IsInf(v, 0)) && (closed == nil || !closed[j]) {
			return false
		}
	}
	return true
}

// series is the history up to period n, as models see it.
func (t *task) series(n int) forecast.Series {
	return forecast.Series{Y: t.y[:n], Season: t.season, Phase: t.phase, Known: t.known}
}

// phaseAt is the season phase of period i of y.
func (t *task) phaseAt(i int) int { return (t.phase + i) % t.season }

// seasonalNaive forecasts from origin n of y the last observed value of the
// same phase; without one the last observed value.
func (t *task) seasonalNaive(dst []float64, n int) {
	past := t.full[:len(t.full)-len(t.y)+n]
	last := 0.0
	for _, v := range slices.Backward(past) {
		if v == v {
			last = v
			break
		}
	}
	for j := range dst {
		if j >= t.season {
			dst[j] = dst[j-t.season]
			continue
		}
		dst[j] = last
		for i := len(past) + j - t.season; i >= 0; i -= t.season {
			if past[i] == past[i] {
				dst[j] = past[i]
				break
			}
		}
	}
}

// demands counts the positive values of y.
func demands(y []float64) int {
	k := 0
	for _, v := range y {
		if v > 0 {
			k++
		}
	}
	return k
}

// arena hands out scratch slices that live until the next reset, so that an
// engine stops allocating after its first few series.
type arena struct {
	block []float64
	used  int
}

func (a *arena) reset() { a.used = 0 }

// take returns n zeros.
func (a *arena) take(n int) []float64 {
	if a.used+n > len(a.block) {
		a.block = make([]float64, max(2*len(a.block), n, 4096))
		a.used = 0 // slices of the old block stay valid: they keep it alive
	}
	s := a.block[a.used : a.used+n : a.used+n]
	a.used += n
	clear(s)
	return s
}
