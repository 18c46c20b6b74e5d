package exact

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// smallCurve is a problem with every kind of column and a point away from the
// kinks.
func smallCurve(rng *rand.Rand, growth posterior.Growth) (*posterior.Data, posterior.Params) {
	const n = 30
	d := &posterior.Data{
		Growth: growth, Tau: 0.05, Changepoints: []float64{0, 0.2, 0.45, 0.45, 0.7},
		Multiplicative: []bool{true, false, true, false}, Prior: []float64{10, 0.5, 2, 10}, X: make([][]float64, 4),
	}
	p := posterior.Params{K: 0.5 + rng.Float64(), M: rng.NormFloat64()}
	for i := range n {
		d.T, d.Y = append(d.T, float64(i)/(n-1)), append(d.Y, rng.NormFloat64())
		d.Cap = append(d.Cap, 1+rng.Float64())
		for j := range d.X {
			d.X[j] = append(d.X[j], rng.NormFloat64())
		}
	}
	for range d.Changepoints {
		p.Delta = append(p.Delta, 0.1+0.3*rng.Float64())
	}
	for range d.X {
		p.Beta = append(p.Beta, 0.5*rng.NormFloat64())
	}
	if growth == posterior.Flat {
		p.K, p.Delta = 0, make([]float64, len(p.Delta))
	}
	return d, p
}

// The value against the density, the gradient against differences of the value,
// the Hessian against differences of the gradient.
func TestCurveDerivatives(t *testing.T) {
	for name, growth := range map[string]posterior.Growth{
		"linear": posterior.Linear, "flat": posterior.Flat, "logistic": posterior.Logistic,
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(6, uint64(growth)))
			for _, floor := range []float64{1e-9, 3} { // λ free, λ held
				d, p := smallCurve(rng, growth)
				c := newCurve(d, Options{SigmaFloor: floor})
				at, up, down := c.newPoint(p), c.newPoint(p), c.newPoint(p)
				c.evaluate(at)
				c.gradient(at)
				q := at.params(d)
				if want := -d.LogPosterior(&q); math.Abs(at.f-want) > 1e-11*math.Abs(want) {
					t.Fatalf("value %v, want %v", at.f, want)
				}
				if at.floored != (floor > 1) {
					t.Fatalf("floored %v", at.floored)
				}
				c.hessian(at, true)
				full := append([]float64(nil), c.h...)
				const h = 1e-6
				for j := range c.dim {
					copy(up.x, at.x)
					copy(down.x, at.x)
					if growth == posterior.Flat && j == 0 {
						continue // k has no part in the mean
					}
					up.x[j] += h
					down.x[j] -= h
					for _, q := range []*curvePoint{up, down} {
						c.evaluate(q)
						c.gradient(q)
					}
					slope := at.grad[j]
					if j >= c.smooth {
						slope += math.Copysign(1/d.Tau, at.x[j])
					}
					if want := (up.f - down.f) / (2 * h); math.Abs(slope-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("derivative %d: %v, want %v", j, slope, want)
					}
					for i := j; i < c.dim; i++ {
						want := (up.grad[i] - down.grad[i]) / (2 * h)
						if got := full[i*c.dim+j]; math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
							t.Errorf("second derivative %d, %d: %v, want %v", i, j, got, want)
						}
					}
				}
			}
		})
	}
}

// The linearised Hessian is J'J/λ + Λ with J from differences of the mean.
func TestCurveGaussNewton(t *testing.T) {
	for _, growth := range []posterior.Growth{posterior.Linear, posterior.Logistic} {
		d, p := smallCurve(rand.New(rand.NewPCG(7, 7)), growth)
		c := newCurve(d, Options{SigmaFloor: 1e-9})
		at, q := c.newPoint(p), c.newPoint(p)
		c.evaluate(at)
		c.hessian(at, false)
		const h = 1e-6
		jac := make([][]float64, c.dim)
		for j := range jac {
			jac[j] = make([]float64, len(d.Y))
			for _, sign := range []float64{1, -1} {
				copy(q.x, at.x)
				q.x[j] += sign * h
				c.evaluate(q)
				for i, r := range q.r {
					jac[j][i] -= sign * r / (2 * h)
				}
			}
		}
		for i := range c.dim {
			for j := range i + 1 {
				want := dot(jac[i], jac[j]) / at.lambda
				if i == j && i < c.smooth {
					want += c.precision[i]
				}
				if got := c.h[i*c.dim+j]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("growth %v, element %d, %d: %v, want %v", growth, i, j, got, want)
				}
			}
		}
	}
}

// bend agrees with the straight step to first order.
func TestBendIsTangent(t *testing.T) {
	for _, growth := range []posterior.Growth{posterior.Linear, posterior.Flat, posterior.Logistic} {
		rng := rand.New(rand.NewPCG(8, uint64(growth)))
		d, p := smallCurve(rng, growth)
		c := newCurve(d, Options{SigmaFloor: 1e-9})
		at, trial := c.newPoint(p), c.newPoint(p)
		c.evaluate(at)
		dir := make([]float64, c.dim)
		for j := range dir {
			dir[j] = rng.NormFloat64()
			if growth == posterior.Flat && j == 0 {
				dir[j] = 0
			}
		}
		off := func(h float64) (largest float64) {
			for j, v := range dir {
				c.dx[j] = h * v
				trial.x[j] = at.x[j] + h*v
			}
			c.bend(at, trial)
			for j, v := range dir {
				largest = max(largest, math.Abs(trial.x[j]-at.x[j]-h*v))
			}
			return largest
		}
		const h = 0.01
		if off(h); growth == posterior.Logistic {
			k, m := at.x[0], at.x[1]
			if want := k*m + h*(k*dir[1]+m*dir[0]); math.Abs(trial.x[0]*trial.x[1]-want) > 1e-12 {
				t.Errorf("k·m is %v, want its straight step %v", trial.x[0]*trial.x[1], want)
			}
		}
		a, b := off(h), off(h/4)
		if a == 0 || b > a/10 {
			t.Errorf("growth %v: deviations %v at %v, %v at %v", growth, a, h, b, h/4)
		}
	}
}

func TestFreeLevel(t *testing.T) {
	week := func(keep func(day int) bool, order int) *posterior.Data {
		d := &posterior.Data{Tau: 0.05}
		d.X = make([][]float64, 2*order)
		for day := range 600 {
			if !keep(day) {
				continue
			}
			d.T, d.Y = append(d.T, float64(day)/600), append(d.Y, 1)
			for k := range order {
				sin, cos := math.Sincos(2 * math.Pi * float64((k+1)*day) / 7)
				d.X[2*k], d.X[2*k+1] = append(d.X[2*k], sin), append(d.X[2*k+1], cos)
			}
		}
		for range d.X {
			d.Prior, d.Multiplicative = append(d.Prior, 10), append(d.Multiplicative, true)
		}
		return d
	}
	for name, c := range map[string]struct {
		keep  func(int) bool
		order int
		want  bool
	}{
		"every day":           {func(int) bool { return true }, 3, false},
		"weekdays":            {func(day int) bool { return day%7 < 5 }, 3, true},
		"six days":            {func(day int) bool { return day%7 < 6 }, 3, true},
		"five days, order 2":  {func(day int) bool { return day%7 < 5 }, 2, false},
		"one Saturday":        {func(day int) bool { return day%7 < 5 || day == 5 }, 3, true},
		"one of each weekend": {func(day int) bool { return day%7 < 5 || day == 5 || day == 13 }, 3, false},
	} {
		d := week(c.keep, c.order)
		for _, growth := range []posterior.Growth{posterior.Linear, posterior.Logistic} {
			d.Growth, d.Cap = growth, d.Y
			if got := newCurve(d, Options{}).freeLevel(); got != c.want {
				t.Errorf("%s, growth %v: %v, want %v", name, growth, got, c.want)
			}
		}
		for j := range d.Multiplicative {
			d.Multiplicative[j] = false
		}
		if newCurve(d, Options{}).freeLevel() {
			t.Errorf("%s: additive effects free the level", name)
		}
	}
}

// The start from the additive optimum explains the data nearly as well as that
// does: effects are shares of the trend, not amounts.
func TestAdditiveStart(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	d := &posterior.Data{Tau: 0.05, X: make([][]float64, 1), Multiplicative: []bool{true}, Prior: []float64{10}, Changepoints: []float64{0.5}}
	for i := range 200 {
		at, wave := float64(i)/199, math.Sin(2*math.Pi*float64(i)/7)
		d.T, d.X[0] = append(d.T, at), append(d.X[0], wave)
		d.Y = append(d.Y, (0.2+0.1*at)*(1+0.3*wave)+0.01*rng.NormFloat64())
		d.Cap = append(d.Cap, 2)
	}
	for _, growth := range []posterior.Growth{posterior.Linear, posterior.Logistic} {
		d.Growth = growth
		o := Options{}.withDefaults()
		start := complete(d, posterior.Params{K: 0.5, M: 0.2, Sigma: 1})
		p, ok := newCurve(d, o).additiveStart(start, o)
		if !ok || math.Abs(p.Beta[0]-0.3) > 0.03 || d.RSS(&p) > 2*200*1e-4 {
			t.Errorf("growth %v: %v, effect %v, sum of squares %v", growth, ok, p.Beta[0], d.RSS(&p))
		}
	}
}

func TestViolation(t *testing.T) {
	for _, c := range []struct{ grad, v, want float64 }{
		{-20, 0.1, 0},
		{-21, 0.1, 1},
		{20, 0.1, 40},
		{20, -0.1, 0},
		{-20, -0.1, 40},
		{0, 0, 0},
		{19, 0, 0},
		{-19, 0, 0},
		{23, 0, 3},
		{-23, 0, 3},
	} {
		if got := violation(c.grad, c.v, 20); got != c.want {
			t.Errorf("gradient %v at %v: %v, want %v", c.grad, c.v, got, c.want)
		}
	}
}
