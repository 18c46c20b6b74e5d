package auto

import "github.com/skucast/skucast/forecast"

// Closures that are no weekly habit move the demand of the days around them.
const (
	maxClosure  = 3    // days; longer ones say nothing about the day before
	habitShare  = 0.25 // of a phase's periods without an observation
	minClosures = 3
)

// closures adds a known input that is 1 on days of short irregular closures of
// a daily series, past ones told from missing values and future ones from
// Closed.
func (e *Engine) closures() {
	t := &e.task
	n := len(t.y)
	if t.season != 7 || t.closed == nil || n < 2*t.season {
		return
	}
	var gaps, all [7]int
	for i, v := range t.y {
		p := t.phaseAt(i)
		all[p]++
		if v != v {
			gaps[p]++
		}
	}
	flag := e.arena.take(n + t.h)
	count := 0
	for i := 0; i < n+t.h; {
		j := i
		for j < n+t.h && t.shut(j) {
			j++
		}
		if j > i && j-i <= maxClosure {
			for k := i; k < j; k++ {
				if p := t.phaseAt(k); float64(gaps[p]) < habitShare*float64(all[p]) {
					flag[k] = 1
					count++
				}
			}
		}
		i = max(j, i+1)
	}
	if count >= minClosures {
		t.known = append(t.known, forecast.Regressor{Name: "closed", Kind: forecast.Flag, Values: flag})
	}
}

// shut reports whether period i of y and the horizon has no demand to observe.
func (t *task) shut(i int) bool {
	if i < len(t.y) {
		return t.y[i] != t.y[i]
	}
	return t.closed[i-len(t.y)]
}
