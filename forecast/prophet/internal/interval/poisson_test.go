package interval_test

import (
	"errors"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// equal distances of n rows.
func rowsAhead(n int, step float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = step * float64(i+1)
	}
	return out
}

// With ever shorter steps the default sampler's law becomes the Poisson law:
// the distribution of a row is the same, and that of a sum of rows, where the
// rows between have no weight.
func TestStepsBecomePoisson(t *testing.T) {
	const fine = 2000
	p := &posterior.Params{Delta: []float64{0.5, -0.4, 0.3}}
	step := 0.6 / fine
	law, poisson := interval.LawOf(posterior.Linear, p, step), interval.PoissonOf(posterior.Linear, p)
	factors := make([]float64, fine)
	factors[fine/4-1], factors[fine/2-1], factors[fine-1] = 1, -4, 1 // the weight of a change goes through 0
	const noise = 0.02                                               // of the sum, a tenth of the whole
	law.Sigma, poisson.Sigma = noise/math.Sqrt(fine), noise/math.Sqrt(3)
	var a, b interval.Inverter
	if err := errors.Join(
		a.Window(law, factors, 1, fine),
		b.PoissonWindow(poisson, []float64{0.15, 0.3, 0.6}, []float64{1, -4, 1}, 1, 3),
	); err != nil {
		t.Fatal(err)
	}
	if x, y := a.StdDev(), b.StdDev(); math.Abs(x/y-1) > 1e-5 {
		t.Errorf("standard deviations %v and %v", x, y)
	}
	for _, z := range []float64{-3, -1, -0.2, 0, 0.5, 1.3, 2.5, 4} {
		if x, y := a.CDF(z*a.StdDev()), b.CDF(z*b.StdDev()); math.Abs(x-y) > 1e-4 {
			t.Errorf("F(%v sd): %v and %v", z, x, y)
		}
	}
	// A single row, with hardly any noise: the sharp peak of the changes shows.
	law.Sigma, poisson.Sigma = 0.002, 0.002
	if err := errors.Join(a.Window(law, nil, fine, fine), b.PoissonWindow(poisson, []float64{0.6}, nil, 1, 1)); err != nil {
		t.Fatal(err)
	}
	for _, z := range []float64{-2, -0.5, -0.01, 0.003, 0.1, 1, 3} {
		if x, y := a.CDF(z*a.StdDev()), b.CDF(z*b.StdDev()); math.Abs(x-y) > 5e-4 {
			t.Errorf("one row, F(%v sd): %v and %v", z, x, y)
		}
	}
}

// The variance is that of Campbell's theorem, here by adding up a fine grid.
func TestPoissonWindowVariance(t *testing.T) {
	l := interval.Poisson{Sigma: 0.1, Lambda: 0.3, Rate: 5}
	ahead, factors := []float64{0.1, 0.1, 0.25, 0.7}, []float64{1, 2, -1.5, 0.5}
	var v interval.Inverter
	for _, w := range [][2]int{{1, 4}, {2, 3}, {3, 3}, {1, 1}} {
		if err := v.PoissonWindow(l, ahead, factors, w[0], w[1]); err != nil {
			t.Fatal(err)
		}
		const n = 200_000
		want := 0.1 * 0.1 * float64(w[1]-w[0]+1)
		for i := range n {
			at := 0.7 * (float64(i) + 0.5) / n
			var c float64
			for h := w[0]; h <= w[1]; h++ {
				c += factors[h-1] * math.Max(0, ahead[h-1]-at)
			}
			want += 5 * 2 * 0.3 * 0.3 * c * c * 0.7 / n
		}
		if got := v.StdDev(); math.Abs(got/math.Sqrt(want)-1) > 1e-8 {
			t.Errorf("window %v: standard deviation %v, want %v", w, got, math.Sqrt(want))
		}
	}
}

func TestPoissonEdges(t *testing.T) {
	ahead := rowsAhead(3, 0.1)
	z := math.Sqrt2 * math.Erfinv(0.8)
	var v interval.Inverter
	for name, l := range map[string]interval.Poisson{
		"no changes":          {Sigma: 2},
		"changes of no size":  {Sigma: 2, Rate: 4},
		"no chance of change": {Sigma: 2, Lambda: 3},
	} {
		if err := v.PoissonWindow(l, ahead, nil, 1, 3); err != nil || math.Abs(v.Quantile(0.9)-2*math.Sqrt(3)*z) > 1e-9 {
			t.Errorf("%s: %v, %v", name, v.Quantile(0.9), err)
		}
	}
	// Without noise the atom of no change at all is a jump of the distribution.
	l := interval.Poisson{Lambda: 1, Rate: 2}
	if err := v.PoissonWindow(l, []float64{0.5}, nil, 1, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := v.CDF(0)-v.CDF(-1e-12), math.Exp(-1); math.Abs(got-want) > 1e-3 {
		t.Errorf("atom %v, want %v", got, want)
	}
	if q := v.Quantile(0.6); q != 0 {
		t.Errorf("a quantile inside the atom: %v", q)
	}
	// The inverter goes back to steps.
	steps := interval.Law{Sigma: 0.1, Lambda: 0.2, Chance: 0.3, Step: 1}
	var fresh interval.Inverter
	if err := errors.Join(v.Window(steps, nil, 1, 5), fresh.Window(steps, nil, 1, 5)); err != nil || v.Quantile(0.9) != fresh.Quantile(0.9) {
		t.Errorf("after a Poisson window %v, fresh %v, %v", v.Quantile(0.9), fresh.Quantile(0.9), err)
	}
	for name, c := range map[string]struct {
		l     interval.Poisson
		ahead []float64
	}{
		"negative rate":  {interval.Poisson{Rate: -1}, ahead},
		"infinite scale": {interval.Poisson{Lambda: math.Inf(1), Rate: 1}, ahead},
		"NaN noise":      {interval.Poisson{Sigma: math.NaN()}, ahead},
		"descending":     {interval.Poisson{Sigma: 1, Lambda: 1, Rate: 1}, []float64{0.3, 0.2, 0.1}},
		"overflow":       {interval.Poisson{Sigma: 1e200, Lambda: 1e200, Rate: 1}, ahead},
	} {
		if err := v.PoissonWindow(c.l, c.ahead, nil, 1, 3); !errors.Is(err, interval.ErrLaw) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, call := range map[string]func(){
		"no row":          func() { _ = v.PoissonWindow(l, nil, nil, 1, 1) },
		"missing factors": func() { _ = v.PoissonWindow(l, ahead, []float64{1}, 1, 2) },
		"empty window":    func() { _ = v.PoissonWindow(l, ahead, nil, 2, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
	if n := testing.AllocsPerRun(10, func() { _ = v.PoissonWindow(interval.Poisson{Sigma: 0.1, Lambda: 1, Rate: 2}, ahead, nil, 1, 3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
