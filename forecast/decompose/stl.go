package decompose

import (
	"math"
	"slices"
)

// stl is one decomposition with its memory; period at least 2, two periods of
// data at least.
type stl struct {
	period                  int
	seasonal, trend, low    smoother
	inner, outer            int
	y, weights              []float64 // missing: 0, weight 0
	robust                  []float64 // weights of the outer loop times weights
	season, trendOf         []float64
	cycle, work, level      []float64 // n+2p long
	sub, subWeights, smooth []float64
}

// oddFrom is the smallest odd number that is at least x.
func oddFrom(x float64) int {
	n := int(math.Ceil(x))
	return n + 1 - n%2
}

// newSTL prepares the decomposition of a series of n values; window is n(s).
func newSTL(n, period, window int, o Options) *stl {
	trend := oddFrom(1.5 * float64(period) / (1 - 1.5/float64(window)))
	low := oddFrom(float64(period + 1))
	d := &stl{period: period, inner: 5}
	if o.Robust {
		d.inner, d.outer = 2, 15
	}
	jump := func(q int) int {
		if o.Exact {
			return 1
		}
		return max(1, q/50)
	}
	d.seasonal = smoother{window, 0, 1}
	d.trend = smoother{trend, 1, jump(trend)}
	d.low = smoother{low, 1, jump(low)}
	k := n/period + 3
	memory := make([]float64, 5*n+3*(n+2*period)+3*k)
	take := func(n int) []float64 {
		v := memory[:n:n]
		memory = memory[n:]
		return v
	}
	d.y, d.weights, d.robust, d.season, d.trendOf = take(n), take(n), take(n), take(n), take(n)
	d.cycle, d.work, d.level = take(n+2*period), take(n+2*period), take(n+2*period)
	d.sub, d.subWeights, d.smooth = take(k), take(k), take(k)
	return d
}

// run decomposes y, where NaN is missing, into d.season and d.trendOf.
func (d *stl) run(y []float64) {
	for i, v := range y {
		d.y[i], d.weights[i] = v, 1
		if v != v {
			d.y[i], d.weights[i] = 0, 0
		}
	}
	copy(d.robust, d.weights)
	clear(d.season)
	clear(d.trendOf)
	for pass := 0; ; pass++ {
		for range d.inner {
			d.pass()
		}
		if pass == d.outer || !d.reweigh() {
			return
		}
	}
}

// pass is one turn of the inner loop.
func (d *stl) pass() {
	n, p := len(d.y), d.period
	for i, v := range d.y {
		d.season[i] = v - d.trendOf[i]
	}
	d.cycles(d.season)
	// The low-pass of C: n+2p → n+p+1 → n+2 → n, then loess.
	averageTo(d.work[:n+p+1], d.cycle[:n+2*p], p)
	averageTo(d.level[:n+2], d.work[:n+p+1], p)
	averageTo(d.work[:n], d.level[:n+2], 3)
	d.low.to(d.level[:n], d.work[:n], nil)
	for i := range d.season {
		d.season[i] = d.cycle[p+i] - d.level[i]
	}
	for i, v := range d.y {
		d.work[i] = v - d.season[i]
	}
	if !d.trend.to(d.trendOf, d.work[:n], d.robust) {
		clear(d.trendOf)
	}
}

// cycles smooths the cycle-subseries of the detrended series v into d.cycle,
// one period longer at either end.
func (d *stl) cycles(v []float64) {
	n, p := len(v), d.period
	for phase := range p {
		k := 0
		for i := phase; i < n; i += p {
			d.sub[k], d.subWeights[k] = v[i], d.robust[i]
			k++
		}
		y, w, out := d.sub[:k], d.subWeights[:k], d.smooth[:k]
		first, last := 0.0, 0.0
		if d.seasonal.to(out, y, w) {
			var ok bool
			if first, ok = d.seasonal.at(y, w, -1, 0, min(d.seasonal.q, k)); !ok {
				first = out[0]
			}
			if last, ok = d.seasonal.at(y, w, k, max(0, k-d.seasonal.q), k); !ok {
				last = out[k-1]
			}
		} else {
			clear(out) // a phase that is never observed stays at the trend
		}
		d.cycle[phase] = first
		for i, s := range out {
			d.cycle[phase+(i+1)*p] = s
		}
		d.cycle[phase+(k+1)*p] = last
	}
}

// reweigh computes the bisquare weights of the outer loop; it is false if the
// decomposition is exact, and there is nothing to weigh.
func (d *stl) reweigh() bool {
	size := d.work[:0]
	for i, v := range d.y {
		if d.weights[i] > 0 {
			size = append(size, math.Abs(v-d.season[i]-d.trendOf[i]))
		}
	}
	slices.Sort(size)
	m := len(size)
	h := 3 * (size[(m-1)/2] + size[m/2]) // six times the median
	if !(h > 0) {
		return false
	}
	for i, v := range d.y {
		u := (v - d.season[i] - d.trendOf[i]) / h
		w := 0.0
		if math.Abs(u) < 1 {
			w = (1 - u*u) * (1 - u*u)
		}
		d.robust[i] = w * d.weights[i]
	}
	return true
}
