package exact_test

import (
	"math"
	"math/rand/v2"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// bent describes a generated series whose mean is not linear in the parameters.
type bent struct {
	rows     int
	growth   posterior.Growth
	mixed    bool // the promotion is additive
	additive bool // all effects additive
	weekdays bool // no rows at weekends
	seed     uint64
}

// series generates daily demand with a broken trend, weekly and yearly shapes
// that multiply it, promotions and noise, scaled by its maximum, and Prophet's
// default design for it.
func (b bent) series() (*posterior.Data, posterior.Params) {
	rng := rand.New(rand.NewPCG(b.seed, uint64(b.rows)))
	var days []float64
	for day := 0; len(days) < b.rows; day++ {
		if !b.weekdays || day%7 < 5 {
			days = append(days, float64(day))
		}
	}
	span := days[len(days)-1]
	d := &posterior.Data{Growth: b.growth, Tau: 0.05}
	var week [7]float64
	for i := range week {
		week[i] = 0.6 * (rng.Float64() - 0.5)
	}
	level, slope := math.Exp(4*rng.Float64()), 2*rng.Float64()-0.8
	bend, change := rng.Float64(), 3*(rng.Float64()-0.5)
	wave, noise, promoEffect := 0.5*rng.Float64(), 0.03+0.3*rng.Float64(), 0.5*rng.Float64()
	promo := make([]float64, b.rows)
	var top float64
	for i, day := range days {
		t := day / span
		trend := max(0.05, 1+slope*t+change*max(0, t-bend))
		if b.growth == posterior.Logistic {
			trend = 1.5 / (1 + math.Exp(-(6*(t-bend) + change)))
		}
		if rng.Float64() < 0.1 {
			promo[i] = 1
		}
		effects := 1 + week[int(day)%7] + wave*math.Sin(2*math.Pi*day/365.25) + promoEffect*promo[i]
		y := math.Round(level * trend * effects * (1 + noise*rng.NormFloat64()))
		d.T, d.Y = append(d.T, t), append(d.Y, max(0, y))
		top = max(top, d.Y[i])
	}
	for i := range d.Y {
		d.Y[i] /= max(top, 1)
	}
	if b.growth == posterior.Logistic {
		limit := 1 + rng.Float64()
		for range d.Y {
			d.Cap = append(d.Cap, limit)
		}
	}
	size := math.Floor(0.8 * float64(b.rows))
	for j := 1; j <= 25; j++ {
		d.Changepoints = append(d.Changepoints, d.T[int(math.RoundToEven(float64(j)*(size-1)/25))])
	}
	d.X = append(d.X, fourier(days, 7, 3)...)
	if span >= 730 {
		d.X = append(d.X, fourier(days, 365.25, 10)...)
	}
	d.X = append(d.X, promo)
	for j := range d.X {
		d.Prior = append(d.Prior, 10)
		promotion := j == len(d.X)-1
		d.Multiplicative = append(d.Multiplicative, !b.additive && (!b.mixed || !promotion))
	}
	return d, prophetStart(d)
}

func fourier(days []float64, period float64, order int) [][]float64 {
	var out [][]float64
	for k := 1; k <= order; k++ {
		sin, cos := make([]float64, len(days)), make([]float64, len(days))
		for i, day := range days {
			sin[i], cos[i] = math.Sincos(2 * math.Pi * float64(k) * (17000 + day) / period)
		}
		out = append(out, sin, cos)
	}
	return out
}

// prophetStart is the starting point that Prophet passes to Stan.
func prophetStart(d *posterior.Data) posterior.Params {
	p := posterior.Params{Sigma: 1, Delta: make([]float64, len(d.Changepoints)), Beta: make([]float64, len(d.X))}
	last := len(d.Y) - 1
	switch d.Growth {
	case posterior.Flat:
		for _, v := range d.Y {
			p.M += v / float64(len(d.Y))
		}
	case posterior.Linear:
		p.K, p.M = d.Y[last]-d.Y[0], d.Y[0]
	case posterior.Logistic:
		ratio := func(limit, v float64) float64 { return limit / min(max(v, 0.01*limit), 0.99*limit) }
		r0, r1 := ratio(d.Cap[0], d.Y[0]), ratio(d.Cap[last], d.Y[last])
		if math.Abs(r0-r1) <= 0.01 {
			r0 *= 1.05
		}
		l0, l1 := math.Log(r0-1), math.Log(r1-1)
		p.K, p.M = l0-l1, l0/(l0-l1)
	}
	return p
}
