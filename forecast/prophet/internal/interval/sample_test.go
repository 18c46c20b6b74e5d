package interval_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// future is a fitted trend and the n steps after it.
func future(g posterior.Growth, n int, step float64) *interval.Trend {
	p := &posterior.Params{K: 0.8, M: 0.1, Sigma: 0.05, Delta: []float64{0.2, -0.1, 0, 0.3}}
	f := &interval.Trend{
		Growth: g, Params: p, Changepoints: []float64{0.2, 0.4, 0.6, 0.8},
		Law: interval.LawOf(g, p, step),
	}
	for i := 1; i <= n; i++ {
		f.T = append(f.T, 1+step*float64(i))
		f.Cap = append(f.Cap, 2)
	}
	return f
}

// The exact quantiles split a million draws of Prophet's samplers, the default
// one and the original, as they should, within three standard errors: single
// steps, and sums over a window with multiplicative factors.
func TestQuantilesAgainstDraws(t *testing.T) {
	const n = 14
	f := future(posterior.Linear, n, 1./60)
	factors, ahead := make([]float64, n), make([]float64, n)
	for i := range factors {
		factors[i] = 1 + 0.5*math.Sin(float64(i))
		ahead[i] = f.T[i] - 1
	}
	for name, c := range map[string]struct {
		draw   func([]float64, *rand.Rand)
		window func(v *interval.Inverter, from, to int) error
	}{
		"steps": {f.StepsTo, func(v *interval.Inverter, from, to int) error { return v.Window(f.Law, factors, from, to) }},
		"Poisson": {f.PoissonTo, func(v *interval.Inverter, from, to int) error {
			return v.PoissonWindow(interval.PoissonOf(f.Growth, f.Params), ahead, factors, from, to)
		}},
	} {
		t.Run(name, func(t *testing.T) { splitDraws(t, f, factors, c.draw, c.window) })
	}
}

func splitDraws(
	t *testing.T, f *interval.Trend, factors []float64,
	draw func([]float64, *rand.Rand), prepare func(v *interval.Inverter, from, to int) error,
) {
	t.Helper()
	const draws = 1_000_000
	type window struct{ from, to int }
	windows := []window{{1, 1}, {6, 6}, {14, 14}, {1, 14}, {8, 13}}
	probs := []float64{0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99}
	limits := make([][]float64, len(windows))
	below := make([][]int, len(windows))
	for i, w := range windows {
		var v interval.Inverter
		if err := prepare(&v, w.from, w.to); err != nil {
			t.Fatal(err)
		}
		for _, p := range probs {
			limits[i] = append(limits[i], v.Quantile(p))
		}
		below[i] = make([]int, len(probs))
	}
	r := rand.New(rand.NewPCG(7, 8))
	path, mean := make([]float64, len(factors)), make([]float64, len(factors))
	posterior.TrendTo(mean, f.Growth, f.T, f.Cap, f.Changepoints, f.Params)
	for range draws {
		draw(path, r)
		for h := range path {
			path[h] = factors[h]*(path[h]-mean[h]) + f.Law.Sigma*r.NormFloat64()
		}
		for i, w := range windows {
			var sum float64
			for h := w.from; h <= w.to; h++ {
				sum += path[h-1]
			}
			for j, q := range limits[i] {
				if sum <= q {
					below[i][j]++
				}
			}
		}
	}
	for i, w := range windows {
		for j, p := range probs {
			share := float64(below[i][j]) / draws
			if se := math.Sqrt(p * (1 - p) / draws); math.Abs(share-p) > 3*se {
				t.Errorf("window %v: %.5f of the draws are below the quantile %v (%.1f standard errors)", w, share, p, (share-p)/se)
			}
		}
	}
}

// A path is the trend with the drawn changes as further changepoints: redraw
// them from the same seed and evaluate that.
func TestPathsAreTrends(t *testing.T) {
	for name, g := range map[string]posterior.Growth{"linear": posterior.Linear, "logistic": posterior.Logistic} {
		t.Run(name, func(t *testing.T) {
			const n = 30
			f := future(g, n, 1./50)
			f.Law.Chance = 0.3
			got, want := make([]float64, n), make([]float64, n)
			draw := func(r *rand.Rand) float64 {
				x := f.Law.Lambda * r.ExpFloat64()
				if r.Uint64()&1 == 0 {
					return -x
				}
				return x
			}
			at := append([]float64(nil), f.Changepoints...)
			p := f.Params.Clone()
			changes := 0
			r := rand.New(rand.NewPCG(1, 2))
			for next := 1 + r.ExpFloat64()/4; next <= f.T[n-1]; next += r.ExpFloat64() / 4 {
				at, p.Delta = append(at, next), append(p.Delta, draw(r))
				changes++
			}
			posterior.TrendTo(want, g, f.T, f.Cap, at, &p)
			f.PoissonTo(got, rand.New(rand.NewPCG(1, 2)))
			compare(t, "Poisson", got, want)

			// The default sampler moves a linear trend by a whole step for the
			// changes up to and including that step.
			r = rand.New(rand.NewPCG(3, 4))
			at = append([]float64(nil), f.Changepoints...)
			p = f.Params.Clone()
			var before float64
			for i := range n {
				var s float64
				if r.Float64() < f.Law.Chance {
					s = draw(r)
					changes++
				}
				if a := (before + s) / 2; a != 0 {
					when := f.T[i]
					if g == posterior.Linear {
						when -= f.Law.Step
					}
					at, p.Delta = append(at, when), append(p.Delta, a)
				}
				before = s
			}
			posterior.TrendTo(want, g, f.T, f.Cap, at, &p)
			f.StepsTo(got, rand.New(rand.NewPCG(3, 4)))
			compare(t, "steps", got, want)
			if changes < 5 {
				t.Errorf("only %d changes drawn: the test shows nothing", changes)
			}
		})
	}
}

func compare(t *testing.T, name string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Fatalf("%s, step %d: got %v, want %v", name, i, got[i], want[i])
		}
	}
}

// The variance of both samplers: that of a compound Poisson process is
// 2λ²Sτ³/3 at distance τ.
func TestPoissonVariance(t *testing.T) {
	const draws, n = 200_000, 20
	f := future(posterior.Linear, n, 1./20)
	path, mean := make([]float64, n), make([]float64, n)
	posterior.TrendTo(mean, f.Growth, f.T, f.Cap, f.Changepoints, f.Params)
	r := rand.New(rand.NewPCG(5, 6))
	var sum, squares, fourth float64
	for range draws {
		f.PoissonTo(path, r)
		d := path[n-1] - mean[n-1]
		sum, squares, fourth = sum+d, squares+d*d, fourth+d*d*d*d
	}
	variance := squares / draws
	want := 2 * f.Law.Lambda * f.Law.Lambda * 4 / 3
	se := math.Sqrt((fourth/draws - variance*variance) / draws)
	if math.Abs(variance-want) > 3*se {
		t.Errorf("variance %v, want %v, standard error %v", variance, want, se)
	}
	if math.Abs(sum/draws) > 3*math.Sqrt(variance/draws) {
		t.Errorf("mean %v", sum/draws)
	}
}

func TestFlatPaths(t *testing.T) {
	f := future(posterior.Flat, 5, 0.1)
	dst := make([]float64, 5)
	r := rand.New(rand.NewPCG(1, 1))
	for name, draw := range map[string]func([]float64, *rand.Rand){"steps": f.StepsTo, "Poisson": f.PoissonTo} {
		draw(dst, r)
		for _, v := range dst {
			if v != 0.1 {
				t.Errorf("%s: %v", name, dst)
				break
			}
		}
		if n := testing.AllocsPerRun(10, func() { draw(dst, r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	f = future(posterior.Linear, 5, 0.1)
	f.Changepoints, f.Params = nil, &posterior.Params{K: 1}
	f.Law = interval.LawOf(f.Growth, f.Params, 0.1)
	f.PoissonTo(dst, r)
	if dst[4] != 1.5 {
		t.Errorf("without changepoints: %v", dst)
	}
}
