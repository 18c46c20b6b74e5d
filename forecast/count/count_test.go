package count_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/count"
)

func history(n int, sizes ...float64) []float64 {
	y := make([]float64, n)
	for i, s := range sizes {
		y[i*n/len(sizes)] = s
	}
	return y
}

// With no hurdle and dispersion 1 it is Poisson: quantiles of mean 3 from
// tables, P(X ≤ 0..8) = .0498 .1991 .4232 .6472 .8153 .9161 .9665 .9881 .9962.
func TestPoisson(t *testing.T) {
	d := count.Dist{Dispersion: 1, Integer: true}
	d.Fit(history(10, 1, 2, 3), 60)
	d.At(3)
	var q [forecast.NQuantiles]float64
	p := forecast.Probabilities()
	d.Quantiles(&p, &q)
	if want := [forecast.NQuantiles]float64{0, 1, 1, 2, 3, 4, 5, 6, 7, 8}; q != want {
		t.Errorf("got %v, want %v", q, want)
	}
	low, high := d.Interval(3)
	if math.Abs(low-0.42319) > 1e-4 || math.Abs(high-0.64723) > 1e-4 {
		t.Errorf("3 covers [%v, %v]", low, high)
	}
}

// Mean 2 and variance 6 (r = 1, q = 2/3) is geometric: P(X ≤ k) = 1 − (2/3)^(k+1).
func TestNegativeBinomial(t *testing.T) {
	d := count.Dist{Dispersion: 3, Integer: true}
	d.Fit(history(10, 1, 2, 3), 60)
	d.At(2)
	for k := range 10 {
		_, high := d.Interval(float64(k))
		if want := 1 - math.Pow(2.0/3, float64(k+1)); math.Abs(high-want) > 1e-12 {
			t.Errorf("F(%d) = %v, want %v", k, high, want)
		}
	}
}

// A shop that orders by the dozen: quantiles are 0 or multiples of 12.
func TestHurdleKeepsSizes(t *testing.T) {
	d := count.Dist{Mix: 1, Integer: true}
	d.Fit(history(40, 12, 24, 12, 12), 60)
	d.At(1.5) // the mean of the history
	var q [forecast.NQuantiles]float64
	p := forecast.Probabilities()
	d.Quantiles(&p, &q)
	if want := [forecast.NQuantiles]float64{0, 0, 0, 0, 0, 0, 0, 12, 12, 24}; q[0] != 0 || q[9] != 24 || q[8] != want[8] {
		t.Errorf("got %v, want about %v", q, want)
	}
	for _, v := range q {
		if math.Mod(v, 12) != 0 {
			t.Errorf("quantile %v is not a multiple of 12", v)
		}
	}
}

// The definition of a quantile: F(q) ≥ p > F(q−1), for whole numbers.
func FuzzQuantiles(f *testing.F) {
	f.Add(3.0, 2.0, 0.5, true, uint8(3), uint8(40))
	f.Add(0.01, 1.0, 0.7, true, uint8(200), uint8(1))
	f.Add(500.0, 9.0, 0.5, false, uint8(7), uint8(7))
	f.Fuzz(func(t *testing.T, mean, dispersion, mix float64, integer bool, a, b uint8) {
		if !(mean >= 0 && mean < 1e6 && dispersion >= 1 && dispersion < 1e3 && mix >= 0 && mix <= 1) {
			return
		}
		d := count.Dist{Mix: mix, Dispersion: dispersion, Integer: integer}
		d.Fit(history(30, 1+float64(a), 1+float64(b), 2), 60)
		d.At(mean)
		var q [forecast.NQuantiles]float64
		p := forecast.Probabilities()
		d.Quantiles(&p, &q)
		for i, v := range q {
			if !(v >= 0) || math.IsInf(v, 0) || i > 0 && v < q[i-1] {
				t.Fatalf("quantiles %v", q)
			}
			if !integer {
				continue
			}
			if v != math.Trunc(v) {
				t.Fatalf("quantile %v of whole numbers", v)
			}
			low, high := d.Interval(v)
			if high < p[i]-1e-9 || v > 0 && low >= p[i]+1e-9 {
				t.Fatalf("p = %v: quantile %v covers [%v, %v]", p[i], v, low, high)
			}
		}
	})
}

func ExampleDist() {
	d := count.Dist{Mix: 0.5, Dispersion: 1.5, Integer: true}
	d.Fit([]float64{0, 2, 0, 0, 1, 0, 3, 0, 0, 1}, 60)
	d.At(0.7)
	p := forecast.Probabilities()
	var q [forecast.NQuantiles]float64
	d.Quantiles(&p, &q)
	fmt.Println(q)
	// Output: [0 0 0 0 0 1 2 3 3 4]
}
