package ets

import "math"

// search minimises the sum of squared errors over the parameters.
type search struct {
	y          []float64
	f          *fitted
	start      state
	seasonal0  []float64
	fixedAlpha float64
}

type state struct {
	level, slope float64
	phase        int
}

// initial sets the states of f from the data and returns the scalar ones. The
// season is the mean deviation of each phase from a level that moves with a
// season-long mean, over the whole history, so that a small γ starts from the
// best constant season.
func (f *fitted) initial(y []float64, phase int) state {
	m := len(f.season)
	f.phase = phase
	if f.seasonal {
		f.setSeason(y, phase)
	}
	// Level: mean of the first observations without the season.
	var sum float64
	n, p := 0, phase
	for _, v := range y {
		if v == v {
			sum += v - f.season[p]
			n++
		}
		if p++; p == m {
			p = 0
		}
		if n >= max(m, 4) {
			break
		}
	}
	f.level, f.slope = sum/float64(n), 0
	return state{f.level, f.slope, phase}
}

func (f *fitted) setSeason(y []float64, phase int) {
	m := len(f.season)
	count := make([]int, m)
	level, known := 0.0, false
	for start := 0; start < len(y); start += m {
		block := y[start:min(start+m, len(y))]
		if len(block) == m { // a shorter rest keeps the level before it
			level, known = blockMean(block)
		}
		if !known {
			continue
		}
		for i, v := range block {
			if v == v {
				p := (phase + start + i) % m
				f.season[p] += v - level
				count[p]++
			}
		}
	}
	var mean float64
	for p, c := range count {
		if c > 0 {
			f.season[p] /= float64(c)
		}
		mean += f.season[p]
	}
	mean /= float64(m)
	for p := range f.season {
		f.season[p] -= mean
	}
}

// blockMean is the mean of the observed values; ok is false if most are missing.
func blockMean(y []float64) (mean float64, ok bool) {
	n := 0
	for _, v := range y {
		if v == v {
			mean += v
			n++
		}
	}
	if 2*n < len(y) || n == 0 {
		return 0, false
	}
	return mean / float64(n), true
}

func (w *search) reset() {
	w.f.level, w.f.slope, w.f.phase = w.start.level, w.start.slope, w.start.phase
	copy(w.f.season, w.seasonal0)
}

func (w *search) loss(p params) float64 {
	w.reset()
	w.f.p = p
	if sse := w.f.filter(w.y); sse == sse {
		return sse
	}
	return math.Inf(1)
}

// best walks the coordinates with shrinking steps (a compass search): the loss
// is smooth but flat near the bounds, where derivative methods wander, and two
// digits of a smoothing parameter are all that a forecast can feel. Alpha and
// gamma move on a logarithmic scale.
func (w *search) best() params {
	f := w.f
	x := params{alpha: 0.1}
	step := params{alpha: 1.1}
	if f.seasonal {
		x.gamma, step.gamma = 0.02, 1.4
	}
	if f.trend {
		x.beta, x.phi, step.beta, step.phi = 0.01, 0.95, 1.4, 0.04
	}
	if w.fixedAlpha > 0 {
		x.alpha, step.alpha = w.fixedAlpha, 0
	}
	loss := w.loss(x)
	for range 12 {
		moved := false
		for k := range 4 {
			for _, sign := range [2]float64{1, -1} {
				c, ok := nudge(x, step, k, sign)
				if !ok {
					continue
				}
				if l := w.loss(c); l < loss {
					x, loss, moved = c, l, true
					break
				}
			}
		}
		if !moved {
			step.alpha, step.gamma, step.beta, step.phi = step.alpha/2.5, step.gamma/2.5, step.beta/2.5, step.phi/2.5
			if step.alpha < 0.1 && step.gamma < 0.1 {
				break
			}
		}
	}
	return x
}

// nudge moves coordinate k of x by its step, within the bounds
// 0 < β ≤ α, γ ≤ 1−α; ok is false if nothing changes.
func nudge(x, step params, k int, sign float64) (params, bool) {
	old := x
	switch k {
	case 0:
		x.alpha = clamp(x.alpha*math.Exp(sign*step.alpha), alphaLow, alphaHigh)
	case 1:
		if step.gamma == 0 {
			return x, false
		}
		x.gamma = clamp(x.gamma*math.Exp(sign*step.gamma), 1e-4, 0.7)
	case 2:
		if step.beta == 0 {
			return x, false
		}
		x.beta = clamp(x.beta*math.Exp(sign*step.beta), 1e-4, betaHigh)
	case 3:
		x.phi = clamp(x.phi+sign*step.phi, phiLow, phiHigh)
		if step.phi == 0 {
			return x, false
		}
	}
	x.gamma = math.Min(x.gamma, 1-x.alpha)
	x.beta = math.Min(x.beta, x.alpha)
	return x, x != old
}

func clamp(x, low, high float64) float64 { return math.Max(low, math.Min(high, x)) }
