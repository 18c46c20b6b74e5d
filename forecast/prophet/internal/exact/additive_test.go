package exact_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
	"github.com/skucast/skucast/forecast/prophet/internal/stan"
)

// TestRetail: the maximum of 120 generated series is certified, does not depend
// on where the search starts, and is not below what Stan's optimisers reach.
func TestRetail(t *testing.T) {
	for number := range 120 {
		d := retail(number)
		p, c, err := exact.Fit(d, start(d), exact.Options{})
		if err != nil {
			t.Errorf("series %d (%d rows): %v, %+v", number, len(d.Y), err, c)
			continue
		}
		if kkt, _ := evidence(d, &p, c.SigmaFloored); !(kkt <= 1e-6) || !(c.KKT <= 1e-6) || !(c.Gap <= 1e-9*math.Abs(c.LogPosterior)) {
			t.Errorf("series %d: violation %v, certificate %+v", number, kkt, c)
		}
		if lp := d.LogPosterior(&p); lp != c.LogPosterior {
			t.Errorf("series %d: log posterior %v, certificate %v", number, lp, c.LogPosterior)
		}
		algorithms := []stan.Algorithm{stan.LBFGS}
		if len(d.Y) <= 200 {
			algorithms = append(algorithms, stan.Newton)
		}
		for _, a := range algorithms {
			_, rep, _ := stan.Fit(d, start(d), a)
			if !(c.LogPosterior >= rep.LogPosterior-1e-9*math.Abs(rep.LogPosterior)) {
				t.Errorf("series %d: %v below Stan's %v %v", number, c.LogPosterior, a, rep.LogPosterior)
			}
		}
		for _, sigma := range []float64{0.05, 0.005} {
			from := start(d)
			from.Sigma = sigma
			q, other, err := exact.Fit(d, from, exact.Options{})
			if err != nil || !(math.Abs(other.LogPosterior-c.LogPosterior) <= 1e-8*math.Abs(c.LogPosterior)) || !(math.Abs(q.Sigma-p.Sigma) <= 1e-8*p.Sigma) {
				t.Errorf("series %d from sigma %v: %v, log posterior %v and sigma %v, want %v and %v", number, sigma, err, other.LogPosterior, q.Sigma, c.LogPosterior, p.Sigma)
			}
		}
	}
}

// noise is a seeded series of n values.
func noise(n int, level, sd float64) []float64 {
	rng := rand.New(rand.NewPCG(uint64(n), math.Float64bits(level)))
	y := make([]float64, n)
	for i := range y {
		y[i] = level + sd*rng.NormFloat64()
	}
	return y
}

func scaled(x []float64, by float64) []float64 {
	for i := range x {
		x[i] *= by
	}
	return x
}

// TestDesigns: designs and scales that are anything but retail's. Every fit is
// certified to within what rounding leaves to certify.
func TestDesigns(t *testing.T) {
	daily := func(n int, level float64, change func(d *posterior.Data)) *posterior.Data {
		d := shop(noise(n, level, 1), nil)
		if change != nil {
			change(d)
		}
		if len(d.Prior) != len(d.X) {
			finish(d)
		}
		return d
	}
	near := func(by float64) func(d *posterior.Data) {
		return func(d *posterior.Data) {
			x := scaled(noise(len(d.T), 0, 1), by)
			for i, v := range d.X[0] {
				x[i] += v
			}
			d.X = append(d.X, x)
		}
	}
	column := func(by float64) func(d *posterior.Data) {
		return func(d *posterior.Data) { d.X = append(d.X, scaled(noise(len(d.T), 1, 1), by)) }
	}
	flat := func(d *posterior.Data) { d.Growth = posterior.Flat }
	for name, c := range map[string]struct {
		d     *posterior.Data
		nulls int
	}{
		"plain":                {daily(400, 10, nil), 0},
		"two years":            {daily(900, 10, nil), 0},
		"level 1e3":            {daily(400, 1e3, nil), 0},
		"level 1e5":            {daily(900, 1e5, nil), 0},
		"level 1e7":            {daily(900, 1e7, nil), 0},
		"zero and equal":       {daily(400, 10, func(d *posterior.Data) { d.X = append(d.X, make([]float64, 400), d.X[0], d.X[1]) }), 3},
		"nearly equal, 1e-2":   {daily(400, 10, near(1e-2)), 0},
		"nearly equal, 1e-4":   {daily(400, 10, near(1e-4)), 0},
		"nearly equal, 1e-6":   {daily(400, 10, near(1e-6)), 1},
		"nearly equal, 1e-9":   {daily(400, 10, near(1e-9)), 1},
		"tiny column":          {daily(400, 10, column(1e-8)), 0},
		"small column":         {daily(400, 10, column(1e-3)), 0},
		"large column":         {daily(400, 10, column(1e4)), 0},
		"huge column":          {daily(400, 10, column(1e8)), 0},
		"tiny data":            {daily(400, 10, func(d *posterior.Data) { scaled(d.Y, 1e-4) }), 0},
		"large data":           {daily(400, 10, func(d *posterior.Data) { scaled(d.Y, 1e4) }), 0},
		"huge data":            {daily(400, 10, func(d *posterior.Data) { scaled(d.Y, 1e8) }), 0},
		"strong prior":         {daily(400, 10, func(d *posterior.Data) { scaled(d.Prior, 1e-4) }), 0},
		"weak prior":           {daily(400, 10, func(d *posterior.Data) { scaled(d.Prior, 1e6) }), 0},
		"rigid trend":          {daily(400, 10, func(d *posterior.Data) { d.Tau = 1e-9 }), 0},
		"loose trend":          {daily(400, 10, func(d *posterior.Data) { d.Tau = 100 }), 0},
		"free trend":           {daily(400, 10, func(d *posterior.Data) { d.Tau = math.Inf(1) }), 0},
		"equal changepoints":   {daily(200, 10, func(d *posterior.Data) { d.Changepoints[3], d.Changepoints[9] = d.Changepoints[4], d.Changepoints[8] }), 0},
		"no changepoints":      {daily(200, 10, func(d *posterior.Data) { d.Changepoints = []float64{0} }), 0},
		"changepoints outside": {daily(200, 10, func(d *posterior.Data) { d.Changepoints = []float64{-1, 0, 0.5, 1, 2} }), 0},
		"flat":                 {daily(200, 10, flat), 0},
		"no columns":           {daily(200, 10, func(d *posterior.Data) { d.X = nil }), 0},
		"flat, no columns":     {daily(200, 10, func(d *posterior.Data) { d.X, d.Growth = nil, posterior.Flat }), 0},
		"ten rows":             {daily(10, 10, nil), 0},
		"forty rows":           {daily(40, 10, nil), 0},
		"rows repeated":        {daily(200, 10, func(d *posterior.Data) { copy(d.T[50:], d.T[:50]); copy(d.T[:50], make([]float64, 50)) }), 0},
		"two clusters":         {clusters(), 5},
	} {
		t.Run(name, func(t *testing.T) {
			p, c1, err := exact.Fit(c.d, start(c.d), exact.Options{})
			if err != nil {
				t.Fatalf("%v, %+v", err, c1)
			}
			kkt, rounding := evidence(c.d, &p, c1.SigmaFloored)
			if !(kkt <= max(1e-6, rounding)) {
				t.Errorf("violation %v, certificate %+v", kkt, c1)
			}
			if c1.NullDirections != c.nulls || c1.SigmaFloored {
				t.Errorf("%+v, want %d null directions and no floor", c1, c.nulls)
			}
			if _, rep, err := stan.Fit(c.d, start(c.d), stan.LBFGS); err == nil && !(c1.LogPosterior >= rep.LogPosterior-1e-9*math.Abs(rep.LogPosterior)) {
				t.Errorf("%v below Stan's %v", c1.LogPosterior, rep.LogPosterior)
			}
		})
	}
}

// clusters are two stretches of 60 days, three years apart, with yearly terms:
// most of the year has never been seen, and what has been seen determines some
// combinations of the terms hardly, others not at all.
func clusters() *posterior.Data {
	const n = 120
	d := &posterior.Data{Y: noise(n, 0.6, 0.1), Tau: 0.05}
	days := make([]float64, n)
	for i := range days {
		days[i] = float64(i)
		if i >= n/2 {
			days[i] += 1096
		}
	}
	for _, day := range days {
		d.T = append(d.T, day/days[n-1])
	}
	d.Changepoints = changepoints(d.T, 25)
	all := append(waves(1300, 365.25, 10), waves(1300, 7, 3)...)
	for _, x := range all {
		col := make([]float64, n)
		for i, day := range days {
			col[i] = x[int(day)]
		}
		d.X = append(d.X, col)
	}
	finish(d)
	return d
}

// TestFloor: where the columns explain the data altogether σ ends at its floor,
// and the rest is the optimum there.
func TestFloor(t *testing.T) {
	hinge := shop(noise(200, 10, 1), nil)
	for i, at := range hinge.T {
		hinge.Y[i] = max(0, at-hinge.Changepoints[10]) - 0.3*at
	}
	constant := shop(noise(100, 10, 1), nil)
	for i := range constant.Y {
		constant.Y[i] = 1
	}
	zero := shop(noise(100, 10, 1), nil)
	clear(zero.Y)
	one := &posterior.Data{T: []float64{0}, Y: []float64{1}, Changepoints: []float64{0}, Tau: 0.05}
	for name, c := range map[string]struct {
		d     *posterior.Data
		floor float64
	}{
		"two rows":         {shop([]float64{3, 5}, nil), 1e-4},
		"three rows":       {shop([]float64{3, 5, 4}, nil), 1e-4},
		"three rows, low":  {shop([]float64{3, 5, 4}, nil), 0},
		"five rows":        {shop([]float64{3, 5, 4, 4, 1}, nil), 1e-4},
		"one row":          {one, 0},
		"a bent line":      {hinge, 1e-4},
		"a bent line, low": {hinge, 0},
		"constant":         {constant, 1e-5},
		"constant, low":    {constant, 0},
		"zero":             {zero, 1e-5},
		"above the data":   {shop(noise(200, 10, 1), nil), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			p, cert, err := exact.Fit(c.d, start(c.d), exact.Options{SigmaFloor: c.floor})
			if err != nil {
				t.Fatalf("%v, %+v", err, cert)
			}
			if floor := max(c.floor, 1e-9); !cert.SigmaFloored || math.Abs(p.Sigma-floor) > 1e-12*floor {
				t.Errorf("sigma %v, want the floor %v (%+v)", p.Sigma, floor, cert)
			}
			kkt, rounding := evidence(c.d, &p, true)
			if !(kkt <= max(1e-6, rounding)) {
				t.Errorf("violation %v, certificate %+v", kkt, cert)
			}
		})
	}
}

// TestHigherFloors: the log posterior at every larger σ is lower, by a
// profile over floors.
func TestHigherFloors(t *testing.T) {
	for number := range 10 {
		d := retail(6 * number)
		p, best, err := exact.Fit(d, start(d), exact.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []float64{0.5, 1.001, 1.1, 2, 10} {
			_, c, err := exact.Fit(d, start(d), exact.Options{SigmaFloor: by * p.Sigma})
			if err != nil || c.SigmaFloored != (by > 1) {
				t.Fatalf("series %d at %v times sigma: %v, %+v", number, by, err, c)
			}
			if by > 1 != (c.LogPosterior < best.LogPosterior-1e-12*math.Abs(best.LogPosterior)) {
				t.Errorf("series %d: log posterior %v at %v times sigma, %v at sigma", number, c.LogPosterior, by, best.LogPosterior)
			}
		}
	}
}

func TestFitRefuses(t *testing.T) {
	for name, spoil := range map[string]func(d *posterior.Data){
		"no rows":      func(d *posterior.Data) { *d = posterior.Data{Tau: 0.05} },
		"lengths":      func(d *posterior.Data) { d.T = d.T[1:] },
		"column":       func(d *posterior.Data) { d.X[0] = d.X[0][1:] },
		"modes":        func(d *posterior.Data) { d.Multiplicative = nil },
		"nan":          func(d *posterior.Data) { d.Y[3] = math.NaN() },
		"infinite":     func(d *posterior.Data) { d.X[1][3] = math.Inf(1) },
		"order":        func(d *posterior.Data) { d.T[3] = 0 },
		"changepoints": func(d *posterior.Data) { d.Changepoints[0] = 2 },
		"prior":        func(d *posterior.Data) { d.Prior[0] = 0 },
		"tau":          func(d *posterior.Data) { d.Tau = 0 },
		"capacity":     func(d *posterior.Data) { d.Growth, d.Cap = posterior.Logistic, make([]float64, len(d.Y)) },
		"no capacity":  func(d *posterior.Data) { d.Growth = posterior.Logistic },
	} {
		t.Run(name, func(t *testing.T) {
			d := retail(0)
			spoil(d)
			if _, _, err := exact.Fit(d, posterior.Params{}, exact.Options{}); !errors.Is(err, exact.ErrData) {
				t.Errorf("got %v, want %v", err, exact.ErrData)
			}
		})
	}
	d := retail(0)
	scaled(d.X[0], 1e200)
	if _, _, err := exact.Fit(d, start(d), exact.Options{}); !errors.Is(err, exact.ErrDesign) {
		t.Errorf("a column whose square is infinite: got %v, want %v", err, exact.ErrDesign)
	}
}
