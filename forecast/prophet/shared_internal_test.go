package prophet

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// certified points, beside the rows they are about.
type certifiedPoint struct {
	d *posterior.Data
	c certifier
}

// params are the parameters in θ.
func (x *certifiedPoint) params(theta []float64) posterior.Params {
	s := len(x.d.Changepoints)
	return posterior.Params{K: theta[0], M: theta[1], Sigma: x.c.sigma, Delta: theta[2 : 2+s], Beta: theta[2+s:]}
}

// at computes what the rows say about a point.
func (x *certifiedPoint) at(theta []float64) {
	x.c.theta = theta
	p := x.params(theta)
	x.c.rss = x.d.RSS(&p)
	mu := make([]float64, len(x.d.T))
	x.d.MeanTo(mu, &p)
	x.c.g = make([]float64, len(theta))
	for i, y := range x.d.Y {
		r, t := y-mu[i], x.d.T[i]
		x.c.g[0] += t * r
		x.c.g[1] += r
		for j, s := range x.d.Changepoints {
			x.c.g[2+j] += math.Max(0, t-s) * r
		}
		for j, col := range x.d.X {
			x.c.g[2+len(x.d.Changepoints)+j] += col[i] * r
		}
	}
}

// TestCertifier holds the certificate of any point against the log posterior:
// its value, its slopes, and how far the optimum is above it.
func TestCertifier(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &Fitted{Model: Model{Weekly: On, Yearly: Off, NChangepoints: 4}.WithDefaults()}
	for i := range 90 {
		f.History.Time = append(f.History.Time, time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC))
		f.History.Y = append(f.History.Y, 1+0.3*rng.NormFloat64())
	}
	f, err := prepare(f.Model, f.History)
	if err != nil {
		t.Fatal(err)
	}
	d := f.data()
	best, _, err := exact.Fit(d, initial(d), exact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	optimum := append([]float64{best.K, best.M}, append(best.Delta, best.Beta...)...)
	problem := exact.Gram{Changes: 4, Prior: d.Prior, Tau: d.Tau}
	for trial := range 40 {
		x := &certifiedPoint{d: d, c: certifier{problem: &problem, lead: 2, rows: 90, sigma: best.Sigma}}
		theta := append([]float64(nil), optimum...)
		for j := range theta {
			if rng.IntN(3) == 0 {
				theta[j] += 0.1 * rng.NormFloat64()
			}
		}
		if trial%2 == 0 { // zero changes have their own condition
			clear(theta[2:6])
		}
		x.at(theta)
		p := x.params(theta)
		if got, want := x.c.logPosterior(), d.LogPosterior(&p); math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Fatalf("log posterior %v, want %v", got, want)
		}

		// The steepest way up in any one parameter.
		value, steepest := d.LogPosterior(&p), 0.0
		for j := range theta {
			const h = 1e-7
			for _, step := range []float64{-h, h} {
				moved := append([]float64(nil), theta...)
				moved[j] += step
				q := x.params(moved)
				up := (d.LogPosterior(&q) - value) / h
				if j >= 2 && j < 6 && theta[j] != 0 || j < 2 || j >= 6 {
					up = math.Abs(up)
				}
				steepest = math.Max(steepest, up)
			}
		}
		if got := x.c.kkt(); math.Abs(got-steepest) > 1e-3*steepest+1e-2 {
			t.Errorf("trial %d: violation %v, slope %v", trial, got, steepest)
		}
		top := x.params(optimum)
		if loss := d.LogPosterior(&top) - value; x.c.gap() < loss-1e-9 {
			t.Errorf("trial %d: gap %v, but the optimum is %v higher", trial, x.c.gap(), loss)
		}
	}
	x := &certifiedPoint{d: d, c: certifier{problem: &problem, lead: 2, rows: 90, sigma: best.Sigma}}
	x.at(optimum)
	if x.c.gap() > 1e-9 || x.c.kkt() > 1e-6 || math.Abs(noise(x.c.rss, 90)-best.Sigma) > 1e-9 {
		t.Errorf("at the optimum: gap %v, violation %v, sigma %v of %v", x.c.gap(), x.c.kkt(), noise(x.c.rss, 90), best.Sigma)
	}
}

// A change of rate that is not used must have a slope of at most 1/τ.
func TestCertifierOfUnusedChanges(t *testing.T) {
	for _, c := range []struct{ g, want float64 }{{0, 0}, {20, 0}, {-20, 0}, {23, 3}, {-24, 4}} {
		x := certifier{
			problem: &exact.Gram{Changes: 1, Tau: 0.05}, lead: 2,
			theta: make([]float64, 3), g: []float64{0, 0, 4 * c.g}, sigma: 2,
		}
		if got := x.kkt(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("slope %v: violation %v, want %v", c.g, got, c.want)
		}
	}
}
