package stan_test

import (
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

const syntheticCases = 120

// splitMix is the generator of testdata/oracle.py, bit for bit.
type splitMix uint64

func (s *splitMix) uniform() float64 {
	*s += 0x9E3779B97F4A7C15
	z := uint64(*s)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return float64((z^(z>>31))>>11) * 0x1p-53
}

func (s *splitMix) normal() float64 {
	var total float64
	for range 12 {
		total += s.uniform()
	}
	return total - 6
}

// synthetic is series number of testdata/oracle.py with Prophet's start:
// linear, flat and logistic growth; additive, multiplicative and mixed.
func synthetic(number int) (*posterior.Data, posterior.Params) {
	src := splitMix(1000 + number)
	n := []int{60, 90, 120, 200, 365, 500, 731, 1100}[number%8]
	growth := posterior.Linear
	switch number % 10 {
	case 4:
		growth = posterior.Flat
	case 9:
		growth = posterior.Logistic
	}
	y, promo := demand(&src, n)
	d := &posterior.Data{Growth: growth, Y: y, Tau: 0.05}
	for i := range n {
		d.T = append(d.T, float64(i)/float64(n-1))
		d.Cap = append(d.Cap, 1.2)
	}
	hist := math.Floor(float64(n) * 0.8)
	for j := 1; j <= 25; j++ {
		d.Changepoints = append(d.Changepoints, d.T[int(math.RoundToEven(float64(j)*(hist-1)/25))])
	}
	d.X = append(d.X, waves(n, 7, 3)...)
	if n >= 731 {
		d.X = append(d.X, waves(n, 365.25, 10)...)
	}
	d.X = append(d.X, promo)
	for range d.X {
		d.Prior = append(d.Prior, 10)
		d.Multiplicative = append(d.Multiplicative, number%3 == 2)
	}
	if number%2 == 0 { // mixed mode: the promotion is additive
		d.Multiplicative[len(d.X)-1] = false
	}
	return d, start(d)
}

// demand is a broken line with a weekly shape, a yearly wave and promotions,
// divided by its maximum. Its numbers are rounded before that, so that every
// machine has the same.
func demand(src *splitMix, n int) (y, promo []float64) {
	var profile [7]float64
	for i := range profile {
		profile[i] = src.uniform() - 0.5
	}
	slope := 4 * (src.uniform() - 0.4)
	noise := 0.3 + src.uniform()
	amplitude := 3 * src.uniform()
	bend := int(float64(n) * src.uniform())
	bent := 6 * (src.uniform() - 0.5)
	promo = make([]float64, n)
	for i := range promo {
		if src.uniform() < 0.15 {
			promo[i] = 1
		}
	}
	var top float64
	for i := range n {
		level := 10 + slope*float64(i)/float64(n)
		if i > bend {
			level += bent * float64(i-bend) / float64(n)
		}
		wave := math.Abs(float64(i%364-182))/182 - 0.5
		shape := 1 + 0.4*profile[i%7] + 0.1*amplitude*wave + 0.3*promo[i]
		v := math.Floor((level*shape+noise*src.normal())*1e4+0.5) / 1e4
		y = append(y, v)
		top = math.Max(top, math.Abs(v))
	}
	for i := range y {
		y[i] /= top
	}
	return y, promo
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

// start is the starting point that Prophet passes to Stan.
func start(d *posterior.Data) posterior.Params {
	p := posterior.Params{Sigma: 1, Delta: make([]float64, len(d.Changepoints)), Beta: make([]float64, len(d.X))}
	first, last := d.Y[0], d.Y[len(d.Y)-1]
	switch d.Growth {
	case posterior.Flat:
		for _, v := range d.Y {
			p.M += v / float64(len(d.Y))
		}
	case posterior.Linear:
		p.K, p.M = last-first, first
	case posterior.Logistic:
		ratio := func(v float64) float64 { return 1.2 / min(max(v, 0.01*1.2), 0.99*1.2) }
		r0, r1 := ratio(first), ratio(last)
		if math.Abs(r0-r1) <= 0.01 {
			r0 *= 1.05
		}
		l0, l1 := math.Log(r0-1), math.Log(r1-1)
		p.K, p.M = l0-l1, l0/(l0-l1)
	}
	return p
}
