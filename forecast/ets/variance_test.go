package ets_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/ets"
)

func example(f ets.Form) ets.State {
	return ets.State{
		Form: f, Alpha: 0.3, Beta: 0.1, Gamma: 0.2, Phi: 0.9, Level: 50, Slope: 0.5,
		Season: []float64{4, -1, 2, -5}, Sigma: 3,
	}
}

// table62 are the formulas of Hyndman et al. (2008), table 6.2, for the
// variance h steps ahead over σ².
func table62(s ets.State, h, m float64) float64 {
	a, b, g, p := s.Alpha, s.Beta, s.Gamma, s.Phi
	k := math.Floor((h - 1) / m)
	plain := 1 + a*a*(h-1)
	linear := 1 + (h-1)*(a*a+a*b*h+b*b*h*(2*h-1)/6)
	damped := plain + b*p*h/(1-p)/(1-p)*(2*a*(1-p)+b*p) -
		b*p*(1-math.Pow(p, h))/((1-p)*(1-p)*(1-p*p))*(2*a*(1-p*p)+b*p*(1+2*p-math.Pow(p, h)))
	season := g * k * (2*a + g)
	switch s.Form {
	case ets.ANN:
		return plain
	case ets.AAN:
		return linear
	case ets.AAdN:
		return damped
	case ets.ANA:
		return plain + season
	case ets.AAA:
		return linear + season + g*k*b*m*(k+1)
	case ets.AAdA:
	}
	pm := math.Pow(p, m)
	return damped + season + 2*b*g*p/((1-p)*(1-pm))*(k*(1-pm)-pm*(1-math.Pow(p, m*k)))
}

func TestVarianceIsTable62(t *testing.T) {
	for _, form := range forms() {
		s := example(form)
		f, err := ets.New(s)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 40)
		f.VarianceTo(got)
		for i, v := range got {
			want := s.Sigma * s.Sigma * table62(s, float64(i+1), float64(len(s.Season)))
			if math.Abs(v-want) > 1e-10*want {
				t.Errorf("%v, %d steps: %v, table 6.2 has %v", form, i+1, v, want)
			}
		}
	}
}

// Paths that follow the recursion vary as the formulas say: totals of windows
// included, within 5 standard errors of 200,000 paths.
func TestWindowVarianceIsThatOfPaths(t *testing.T) {
	const horizon, paths = 13, 40_000
	windows := [][2]int{{0, 1}, {0, 13}, {3, 9}, {12, 13}, {5, 6}, {-2, 4}}
	rng := rand.New(rand.NewPCG(11, 12))
	for _, form := range forms() {
		s := example(form)
		f, err := ets.New(s)
		if err != nil {
			t.Fatal(err)
		}
		mean := make([]float64, horizon)
		f.PredictTo(mean)
		sums := make([]float64, len(windows))
		for range paths {
			path := f.Clone()
			var next [1]float64
			var total [horizon + 1]float64
			for h := range horizon {
				path.PredictTo(next[:])
				next[0] += s.Sigma * rng.NormFloat64()
				path.Append(next[:])
				total[h+1] = total[h] + next[0] - mean[h]
			}
			for i, w := range windows {
				d := total[w[1]] - total[max(w[0], 0)]
				sums[i] += d * d
			}
		}
		for i, w := range windows {
			got, want := f.WindowVariance(w[0], w[1]), sums[i]/paths
			if se := want * math.Sqrt(2.0/paths); math.Abs(got-want) > 5*se {
				t.Errorf("%v, window %v: variance %.3f, paths have %.3f ± %.3f", form, w, got, want, se)
			}
		}
	}
}

func TestVariancesAgree(t *testing.T) {
	for _, form := range forms() {
		f, err := ets.New(example(form))
		if err != nil {
			t.Fatal(err)
		}
		each, total := make([]float64, 30), make([]float64, 30)
		f.VarianceTo(each)
		f.SumVarianceTo(total)
		for h := range each {
			if got := f.WindowVariance(h, h+1); math.Abs(got-each[h]) > 1e-9*each[h] {
				t.Errorf("%v: period %d alone: %v, VarianceTo has %v", form, h, got, each[h])
			}
			if got := f.WindowVariance(0, h+1); math.Abs(got-total[h]) > 1e-9*total[h] {
				t.Errorf("%v: first %d periods: %v, SumVarianceTo has %v", form, h+1, got, total[h])
			}
		}
		if v := f.WindowVariance(5, 5); v != 0 {
			t.Errorf("%v: an empty window has variance %v", form, v)
		}
		if n := testing.AllocsPerRun(20, func() {
			f.VarianceTo(each)
			f.SumVarianceTo(total)
			f.WindowVariance(3, 20)
		}); n != 0 {
			t.Errorf("%v: variances allocate %v times", form, n)
		}
	}
}

func ExampleFitted_WindowVariance() {
	f, err := ets.New(ets.State{Form: ets.ANN, Alpha: 0.5, Level: 20, Sigma: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	var variance [3]float64
	f.VarianceTo(variance[:])
	fmt.Println(variance, f.WindowVariance(0, 3))
	// Output: [4 5 6] 29
}
