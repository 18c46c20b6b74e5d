package paths_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/paths"
)

// Smoothing parameters of the models below.
const (
	alpha, beta, gamma, phi = 0.3, 0.1, 0.15, 0.85
	sigma                   = 2.0
	season                  = 4
	periods                 = 11
	draws                   = 40_000
)

func model(t testing.TB, form ets.Form) forecast.Fitted {
	t.Helper()
	f, err := ets.New(ets.State{
		Form: form, Alpha: alpha, Beta: beta, Gamma: gamma, Phi: phi,
		Level: 50, Slope: 1, Season: []float64{3, -4, 6, -5}, Sigma: sigma,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func randomWalk(t testing.TB) forecast.Fitted {
	t.Helper()
	f, err := ets.New(ets.State{Form: ets.ANN, Alpha: 1, Level: 50})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func draw(t testing.TB, s paths.Simulation, n, h int, seed uint64) *paths.Paths {
	t.Helper()
	p, err := s.Paths(n, h, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// table62 is the forecast variance h periods ahead by table 6.2 of Hyndman,
// Koehler, Ord and Snyder (2008), for σ = 1.
func table62(form ets.Form, h float64) float64 {
	const a, b, c, f, m = alpha, beta, gamma, phi, float64(season)
	k := math.Floor((h - 1) / m)
	linear := (h - 1) * (a*a + a*b*h + b*b*h*(2*h-1)/6)
	fh, fm := math.Pow(f, h), math.Pow(f, m)
	damped := a*a*(h-1) + b*f*h/((1-f)*(1-f))*(2*a*(1-f)+b*f) -
		b*f*(1-fh)/((1-f)*(1-f)*(1-f*f))*(2*a*(1-f*f)+b*f*(1+2*f-fh))
	switch form {
	case ets.ANN:
		return 1 + a*a*(h-1)
	case ets.AAN:
		return 1 + linear
	case ets.AAdN:
		return 1 + damped
	case ets.ANA:
		return 1 + a*a*(h-1) + c*k*(2*a+c)
	case ets.AAA:
		return 1 + linear + c*k*(2*a+c+b*m*(k+1))
	case ets.AAdA:
		return 1 + damped + c*k*(2*a+c) + 2*b*c*f/((1-f)*(1-fm))*(k*(1-fm)-fm*(1-math.Pow(fm, k)))
	}
	return math.NaN()
}

// moments are mean and variance of the demand of a window of all paths.
func moments(p *paths.Paths, from, to int) (mean, variance float64) {
	for i := range p.Len() {
		var sum float64
		for _, v := range p.Path(i)[from:to] {
			sum += v
		}
		d := sum - mean
		mean += d / float64(i+1)
		variance += d * (sum - mean)
	}
	return mean, variance / float64(p.Len()-1)
}

// The variance of the paths is that of the book, their mean the forecast, both
// within four standard errors.
func TestVarianceByTheBook(t *testing.T) {
	for _, form := range []ets.Form{ets.ANN, ets.AAN, ets.AAdN, ets.ANA, ets.AAA, ets.AAdA} {
		t.Run(form.String(), func(t *testing.T) {
			f := model(t, form)
			p := draw(t, paths.Simulation{From: f, Noise: paths.Normal{SD: sigma}}, draws, periods, 1)
			want := make([]float64, periods)
			f.PredictTo(want)
			for h := 1; h <= periods; h++ {
				checkMoments(t, fmt.Sprint("period ", h), p, h-1, h, want[h-1], sigma*sigma*table62(form, float64(h)))
			}
		})
	}
}

func checkMoments(t *testing.T, what string, p *paths.Paths, from, to int, wantMean, wantVariance float64) {
	t.Helper()
	n := float64(p.Len())
	mean, variance := moments(p, from, to)
	if se := math.Sqrt(wantVariance / n); math.Abs(mean-wantMean) > 4*se {
		t.Errorf("%s: mean %v, want %v ± %v", what, mean, wantMean, se)
	}
	if se := wantVariance * math.Sqrt(2/(n-1)); math.Abs(variance-wantVariance) > 4*se {
		t.Errorf("%s: variance %v, want %v ± %v", what, variance, wantVariance, se)
	}
}

// The variance of sums is larger than the sum of the variances, by as much as
// theory says.
func TestVarianceOfSums(t *testing.T) {
	const h, a = float64(periods), alpha
	for name, c := range map[string]struct {
		f    forecast.Fitted
		want float64
	}{
		"simple smoothing": {model(t, ets.ANN), h * (1 + a*(h-1) + a*a*(h-1)*(2*h-1)/6)},
		"random walk":      {randomWalk(t), h * (h + 1) * (2*h + 1) / 6},
	} {
		p := draw(t, paths.Simulation{From: c.f, Noise: paths.Normal{SD: sigma}}, draws, periods, 2)
		checkMoments(t, name, p, 0, periods, 50*h, sigma*sigma*c.want)
	}
	p := draw(t, paths.Simulation{From: randomWalk(t), Noise: paths.Normal{SD: sigma}}, draws, periods, 3)
	for i := 1; i <= periods; i++ {
		checkMoments(t, fmt.Sprint("random walk, period ", i), p, i-1, i, 50, sigma*sigma*float64(i))
	}
	// The last three of eleven periods: common to all are the first nine errors.
	checkMoments(t, "window", p, periods-3, periods, 150, sigma*sigma*(9*9+4+1))
}

// Quantiles of periods and sums are those of the normal distribution that they
// have here.
func TestQuantiles(t *testing.T) {
	p := draw(t, paths.Simulation{From: randomWalk(t), Noise: paths.Normal{SD: sigma}}, draws, 3, 4)
	probs := []float64{0.025, 0.1, 0.5, 0.9, 0.975}
	got := make([]float64, len(probs))
	check := func(what string, mean, sd float64) {
		for i, q := range probs {
			z := math.Sqrt2 * math.Erfinv(2*q-1)
			density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
			se := sd * math.Sqrt(q*(1-q)/draws) / density
			if want := mean + sd*z; math.Abs(got[i]-want) > 4*se {
				t.Errorf("%s, p = %v: got %v, want %v ± %v", what, q, got[i], want, se)
			}
		}
	}
	p.QuantilesTo(got, 1, probs)
	check("second period", 50, sigma*math.Sqrt2)
	p.WindowQuantilesTo(got, 0, 3, probs)
	check("sum", 150, sigma*math.Sqrt(9+4+1))
	p.WindowQuantilesTo(got, 0, 3, []float64{0, 0.25, 0.5, 0.75, 1})
	if !slices.IsSorted(got) {
		t.Errorf("quantiles cross: %v", got)
	}
	mean := make([]float64, 2)
	p.MeanTo(mean)
	for j, v := range mean {
		if want, _ := moments(p, j, j+1); math.Abs(v-want) > 1e-12*want {
			t.Errorf("mean of period %d: %v, want %v", j, v, want)
		}
	}
}

// Order statistics of five paths, worked out by hand.
func TestOrderStatistics(t *testing.T) {
	f := randomWalk(t)
	for name, c := range map[string]struct {
		demand paths.Demand
		want   []float64 // at 0, 0.1, 0.4, 0.5, 1
	}{
		"interpolated": {paths.Real, []float64{1, 1.4, 3.2, 4, 20}},
		"counts":       {paths.Counts, []float64{1, 1, 2, 4, 20}},
	} {
		p := draw(t, paths.Simulation{From: f, Noise: &fixed{values: []float64{4, 1, 8, 20, 2}}, Demand: c.demand}, 5, 1, 1)
		got := make([]float64, 5)
		p.QuantilesTo(got, 0, []float64{0, 0.1, 0.4, 0.5, 1})
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-12 {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// The first paths do not depend on how many are drawn, nor on who draws them.
func TestFirstPaths(t *testing.T) {
	f := model(t, ets.AAA)
	s := paths.Simulation{From: f, Noise: paths.Normal{SD: sigma}}
	before := fmt.Sprint(f)
	few, many := draw(t, s, 5, periods, 7), draw(t, s, 50, periods, 7)
	for i := range 5 {
		if !slices.Equal(few.Path(i), many.Path(i)) {
			t.Errorf("path %d depends on the number of paths", i)
		}
	}
	short := draw(t, s, 5, 3, 7)
	if !slices.Equal(short.Path(4), few.Path(4)[:3]) {
		t.Error("the first periods depend on the horizon")
	}
	s.First = 20
	part := draw(t, s, 5, periods, 7)
	if !slices.Equal(part.Path(2), many.Path(22)) {
		t.Error("a part differs from the whole")
	}
	s.First = 0
	if other := draw(t, s, 5, periods, 8); slices.Equal(other.Path(0), few.Path(0)) {
		t.Error("the seed has no influence")
	}
	if slices.Equal(few.Path(0), few.Path(1)) {
		t.Error("paths repeat")
	}
	if fmt.Sprint(f) != before {
		t.Error("the model was changed")
	}
	if err := s.PathsTo(many, 5, periods, 7); err != nil || many.Len() != 5 || !slices.Equal(many.Path(3), few.Path(3)) {
		t.Errorf("used memory changes the paths: %v", err)
	}
}

// What is allocated depends on the paths, not on their length.
func TestAllocations(t *testing.T) {
	s := paths.Simulation{From: model(t, ets.AAA), Noise: paths.Normal{SD: sigma}, Demand: paths.NonNegative}
	clone := testing.AllocsPerRun(10, func() { s.From.Clone() })
	p := draw(t, s, 20, 200, 1)
	dst, probs := make([]float64, 2), []float64{0.1, 0.9}
	for _, h := range []int{1, 200} {
		n := testing.AllocsPerRun(5, func() { _ = s.PathsTo(p, 20, h, 1) })
		if n > 20*clone {
			t.Errorf("%d periods: %v allocations beside those of 20 clones", h, n-20*clone)
		}
	}
	p.WindowQuantilesTo(dst, 0, 200, probs)
	if n := testing.AllocsPerRun(5, func() { p.WindowQuantilesTo(dst, 3, 90, probs); p.MeanTo(dst) }); n != 0 {
		t.Errorf("measuring allocates %v times", n)
	}
}

// No paths, no periods, numbers out of range, and mistakes.
func TestEdges(t *testing.T) {
	s := paths.Simulation{From: model(t, ets.ANN), Noise: paths.Normal{SD: 1}}
	dst := []float64{0}
	none := draw(t, s, 0, 5, 1)
	none.MeanTo(dst)
	if none.Len() != 0 || !math.IsNaN(dst[0]) {
		t.Errorf("mean of no paths: %v", dst)
	}
	none.QuantilesTo(dst, 0, []float64{0.5})
	if !math.IsNaN(dst[0]) {
		t.Errorf("quantile of no paths: %v", dst)
	}
	if p := draw(t, s, 3, 0, 1); p.Len() != 3 || p.Horizon() != 0 || len(p.Path(2)) != 0 {
		t.Errorf("paths without periods: %+v", p)
	}
	for name, noise := range map[string]paths.Noise{
		"infinite errors": paths.Normal{SD: math.Inf(1)}, "no errors": paths.Normal{SD: math.NaN()},
	} {
		s := paths.Simulation{From: s.From, Noise: noise, Demand: paths.Counts}
		p, err := s.Paths(3, 4, 1)
		if !errors.Is(err, forecast.ErrNotFinite) || p.Len() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, call := range map[string]func(){
		"paths":       func() { _, _ = s.Paths(-1, 2, 1) },
		"periods":     func() { _, _ = s.Paths(1, -2, 1) },
		"window":      func() { draw(t, s, 2, 2, 1).WindowQuantilesTo(dst, 1, 1, []float64{0.5}) },
		"end":         func() { draw(t, s, 2, 2, 1).WindowQuantilesTo(dst, 1, 3, []float64{0.5}) },
		"length":      func() { draw(t, s, 2, 2, 1).QuantilesTo(dst, 1, nil) },
		"probability": func() { draw(t, s, 2, 2, 1).QuantilesTo(dst, 1, []float64{1.5}) },
		"horizon":     func() { draw(t, s, 2, 0, 1).MeanTo(dst) },
		"lengths":     func() { _, _ = paths.NewEmpirical(dst, nil, paths.Additive) },
		"from":        func() { _, _ = paths.OneStep(ets.Model{}, forecast.Series{}, 1) },
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
}

func BenchmarkPaths(b *testing.B) {
	s := paths.Simulation{From: model(b, ets.AAA), Noise: paths.Normal{SD: sigma}, Demand: paths.NonNegative}
	var p paths.Paths
	b.ReportAllocs()
	for b.Loop() {
		if err := s.PathsTo(&p, 1000, 28, 1); err != nil {
			b.Fatal(err)
		}
	}
}
