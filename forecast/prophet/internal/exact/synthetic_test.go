package exact_test

import (
	"math"
	"math/rand/v2"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// retail is a seeded series as shops have them: counts with a negative binomial
// distribution around a trend, a week, a year and promotions, on rows days; and
// what goes wrong with such series, by kind. The design is Prophet's: 25
// changepoints in the first 80 %, weekly and (from two years on) yearly terms, one
// regressor.
func retail(number int) *posterior.Data {
	rng := rand.New(rand.NewPCG(uint64(number), 77))
	n := []int{60, 75, 90, 120, 160, 200, 365, 500, 1096, 1913}[number%10]
	level := math.Exp(rng.Float64()*4.3 - 0.9) // 0.4 to 30 a day
	slope, amplitude := rng.NormFloat64()*0.5, rng.Float64()*0.4
	var week [7]float64
	for i := range week {
		week[i] = 0.3 * rng.NormFloat64()
	}
	promo, y := make([]float64, n), make([]float64, n)
	for i := range n {
		if rng.Float64() < 0.1 {
			promo[i] = 1
		}
		at := float64(i) / float64(n)
		mean := level * math.Exp(slope*at+week[i%7]+amplitude*math.Sin(2*math.Pi*float64(i)/365.25)+0.5*promo[i])
		y[i] = negativeBinomial(rng, mean, 2+8*rng.Float64())
	}
	spoil(rng, y, number/10%6, level)
	return shop(y, promo)
}

// spoil makes a series ugly.
func spoil(rng *rand.Rand, y []float64, kind int, level float64) {
	n := len(y)
	switch kind {
	case 1: // nothing is sold for a third of the time
		for i := n / 3; i < 2*n/3; i++ {
			y[i] = 0
		}
	case 2: // sparse: one day in ten
		for i := range y {
			if rng.Float64() < 0.9 {
				y[i] = 0
			}
		}
	case 3: // breaks
		for i := range y {
			switch {
			case i > n*3/4:
				y[i] = math.Round(y[i]/4) + 3*level
			case i > n/4:
				y[i] = 5*y[i] + 1
			}
		}
	case 4: // outliers
		for range 1 + n/100 {
			y[rng.IntN(n)] += math.Round(level * 50 * rng.Float64())
		}
	case 5: // no noise but rounding, far from zero
		for i := range y {
			y[i] = math.Round(1e5 + 1e3*level*math.Sin(float64(i)/9))
		}
	}
	y[rng.IntN(n)] += 1 // never constant
}

// negativeBinomial is a Poisson draw around a gamma draw.
func negativeBinomial(rng *rand.Rand, mean, size float64) float64 {
	var shape float64 // gamma with an integer size
	for range int(size) {
		shape += rng.ExpFloat64()
	}
	rate := shape * mean / math.Floor(size)
	count := -1.0
	for t := 0.0; t < rate; count++ {
		t += rng.ExpFloat64()
	}
	return max(0, count)
}

// shop is Prophet's design for daily data.
func shop(y, promo []float64) *posterior.Data {
	n := len(y)
	var top float64
	for _, v := range y {
		top = max(top, math.Abs(v))
	}
	d := &posterior.Data{Y: make([]float64, n), T: make([]float64, n), Tau: 0.05}
	for i := range n {
		d.T[i], d.Y[i] = float64(i)/float64(n-1), y[i]/top
	}
	d.Changepoints = changepoints(d.T, 25)
	d.X = waves(n, 7, 3)
	if n >= 731 {
		d.X = append(d.X, waves(n, 365.25, 10)...)
	}
	if promo != nil {
		d.X = append(d.X, promo)
	}
	finish(d)
	return d
}

func finish(d *posterior.Data) {
	d.Prior, d.Multiplicative = make([]float64, len(d.X)), make([]bool, len(d.X))
	for j := range d.Prior {
		d.Prior[j] = 10
	}
}

// changepoints by Prophet's rule.
func changepoints(t []float64, count int) []float64 {
	size := int(0.8 * float64(len(t)))
	count = min(count, size-1)
	var out []float64
	for j := 1; j <= count; j++ {
		out = append(out, t[int(math.RoundToEven(float64(j)*float64(size-1)/float64(count)))])
	}
	if len(out) == 0 {
		out = []float64{0}
	}
	return out
}

func waves(n int, period float64, order int) [][]float64 {
	var out [][]float64
	for k := 1; k <= order; k++ {
		sin, cos := make([]float64, n), make([]float64, n)
		for i := range n {
			sin[i], cos[i] = math.Sincos(2 * math.Pi * float64(k) * float64(17000+i) / period)
		}
		out = append(out, sin, cos)
	}
	return out
}

// start is where Prophet lets Stan begin.
func start(d *posterior.Data) posterior.Params {
	p := posterior.Params{Sigma: 1, Delta: make([]float64, len(d.Changepoints)), Beta: make([]float64, len(d.X))}
	last := len(d.Y) - 1
	if d.Growth == posterior.Flat {
		for _, v := range d.Y {
			p.M += v / float64(len(d.Y))
		}
		return p
	}
	p.K, p.M = (d.Y[last]-d.Y[0])/(d.T[last]-d.T[0]), d.Y[0]
	return p
}
