package generate

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestExactFunctions(t *testing.T) {
	t.Parallel()
	near := func(what string, x, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-13*math.Max(1, math.Abs(want)) && math.Abs(got/want-1) > 1e-13 {
			t.Errorf("%s(%v) = %.17g, want %.17g", what, x, got, want)
		}
	}
	for i := range 20_001 {
		x := float64(i-10_000) / 50 // −200 … 200
		near("exp", x, exp(x), math.Exp(x))
		near("log", exp(x), log(exp(x)), math.Log(exp(x)))
		if x >= 0 {
			near("wave", x/100, wave(x/100), math.Sin(2*math.Pi*x/100))
		}
	}
	near("log", 1e-300, log(1e-300), math.Log(1e-300))
}

// Mean, variance and quantiles against the textbook, summed from the probability function
// that math.Lgamma gives.
func TestNegbin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mean, r float64 }{{0.02, 0.3}, {0.5, 1}, {3, 0.7}, {12, 4}, {80, 40}, {maxMean, 40}, {maxMean, 0.3}} {
		d := newNegbin(c.mean, c.r)
		const n = 200_000
		var sum, squares float64
		for i := range n { // a sample that is evenly spread over [0, 1)
			y := float64(d.quantile((float64(i) + 0.5) / n))
			sum += y
			squares += y * y
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if want := c.mean + c.mean*c.mean/c.r; math.Abs(mean/c.mean-1) > 0.01 || math.Abs(variance/want-1) > 0.05 {
			t.Errorf("%+v: mean %.4f, variance %.4f, want %.4f", c, mean, variance, want)
		}
		got := make([]int64, len(Probabilities()))
		d.quantiles(got, Probabilities())
		for i, p := range Probabilities() {
			if want := textbook(c.mean, c.r, p); got[i] != want || d.quantile(p) != want {
				t.Errorf("%+v: quantile %v is %d and %d, want %d", c, p, got[i], d.quantile(p), want)
			}
		}
	}
	if d := newNegbin(0, 1); d.quantile(0.999) != 0 {
		t.Error("a mean of 0 sells")
	}
}

func textbook(mean, r, p float64) int64 {
	sum := 0.0
	for k := 0.0; ; k++ {
		a, _ := math.Lgamma(k + r)
		b, _ := math.Lgamma(r)
		c, _ := math.Lgamma(k + 1)
		sum += math.Exp(a - b - c + r*math.Log(r/(r+mean)) + k*math.Log(mean/(r+mean)))
		if sum >= p {
			return int64(k)
		}
	}
}

// The walk ends for any probability, also those that rounding keeps out of reach.
func FuzzNegbin(f *testing.F) {
	f.Add(3.0, 0.7, 0.5)
	f.Add(800.0, 40.0, 1.0)
	f.Fuzz(func(t *testing.T, mean, r, u float64) {
		if !(mean >= 0 && mean <= maxMean && r >= 0.3 && r <= 40 && u >= 0 && u <= 1) {
			t.Skip("outside what is used")
		}
		if k := newNegbin(mean, r).quantile(u); k < 0 || k > 200_000 {
			t.Errorf("quantile %v of mean %v, size %v is %d", u, mean, r, k)
		}
	})
}

// The draws that are written scatter as the sizes of their SKUs say: the mean of squared
// standardised residuals is 1.
func TestScatterOfTheFuture(t *testing.T) {
	t.Parallel()
	c := Config{Seed: 5, Stores: 10, SKUs: 100, Days: 30, Horizon: 56}
	size := map[string]float64{}
	for _, k := range newWorld(c).skus {
		size[k.code] = k.r
	}
	var sales, truth strings.Builder
	if _, err := Write(Files{Sales: &sales, Truth: &truth}, c); err != nil {
		t.Fatal(err)
	}
	var n, sum float64
	for row := range strings.Lines(truth.String()) {
		fields := strings.Split(strings.TrimSpace(row), ",")
		mean, err := strconv.ParseFloat(fields[3], 64)
		if err != nil || mean < 1 { // the header; and small counts, whose squares are wild
			continue
		}
		y, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		n++
		sum += (y - mean) * (y - mean) / (mean + mean*mean/size[fields[1]])
	}
	if n < 10_000 || math.Abs(sum/n-1) > 0.1 {
		t.Errorf("mean of %.0f squared standardised residuals is %.3f", n, sum/n)
	}
}
