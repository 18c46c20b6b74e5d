package exact

import (
	"math"
	"math/rand/v2"
	"testing"
)

// lassoCase is A'A and A'y of a random A.
func lassoCase(rng *rand.Rand, rows, n int, column func(a [][]float64)) (*denseMatrix, []float64) {
	a := make([][]float64, n)
	for j := range a {
		a[j] = make([]float64, rows)
		for i := range a[j] {
			a[j][i] = rng.NormFloat64()
		}
	}
	if column != nil {
		column(a)
	}
	m, r := &denseMatrix{make([]float64, n*n), n}, make([]float64, n)
	y := make([]float64, rows)
	for i := range y {
		y[i] = rng.NormFloat64() + a[0][i] - a[n-1][i]
	}
	for j := range n {
		for k := range n {
			m.a[j*n+k] = dot(a[j], a[k])
		}
		r[j] = dot(a[j], y)
	}
	return m, r
}

// value of ½x'Rx − r'x + penalty·‖x‖₁.
func (m *denseMatrix) value(r, x []float64, penalty float64) float64 {
	var v float64
	for j, xj := range x {
		v += xj*(dot(x, m.a[j*m.n:])/2-r[j]) + penalty*math.Abs(xj)
	}
	return v
}

// TestLasso: the conditions of a minimum hold, from any start, and no other
// start has a lower value, on matrices of full and of lower rank.
func TestLasso(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 12
	for name, c := range map[string]struct {
		rows   int
		column func(a [][]float64)
	}{
		"full rank": {40, nil},
		"hinges": {200, func(a [][]float64) {
			for j := range a {
				for i := range a[j] {
					a[j][i] = math.Max(0, float64(i)/200-float64(j)/15)
				}
			}
		}},
		"equal columns": {40, func(a [][]float64) { copy(a[3], a[7]); copy(a[4], a[7]) }},
		"sum of others": {40, func(a [][]float64) {
			for i := range a[5] {
				a[5][i] = a[6][i] + a[7][i] - a[0][i]
			}
		}},
		"zero column": {40, func(a [][]float64) { clear(a[2]) }},
		"fewer rows":  {7, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, penalty := range []float64{100, 3, 0.1, 1e-3} {
				m, r := lassoCase(rng, c.rows, n, c.column)
				s := newSignedSet(n)
				for j := range n {
					s.noise[j] = pivotNoise * m.a[j*n+j]
				}
				best := math.Inf(1)
				for try := range 6 {
					x := make([]float64, n)
					for j := range x {
						if try > 0 && rng.IntN(try) > 0 {
							x[j] = rng.NormFloat64()
						}
					}
					s.start(x)
					s.renew(m)
					if !s.minimise(m, r, penalty, lassoSlack*penalty) {
						t.Fatalf("penalty %v: no end after %d steps", penalty, s.steps)
					}
					for j, v := range s.x {
						if e := changeViolation(r[j]-dot(s.x, m.a[j*n:]), v, penalty); e > 1e-8*penalty {
							t.Errorf("penalty %v, start %d, coordinate %d: violation %v", penalty, try, j, e)
						}
					}
					v := m.value(r, s.x, penalty)
					if try > 0 && math.Abs(v-best) > 1e-9*(1+math.Abs(best)) {
						t.Errorf("penalty %v: value %v from start %d, %v before", penalty, v, try, best)
					}
					best = min(best, v)
				}
			}
		})
	}
}

// TestBracket: Newton's method inside a bracket finds the root of φ, and of
// several the largest if it starts above it.
func TestBracket(t *testing.T) {
	const rows = 100
	for name, c := range map[string]struct {
		rss         func(lambda float64) float64
		from, floor float64
		want        float64 // 0: the floor
	}{
		"constant":          {func(float64) float64 { return 1 }, 1, 1e-18, variance(1, rows)},
		"growing":           {func(l float64) float64 { return 1 + 30*l }, 1, 1e-18, variance(1, 70)},
		"kink":              {func(l float64) float64 { return 1 + 90*max(0, l-0.005) }, 1, 1e-18, 0.026},
		"kink, from below":  {func(l float64) float64 { return 1 + 90*max(0, l-0.005) }, 1e-9, 1e-18, 0.026},
		"two roots":         {step, 1, 1e-18, 0.0099603},
		"steep above":       {cliff, 1, 1e-18, 0.0185},
		"nothing left over": {func(l float64) float64 { return 50 * l }, 1, 1e-10, 0},
		"under the floor":   {func(float64) float64 { return 1e-6 }, 1, 1e-4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := bracket{lo: c.floor, hi: 1}
			at, last := c.from, false
			for steps := 0; !last; steps++ {
				if steps > 200 {
					t.Fatalf("no end, at %v", at)
				}
				rss := c.rss(at)
				slope := (c.rss(at*(1+1e-7)) - rss) / (1e-7 * at)
				at, last = b.next(at, rss, slope, rows)
			}
			if b.floored != (c.want == 0) {
				t.Errorf("floored %v at %v", b.floored, at)
			}
			if !b.floored && math.Abs(4*at*at+rows*at-c.rss(at)) > 1e-9*rows*at {
				t.Errorf("φ(%v) = %v", at, 4*at*at+rows*at-c.rss(at))
			}
			if (name == "two roots" || name == "steep above") && math.Abs(at-c.want) > 1e-4 {
				t.Errorf("got %v, want the largest root %v", at, c.want)
			}
			if b.floored && at != c.floor {
				t.Errorf("floored at %v", at)
			}
		})
	}
}

// cliff has a root near 0.0185, above which Newton's method aims for one at 0.
func cliff(lambda float64) float64 {
	switch {
	case lambda < 0.01:
		return 0.1
	case lambda < 0.0195:
		return 1.85
	}
	return 95 * lambda
}

// step is a sum of squares with roots of φ below 0.001 and near 0.01: most of it
// is explained once λ falls below 0.005.
func step(lambda float64) float64 { return 0.05 + 0.95/(1+math.Pow(lambda/0.004, -12)) }
