package paths_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/naive"
	"github.com/skucast/skucast/forecast/paths"
)

// fixed draws given values, one after the other.
type fixed struct {
	values []float64
	next   int
}

func (f *fixed) Draw(*rand.Rand, int, float64) float64 {
	f.next++
	return f.values[(f.next-1)%len(f.values)]
}

// constant is a model that forecasts itself whatever happens.
type constant float64

func (c constant) Append([]float64) {}
func (c constant) PredictTo(dst []float64) {
	for i := range dst {
		dst[i] = float64(c)
	}
}
func (c constant) Parameters(dst []forecast.Parameter) []forecast.Parameter { return dst }
func (c constant) Clone() forecast.Fitted                                   { return c }

// Counts have the mean and the variance that they were asked for, within four
// standard errors, over the whole range of methods; they are integers and never
// negative.
func TestCounts(t *testing.T) {
	const n = 40_000
	for _, mean := range []float64{0, 0.03, 0.7, 4, 9.99, 10, 30, 700, 1e6, 1e16} {
		for _, dispersion := range []float64{0, 0.4, 3} {
			noise := paths.NegativeBinomial{Dispersion: dispersion}
			p := draw(t, paths.Simulation{From: constant(mean), Noise: noise, Demand: paths.Counts}, n, 1, 5)
			var fourth float64
			for i := range n {
				v := p.Path(i)[0]
				if v != math.Floor(v) || v < 0 {
					t.Fatalf("mean %v, dispersion %v: %v is no count", mean, dispersion, v)
				}
				fourth += math.Pow(v-mean, 4) / n
			}
			got, variance := moments(p, 0, 1)
			want := mean + dispersion*mean*mean
			if math.Abs(got-mean) > 4*math.Sqrt(want/n) {
				t.Errorf("mean %v, dispersion %v: mean of draws %v", mean, dispersion, got)
			}
			if se := math.Sqrt((fourth - want*want) / n); math.Abs(variance-want) > 4*se+1e-12*want {
				t.Errorf("mean %v, dispersion %v: variance %v, want %v ± %v", mean, dispersion, variance, want, se)
			}
		}
	}
}

// The shares of single counts are those of the distributions: chi-square below
// its 99.9 % quantile.
func TestCountShares(t *testing.T) {
	const n = 100_000
	for name, c := range map[string]struct{ mean, dispersion float64 }{
		"Poisson, few":           {1.3, 0},
		"Poisson, many":          {14, 0},
		"negative binomial":      {3, 0.5},
		"negative binomial, low": {1.5, 2.5},
	} {
		p := draw(t, paths.Simulation{From: constant(c.mean), Noise: paths.NegativeBinomial{Dispersion: c.dispersion}}, n, 1, 9)
		seen := map[int]float64{}
		for i := range n {
			seen[int(p.Path(i)[0])]++
		}
		var chi2, left, leftSeen float64
		left, leftSeen = n, n
		cells := 0.0
		for k := range 200 {
			want := n * share(k, c.mean, c.dispersion)
			if want < 20 {
				continue
			}
			chi2 += (seen[k] - want) * (seen[k] - want) / want
			left, leftSeen, cells = left-want, leftSeen-seen[k], cells+1
		}
		chi2 += (leftSeen - left) * (leftSeen - left) / left
		if limit := cells + 3.3*math.Sqrt(2*cells) + 7; chi2 > limit {
			t.Errorf("%s: chi-square %v with %v degrees of freedom", name, chi2, cells)
		}
	}
}

// share is the probability of k.
func share(k int, mean, dispersion float64) float64 {
	factorial, _ := math.Lgamma(float64(k) + 1)
	if dispersion == 0 {
		return math.Exp(float64(k)*math.Log(mean) - mean - factorial)
	}
	size := 1 / dispersion
	a, _ := math.Lgamma(float64(k) + size)
	b, _ := math.Lgamma(size)
	q := mean / (mean + size)
	return math.Exp(a - b - factorial + float64(k)*math.Log(q) + size*math.Log1p(-q))
}

// Rounding to counts keeps the mean.
func TestCountsKeepTheMean(t *testing.T) {
	const n = 40_000
	for _, mean := range []float64{0.3, 2.9, 1} {
		p := draw(t, paths.Simulation{From: constant(mean), Noise: paths.Normal{}, Demand: paths.Counts}, n, 1, 1)
		got, variance := moments(p, 0, 1)
		part := mean - math.Floor(mean)
		if want := part * (1 - part); math.Abs(got-mean) > 4*math.Sqrt(want/n) || math.Abs(variance-want) > 0.01 {
			t.Errorf("%v: mean %v, variance %v", mean, got, variance)
		}
	}
}

// Demand below zero does not happen, and the model is not shown any.
func TestNonNegative(t *testing.T) {
	s := paths.Simulation{From: randomWalk(t), Noise: &fixed{values: []float64{-3, 2.5, -1}}, Demand: paths.NonNegative}
	if got := draw(t, s, 1, 4, 1).Path(0); !slices.Equal(got, []float64{0, 2.5, 0, 0}) {
		t.Errorf("got %v", got)
	}
	shown := &recorder{}
	s.From, s.Noise = shown, &fixed{values: []float64{-3, 2.5, -1}}
	draw(t, s, 1, 4, 1)
	if !slices.Equal(*shown.seen, []float64{0, 2.5, 0}) {
		t.Errorf("the model has seen %v", *shown.seen)
	}
}

// recorder writes down what its clone is shown.
type recorder struct {
	constant
	seen *[]float64
}

func (r *recorder) Append(y []float64) { *r.seen = append(*r.seen, y...) }
func (r *recorder) Clone() forecast.Fitted {
	r.seen = &[]float64{}
	return r
}

// Errors are drawn as they were, centred, each as often.
func TestEmpirical(t *testing.T) {
	nan := math.NaN()
	actual := []float64{11, 9, nan, 13, 7, 12}
	means := []float64{10, 10, 10, 10, 10, nan}
	for name, c := range map[string]struct {
		scale paths.Scale
		want  []float64
	}{
		"additive": {paths.Additive, []float64{97, 99, 101, 103}},
		"relative": {paths.Relative, []float64{70, 90, 110, 130}},
	} {
		e, err := paths.NewEmpirical(actual, means, c.scale)
		if err != nil {
			t.Fatal(err)
		}
		const n = 4000
		p := draw(t, paths.Simulation{From: constant(100), Noise: e}, n, 1, 1)
		seen := map[float64]int{}
		for i := range n {
			seen[math.Round(p.Path(i)[0]*1e9)/1e9]++
		}
		for _, v := range c.want {
			if seen[v] < n/4-110 || seen[v] > n/4+110 { // four standard errors
				t.Errorf("%s: %v was drawn %d times", name, v, seen[v])
			}
		}
		if len(seen) != len(c.want) {
			t.Errorf("%s: drew %v", name, seen)
		}
	}
	if _, err := paths.NewEmpirical([]float64{nan, 1}, []float64{1, nan}, paths.Additive); !errors.Is(err, paths.ErrNoErrors) {
		t.Errorf("nothing observed: %v", err)
	}
	if _, err := paths.NewEmpirical([]float64{2, 1}, []float64{0, -1}, paths.Relative); !errors.Is(err, paths.ErrNoErrors) {
		t.Errorf("no positive mean: %v", err)
	}
}

// The means of the next period only know what came before it.
func TestOneStep(t *testing.T) {
	s := forecast.Series{Y: []float64{4, 7, math.NaN(), 5, 9, 1}}
	got, err := paths.OneStep(naive.Last{}, s, 2)
	if err != nil || !slices.Equal(got, []float64{7, 7, 5, 9}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := paths.OneStep(naive.Last{}, s, 0); !errors.Is(err, forecast.ErrTooShort) {
		t.Errorf("without a past: %v", err)
	}
}

// Known quantiles come out as they went in; beyond them is a normal tail.
func TestKnownQuantiles(t *testing.T) {
	const n = 100_000
	p := forecast.Probabilities()
	values := []float64{-9, -7, -5, -2, 0, 3, 8, 12, 16, 20}
	q, err := paths.NewQuantiles(p[:], values)
	if err != nil {
		t.Fatal(err)
	}
	drawn := draw(t, paths.Simulation{From: constant(100), Noise: q}, n, 1, 3)
	below := func(limit float64) float64 {
		k := 0
		for i := range n {
			if drawn.Path(i)[0] <= limit {
				k++
			}
		}
		return float64(k) / n
	}
	check := func(limit, want float64) {
		if got := below(limit); math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n) {
			t.Errorf("%.4f of the draws are below %v, want %v", got, limit, want)
		}
	}
	for i, v := range values {
		check(100+v, p[i])
	}
	score := func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
	slope := 4 / (score(0.99) - score(0.975))
	check(100+20+slope*(score(0.999)-score(0.99)), 0.999)

	for name, c := range map[string]struct{ p, v []float64 }{
		"one":         {[]float64{0.5}, []float64{0}},
		"lengths":     {[]float64{0.5, 0.6}, []float64{0}},
		"order":       {[]float64{0.5, 0.5}, []float64{0, 1}},
		"crossing":    {[]float64{0.5, 0.6}, []float64{0, -1}},
		"probability": {[]float64{0.5, 1}, []float64{0, 1}},
		"zero":        {[]float64{0, 1}, []float64{0, 1}},
		"NaN":         {[]float64{0.5, 0.6}, []float64{math.NaN(), 1}},
		"infinite":    {[]float64{0.5, 0.6}, []float64{1, math.Inf(1)}},
	} {
		if _, err := paths.NewQuantiles(c.p, c.v); !errors.Is(err, paths.ErrQuantiles) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same, err := paths.NewQuantiles([]float64{0.1, 0.9}, []float64{2, 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := draw(t, paths.Simulation{From: constant(5), Noise: same}, 3, 2, 1).Path(1); got[0] != 7 || got[1] != 7 {
		t.Errorf("a certain error: %v", got)
	}
}
