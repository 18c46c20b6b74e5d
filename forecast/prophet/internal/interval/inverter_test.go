package interval_test

import (
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

func phi(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalLaplace is the distribution function of a normal plus an independent
// Laplace variable (Reed and Jorgensen, 2004, equation 10).
func normalLaplace(x, sigma, scale float64) float64 {
	a := 0.5 * math.Exp(sigma*sigma/(2*scale*scale))
	z := x / sigma
	return phi(z) - a*(math.Exp(-x/scale)*phi(z-sigma/scale)-math.Exp(x/scale)*phi(-z-sigma/scale))
}

// One step has a closed form: with probability p a Laplace change with half a
// step's weight, always normal noise.
func TestOneStep(t *testing.T) {
	for name, l := range map[string]interval.Law{
		"usual":              {Sigma: 0.05, Lambda: 0.04, Chance: 0.03, Step: 1. / 730},
		"rare large changes": {Sigma: 0.1, Lambda: 2, Chance: 0.01, Step: 1},
		"always a change":    {Sigma: 0.1, Lambda: 0.2, Chance: 1, Step: 1},
		"balanced":           {Sigma: 0.1, Lambda: 0.3, Chance: 0.5, Step: 0.7},
		"hardly any noise":   {Sigma: 1e-4, Lambda: 1, Chance: 0.4, Step: 1},
		"tiny numbers":       {Sigma: 1e-150, Lambda: 2e-150, Chance: 0.3, Step: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var v interval.Inverter
			if err := v.Window(l, nil, 1, 1); err != nil {
				t.Fatal(err)
			}
			scale := l.Lambda * l.Step / 2
			if want := math.Sqrt(l.Sigma*l.Sigma + 2*l.Chance*scale*scale); math.Abs(v.StdDev()/want-1) > 1e-12 {
				t.Errorf("standard deviation %v, want %v", v.StdDev(), want)
			}
			for _, z := range []float64{-5, -2, -1, -0.3, 0, 0.2, 0.7, 1.5, 3, 6} {
				x := z * v.StdDev()
				want := (1-l.Chance)*phi(x/l.Sigma) + l.Chance*normalLaplace(x, l.Sigma, scale)
				if l.Sigma < 0.01*scale { // the closed form overflows
					want = (1-l.Chance)*phi(x/l.Sigma) + l.Chance*laplaceCDF(x, scale)
				}
				tolerance := 1e-9
				if l.Sigma < 0.01*scale {
					tolerance = 1e-5 / math.Max(math.Abs(z), 0.1)
				}
				if got := v.CDF(x); math.Abs(got-want) > tolerance {
					t.Errorf("F(%v sd) = %.12f, want %.12f", z, got, want)
				}
			}
			for _, p := range []float64{1e-6, 0.025, 0.1, 0.4, 0.5, 0.75, 0.9, 0.99, 1 - 1e-6} {
				if got := v.CDF(v.Quantile(p)); math.Abs(got-p) > 1e-9 {
					t.Errorf("F(Q(%v)) = %v", p, got)
				}
			}
		})
	}
}

func laplaceCDF(x, scale float64) float64 {
	if x < 0 {
		return 0.5 * math.Exp(x/scale)
	}
	return 1 - 0.5*math.Exp(-x/scale)
}

// A step with many changes is close to normal with the stated variance, whose
// formula is checked here by adding up.
func TestVariance(t *testing.T) {
	l := interval.Law{Sigma: 0.05, Lambda: 0.04, Chance: 0.2, Step: 0.01}
	factors := []float64{1, 1.5, 0.5, 2, -1, 0, 1}
	var v interval.Inverter
	for _, w := range [][2]int{{1, 1}, {3, 3}, {1, 7}, {2, 5}, {6, 6}} {
		if err := v.Window(l, factors, w[0], w[1]); err != nil {
			t.Fatal(err)
		}
		want := 0.05 * 0.05 * float64(w[1]-w[0]+1)
		for j := 1; j <= w[1]; j++ {
			var c float64
			for h := max(j, w[0]); h <= w[1]; h++ {
				c += 0.01 * factors[h-1] * (float64(h-j) + 0.5)
			}
			want += 0.2 * 2 * 0.04 * 0.04 * c * c
		}
		if got := v.StdDev(); math.Abs(got-math.Sqrt(want)) > 1e-14 {
			t.Errorf("window %v: standard deviation %v, want %v", w, got, math.Sqrt(want))
		}
	}
}

// All steps at once and one by one are the same.
func TestQuantilesTo(t *testing.T) {
	const n = 70
	wavy, wild := make([]float64, n), make([]float64, n)
	for i := range n {
		wavy[i] = 1 + 0.4*math.Sin(float64(i))
		wild[i] = 3 * math.Sin(float64(i)) // changes sign
	}
	wild[5], wild[33] = 0, 1e-9
	probs := []float64{0.01, 0.1, 0.5, 0.8, 0.975}
	usual := interval.Law{Sigma: 0.05, Lambda: 0.04, Chance: 0.034, Step: 1. / 730}
	for name, c := range map[string]struct {
		law     interval.Law
		factors []float64
	}{
		"additive":       {usual, nil},
		"multiplicative": {usual, wavy},
		"wild factors":   {usual, wild},
		"no factors":     {usual, make([]float64, n)},
		"many changes":   {interval.Law{Sigma: 0.05, Lambda: 0.3, Chance: 0.9, Step: 0.03}, wavy},
		"no noise":       {interval.Law{Lambda: 0.3, Chance: 0.1, Step: 0.03}, nil},
		"little noise":   {interval.Law{Sigma: 1e-5, Lambda: 0.3, Chance: 0.1, Step: 0.03}, nil},
		"no changes":     {interval.Law{Sigma: 0.1, Lambda: 0.3, Step: 0.03}, wavy},
	} {
		t.Run(name, func(t *testing.T) {
			var v, one interval.Inverter
			got := make([]float64, n*len(probs))
			if err := v.QuantilesTo(got, c.law, c.factors, probs); err != nil {
				t.Fatal(err)
			}
			for h := 1; h <= n; h++ {
				if err := one.Window(c.law, c.factors, h, h); err != nil {
					t.Fatal(err)
				}
				for i, p := range probs {
					want := one.Quantile(p)
					if x := got[(h-1)*len(probs)+i]; math.Abs(x-want) > 1e-8*one.StdDev() {
						t.Fatalf("step %d, p = %v: got %v, want %v", h, p, x, want)
					}
				}
			}
			if got[2] != 0 {
				t.Errorf("median %v", got[2])
			}
			allocs := testing.AllocsPerRun(3, func() { _ = v.QuantilesTo(got, c.law, c.factors, probs) })
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

func TestDegenerate(t *testing.T) {
	normal := func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
	for name, c := range map[string]struct {
		law     interval.Law
		factors []float64
		p, want float64
	}{
		"nothing uncertain":     {interval.Law{}, nil, 0.9, 0},
		"noise only":            {interval.Law{Sigma: 2}, nil, 0.9, 2 * math.Sqrt(3) * normal(0.9)},
		"no chance of a change": {interval.Law{Sigma: 2, Lambda: 5, Step: 1}, nil, 0.1, 2 * math.Sqrt(3) * normal(0.1)},
		"trend has no effect":   {interval.Law{Sigma: 2, Lambda: 5, Step: 1, Chance: 1}, []float64{0, 0, 0}, 0.9, 2 * math.Sqrt(3) * normal(0.9)},
		"inside the atom":       {interval.Law{Lambda: 5, Step: 1, Chance: 0.01}, nil, 0.9, 0},
		"certain":               {interval.Law{Sigma: 1}, nil, 1, math.Inf(1)},
		"impossible":            {interval.Law{Sigma: 1}, nil, 0, math.Inf(-1)},
	} {
		t.Run(name, func(t *testing.T) {
			var v interval.Inverter
			if err := v.Window(c.law, c.factors, 1, 3); err != nil {
				t.Fatal(err)
			}
			if got := v.Quantile(c.p); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	var v interval.Inverter
	if err := v.Window(interval.Law{}, nil, 1, 1); err != nil || v.CDF(-1e-300) != 0 || v.CDF(0) != 1 {
		t.Error("a point mass has no step")
	}
	// Without noise, outside the atom: one step is a scaled Laplace variable.
	if err := v.Window(interval.Law{Lambda: 2, Chance: 0.5, Step: 1}, nil, 1, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := v.Quantile(0.95), -math.Log(2*0.05/0.5); math.Abs(got-want) > 1e-3 {
		t.Errorf("without noise: got %v, want %v", got, want)
	}
}

func TestBadLaws(t *testing.T) {
	good := interval.Law{Sigma: 1, Lambda: 1, Chance: 0.5, Step: 1}
	for name, spoil := range map[string]func(*interval.Law){
		"negative sigma":   func(l *interval.Law) { l.Sigma = -1 },
		"sigma no number":  func(l *interval.Law) { l.Sigma = math.NaN() },
		"infinite lambda":  func(l *interval.Law) { l.Lambda = math.Inf(1) },
		"chance above 1":   func(l *interval.Law) { l.Chance = 1.5 },
		"negative step":    func(l *interval.Law) { l.Step = -1 },
		"overflowing size": func(l *interval.Law) { l.Lambda, l.Step = 1e200, 1e200 },
	} {
		l := good
		spoil(&l)
		var v interval.Inverter
		if err := v.Window(l, nil, 1, 2); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if err := v.QuantilesTo(make([]float64, 4), l, nil, []float64{0.5, 0.9}); err == nil {
			t.Errorf("%s: accepted by QuantilesTo", name)
		}
	}
	for name, f := range map[string]func(){
		"step 0":           func() { var v interval.Inverter; _ = v.Window(good, nil, 0, 1) },
		"empty window":     func() { var v interval.Inverter; _ = v.Window(good, nil, 2, 1) },
		"missing factors":  func() { var v interval.Inverter; _ = v.Window(good, []float64{1}, 1, 2) },
		"odd length":       func() { var v interval.Inverter; _ = v.QuantilesTo(make([]float64, 3), good, nil, []float64{0.1, 0.2}) },
		"no probability":   func() { var v interval.Inverter; v.Quantile(1.1) },
		"NaN, probability": func() { var v interval.Inverter; v.Quantile(math.NaN()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestLawOf(t *testing.T) {
	p := posterior.Params{Sigma: 0.1, Delta: []float64{0.1, -0.3, 0, 0}}
	got := interval.LawOf(posterior.Linear, &p, 0.01)
	if want := (interval.Law{Sigma: 0.1, Lambda: 0.1 + 1e-8, Chance: 0.04, Step: 0.01}); math.Abs(got.Lambda-want.Lambda) > 1e-16 || got.Chance != want.Chance || got.Sigma != want.Sigma || got.Step != want.Step {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := interval.LawOf(posterior.Flat, &p, 0.01); got.Chance != 0 {
		t.Errorf("a flat trend changes: %+v", got)
	}
	if got := interval.LawOf(posterior.Linear, &p, 0.5); got.Chance != 1 {
		t.Errorf("chance %v", got.Chance)
	}
}

// The tail of a sum of Laplace variables decays like the largest one: quantiles
// keep their order and their symmetry far out.
func TestOrderAndSymmetry(t *testing.T) {
	l := interval.Law{Sigma: 0.03, Lambda: 0.1, Chance: 0.05, Step: 0.002}
	var v interval.Inverter
	for _, w := range [][2]int{{1, 1}, {30, 30}, {1, 30}, {300, 365}} {
		if err := v.Window(l, nil, w[0], w[1]); err != nil {
			t.Fatal(err)
		}
		last := math.Inf(-1)
		for _, p := range []float64{1e-8, 1e-4, 0.01, 0.3, 0.5, 0.50001, 0.9, 0.999, 1 - 1e-7} {
			q := v.Quantile(p)
			if q <= last {
				t.Errorf("window %v: quantiles cross at %v", w, p)
			}
			last = q
			if r := v.Quantile(1 - p); math.Abs(q+r) > 1e-6*v.StdDev()*(1+math.Abs(q)/v.StdDev()) && p > 1e-6 && p < 1-1e-6 {
				t.Errorf("window %v: Q(%v) = %v, Q(%v) = %v", w, p, q, 1-p, r)
			}
		}
	}
}

func BenchmarkYear(b *testing.B) {
	l := interval.Law{Sigma: 0.05, Lambda: 0.04, Chance: 0.034, Step: 1. / 730}
	var v interval.Inverter
	dst := make([]float64, 365*2)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.QuantilesTo(dst, l, nil, []float64{0.1, 0.9}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeadTime(b *testing.B) {
	l := interval.Law{Sigma: 0.05, Lambda: 0.04, Chance: 0.034, Step: 1. / 730}
	var v interval.Inverter
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Window(l, nil, 1, 28); err != nil {
			b.Fatal(err)
		}
		v.Quantile(0.95)
	}
}
