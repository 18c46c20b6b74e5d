package exact_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// FuzzFit: whatever the data, the fit ends with an error that says what is
// wrong with them, or with a point that satisfies the conditions of an optimum,
// as far as rounding lets them be evaluated, and that no point beside it beats.
func FuzzFit(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, uint64(1), 1.0, 0.05, uint8(3))
	f.Add([]byte{0, 0, 0, 1}, uint64(2), 1e-3, 1e-4, uint8(0))
	f.Add([]byte{255, 0}, uint64(3), 1e6, 1e4, uint8(40))
	f.Add([]byte{7, 7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9}, uint64(4), 100.0, 0.05, uint8(128))
	f.Fuzz(func(t *testing.T, values []byte, seed uint64, scale, tau float64, shape uint8) {
		if len(values) == 0 || len(values) > 200 || !(scale >= 1e-3 && scale <= 1e6) {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 5))
		n := len(values)
		d := &posterior.Data{Tau: tau}
		if shape >= 128 {
			d.Growth = posterior.Flat
		}
		var at float64
		for _, v := range values {
			d.Y = append(d.Y, float64(v)*scale/255)
			d.T = append(d.T, at)
			at += float64(rng.IntN(3)) / float64(n)
		}
		d.Changepoints = changepoints(d.T, 1+int(shape%16))
		for range shape % 8 {
			col := make([]float64, n)
			size := math.Exp(5 * rng.NormFloat64())
			for i := range col {
				if rng.Float64() < 0.5 {
					col[i] = size * rng.NormFloat64()
				}
			}
			d.X = append(d.X, col)
		}
		finish(d)
		p, c, err := exact.Fit(d, posterior.Params{}, exact.Options{SigmaFloor: 1e-5 * scale})
		if errors.Is(err, exact.ErrData) || errors.Is(err, exact.ErrDesign) {
			return
		}
		if errors.Is(err, exact.ErrNotConverged) && (c.SigmaFloored || interpolates(d)) {
			return // the columns explain any data, and the prior's say is lost to rounding
		}
		if err != nil {
			t.Fatalf("%v: %+v, %+v", err, p, c)
		}
		kkt, rounding := evidence(d, &p, c.SigmaFloored)
		if !(kkt <= max(1e-5, 10*rounding)) {
			t.Fatalf("violation %v, rounding %v, %+v, %+v", kkt, rounding, p, c)
		}
		// No neighbour is better by more than the difference is known to.
		known := 1e-9*math.Abs(c.LogPosterior) + rounding*1e-3 + 1e-9
		for range 20 {
			q := p.Clone()
			step := math.Exp(-10 * rng.Float64())
			q.K += step * rng.NormFloat64()
			q.M += step * rng.NormFloat64()
			for j := range q.Delta {
				if rng.Float64() < 0.2 {
					q.Delta[j] += step * rng.NormFloat64()
				}
			}
			for j := range q.Beta {
				q.Beta[j] += step * rng.NormFloat64()
			}
			if lp := d.LogPosterior(&q); lp > c.LogPosterior+known {
				t.Fatalf("log posterior %v beside %v, %+v", lp, c.LogPosterior, c)
			}
		}
	})
}

// interpolates says whether there are as many columns as times.
func interpolates(d *posterior.Data) bool {
	times := 1
	for i := 1; i < len(d.T); i++ {
		if d.T[i] != d.T[i-1] {
			times++
		}
	}
	return len(design(d)) >= times
}
