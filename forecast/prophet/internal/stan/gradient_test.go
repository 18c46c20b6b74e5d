package stan

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// random is a small problem with every kind of column, and a point that is
// away from the kinks.
func random(r *rand.Rand, growth posterior.Growth) (*posterior.Data, posterior.Params) {
	const n = 40
	d := &posterior.Data{
		Growth: growth, Tau: 0.05, Changepoints: []float64{0, 0.2, 0.45, 0.7},
		Multiplicative: []bool{true, false, true, false}, Prior: []float64{10, 0.5, 2, 10},
		X: make([][]float64, 4),
	}
	p := posterior.Params{K: r.NormFloat64(), M: r.NormFloat64(), Sigma: 0.1 + r.Float64()}
	for i := range n {
		d.T = append(d.T, float64(i)/(n-1))
		d.Y = append(d.Y, r.NormFloat64())
		d.Cap = append(d.Cap, 1+r.Float64())
		for j := range d.X {
			d.X[j] = append(d.X[j], r.NormFloat64())
		}
	}
	for range d.Changepoints {
		p.Delta = append(p.Delta, 0.1+r.Float64()) // the logistic offsets divide by the rates
	}
	p.K = 0.5 + math.Abs(p.K)
	for range d.X {
		p.Beta = append(p.Beta, r.NormFloat64())
	}
	return d, p
}

func TestObjective(t *testing.T) {
	for name, growth := range map[string]posterior.Growth{
		"linear": posterior.Linear, "flat": posterior.Flat, "logistic": posterior.Logistic,
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for range 20 {
				d, p := random(r, growth)
				o := newObjective(d)
				x := o.pack(&p)
				grad, scratch := make([]float64, len(x)), make([]float64, len(x))
				f, ok := o.eval(x, grad)
				if want := -d.LogPosterior(&p); !ok || math.Abs(f-want) > 1e-10*math.Abs(want) {
					t.Fatalf("value %v, %v; want %v", f, ok, want)
				}
				for j := range x {
					const h = 1e-5
					at := x[j]
					x[j] = at + h
					up, _ := o.eval(x, scratch)
					x[j] = at - h
					down, _ := o.eval(x, scratch)
					x[j] = at
					if want := (up - down) / (2 * h); math.Abs(grad[j]-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("derivative %d: got %v, want %v", j, grad[j], want)
					}
				}
				q := o.unpack(x)
				if again := o.pack(&q); again[2+len(q.Delta)] != math.Log(q.Sigma) || q.K != p.K || q.Beta[3] != p.Beta[3] {
					t.Error("unpack is not the inverse of pack")
				}
			}
		})
	}
}

func TestObjectiveRefuses(t *testing.T) {
	d, p := random(rand.New(rand.NewPCG(3, 4)), posterior.Linear)
	o := newObjective(d)
	grad := make([]float64, o.dim())
	for name, sigma := range map[string]float64{"zero": 0, "infinite": math.Inf(1), "NaN": math.NaN()} {
		p.Sigma = sigma
		if _, ok := o.eval(o.pack(&p), grad); ok {
			t.Errorf("sigma %s is accepted", name)
		}
	}
	p.Sigma, p.K = 1, 1e200
	if _, ok := o.eval(o.pack(&p), grad); ok {
		t.Error("an infinite density is accepted")
	}
}

// The cubic 2 − 3s + s³ has its minimum at s = 1.
func TestCubics(t *testing.T) {
	value := func(s float64) float64 { return 2 - 3*s + s*s*s }
	slope := func(s float64) float64 { return -3 + 3*s*s }
	low, high := end{0.5, value(0.5), slope(0.5)}, end{1.75, value(1.75), slope(1.75)}
	if got := cubicStep(low, high); math.Abs(got-1) > 1e-12 {
		t.Errorf("cubicStep = %v, want 1", got)
	}
	if got := cubicStep(high, low); math.Abs(got-1) > 1e-12 {
		t.Errorf("cubicStep = %v with the ends exchanged, want 1", got)
	}
	for name, c := range map[string]struct{ lo, hi, want float64 }{
		"inside": {0.1, 3, 1}, "left end": {1.2, 3, 1.2}, "right end": {0.1, 0.7, 0.7},
	} {
		if got := cubicMinimum(slope(0), 1.5, value(1.5)-value(0), slope(1.5), c.lo, c.hi); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: cubicMinimum = %v, want %v", name, got, c.want)
		}
	}
}
