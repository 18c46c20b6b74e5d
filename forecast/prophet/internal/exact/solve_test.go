package exact_test

import (
	"errors"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// design is Z by columns, computed without anything of the package under test.
func design(d *posterior.Data) [][]float64 {
	n := len(d.T)
	one := make([]float64, n)
	for i := range one {
		one[i] = 1
	}
	var z [][]float64
	if d.Growth == posterior.Linear {
		z = append(z, d.T)
	}
	z = append(z, one)
	if d.Growth == posterior.Linear {
		for _, s := range d.Changepoints {
			hinge := make([]float64, n)
			for i, t := range d.T {
				hinge[i] = math.Max(0, t-s)
			}
			z = append(z, hinge)
		}
	}
	return append(z, d.X...)
}

func inner(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func gram(d *posterior.Data) exact.Gram {
	g := exact.Gram{Growth: d.Growth, Prior: d.Prior, Tau: d.Tau}
	if d.Growth == posterior.Linear {
		g.Changes = len(d.Changepoints)
	}
	z := design(d)
	for _, a := range z {
		for _, b := range z {
			g.Cross = append(g.Cross, inner(a, b))
		}
	}
	return g
}

func sums(d *posterior.Data) (b []float64, yy float64) {
	for _, col := range design(d) {
		b = append(b, inner(col, d.Y))
	}
	return b, inner(d.Y, d.Y)
}

func factor(t testing.TB, d *posterior.Data) *exact.Factor {
	t.Helper()
	f, err := exact.NewFactor(gram(d))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSolve: from the sums alone comes what Fit finds on the rows.
func TestSolve(t *testing.T) {
	var ws exact.Workspace
	for number := range 60 {
		d := retail(number)
		if number%7 == 3 {
			d.Growth = posterior.Flat
		}
		p, c, err := exact.Fit(d, start(d), exact.Options{})
		if err != nil {
			t.Fatalf("series %d: %v", number, err)
		}
		b, yy := sums(d)
		s, err := factor(t, d).Solve(&ws, b, yy, float64(len(d.Y)), exact.Options{})
		if err != nil {
			t.Errorf("series %d: %v, %+v", number, err, s)
			continue
		}
		if s.Lossy {
			continue
		}
		if math.Abs(s.Sigma-p.Sigma) > 1e-7*p.Sigma || math.Abs(s.LogPosterior-c.LogPosterior) > 1e-8*math.Abs(c.LogPosterior) {
			t.Errorf("series %d: sigma %v and log posterior %v, want %v and %v", number, s.Sigma, s.LogPosterior, p.Sigma, c.LogPosterior)
		}
		if !(s.KKT <= 1e-6) || !(s.Gap <= 1e-9*math.Abs(s.LogPosterior)) || math.Abs(s.Gap-c.Gap) > 1e-6 {
			t.Errorf("series %d: certificate %+v, want %+v", number, s.Certificate, c)
		}
	}
}

// TestWarmStart: the solution of another series as the start changes nothing
// but the number of steps.
func TestWarmStart(t *testing.T) {
	var ws exact.Workspace
	d := retail(9)
	f := factor(t, d)
	b, yy := sums(d)
	rows := float64(len(d.Y))
	cold, err := f.Solve(&ws, b, yy, rows, exact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	theta := append([]float64(nil), cold.Theta...)
	other := append([]float64(nil), theta[2:27]...)
	for i := range other {
		other[i] += 0.1
	}
	for name, c := range map[string]struct {
		delta []float64
		sigma float64
	}{
		"itself":       {theta[2:27], cold.Sigma},
		"all changes":  {other, 3 * cold.Sigma},
		"little noise": {make([]float64, 25), 1e-6},
		"much noise":   {make([]float64, 25), 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			ws.StartFrom(c.delta, c.sigma)
			warm, err := f.Solve(&ws, b, yy, rows, exact.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(warm.LogPosterior-cold.LogPosterior) > 1e-9 || math.Abs(warm.Sigma-cold.Sigma) > 1e-10*cold.Sigma {
				t.Errorf("got %v and sigma %v, want %v and %v", warm.LogPosterior, warm.Sigma, cold.LogPosterior, cold.Sigma)
			}
			if name == "itself" && warm.Iterations >= cold.Iterations {
				t.Errorf("%d steps from the solution, %d without it", warm.Iterations, cold.Iterations)
			}
		})
	}
}

func TestSolveDoesNotAllocate(t *testing.T) {
	var ws exact.Workspace
	d := retail(9)
	f := factor(t, d)
	b, yy := sums(d)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := f.Solve(&ws, b, yy, float64(len(d.Y)), exact.Options{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSolveRefuses(t *testing.T) {
	var ws exact.Workspace
	f := factor(t, retail(0))
	nan := make([]float64, f.Size())
	nan[3] = math.NaN()
	for name, c := range map[string]struct {
		b        []float64
		yy, rows float64
	}{
		"length":   {nil, 1, 60},
		"nan":      {nan, 1, 60},
		"negative": {make([]float64, f.Size()), -1, 60},
		"no rows":  {make([]float64, f.Size()), 1, 0},
		"infinite": {make([]float64, f.Size()), math.Inf(1), 60},
	} {
		if _, err := f.Solve(&ws, c.b, c.yy, c.rows, exact.Options{}); !errors.Is(err, exact.ErrData) {
			t.Errorf("%s: got %v, want %v", name, err, exact.ErrData)
		}
	}
}

func TestNewFactorRefuses(t *testing.T) {
	good := gram(retail(0))
	for name, spoil := range map[string]func(*exact.Gram){
		"size":      func(g *exact.Gram) { g.Cross = g.Cross[1:] },
		"nan":       func(g *exact.Gram) { g.Cross[7] = math.NaN() },
		"growth":    func(g *exact.Gram) { g.Growth = posterior.Logistic },
		"flat":      func(g *exact.Gram) { g.Growth = posterior.Flat },
		"prior":     func(g *exact.Gram) { g.Prior[0] = 0 },
		"tau":       func(g *exact.Gram) { g.Tau = math.NaN() },
		"overflow":  func(g *exact.Gram) { g.Cross[len(g.Cross)-1] = 1e308; g.Prior[len(g.Prior)-1] = 1e10 },
		"underflow": func(g *exact.Gram) { g.Prior[0] = 1e200 },
	} {
		g := good
		g.Cross, g.Prior = append([]float64(nil), g.Cross...), append([]float64(nil), g.Prior...)
		spoil(&g)
		if _, err := exact.NewFactor(g); !errors.Is(err, exact.ErrDesign) {
			t.Errorf("%s: got %v, want %v", name, err, exact.ErrDesign)
		}
	}
}

// series53 are series of 1,913 days on one design with 53 columns: sales as they
// should be, with long stops, sparse, with breaks and with outliers in turn.
func series53() (*exact.Factor, [][]float64, []float64, error) {
	var all [][]float64
	var squares []float64
	var f *exact.Factor
	for i := range 20 {
		d := shop(retail(9+10*(i/5*6+i%5)).Y, nil)
		if f == nil {
			var err error
			if f, err = exact.NewFactor(gram(d)); err != nil {
				return nil, nil, nil, err
			}
		}
		b, yy := sums(d)
		all, squares = append(all, b), append(squares, yy)
	}
	return f, all, squares, nil
}

func BenchmarkSolve(b *testing.B) {
	f, sums, squares, err := series53()
	if err != nil || f.Size() != 53 {
		b.Fatal(err, f.Size())
	}
	var ws exact.Workspace
	for kind, name := range []string{"sales", "stops", "sparse", "breaks", "outliers", "all"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i % 20
				if kind < 5 {
					k = kind + i%4*5
				}
				if _, err := f.Solve(&ws, sums[k], squares[k], 1913, exact.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewFactor(b *testing.B) {
	d := shop(retail(9).Y, nil)
	short := retail(3)
	weekdays := shop(d.Y, nil)
	for i := range weekdays.X[4] { // a column that is zero
		weekdays.X[4][i] = 0
	}
	for name, g := range map[string]exact.Gram{"cholesky": gram(d), "eigen": gram(weekdays), "short": gram(short)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := exact.NewFactor(g); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" again", func(b *testing.B) {
			b.ReportAllocs()
			var f exact.Factor
			for b.Loop() {
				if err := f.Reset(g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFit(b *testing.B) {
	d := retail(9)
	for b.Loop() {
		if _, _, err := exact.Fit(d, start(d), exact.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
