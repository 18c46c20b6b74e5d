package metric_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/metric"
)

// exact is the sum in 4,000 bits, rounded once.
func exact(xs []float64) float64 {
	sum := new(big.Float).SetPrec(4000)
	for _, x := range xs {
		sum.Add(sum, new(big.Float).SetPrec(4000).SetFloat64(x))
	}
	v, _ := sum.Float64()
	return v
}

func add(xs []float64) float64 {
	var s metric.Sum
	for _, x := range xs {
		s.Add(x)
	}
	return s.Value()
}

func TestSumIsExactInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 200 {
		xs := make([]float64, 1+rng.IntN(60))
		for i := range xs {
			xs[i] = math.Ldexp(rng.NormFloat64(), rng.IntN(1+10*(round%30))-100)
		}
		want := exact(xs)
		for range 4 {
			rng.Shuffle(len(xs), func(a, b int) { xs[a], xs[b] = xs[b], xs[a] })
			if got := add(xs); got != want {
				t.Fatalf("sum of %v is %v, want %v", xs, got, want)
			}
			var left, right metric.Sum
			cut := rng.IntN(len(xs))
			for i, x := range xs {
				if i < cut {
					left.Add(x)
				} else {
					right.Add(x)
				}
			}
			right.Merge(&left)
			if got := right.Value(); got != want {
				t.Fatalf("merged sum of %v is %v, want %v", xs, got, want)
			}
		}
	}
}

func TestSumOfHardNumbers(t *testing.T) {
	ulp := math.Ldexp(1, -53) // half an ulp of 1
	for name, c := range map[string]struct {
		xs   []float64
		want float64
	}{
		"nothing":                {nil, 0},
		"cancels":                {[]float64{1e100, 1, -1e100}, 1},
		"tie to even":            {[]float64{1, ulp}, 1},
		"a little above the tie": {[]float64{1, ulp, ulp * 1e-10}, 1 + 2*ulp},
		"a little below the tie": {[]float64{1 + 2*ulp, ulp, -ulp * 1e-10}, 1 + 2*ulp},
		"infinite":               {[]float64{1, math.Inf(1), 2}, math.Inf(1)},
		"overflows":              {[]float64{math.MaxFloat64, math.MaxFloat64}, math.Inf(1)},
		"both infinities":        {[]float64{math.Inf(1), math.Inf(-1)}, math.NaN()},
		"not a number":           {[]float64{math.NaN(), 1}, math.NaN()},
	} {
		if got := add(c.xs); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Add(1e100, 1.0, -1e100, 3e-20)
	f.Add(0.1, 0.2, 0.3, 0.4)
	f.Add(1.0, 0x1p-53, 0x1p-120, -0x1p-53)
	f.Fuzz(func(t *testing.T, a, b, c, d float64) {
		for _, x := range []float64{a, b, c, d} {
			if math.IsNaN(x) || math.Abs(x) > 1e300 {
				return
			}
		}
		want := exact([]float64{a, b, c, d})
		for _, xs := range [][]float64{{a, b, c, d}, {d, c, b, a}, {c, a, d, b}} {
			if got := add(xs); got != want {
				t.Errorf("sum of %v is %v, want %v", xs, got, want)
			}
		}
	})
}

func ExampleSum() {
	var s metric.Sum
	for _, x := range []float64{1e16, 1, -1e16} {
		s.Add(x)
	}
	fmt.Println(s.Value())
	// Output: 1
}
