package gram

import (
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Window is what one series observes of a calendar, and its changepoints.
type Window struct {
	// Rows First ≤ i < End; the first and the last are observed.
	First, End int
	// Missing rows between them, ascending.
	Missing []int
	// Knots are the times of the changepoints in days since row 0 of the
	// calendar, ascending, not before First and not after End−1.
	Knots []float64
	// Flat is a constant trend: Z has neither t nor hinges.
	Flat bool
	// Blocks says which blocks of the calendar are part of the design; nil =
	// all.
	Blocks []bool
}

// lead is the number of columns of Z before the hinges.
func (w *Window) lead() int {
	if w.Flat {
		return 1
	}
	return 2
}

// effects is the index of the first column of X.
func (w *Window) effects() int { return w.lead() + len(w.Knots) }

// Size is the number of columns of Z.
func (c *Calendar) Size(w *Window) int {
	n := w.effects()
	for i := range c.blocks {
		if w.uses(i) {
			n += c.blocks[i].to - c.blocks[i].from
		}
	}
	return n
}

// Observed is the number of rows with an observation.
func (w *Window) Observed() int { return w.End - w.First - len(w.Missing) }

func (w *Window) uses(block int) bool { return w.Blocks == nil || w.Blocks[block] }

// Scratch is the memory of one goroutine for one calendar.
type Scratch struct {
	even, odd   []float64 // half a window
	terms       [2][]float64
	bins        []float64
	sums, hinge []float64 // k each
	tri         []float64
	segment     []float64 // 2·k
}

// NewScratch has room for all windows of a calendar.
func NewScratch(c *Calendar) *Scratch {
	s := &Scratch{
		sums: make([]float64, c.k), hinge: make([]float64, c.k),
		tri: make([]float64, c.k*(c.k+1)/2), bins: make([]float64, 2*maxBins),
		segment: make([]float64, 2*c.k),
	}
	for i := range c.blocks {
		if f := &c.blocks[i].fold; f.order > 0 {
			half := c.n/2 + 1
			s.even, s.odd = sized(s.even, half), sized(s.odd, half)
			s.terms[0], s.terms[1] = sized(s.terms[0], f.order), sized(s.terms[1], f.order)
		}
	}
	return s
}

func sized(s []float64, n int) []float64 {
	if len(s) < n {
		return make([]float64, n)
	}
	return s
}

// GramTo writes Z'Z of a window into dst, row-major. Time runs from 0 to 1 over
// the window. It costs O(S·K + K²) beside two operations per row, and O(K·(S+K))
// for each missing row.
func (c *Calendar) GramTo(dst []float64, w *Window, s *Scratch) {
	p, first := c.Size(w), w.effects()
	dst = dst[:p*p]
	m0, m1 := c.trendTo(dst, p, w, s)
	one := w.lead() - 1
	dst[one*p+one] = m0
	if !w.Flat {
		dst[one] = m1
		for j := range w.Knots {
			dst[one*p+2+j] = dst[(2+j)*p+one]
		}
	}
	c.pick(dst[one*p+first:(one+1)*p], s.sums, w)
	c.productsTo(dst, p, first, w, s)
	for i := range first { // the rest of the lower half
		for j := i + 1; j < p; j++ {
			dst[j*p+i] = dst[i*p+j]
		}
	}
}

// trendTo writes the rows of t and the hinges, but for the halves below the
// column of ones, and returns Σ1 and Σt. s.sums is then Σx.
//
// It goes from the last knot to the first, and to the start of the window as
// knot −1, whose hinge is t, with sums over the rows from the knot s on of x,
// (t−s)x, 1, t−s and (t−s)².
func (c *Calendar) trendTo(dst []float64, p int, w *Window, s *Scratch) (m0, m1 float64) {
	clear(s.sums)
	clear(s.hinge)
	first, scale := w.effects(), 1/c.Span(w)
	var m2, next float64
	end, gap := w.End, len(w.Missing)
	for j := len(w.Knots) - 1; j >= -1; j-- {
		knot, column, start := c.at[w.First], 0, w.First
		if j >= 0 {
			knot, column = w.Knots[j], 2+j
			start = c.rowAt(w, knot)
		}
		if j < len(w.Knots)-1 {
			d := next - knot
			floats.AddScaled(s.hinge, d, s.sums)
			m2 += d * (2*m1 + d*m0)
			m1 += d * m0
		}
		missing := w.Missing[firstFrom(w.Missing[:gap], start):gap]
		gap -= len(missing)
		c.addSegment(s, start, end, knot, missing)
		a0, a1, a2 := c.moment(start, end, knot, missing)
		m0, m1, m2 = m0+a0, m1+a1, m2+a2
		next, end = knot, start
		if w.Flat {
			break
		}

		row := dst[column*p : (column+1)*p]
		row[1] = m1 * scale
		// Later hinges are multiplied with this one where they are written.
		for i := -1; i <= j; i++ {
			d, other := knot-c.at[w.First], 0
			if i >= 0 {
				d, other = knot-w.Knots[i], 2+i
			}
			v := (m2 + d*m1) * scale * scale
			row[other], dst[other*p+column] = v, v
		}
		c.pick(row[first:], s.hinge, w)
		floats.Scale(scale, row[first:])
	}
	return m0, m1 * scale
}

// rowAt is the first row of the window at or after a time.
func (c *Calendar) rowAt(w *Window, at float64) int {
	i, _ := slices.BinarySearch(c.at[w.First:w.End], at)
	return w.First + i
}

// firstFrom is the index of the first of the ascending rows that is at least
// start.
func firstFrom(rows []int, start int) int {
	i, _ := slices.BinarySearch(rows, start)
	return i
}

// addSegment adds Σx and Σ(t−knot)x of rows start ≤ i < end.
func (c *Calendar) addSegment(s *Scratch, start, end int, knot float64, missing []int) {
	for start < end {
		q := start / chunk
		stop := min(end, (q+1)*chunk)
		clear(s.segment)
		c.addSums(s.segment, 1, q, stop-q*chunk)
		if start > q*chunk {
			c.addSums(s.segment, -1, q, start-q*chunk)
		}
		sum, moment := s.segment[:c.k], s.segment[c.k:]
		floats.AddScaled(moment, c.at[q*chunk]-knot, sum)
		floats.Add(s.sums, sum)
		floats.Add(s.hinge, moment)
		start = stop
	}
	for _, i := range missing {
		floats.Sub(s.sums, c.Row(i))
		floats.AddScaled(s.hinge, knot-c.at[i], c.Row(i))
	}
}

// addSums adds f·Σx and f·Σ(t−t₀)x of the first off rows of a chunk.
func (c *Calendar) addSums(dst []float64, f float64, q, off int) {
	mark, from, to, sign := c.nearest(q, off)
	floats.AddScaled(dst, f, mark[:2*c.k])
	for i := from; i < to; i++ {
		floats.AddScaled(dst[:c.k], sign*f, c.Row(i))
		floats.AddScaled(dst[c.k:], sign*f*(c.at[i]-c.at[q*chunk]), c.Row(i))
	}
}

// nearest is the mark nearest to the first off rows of a chunk, and the rows to
// be added to it (sign 1) or taken off.
func (c *Calendar) nearest(q, off int) (mark []float64, from, to int, sign float64) {
	at := (off + stride/2) / stride
	if q*chunk+at*stride > c.n {
		at = off / stride
	}
	from, to, sign = q*chunk+at*stride, q*chunk+off, 1
	if from > to {
		from, to, sign = to, from, -1
	}
	return c.mark(q, at), from, to, sign
}

// moment is Σ1, Σ(t−knot) and Σ(t−knot)² of rows start ≤ i < end.
func (c *Calendar) moment(start, end int, knot float64, missing []int) (m0, m1, m2 float64) {
	for _, at := range c.at[start:end] {
		d := at - knot
		m1 += d
		m2 += d * d
	}
	m0 = float64(end - start)
	for _, i := range missing {
		d := c.at[i] - knot
		m0, m1, m2 = m0-1, m1-d, m2-d*d
	}
	return m0, m1, m2
}

// pick copies the columns of the window's blocks from all columns.
func (c *Calendar) pick(dst, all []float64, w *Window) {
	for i := range c.blocks {
		if w.uses(i) {
			b := &c.blocks[i]
			dst = dst[copy(dst, all[b.from:b.to]):]
		}
	}
}

// productsTo writes X'X.
func (c *Calendar) productsTo(dst []float64, p, first int, w *Window, s *Scratch) {
	clear(s.tri)
	for start := w.First; start < w.End; {
		q := start / chunk
		stop := min(w.End, (q+1)*chunk)
		c.addProducts(s.tri, 1, q, stop-q*chunk)
		if start > q*chunk {
			c.addProducts(s.tri, -1, q, start-q*chunk)
		}
		start = stop
	}
	for _, i := range w.Missing {
		addOuter(s.tri, -1, c.Row(i))
	}
	row := first
	for i := range c.blocks {
		a := &c.blocks[i]
		if !w.uses(i) {
			continue
		}
		for j := a.from; j < a.to; j++ {
			// Row j of the triangle starts with its diagonal element.
			tri := s.tri[j*c.k-j*(j-1)/2:]
			line := dst[row*p+row : (row+1)*p]
			line = line[copy(line, tri[:a.to-j]):]
			for l := i + 1; l < len(c.blocks); l++ {
				if b := &c.blocks[l]; w.uses(l) {
					line = line[copy(line, tri[b.from-j:b.to-j]):]
				}
			}
			for other := row + 1; other < p; other++ {
				dst[other*p+row] = dst[row*p+other]
			}
			row++
		}
	}
}

// addProducts adds f·Σxx' of the first off rows of a chunk.
func (c *Calendar) addProducts(tri []float64, f float64, q, off int) {
	mark, from, to, sign := c.nearest(q, off)
	floats.AddScaled(tri, f, mark[2*c.k:])
	for i := from; i < to; i++ {
		addOuter(tri, sign*f, c.Row(i))
	}
}

// Span is the length of a window in days.
func (c *Calendar) Span(w *Window) float64 { return c.at[w.End-1] - c.at[w.First] }
