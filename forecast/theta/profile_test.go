package theta

import (
	"math"
	"math/rand/v2"
	"testing"
)

func noisy(seed uint64, n int, missing float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	y := make([]float64, n)
	level := 10.0
	for i := range y {
		level += rng.NormFloat64() * 0.3
		y[i] = level + 0.02*float64(i) + rng.NormFloat64()
		if i > 0 && rng.Float64() < missing {
			y[i] = math.NaN()
		}
	}
	return y
}

// direct is the loss by the recursion of Fitted, not by moments.
func direct(t *testing.T, v Variant, y []float64, c candidate) float64 {
	t.Helper()
	f, err := Model{Variant: v}.finish(&Fitted{dynamic: v.dynamic(), scale: 1}, newProblem(y, v), c)
	if err != nil {
		t.Fatal(err)
	}
	return f.sse
}

// The loss by moments is the loss of the recursion, and no other level or κ
// has a smaller one.
func TestProfileIsOptimal(t *testing.T) {
	for _, v := range []Variant{DOTM, DSTM, OTM, STM} {
		for seed := range uint64(6) {
			y := noisy(seed, 60+40*int(seed)*int(seed), 0.1*float64(seed%2))
			w := newProblem(y, v)
			for _, alpha := range []float64{0.1, 0.35, 0.8, 0.99} {
				c := w.at(alpha)
				loss := direct(t, v, y, c)
				if math.Abs(loss-c.loss) > 1e-9*loss {
					t.Errorf("variant %d, seed %d, α %v: moments say %v, the recursion %v", v, seed, alpha, c.loss, loss)
				}
				for _, by := range []float64{-1e-3, 1e-3} {
					other := c
					other.level += by * math.Max(1, math.Abs(c.level))
					if l := direct(t, v, y, other); l < loss*(1-1e-12) {
						t.Errorf("variant %d, α %v: level %v is better", v, alpha, other.level)
					}
					other = c
					other.kappa = c.kappa + by
					if !v.optimised() || other.kappa < 0 || other.kappa > kappaHigh {
						continue
					}
					if l := direct(t, v, y, other); l < loss*(1-1e-12) {
						t.Errorf("variant %d, α %v: κ %v has %v, κ %v has %v", v, alpha, other.kappa, l, c.kappa, loss)
					}
				}
			}
		}
	}
}

// A fine grid over α finds nothing better than the search.
func TestSearchIsGlobal(t *testing.T) {
	for _, v := range []Variant{DOTM, DSTM, OTM, STM} {
		for seed := range uint64(12) {
			w := newProblem(noisy(seed, 12+5*int(seed), 0.05*float64(seed%3)), v)
			got := w.search()
			for k := range 2000 {
				c := w.at(alphaLow + (alphaHigh-alphaLow)*float64(k)/1999)
				if c.loss < got.loss*(1-1e-9) {
					t.Fatalf("variant %d, seed %d: α %v has %v, the search found %v at %v", v, seed, c.alpha, c.loss, got.loss, got.alpha)
				}
			}
		}
	}
}
