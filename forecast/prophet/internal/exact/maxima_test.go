package exact_test

import (
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
	"github.com/skucast/skucast/forecast/prophet/internal/stan"
)

// waveform has two maxima in σ: a line with noise as large as the wave, and hinges
// that follow the wave with little noise. Which is higher depends on its size.
func waveform(rows int, noisy float64) *posterior.Data {
	y := noise(rows, 0, noisy)
	for i := range y {
		y[i] += 5 + math.Sin(float64(i)/9)
	}
	return shop(y, nil)
}

// TestSeveralMaxima: where the posterior has several in σ, the highest is found,
// from every start, and it is as high as any on a grid of σ.
func TestSeveralMaxima(t *testing.T) {
	low, high := 0, 0
	for _, rows := range []int{60, 75, 90, 120, 160} {
		for _, noisy := range []float64{0.01, 0.03, 0.06, 0.1, 0.15, 0.25} {
			d := waveform(rows, noisy)
			best, cert, err := exact.Fit(d, start(d), exact.Options{})
			if err != nil {
				t.Errorf("%d rows, noise %v: %v, %+v", rows, noisy, err, cert)
				continue
			}
			for sigma := 1e-4; sigma < 1; sigma *= 1.3 {
				from := start(d)
				from.Sigma = sigma
				p, c, err := exact.Fit(d, from, exact.Options{})
				if err != nil || math.Abs(c.LogPosterior-cert.LogPosterior) > 1e-8*math.Abs(cert.LogPosterior) || math.Abs(p.Sigma-best.Sigma) > 1e-8*best.Sigma {
					t.Errorf("%d rows, noise %v, from σ = %v: %v, log posterior %v at %v, want %v at %v",
						rows, noisy, sigma, err, c.LogPosterior, p.Sigma, cert.LogPosterior, best.Sigma)
				}
				// A floor shows what lies above it.
				p, c, err = exact.Fit(d, start(d), exact.Options{SigmaFloor: sigma})
				if err != nil || c.LogPosterior > cert.LogPosterior+1e-8*math.Abs(cert.LogPosterior) {
					t.Errorf("%d rows, noise %v: %v, %v at σ = %v is above %v at %v", rows, noisy, err, c.LogPosterior, p.Sigma, cert.LogPosterior, best.Sigma)
				}
				if sigma > best.Sigma && !c.SigmaFloored {
					low++
				}
			}
			if _, rep, _ := stan.Fit(d, start(d), stan.LBFGS); !(cert.LogPosterior >= rep.LogPosterior-1e-9*math.Abs(rep.LogPosterior)) {
				t.Errorf("%d rows, noise %v: %v below Stan's %v", rows, noisy, cert.LogPosterior, rep.LogPosterior)
			}
			if best.Sigma > 0.08 {
				high++
			}
		}
	}
	if low == 0 || high == 0 {
		t.Errorf("%d floors above the highest maximum found another one, %d cases ended at large σ: the cases do not test what they are for", low, high)
	}
}
