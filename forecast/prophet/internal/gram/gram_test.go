package gram_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
	"github.com/skucast/skucast/forecast/prophet/internal/gram"
)

// example is a calendar beside the plain columns it stands for.
type example struct {
	ns     []int64
	blocks []gram.Block
	x      [][][]float64 // columns by block
	*gram.Calendar
}

func newExample(ns []int64, blocks []gram.Block) *example {
	e := &example{ns: ns, blocks: blocks}
	for _, b := range blocks {
		cols := b.Columns
		if b.Order > 0 {
			cols = make([][]float64, 2*b.Order)
			for j := range cols {
				cols[j] = make([]float64, len(ns))
			}
			for i, at := range ns {
				if b.On != nil && !b.On[i] {
					continue
				}
				for j := 0; j < len(cols); j += 2 {
					k := float64(j/2 + 1)
					part := math.Mod(k*float64(at/design.Day), b.Period) + k*float64(at%design.Day)/design.Day
					cols[j][i], cols[j+1][i] = math.Sincos(2 * math.Pi * part / b.Period)
				}
			}
		}
		e.x = append(e.x, cols)
	}
	e.Calendar = gram.New(ns, blocks)
	return e
}

// plain are the columns of Z in the observed rows of a window, and those rows.
func (e *example) plain(w *gram.Window) (z [][]float64, rows []int) {
	for i, m := w.First, 0; i < w.End; i++ {
		if m < len(w.Missing) && w.Missing[m] == i {
			m++
			continue
		}
		rows = append(rows, i)
	}
	start, span := e.ns[w.First], float64(e.ns[w.End-1]-e.ns[w.First])
	column := func(f func(i int) float64) {
		col := make([]float64, len(rows))
		for r, i := range rows {
			col[r] = f(i)
		}
		z = append(z, col)
	}
	scaled := func(i int) float64 { return float64(e.ns[i]-start) / span }
	if !w.Flat {
		column(scaled)
	}
	column(func(int) float64 { return 1 })
	for _, knot := range w.Knots {
		s := (knot*design.Day - float64(start-e.ns[0])) / span
		column(func(i int) float64 { return math.Max(0, scaled(i)-s) })
	}
	for b, cols := range e.x {
		if w.Blocks == nil || w.Blocks[b] {
			for _, col := range cols {
				column(func(i int) float64 { return col[i] })
			}
		}
	}
	return z, rows
}

func dot(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func daily(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(18000+i) * design.Day
	}
	return out
}

func examples(rng *rand.Rand) map[string]*example {
	retail := func(ns []int64) []gram.Block {
		n := len(ns)
		promo, price, on := make([]float64, n), make([]float64, n), make([]bool, n)
		holidays := [][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
		for i := range n {
			on[i] = rng.IntN(3) == 0
			price[i] = rng.NormFloat64() + float64(i)/float64(n)
			if rng.IntN(4) == 0 {
				promo[i] = 1
			}
			if rng.IntN(50) == 0 {
				holidays[rng.IntN(2)][i] = 1 // the third has none
			}
		}
		return []gram.Block{
			{Period: 365.25, Order: 10},
			{Period: 7, Order: 3},
			{Period: 30.5, Order: 2, On: on},
			{Columns: holidays},
			{Columns: [][]float64{promo, price}},
		}
	}
	hourly := make([]int64, 900)
	for i := range hourly {
		hourly[i] = 18000*design.Day + int64(i)*design.Day/24
	}
	var gaps []int64
	for _, at := range daily(700) {
		if rng.IntN(6) > 0 {
			gaps = append(gaps, at)
		}
	}
	return map[string]*example{
		"daily":     newExample(daily(1200), retail(daily(1200))),
		"daily odd": newExample(daily(261), retail(daily(261))),
		"short":     newExample(daily(90), retail(daily(90))),
		"hourly":    newExample(hourly, []gram.Block{{Period: 1, Order: 4}, {Period: 7, Order: 3}}),
		"gaps":      newExample(gaps, retail(gaps)),
		"no X":      newExample(daily(400), nil),
	}
}

// windows of a calendar: all rows, parts, missing rows, knots on and between
// rows.
func windows(e *example, rng *rand.Rand) map[string]*gram.Window {
	n, all := e.Rows(), make([]bool, len(e.blocks))
	for b := range all {
		all[b] = b != 0
	}
	knots := func(w *gram.Window, count int, shift float64) *gram.Window {
		for j := range count {
			i := w.First + (w.End-1-w.First)*4*(j+1)/(5*count)
			w.Knots = append(w.Knots, e.At(i)+shift)
		}
		return w
	}
	out := map[string]*gram.Window{
		"all":                knots(&gram.Window{End: n}, 25, 0),
		"all but a block":    knots(&gram.Window{End: n, Blocks: all}, 25, 0),
		"end":                knots(&gram.Window{First: n/2 + 1, End: n}, 25, 0),
		"middle, even":       knots(&gram.Window{First: n / 3, End: n/3 + n/4*2}, 7, 0),
		"middle, odd":        knots(&gram.Window{First: n / 3, End: n/3 + n/4*2 + 1}, 7, 0.01),
		"beginning, no knot": {End: n - 17},
		"knot at the start":  {First: 5, End: n, Knots: []float64{e.At(5), e.At(5), e.At(9)}},
		"flat":               {First: 7, End: n - 1, Flat: true},
		"missing":            knots(&gram.Window{First: 10, End: n - 3}, 12, 0),
		"flat, missing":      {First: 3, End: n - 2, Flat: true},
	}
	for _, name := range []string{"missing", "flat, missing"} {
		w := out[name]
		for i := w.First + 1; i < w.End-1; i++ {
			if rng.IntN(9) == 0 {
				w.Missing = append(w.Missing, i)
			}
		}
	}
	return out
}

// TestSums holds everything against sums over the rows.
func TestSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, e := range examples(rng) {
		scratch := gram.NewScratch(e.Calendar)
		for window, w := range windows(e, rng) {
			z, rows := e.plain(w)
			p := e.Size(w)
			if p != len(z) || w.Observed() != len(rows) {
				t.Fatalf("%s, %s: %d columns and %d rows, want %d and %d", name, window, p, w.Observed(), len(z), len(rows))
			}
			// Differences are measured in units of the lengths of the columns.
			unit := make([]float64, p)
			for j, col := range z {
				unit[j] = math.Max(math.Sqrt(dot(col, col)), 1e-3)
			}
			got := make([]float64, p*p)
			for i := range got {
				got[i] = math.NaN()
			}
			e.GramTo(got, w, scratch)
			for i := range p {
				for j := range p {
					if want := dot(z[i], z[j]); !(math.Abs(got[i*p+j]-want) <= 3e-12*unit[i]*unit[j]) {
						t.Fatalf("%s, %s: element %d, %d of the Gram matrix is %v, want %v", name, window, i, j, got[i*p+j], want)
					}
				}
			}

			y, theta := make([]float64, w.End-w.First), make([]float64, p)
			observed := make([]float64, len(rows))
			for r, i := range rows {
				observed[r] = rng.Float64()
				y[i-w.First] = observed[r]
			}
			b := make([]float64, p)
			e.ProductTo(b, y, w, scratch)
			for j := range b {
				if want := dot(z[j], observed); !(math.Abs(b[j]-want) <= 3e-12*unit[j]*math.Sqrt(dot(observed, observed))) {
					t.Fatalf("%s, %s: product %d is %v, want %v", name, window, j, b[j], want)
				}
			}

			for j := range theta {
				theta[j] = rng.NormFloat64()
			}
			r := make([]float64, len(y))
			e.ResidualTo(r, y, theta, w, scratch)
			for k, i := range rows {
				want := observed[k]
				for j := range z {
					want -= theta[j] * z[j][k]
				}
				if !(math.Abs(r[i-w.First]-want) <= 3e-11) {
					t.Fatalf("%s, %s: residual %d is %v, want %v", name, window, i, r[i-w.First], want)
				}
				r[i-w.First] = 0
			}
			for i, v := range r {
				if v != 0 {
					t.Fatalf("%s, %s: residual %v of missing row %d", name, window, v, w.First+i)
				}
			}
		}
	}
}

// Nothing allocates once there is a scratch.
func TestAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	e := examples(rng)["daily"]
	w := windows(e, rng)["missing"]
	p := e.Size(w)
	s, g, b, y := gram.NewScratch(e.Calendar), make([]float64, p*p), make([]float64, p), make([]float64, e.Rows())
	if n := testing.AllocsPerRun(10, func() {
		e.GramTo(g, w, s)
		e.ProductTo(b, y, w, s)
		e.ResidualTo(y, y, b, w, s)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestColumnsOfAnotherLength(t *testing.T) {
	for name, b := range map[string]gram.Block{
		"columns":   {Columns: [][]float64{{1, 2}}},
		"condition": {Period: 7, Order: 1, On: []bool{true}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			gram.New(daily(3), []gram.Block{b})
		}()
	}
}

// benchmark runs f on five years of days with yearly and weekly terms.
func benchmark(b *testing.B, f func(e *example, w *gram.Window, s *gram.Scratch, g, x, y []float64)) {
	e := newExample(daily(1913), []gram.Block{{Period: 365.25, Order: 10}, {Period: 7, Order: 3}})
	w := &gram.Window{End: 1913}
	for j := range 25 {
		w.Knots = append(w.Knots, e.At(61*(j+1)))
	}
	rng := rand.New(rand.NewPCG(5, 6))
	p := e.Size(w)
	s, g, x, y := gram.NewScratch(e.Calendar), make([]float64, p*p), make([]float64, p), make([]float64, e.Rows())
	for i := range y {
		y[i] = rng.Float64()
	}
	b.ReportAllocs()
	for b.Loop() {
		f(e, w, s, g, x, y)
	}
}

func BenchmarkProduct(b *testing.B) {
	benchmark(b, func(e *example, w *gram.Window, s *gram.Scratch, _, x, y []float64) { e.ProductTo(x, y, w, s) })
}

func BenchmarkResidual(b *testing.B) {
	theta := make([]float64, 53)
	benchmark(b, func(e *example, w *gram.Window, s *gram.Scratch, _, _, y []float64) { e.ResidualTo(y, y, theta, w, s) })
}

func BenchmarkGram(b *testing.B) {
	benchmark(b, func(e *example, w *gram.Window, s *gram.Scratch, g, _, _ []float64) { e.GramTo(g, w, s) })
}

func BenchmarkCalendar(b *testing.B) {
	for b.Loop() {
		gram.New(daily(1913), []gram.Block{{Period: 365.25, Order: 10}, {Period: 7, Order: 3}})
	}
}
