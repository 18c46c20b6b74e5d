// Package gram computes the sums of products that Prophet's additive model
// depends on, for many series on the same dates.
//
// The design of a series is Z = [t, 1, (t−s₁)₊ … (t−s_S)₊, X], and its data enter
// the estimate through G = Z'Z, b = Z'y and y'y only. X depends on the dates
// alone: a Calendar holds it once for all dates, with prefix sums of x, t·x and
// xx', from which G of any window of the calendar follows in O(S·K + K²), with
// changepoints anywhere and single rows taken out. b takes one pass over the
// series: suffix sums between the changepoints, one bin for each phase of a
// season of whole rows, and for other seasons half the products, since on a
// regular grid cosines about the centre of the window are even and sines odd.
package gram

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// Block is a group of neighbouring columns of X: a seasonality or columns as
// they are.
type Block struct {
	// Period in days and Order of the Fourier terms sin 1, cos 1, sin 2, …,
	// counted from 1970-01-01 00:00; Order 0 = Columns.
	Period float64
	Order  int
	// On says in which rows the terms act; nil = in all.
	On []bool
	// Columns have one value per row.
	Columns [][]float64
}

func (b *Block) width() int {
	if b.Order > 0 {
		return 2 * b.Order
	}
	return len(b.Columns)
}

// Calendar is a list of dates with the columns of a design. It does not change
// and may be used by several goroutines.
type Calendar struct {
	n, k    int
	at      []float64 // days since the first row
	regular bool      // the rows are at equal distances
	rows    []float64 // X, row-major
	// Prefix sums Σx, Σ(t−t₀)x and Σxx' (upper triangle by rows) before every
	// stride-th row. They start anew with every chunk of rows, whose first is at
	// t₀: no difference of large numbers costs digits.
	marks  []float64
	blocks []block
}

const (
	chunk  = 128
	stride = 16
	// A season of at most so many rows is summed in bins.
	maxBins = 64
	// A column with fewer than 1/sparse of its rows other than 0 is kept as a
	// list of them.
	sparse = 16
)

// block is a Block made ready for products with a series.
type block struct {
	from, to int // columns
	kind     kind
	bins     int         // periodic: rows of a season
	fold     folded      // folded
	columns  [][]float64 // dense
	entries  []entry     // sparse
	first    []int       // sparse: first entry of each column, and the end
}

type kind int

const (
	dense kind = iota
	sparseColumns
	periodic
	foldedTerms
)

// entry is an element of a sparse column.
type entry struct {
	row   int
	value float64
}

// New makes a calendar of rows at ascending wall-clock times in nanoseconds
// since 1970. It panics if a column has not one value per row.
func New(ns []int64, blocks []Block) *Calendar {
	c := &Calendar{n: len(ns), at: make([]float64, len(ns))}
	for i, v := range ns {
		c.at[i] = float64(v-ns[0]) / design.Day
	}
	for i := range blocks {
		c.k += blocks[i].width()
	}
	c.rows = make([]float64, c.k*c.n)
	step := uniform(ns)
	c.regular = step != 0
	from := 0
	for i := range blocks {
		b := &blocks[i]
		ready := block{from: from, to: from + b.width()}
		if b.Order > 0 {
			ready.season(c, b, ns[0], step)
			c.fourier(from, b, ns, ready.bins)
		} else {
			ready.list(c, b.Columns)
		}
		if ready.kind == dense {
			ready.keep(c)
		}
		c.blocks = append(c.blocks, ready)
		from = ready.to
	}
	c.accumulate()
	return c
}

// Rows is the number of dates, Columns that of the columns of X.
func (c *Calendar) Rows() int { return c.n }

// Columns is the number of columns of X.
func (c *Calendar) Columns() int { return c.k }

// Row is row i of X, one value per column; not to be changed.
func (c *Calendar) Row(i int) []float64 { return c.rows[i*c.k : (i+1)*c.k : (i+1)*c.k] }

// At is the time of row i in days since row 0.
func (c *Calendar) At(i int) float64 { return c.at[i] }

// uniform is the step of the grid, 0 if it has none.
func uniform(ns []int64) int64 {
	if len(ns) < 2 {
		return 0
	}
	step := ns[1] - ns[0]
	for i := 2; i < len(ns); i++ {
		if ns[i]-ns[i-1] != step {
			return 0
		}
	}
	return step
}

// cycle is the position of a time within a period, in turns. Whole turns of
// whole days are taken off first, which keeps all digits.
func cycle(ns int64, period float64) float64 {
	day := design.DayOf(ns)
	return (math.Mod(float64(day), period) + float64(ns-day*design.Day)/design.Day) / period
}

// turn is the sine and cosine of so many full turns.
func turn(turns float64) (sin, cos float64) {
	return math.Sincos(2 * math.Pi * (turns - math.Floor(turns)))
}

// harmonics writes the sines and cosines of 1, 2, … times an angle, from those
// of the angle itself, into every step-th element of dst.
func harmonics(dst []float64, step, order int, sin, cos float64) {
	s, c := sin, cos
	for k := range order {
		dst[2*k*step], dst[(2*k+1)*step] = s, c
		s, c = s*cos+c*sin, c*cos-s*sin
	}
}

func (c *Calendar) fourier(from int, b *Block, ns []int64, bins int) {
	if b.On != nil && len(b.On) != c.n {
		panic("gram: a condition without a value for each row")
	}
	for i, v := range ns {
		row := c.Row(i)[from : from+2*b.Order]
		switch {
		case b.On != nil && !b.On[i]:
		case bins > 0 && i >= bins:
			copy(row, c.Row(i - bins)[from:])
		default:
			sin, cos := turn(cycle(v, b.Period))
			harmonics(row, 1, b.Order, sin, cos)
		}
	}
}

// season chooses how products with a seasonality are computed.
func (b *block) season(c *Calendar, s *Block, start, step int64) {
	if s.On != nil || step == 0 {
		return
	}
	length := s.Period * design.Day / float64(step) // in rows
	whole := math.Round(length)
	switch {
	case whole <= maxBins && float64(c.n) >= 2*whole && math.Abs(length-whole) < 1e-12*whole:
		b.kind, b.bins = periodic, int(whole)
	case c.n >= 2*chunk:
		b.kind, b.fold = foldedTerms, fold(c.n, s.Order, cycle(start, s.Period), 1/length)
	}
}

// keep copies the columns out of the rows.
func (b *block) keep(c *Calendar) {
	for j := b.from; j < b.to; j++ {
		col := make([]float64, c.n)
		for i := range col {
			col[i] = c.rows[i*c.k+j]
		}
		b.columns = append(b.columns, col)
	}
}

// list takes columns over, as lists of what is not 0 if that is little.
func (b *block) list(c *Calendar, columns [][]float64) {
	for j, col := range columns {
		if len(col) != c.n {
			panic("gram: a column without a value for each row")
		}
		b.first = append(b.first, len(b.entries))
		for i, v := range col {
			if v != 0 {
				c.rows[i*c.k+b.from+j] = v
				b.entries = append(b.entries, entry{i, v})
			}
		}
	}
	b.first = append(b.first, len(b.entries))
	if len(b.entries)*sparse <= len(columns)*c.n {
		b.kind = sparseColumns
	}
}

// accumulate fills the prefix sums.
func (c *Calendar) accumulate() {
	chunks, k := (c.n+chunk-1)/chunk, c.k
	c.marks = make([]float64, chunks*(chunk/stride+1)*c.markSize())
	running := make([]float64, c.markSize())
	for q := range chunks {
		clear(running)
		for off := range chunk {
			if off%stride == 0 {
				copy(c.mark(q, off/stride), running)
			}
			if i := q*chunk + off; i < c.n {
				row := c.Row(i)
				floats.Add(running[:k], row)
				floats.AddScaled(running[k:2*k], c.at[i]-c.at[q*chunk], row)
				addOuter(running[2*k:], 1, row)
			}
		}
		copy(c.mark(q, chunk/stride), running)
	}
}

// markSize is the number of prefix sums at a mark.
func (c *Calendar) markSize() int { return 2*c.k + c.k*(c.k+1)/2 }

// mark are the prefix sums of the first at·stride rows of a chunk.
func (c *Calendar) mark(q, at int) []float64 {
	size := c.markSize()
	from := (q*(chunk/stride+1) + at) * size
	return c.marks[from : from+size]
}

// addOuter adds f·xx' to an upper triangle stored by rows.
func addOuter(tri []float64, f float64, x []float64) {
	for j, v := range x {
		if v != 0 {
			floats.AddScaled(tri[:len(x)-j], f*v, x[j:])
		}
		tri = tri[len(x)-j:]
	}
}
