package exact_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
	"github.com/skucast/skucast/forecast/prophet/internal/stan"
)

// bents are 72 series with multiplicative or mixed effects, 8 of them with a
// flat trend and 9 without weekends, and 36 with a logistic trend.
func bents() []bent {
	var out []bent
	rows := []int{60, 90, 120, 200, 365, 500, 731, 1100, 1913}
	for i := range 72 {
		b := bent{rows: rows[i%len(rows)], seed: uint64(i), mixed: i%3 == 1, weekdays: i%8 == 7}
		if i%10 == 4 {
			b.growth = posterior.Flat
		}
		out = append(out, b)
	}
	for i := range 36 {
		out = append(out, bent{
			rows: rows[i%len(rows)], seed: uint64(100 + i), growth: posterior.Logistic,
			additive: i%2 == 0, mixed: i%4 == 1, weekdays: i%8 == 7,
		})
	}
	return out
}

// Never below Stan's optimisers from the same start, and stationary to the
// tolerance, within few steps.
func TestCurvedAgainstStan(t *testing.T) {
	most, gain := 0, math.Inf(1)
	for _, b := range bents() {
		d, start := b.series()
		p, cert, err := exact.Fit(d, start, exact.Options{})
		if err != nil || !(cert.KKT <= 1e-7) || !math.IsNaN(cert.Gap) || cert.SigmaFloored {
			t.Errorf("%+v: %+v, %v", b, cert, err)
		}
		if got := d.LogPosterior(&p); got != cert.LogPosterior {
			t.Errorf("%+v: reported %v, is %v", b, cert.LogPosterior, got)
		}
		algorithms := []stan.Algorithm{stan.LBFGS}
		if b.rows <= 120 { // the others would take minutes
			algorithms = append(algorithms, stan.Newton)
		}
		for _, a := range algorithms {
			_, rep, err := stan.Fit(d, start, a)
			if err != nil && !errors.Is(err, stan.ErrLineSearch) {
				t.Fatal(err)
			}
			if cert.LogPosterior < rep.LogPosterior-1e-9*math.Abs(rep.LogPosterior) {
				t.Errorf("%+v: %v, Stan's %v %v", b, cert.LogPosterior, a, rep.LogPosterior)
			}
			gain = min(gain, cert.LogPosterior-rep.LogPosterior)
		}
		most = max(most, cert.Iterations)
	}
	t.Logf("at most %d steps; least gain over Stan %.3g nats", most, gain)
	if most > 80 {
		t.Errorf("%d steps", most)
	}
}

// A stationary point: no parameter, and no pair of them, can be moved either
// way for a better density. It is judged by the density alone.
func TestCurvedIsLocallyOptimal(t *testing.T) {
	for _, b := range []bent{
		{rows: 120, seed: 1},
		{rows: 120, seed: 2, mixed: true},
		{rows: 90, seed: 3, growth: posterior.Flat},
		{rows: 120, seed: 4, growth: posterior.Logistic},
		{rows: 150, seed: 5, growth: posterior.Logistic, additive: true},
		{rows: 120, seed: 6, weekdays: true},
	} {
		d, start := b.series()
		p, cert, err := exact.Fit(d, start, exact.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(b.seed, 3))
		for range 2000 {
			q := p.Clone()
			step := math.Pow(10, -2-4*rng.Float64()) * float64(1-2*rng.IntN(2))
			for range 1 + rng.IntN(2) {
				switch at := rng.IntN(3 + len(q.Delta) + len(q.Beta)); {
				case at == 0:
					q.K += step
				case at == 1:
					q.M += step
				case at == 2:
					q.Sigma *= 1 + step
				case at < 3+len(q.Delta):
					q.Delta[at-3] += step
				default:
					q.Beta[at-3-len(q.Delta)] += step
				}
			}
			if lp := d.LogPosterior(&q); lp > cert.LogPosterior+1e-9 {
				t.Fatalf("%+v: %v is above %v", b, lp, cert.LogPosterior)
			}
		}
	}
}

// The certificate against the conditions written out: gradients from a
// Jacobian by central differences, which are exact for a bilinear mean.
func TestCurvedCertificate(t *testing.T) {
	for _, b := range []bent{
		{rows: 365, seed: 3},
		{rows: 500, seed: 11, mixed: true},
		{rows: 200, seed: 4, weekdays: true},
	} {
		d, start := b.series()
		p, cert, err := exact.Fit(d, start, exact.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n, lambda := len(d.Y), p.Sigma*p.Sigma
		up, down, mean := make([]float64, n), make([]float64, n), make([]float64, n)
		d.MeanTo(mean, &p)
		// slope is the derivative of the likelihood's part of the objective.
		slope := func(at func(q *posterior.Params) *float64) (g float64) {
			const h = 1e-3
			q := p.Clone()
			*at(&q) += h
			d.MeanTo(up, &q)
			*at(&q) -= 2 * h
			d.MeanTo(down, &q)
			for i, y := range d.Y {
				g -= (y - mean[i]) * (up[i] - down[i]) / (2 * h)
			}
			return g / lambda
		}
		kkt := math.Abs(slope(func(q *posterior.Params) *float64 { return &q.K }) + p.K/25)
		kkt = max(kkt, math.Abs(slope(func(q *posterior.Params) *float64 { return &q.M })+p.M/25))
		for j, v := range p.Beta {
			kkt = max(kkt, math.Abs(slope(func(q *posterior.Params) *float64 { return &q.Beta[j] })+v/(d.Prior[j]*d.Prior[j])))
		}
		zeros := 0
		for j, v := range p.Delta {
			g := slope(func(q *posterior.Params) *float64 { return &q.Delta[j] })
			switch {
			case v > 0:
				kkt = max(kkt, math.Abs(g+1/d.Tau))
			case v < 0:
				kkt = max(kkt, math.Abs(g-1/d.Tau))
			default:
				kkt = max(kkt, math.Abs(g)-1/d.Tau)
				zeros++
			}
		}
		rss := d.RSS(&p)
		kkt = max(kkt, math.Abs(float64(n)/p.Sigma-rss/(lambda*p.Sigma)+4*p.Sigma))
		if kkt > 1e-6 || math.Abs(kkt-cert.KKT) > 5e-7 {
			t.Errorf("%+v: the conditions are violated by %v, certified %v", b, kkt, cert.KKT)
		}
		if zeros < 5 || zeros == len(p.Delta) {
			t.Errorf("%+v: %d changes of %d are zero", b, zeros, len(p.Delta))
		}
	}
}

// Restarts from random points: the problem may have several stationary points,
// but the one returned is the highest on at least 95 series of 100.
func TestCurvedRestarts(t *testing.T) {
	rows := []int{45, 60, 90, 150, 240}
	above, failed := 0, 0
	const count = 100
	for i := range count {
		b := bent{rows: rows[i%len(rows)], seed: uint64(500 + i), mixed: i%3 == 1, weekdays: i%8 == 7}
		if i%4 == 3 {
			b.growth, b.additive = posterior.Logistic, i%8 == 3
		}
		d, start := b.series()
		_, cert, err := exact.Fit(d, start, exact.Options{})
		if err != nil {
			t.Fatalf("%+v: %v", b, err)
		}
		rng := rand.New(rand.NewPCG(b.seed, 4))
		best := cert.LogPosterior
		for range 4 {
			s := start.Clone()
			s.K += rng.NormFloat64()
			s.M += 0.3 * rng.NormFloat64()
			s.Sigma = math.Exp(3 * rng.NormFloat64())
			for j := range s.Delta {
				if rng.Float64() < 0.2 {
					s.Delta[j] = 0.3 * rng.NormFloat64()
				}
			}
			for j := range s.Beta {
				s.Beta[j] = 0.1 * rng.NormFloat64()
			}
			_, again, err := exact.Fit(d, s, exact.Options{})
			if err != nil {
				failed++
			}
			best = max(best, again.LogPosterior)
		}
		if best > cert.LogPosterior+1e-6 {
			above++
		}
	}
	t.Logf("a restart ended higher on %d of %d series; %d of %d restarts did not converge", above, count, failed, 4*count)
	if above > count/20 || failed > count/25 {
		t.Errorf("a restart ended higher on %d of %d series; %d restarts did not converge", above, count, failed)
	}
}

// The first σ has no part in the result, and equal input gives equal bits.
func TestCurvedIsDetermined(t *testing.T) {
	d, start := bent{rows: 300, seed: 3, mixed: true}.series()
	first, cert, err := exact.Fit(d, start, exact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := start.Clone()
	for _, sigma := range []float64{1, 0.05, 0.005, 0, math.NaN()} {
		start.Sigma = sigma
		p, _, err := exact.Fit(d, start, exact.Options{})
		if err != nil || !reflect.DeepEqual(p, first) {
			t.Errorf("σ = %v: %v, %+v, %+v", sigma, err, p, first)
		}
	}
	if !reflect.DeepEqual(start.Beta, before.Beta) || !reflect.DeepEqual(start.Delta, before.Delta) {
		t.Error("the start was changed")
	}
	p, again, err := exact.Fit(d, first, exact.Options{})
	if err != nil || again.Iterations != 0 || !reflect.DeepEqual(p.Beta, first.Beta) || again.LogPosterior != cert.LogPosterior {
		t.Errorf("from the optimum: %+v, %v", again, err)
	}
}

func TestCurvedUnusual(t *testing.T) {
	edit := func(b bent, f func(*posterior.Data)) *posterior.Data {
		d, _ := b.series()
		f(d)
		return d
	}
	plain := bent{rows: 200, seed: 8}
	for name, c := range map[string]struct {
		d       *posterior.Data
		floored bool
	}{
		"no changepoints":         {d: edit(plain, func(d *posterior.Data) { d.Changepoints = nil })},
		"one at 0, as in Prophet": {d: edit(plain, func(d *posterior.Data) { d.Changepoints = []float64{0} })},
		"equal changepoints":      {d: edit(plain, func(d *posterior.Data) { d.Changepoints = []float64{0.3, 0.5, 0.5, 0.5, 0.7} })},
		"equal changepoints at a bend": {d: edit(plain, func(d *posterior.Data) {
			d.Changepoints = []float64{0.2, 0.5, 0.5, 0.5, 0.5, 0.7}
			for i, at := range d.T {
				d.Y[i] += max(0, at-0.5)
			}
		})},
		"beyond the data":  {d: edit(plain, func(d *posterior.Data) { d.Changepoints = []float64{-1, 0.5, 1, 2} })},
		"between two rows": {d: edit(plain, func(d *posterior.Data) { d.Changepoints = []float64{0.5001, 0.5002, 0.5003} })},
		"zero column":      {d: edit(plain, func(d *posterior.Data) { clear(d.X[2]) })},
		"equal columns":    {d: edit(plain, func(d *posterior.Data) { d.X[3] = d.X[2] })},
		"constant column": {d: edit(plain, func(d *posterior.Data) {
			for i := range d.X[0] {
				d.X[0][i] = 1
			}
		})},
		"large column": {d: edit(plain, func(d *posterior.Data) {
			for i := range d.X[0] {
				d.X[0][i] *= 1e4
			}
		})},
		"narrow priors": {d: edit(plain, func(d *posterior.Data) { d.Tau, d.Prior[0], d.Prior[3] = 1e-4, 1e-5, 1e-5 })},
		"wide priors":   {d: edit(plain, func(d *posterior.Data) { d.Tau, d.Prior[0], d.Prior[3] = 10, 1e4, 1e4 })},
		"repeated times": {d: edit(plain, func(d *posterior.Data) {
			for i := range d.T {
				d.T[i] = d.T[i/2*2]
			}
		})},
		"negative values": {d: edit(plain, func(d *posterior.Data) {
			for i := range d.Y {
				d.Y[i] = -d.Y[i]
			}
		})},
		"around zero": {d: edit(plain, func(d *posterior.Data) {
			for i := range d.Y {
				d.Y[i] -= 0.5
			}
		})},
		"all zero":              {d: edit(plain, func(d *posterior.Data) { clear(d.Y) }), floored: true},
		"two rows":              {d: edit(bent{rows: 2, seed: 2}, func(*posterior.Data) {}), floored: true},
		"fewer rows than terms": {d: edit(bent{rows: 7, seed: 2}, func(*posterior.Data) {}), floored: true},
		"logistic, one changepoint": {d: edit(bent{rows: 150, seed: 2, growth: posterior.Logistic}, func(d *posterior.Data) {
			d.Changepoints = []float64{0}
		})},
		"logistic above its capacity": {d: edit(bent{rows: 150, seed: 2, growth: posterior.Logistic, additive: true}, func(d *posterior.Data) {
			for i := range d.Cap {
				d.Cap[i] = 0.4
			}
		})},
		"logistic with moving capacity": {d: edit(bent{rows: 150, seed: 2, growth: posterior.Logistic}, func(d *posterior.Data) {
			for i := range d.Cap {
				d.Cap[i] += d.T[i]
			}
		})},
		"logistic, falling": {d: edit(bent{rows: 150, seed: 2, growth: posterior.Logistic}, func(d *posterior.Data) {
			for i := range d.Y {
				d.Y[i] = 1 - d.Y[i]
			}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			begin := prophetStart(c.d)
			p, cert, err := exact.Fit(c.d, begin, exact.Options{SigmaFloor: 1e-5})
			if err != nil || !finite(p) {
				t.Fatalf("%+v, %+v, %v", p, cert, err)
			}
			if cert.SigmaFloored != c.floored || c.floored && p.Sigma != 1e-5 {
				t.Errorf("floored %v, σ %v", cert.SigmaFloored, p.Sigma)
			}
			if !c.floored && cert.KKT > 1e-6 {
				t.Errorf("conditions violated by %v", cert.KKT)
			}
			begin.Sigma = p.Sigma
			if cert.LogPosterior < c.d.LogPosterior(&begin) {
				t.Errorf("%v is below the start, %v", cert.LogPosterior, c.d.LogPosterior(&begin))
			}
		})
	}
}

func finite(p posterior.Params) bool {
	sum := p.K + p.M + p.Sigma
	for _, v := range append(append([]float64(nil), p.Delta...), p.Beta...) {
		sum += v
	}
	return sum-sum == 0 && p.Sigma > 0
}

func TestCurvedErrors(t *testing.T) {
	d, start := bent{rows: 100, seed: 5}.series()
	if _, cert, err := exact.Fit(d, start, exact.Options{MaxIterations: 1}); !errors.Is(err, exact.ErrNotConverged) || cert.KKT < 1e-6 {
		t.Errorf("one step: %+v, %v", cert, err)
	}
	lost := start.Clone()
	lost.K = math.NaN()
	if _, _, err := exact.Fit(d, lost, exact.Options{}); err != nil {
		t.Errorf("a start that is not finite is not replaced: %v", err)
	}
	for i := range d.X[0] {
		d.X[0][i] *= 1e200
	}
	start.Beta[0] = 1e200
	if _, _, err := exact.Fit(d, start, exact.Options{}); !errors.Is(err, exact.ErrNotConverged) {
		t.Errorf("squares out of range: %v", err)
	}
	d.Y[3] = math.Inf(1)
	if _, _, err := exact.Fit(d, start, exact.Options{}); !errors.Is(err, exact.ErrData) {
		t.Errorf("infinite value: %v", err)
	}
}

// FuzzCurved: whatever the numbers, there is no panic, a result is finite, and
// it is not below the start.
func FuzzCurved(f *testing.F) {
	for _, b := range []bent{{rows: 12, seed: 1}, {rows: 12, seed: 2, growth: posterior.Logistic}} {
		d, _ := b.series()
		var raw []byte
		for i := range d.Y {
			raw = append(raw, byte(200*d.Y[i]), byte(10*i))
		}
		f.Add(raw, byte(b.growth), byte(0b0110), byte(3))
	}
	f.Add([]byte{0, 0, 0, 255, 7, 1, 9, 2, 3, 3}, byte(posterior.Logistic), byte(0b1010), byte(5))
	f.Fuzz(func(t *testing.T, raw []byte, growth, modes, changes byte) {
		n := min(len(raw)/2, 40)
		if n < 2 {
			return
		}
		if growth%3 != byte(posterior.Logistic) {
			modes |= 1 // at least one effect multiplies
		}
		d := &posterior.Data{Growth: posterior.Growth(growth % 3), Tau: 0.01 + float64(changes)/100}
		at := 0.0
		for i := range n {
			at += float64(raw[2*i+1]%16) / 16
			d.T, d.Y = append(d.T, at), append(d.Y, float64(raw[2*i])/200-0.2)
			d.Cap = append(d.Cap, 0.3+float64(raw[2*i+1]/16)/8)
		}
		if at == 0 {
			return
		}
		for i := range d.T {
			d.T[i] /= at
		}
		for j := range changes % 8 {
			d.Changepoints = append(d.Changepoints, float64(j)/8)
		}
		for j := range 4 {
			col := make([]float64, n)
			for i := range col {
				col[i] = math.Sin(float64((i + 1) * (j + 1)))
				if modes&(16<<j) != 0 {
					col[i] = float64(raw[(i+j)%len(raw)]) / 16
				}
			}
			d.X, d.Prior = append(d.X, col), append(d.Prior, math.Exp(float64(j)-2))
			d.Multiplicative = append(d.Multiplicative, modes&(1<<j) != 0)
		}
		begin := prophetStart(d)
		p, cert, err := exact.Fit(d, begin, exact.Options{SigmaFloor: 1e-5})
		if err != nil && !errors.Is(err, exact.ErrNotConverged) {
			t.Fatal(err)
		}
		// Nearer to interpolation the residuals themselves are rounding.
		if !finite(p) || err == nil && p.Sigma > 1e-3 && cert.KKT > 1e-6 {
			t.Fatalf("%+v, %+v, %v", p, cert, err)
		}
		begin.Sigma = p.Sigma
		if from := d.LogPosterior(&begin); cert.LogPosterior < from-1e-9*math.Abs(from) {
			t.Fatalf("%v is below the start, %v", cert.LogPosterior, from)
		}
	})
}

func BenchmarkCurved(b *testing.B) {
	for _, c := range []struct {
		name string
		bent bent
	}{
		{"multiplicative/T=365", bent{rows: 365, seed: 8}},
		{"multiplicative/T=1913", bent{rows: 1913, seed: 8}},
		{"mixed/T=1913", bent{rows: 1913, seed: 9, mixed: true}},
		{"weekdays/T=1913", bent{rows: 1913, seed: 71, weekdays: true}},
		{"logistic/T=1913", bent{rows: 1913, seed: 10, growth: posterior.Logistic, additive: true}},
		{"logistic multiplicative/T=1913", bent{rows: 1913, seed: 11, growth: posterior.Logistic}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, start := c.bent.series()
			b.ReportAllocs()
			var steps int
			for b.Loop() {
				_, cert, err := exact.Fit(d, start, exact.Options{})
				if err != nil {
					b.Fatal(err)
				}
				steps = cert.Iterations
			}
			b.ReportMetric(float64(steps), "steps")
		})
	}
}
