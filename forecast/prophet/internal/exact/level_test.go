package exact

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// daily is a seeded series with a week and two bends; change alters it.
func daily(n int, level float64, change func(d *posterior.Data, rng *rand.Rand)) *posterior.Data {
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	d := &posterior.Data{Tau: 0.05}
	for i := range n {
		t := float64(i) / float64(n-1)
		d.T = append(d.T, t)
		d.Y = append(d.Y, level*(0.5+0.3*t-0.8*max(0, t-0.3)+0.7*max(0, t-0.6)+0.1*math.Sin(2*math.Pi*float64(i)/7)+0.05*rng.NormFloat64()))
	}
	for j := range 12 {
		d.Changepoints = append(d.Changepoints, 0.8*float64(j+1)/12)
	}
	for k := range 3 {
		sin, cos := make([]float64, n), make([]float64, n)
		for i := range n {
			sin[i], cos[i] = math.Sincos(2 * math.Pi * float64(k+1) * float64(i) / 7)
		}
		d.X = append(d.X, sin, cos)
	}
	if change != nil {
		change(d, rng)
	}
	d.Multiplicative = make([]bool, len(d.X))
	for range d.X {
		d.Prior = append(d.Prior, 10)
	}
	return d
}

// cases of every way in which a Factor is made: by Cholesky's method, by an
// eigendecomposition with slow directions and null ones, by Jacobi's for
// columns of very different size, and for data that have not been scaled.
func levelCases() map[string]*posterior.Data {
	return map[string]*posterior.Data{
		"cholesky": daily(600, 1, nil),
		"slow":     daily(40, 1, nil),
		"null": daily(300, 1, func(d *posterior.Data, _ *rand.Rand) {
			d.X = append(d.X, make([]float64, 300), d.X[1])
		}),
		"graded": daily(300, 1, func(d *posterior.Data, rng *rand.Rand) {
			huge, copied := make([]float64, 300), make([]float64, 300)
			for i := range huge {
				huge[i] = 1e6 * rng.Float64()
				copied[i] = d.X[0][i]
			}
			d.X = append(d.X, huge, copied)
		}),
		"not scaled": daily(300, 1e4, nil),
		"flat":       daily(300, 1, func(d *posterior.Data, _ *rand.Rand) { d.Growth = posterior.Flat }),
	}
}

// solver is a workspace that has taken the series.
func solver(t *testing.T, d *posterior.Data) (*Workspace, []float64) {
	t.Helper()
	z := newRows(d)
	f, err := NewFactor(z.gram())
	if err != nil {
		t.Fatal(err)
	}
	b := make([]float64, f.Size())
	z.transposeTo(b, d.Y)
	w := &Workspace{rows: float64(len(d.Y)), yy: dot(d.Y, d.Y)}
	if most := variance(w.yy, w.rows); most > f.limit {
		f = f.wide(most)
	}
	w.fit(f)
	w.take(b)
	return w, b
}

// TestLevel: what the reduced problem says of a λ (residuals, their derivative,
// the log posterior) is what the parameters assembled from it have on the rows.
func TestLevel(t *testing.T) {
	for name, d := range levelCases() {
		t.Run(name, func(t *testing.T) {
			w, _ := solver(t, d)
			z := newRows(d)
			top := w.most(1e-18)
			for _, lambda := range []float64{top, 0.7 * top, 0.3 * top, 0.03 * top} {
				on := func(lambda float64) (level, posterior.Params) {
					w.solve(lambda)
					w.assemble()
					return w.level(), z.params(w.theta, math.Sqrt(lambda))
				}
				at, p := on(lambda)
				if rss := d.RSS(&p); math.Abs(at.rss-rss) > 1e-7*rss {
					t.Errorf("λ %v: residuals %v, want %v", lambda, at.rss, rss)
				}
				if lp := d.LogPosterior(&p); math.Abs(at.value-lp) > 1e-7*(math.Abs(lp)+w.rows) {
					t.Errorf("λ %v: log posterior %v, want %v", lambda, at.value, lp)
				}
				const h = 1e-5
				size := len(w.set.set)
				up, _ := on(lambda * (1 + h))
				down, _ := on(lambda * (1 - h))
				if slope := (up.rss - down.rss) / (2 * h * lambda); len(w.set.set) == size && math.Abs(at.slope-slope) > 1e-3*slope+1e-6*w.rows {
					t.Errorf("λ %v: derivative %v, want %v", lambda, at.slope, slope)
				}
			}
		})
	}
}

// TestBounds: no maximum lies outside of what search takes for granted.
func TestBounds(t *testing.T) {
	for name, d := range levelCases() {
		t.Run(name, func(t *testing.T) {
			w, _ := solver(t, d)
			top, low := w.most(1e-18), w.leastNoise()
			if !(low < top) || low < 0.2*top/w.rows {
				t.Errorf("bounds %v and %v", low, top)
			}
			for lambda := top / 1e4; lambda < 1e4*top; lambda *= 1.2 {
				w.solve(lambda)
				at := w.level()
				if phi := at.phi(w.rows); lambda < low && phi >= 0 || lambda > top && phi <= 0 {
					t.Errorf("φ(%v) = %v, bounds %v and %v", lambda, phi, low, top)
				}
			}
		})
	}
}

// TestPolish: the correction alone finds the optimum, whatever the point and
// whatever its active set.
func TestPolish(t *testing.T) {
	few := daily(12, 1, nil)
	few.Changepoints = few.Changepoints[:10]
	cases := levelCases()
	cases["fewer rows than columns"] = few
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			w, b := solver(t, d)
			size := math.Sqrt(w.yy / w.rows)
			floor := 1e-4 * size * size // σ is at least a hundredth of the data
			w.search(Options{SigmaFloor: math.Sqrt(floor)}.withDefaults())
			w.assemble()
			copy(w.g0, b)
			w.rss0 = w.yy
			if !w.polish(1e-7, floor) {
				t.Fatalf("not polished: %+v", w.certificate(floor))
			}
			want, lambda := w.logPosterior(), w.lambda
			limit := max(1e-7, w.attainable(math.Sqrt(w.yy)))
			rng := rand.New(rand.NewPCG(8, 8))
			for range 20 {
				x := make([]float64, w.f.s)
				for j := range x {
					if rng.IntN(3) == 0 {
						x[j] = size * rng.NormFloat64()
					}
				}
				for i := range w.theta {
					w.theta[i] = size * rng.NormFloat64()
				}
				w.set.start(x)
				w.at(lambda * math.Exp(rng.NormFloat64()/3))
				copy(w.theta[w.f.lead:], w.set.x)
				if !w.polish(limit, floor) {
					t.Fatalf("not polished: %+v", w.certificate(floor))
				}
				if c := w.certificate(floor); !(c.KKT <= max(1e-6, 2*limit)) || math.Abs(c.LogPosterior-want) > 1e-9*(w.rows+math.Abs(want)) {
					t.Errorf("%+v, want %v", c, want)
				}
			}
		})
	}
}

// TestGap: at any point, optimal or not, the gap is the value less the value of
// the dual problem, and bounds what the log posterior gains on the way to the
// optimum at the same σ.
func TestGap(t *testing.T) {
	d := daily(200, 1, nil)
	z := newRows(d)
	w, b := solver(t, d)
	clear(w.base)
	copy(w.g0, b)
	w.rss0 = w.yy
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		w.solve(math.Exp(-3 - 4*rng.Float64()))
		w.assemble()
		w.differentiate()
		best := w.logPosterior()
		if gap := w.gap(); !(gap < 1e-9) {
			t.Errorf("gap %v at the optimum", gap)
		}
		size := math.Exp(-float64(i) / 4)
		for k := range w.theta {
			w.theta[k] += size * rng.NormFloat64()
		}
		w.differentiate()
		gain, gap := best-w.logPosterior(), w.gap()
		if !(gap >= gain*(1-1e-9)) {
			t.Errorf("perturbed by %v: gap %v, gain %v", size, gap, gain)
		}
		if want := dualityGap(z, w.theta, w.lambda); math.Abs(gap-want) > 1e-6*(want+w.yy/w.lambda*1e-6) {
			t.Errorf("perturbed by %v: gap %v, want %v", size, gap, want)
		}
	}
}

// dualityGap is P(θ) − D(ν) over λ by its definition, with
// P = ½‖y − Zθ‖² + ½λ·u'Λu + (λ/τ)·‖δ‖₁, D = ½‖y‖² − ½‖y − ν‖² − Σ (z_u'ν)²/(2λΛ_u)
// and ν the residuals, scaled to be feasible: |z_δ'ν| ≤ λ/τ.
func dualityGap(z *rows, theta []float64, lambda float64) float64 {
	g := make([]float64, z.size())
	rss := z.residuals(g, theta)
	primal, dual, c := rss/2, 0.0, 1.0
	for j := range z.s {
		primal += lambda / z.d.Tau * math.Abs(theta[z.lead+j])
		c = min(c, lambda/z.d.Tau/math.Abs(g[z.lead+j]))
	}
	for i, y := range z.d.Y {
		nu := c * z.resid[i]
		dual += y*y/2 - (y-nu)*(y-nu)/2
	}
	for i, v := range theta {
		if i >= z.lead && i < z.lead+z.s {
			continue
		}
		prec := 1. / 25
		if i >= z.lead {
			prec = 1. / 100
		}
		primal += lambda * prec * v * v / 2
		dual -= c * c * g[i] * g[i] / (2 * lambda * prec)
	}
	return (primal - dual) / lambda
}

// TestFollowChanges: k, m and β stay optimal when δ is moved.
func TestFollowChanges(t *testing.T) {
	for name, d := range levelCases() {
		t.Run(name, func(t *testing.T) {
			w, b := solver(t, d)
			copy(w.g0, b)
			w.rss0 = w.yy
			w.solve(w.most(1e-18) / 2)
			w.assemble()
			before := append([]float64(nil), w.set.x...)
			for j := range w.set.x {
				w.set.x[j] += 0.1 * float64(j%3-1) * math.Sqrt(w.yy/w.rows)
			}
			w.followChanges(before)
			w.differentiate()
			for i, v := range w.f.prec {
				z := w.f.index[i]
				if e := math.Abs(w.g[z]/w.lambda - v*w.theta[z]); !(e <= 1e-3+w.attainable(math.Sqrt(w.yy))) {
					t.Errorf("parameter %d: violation %v", z, e)
				}
			}
			for j, x := range w.set.x {
				if w.theta[w.f.lead+j] != x {
					t.Errorf("change %d is %v, want %v", j, w.theta[w.f.lead+j], x)
				}
			}
		})
	}
}

// TestReset: a Factor made anew in old memory is as good as a new one, also for
// a workspace that has served it before.
func TestReset(t *testing.T) {
	var f Factor
	var w Workspace
	for range 2 {
		for _, name := range []string{"cholesky", "null", "slow", "flat", "graded", "not scaled"} {
			d := levelCases()[name]
			z := newRows(d)
			if err := f.Reset(z.gram()); err != nil {
				t.Fatal(err)
			}
			b := make([]float64, f.Size())
			z.transposeTo(b, d.Y)
			got, err := f.Solve(&w, b, dot(d.Y, d.Y), float64(len(d.Y)), Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fresh, err := NewFactor(z.gram())
			if err != nil {
				t.Fatal(err)
			}
			want, err := fresh.Solve(new(Workspace), b, dot(d.Y, d.Y), float64(len(d.Y)), Options{})
			if err != nil || got.Certificate != want.Certificate || got.Sigma != want.Sigma {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
	}
}
