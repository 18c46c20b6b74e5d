package gram

import "gonum.org/v1/gonum/floats"

// ProductTo writes Z'y of a window into dst. y has a value for each row of the
// window, 0 for the missing ones.
func (c *Calendar) ProductTo(dst, y []float64, w *Window, s *Scratch) {
	y = y[:w.End-w.First]
	one := w.lead() - 1
	dst[one] = c.hingesTo(dst, y, w)
	x := dst[w.effects():]
	for i := range c.blocks {
		if w.uses(i) {
			b := &c.blocks[i]
			b.productTo(x[:b.to-b.from], y, c, w, s)
			x = x[b.to-b.from:]
		}
	}
}

// hingesTo writes the products with t and the hinges, and returns Σy. It sums
// from the last knot to the first; see trendTo.
func (c *Calendar) hingesTo(dst, y []float64, w *Window) float64 {
	if w.Flat {
		return floats.Sum(y)
	}
	var sum, moment, next float64
	scale, end := 1/c.Span(w), len(y)
	for j := len(w.Knots) - 1; j >= -1; j-- {
		knot, column, start := c.at[w.First], 0, 0
		if j >= 0 {
			knot, column = w.Knots[j], 2+j
			start = c.rowAt(w, knot) - w.First
		}
		if j < len(w.Knots)-1 {
			moment += (next - knot) * sum
		}
		if start < end {
			segment := y[start:end]
			part := floats.Sum(segment)
			from := w.First + start
			if c.regular { // row 0 has time 0: no cancellation
				moment += floats.Dot(c.at[:len(segment)], segment) + (c.at[from]-knot)*part
			} else {
				moment += floats.Dot(c.at[from:from+len(segment)], segment) - knot*part
			}
			sum += part
		}
		dst[column] = moment * scale
		next, end = knot, start
	}
	return sum
}

// productTo writes X'y of the block.
func (b *block) productTo(dst, y []float64, c *Calendar, w *Window, s *Scratch) {
	switch b.kind {
	case foldedTerms:
		b.fold.productTo(dst, y, w.First, s)
	case periodic:
		b.periodicTo(dst, y, c, w.First, s)
	case sparseColumns:
		for j := range dst {
			var sum float64
			for _, e := range b.within(j, w) {
				sum += e.value * y[e.row-w.First]
			}
			dst[j] = sum
		}
	default:
		for j := range dst {
			dst[j] = floats.Dot(b.columns[j][w.First:w.End], y)
		}
	}
}

// within are the entries of column j in the window.
func (b *block) within(j int, w *Window) []entry {
	all := b.entries[b.first[j]:b.first[j+1]]
	return all[entryFrom(all, w.First):entryFrom(all, w.End)]
}

// entryFrom is the index of the first entry at or after a row.
func entryFrom(all []entry, row int) int {
	low, high := 0, len(all)
	for low < high {
		if mid := (low + high) / 2; all[mid].row < row {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// lane is the least length of the vectors that periodicTo adds up.
const lane = 48

// periodicTo sums y by phase before it multiplies. Several seasons at a time
// are added as one vector.
func (b *block) periodicTo(dst, y []float64, c *Calendar, first int, s *Scratch) {
	width := b.bins * ((lane + b.bins - 1) / b.bins)
	bins := s.bins[:width]
	clear(bins)
	for len(y) >= width {
		floats.Add(bins, y[:width])
		y = y[width:]
	}
	for i, v := range y {
		bins[i] += v
	}
	for i := b.bins; i < width; i++ {
		bins[i%b.bins] += bins[i]
	}
	clear(dst)
	phase := first % b.bins
	for _, v := range bins[:b.bins] {
		for j, x := range c.Row(phase)[b.from:b.to] {
			dst[j] += v * x
		}
		if phase++; phase == b.bins {
			phase = 0
		}
	}
}

// ResidualTo writes y − Zθ into r. y has a value for each row of the window;
// those of missing rows become 0.
func (c *Calendar) ResidualTo(r, y, theta []float64, w *Window, s *Scratch) {
	r = r[:w.End-w.First]
	c.trendFrom(r, y, theta, w)
	x := theta[w.effects():]
	for i := range c.blocks {
		if w.uses(i) {
			b := &c.blocks[i]
			b.subtract(r, x[:b.to-b.from], c, w, s)
			x = x[b.to-b.from:]
		}
	}
	for _, i := range w.Missing {
		r[i-w.First] = 0
	}
}

// trendFrom writes y less the trend.
func (c *Calendar) trendFrom(r, y, theta []float64, w *Window) {
	level := theta[w.lead()-1]
	if w.Flat {
		for i := range r {
			r[i] = y[i] - level
		}
		return
	}
	scale := 1 / c.Span(w)
	rate, from, start := theta[0], c.at[w.First], 0
	for j := 0; ; j++ {
		end := len(r)
		if j < len(w.Knots) {
			end = c.rowAt(w, w.Knots[j]) - w.First
		}
		per := rate * scale
		at, ys, rs := c.at[w.First+start:w.First+end], y[start:end], r[start:end]
		for i, v := range ys {
			rs[i] = v - (level + per*(at[i]-from))
		}
		if j == len(w.Knots) {
			return
		}
		level += per * (w.Knots[j] - from)
		from, start = w.Knots[j], end
		rate += theta[2+j]
	}
}

// subtract takes X·beta of the block from r.
func (b *block) subtract(r, beta []float64, c *Calendar, w *Window, s *Scratch) {
	switch b.kind {
	case foldedTerms:
		b.fold.subtract(r, beta, w.First, s)
	case periodic:
		b.subtractPeriodic(r, beta, c, w.First, s)
	case sparseColumns:
		for j, v := range beta {
			if v == 0 {
				continue
			}
			for _, e := range b.within(j, w) {
				r[e.row-w.First] -= v * e.value
			}
		}
	default:
		for j, v := range beta {
			floats.AddScaled(r, -v, b.columns[j][w.First:w.End])
		}
	}
}

func (b *block) subtractPeriodic(r, beta []float64, c *Calendar, first int, s *Scratch) {
	width := b.bins * ((lane + b.bins - 1) / b.bins)
	bins, phase := s.bins[:width], first%b.bins
	for i := range b.bins {
		var sum float64
		for j, x := range c.Row(phase)[b.from:b.to] {
			sum += beta[j] * x
		}
		for at := i; at < width; at += b.bins {
			bins[at] = sum
		}
		if phase++; phase == b.bins {
			phase = 0
		}
	}
	for len(r) >= width {
		floats.Sub(r[:width], bins)
		r = r[width:]
	}
	for i := range r {
		r[i] -= bins[i]
	}
}
