package prophet

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/interval"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Sampler is a way to draw future changes of the trend.
type Sampler int

// The samplers of the Python package.
const (
	// ByStep is its default (predict): at every step the trend may change.
	ByStep Sampler = iota
	// ByPoisson is the original (vectorized=False): changes come at the times
	// of a Poisson process.
	ByPoisson
)

// Simulate draws n sample paths of the observations of future, whose rows they
// follow: noise and future changes of the trend (predictive_samples of the
// Python package). Equal input gives equal paths, and the first paths do not
// depend on n. Logistic trends drawn ByStep are the exception: they are shifted
// so that their mean is the forecast, as there. See Quantiles for which rows
// to ask for; errors are those of PredictTo.
func (f *Fitted) Simulate(future Future, n int, seed uint64, s Sampler) ([][]float64, error) {
	p, err := f.Predictor()
	if err != nil {
		return nil, err
	}
	u := p.Uncertainty()
	if _, err := u.prepare(&future); err != nil {
		return nil, err
	}
	paths := u.trends(&future, n, seed, s)
	u.observe(paths, &future, seed)
	return paths, nil
}

// Streams of the generator: noise does not depend on how trends are drawn.
const (
	trendStream = 1
	noiseStream = 2
)

// trends draws paths of the trend, in units of y. The future has been prepared.
func (u *Uncertainty) trends(future *Future, n int, seed uint64, s Sampler) [][]float64 {
	f := u.p.f
	rows := len(future.Time)
	store := make([]float64, n*rows)
	paths := make([][]float64, n)
	for i := range paths {
		paths[i] = store[i*rows : (i+1)*rows : (i+1)*rows]
		copy(paths[i], u.trend)
	}
	ahead := u.order[u.past:]
	if len(ahead) == 0 {
		return paths
	}
	params := u.p.posterior()
	t := &interval.Trend{
		Growth: posterior.Growth(f.Model.Growth), Params: &params, Changepoints: f.ChangepointT,
		Law: interval.LawOf(posterior.Growth(f.Model.Growth), &params, u.step()),
	}
	floors := make([]float64, len(ahead))
	for j, row := range ahead {
		t.T = append(t.T, float64(u.at[row]-u.p.start)/float64(f.TScale))
		floors[j] = f.floorAt(future.Floor, row)
		if f.Model.Growth == Logistic {
			t.Cap = append(t.Cap, (future.Cap[row]-floors[j])/f.YScale)
		}
	}
	r := rand.New(rand.NewPCG(seed, trendStream))
	scaled, mean := make([]float64, len(ahead)), make([]float64, len(ahead))
	for _, path := range paths {
		if s == ByPoisson {
			t.PoissonTo(scaled, r)
		} else {
			t.StepsTo(scaled, r)
		}
		for j, row := range ahead {
			path[row] = scaled[j]*f.YScale + floors[j]
			mean[j] += path[row] / float64(n)
		}
	}
	if f.Model.Growth == Logistic && s == ByStep {
		for _, path := range paths {
			for j, row := range ahead {
				path[row] += u.trend[row] - mean[j]
			}
		}
	}
	return paths
}

// observe turns paths of the trend into paths of the observations.
func (u *Uncertainty) observe(paths [][]float64, future *Future, seed uint64) {
	f := u.p.f
	r := rand.New(rand.NewPCG(seed, noiseStream))
	rows := len(future.Time)
	factor, added := make([]float64, rows), make([]float64, rows)
	for i, ns := range u.at {
		a, m := u.p.terms(future, i, ns)
		factor[i], added[i] = 1+m, a*f.YScale
	}
	for _, path := range paths {
		for i := range path {
			path[i] = path[i]*factor[i] + added[i] + f.Params.Sigma*f.YScale*r.NormFloat64()
		}
	}
}

// simulated are the quantiles where there is no closed form.
func (u *Uncertainty) simulated(dst []float64, future *Future, probabilities []float64, onlyTrend bool) error {
	paths := u.trends(future, u.p.f.Model.UncertaintySamples, 0, u.Sampler)
	if !onlyTrend {
		u.observe(paths, future, 0)
	}
	draws := make([]float64, len(paths))
	for row := range future.Time {
		for i, path := range paths {
			draws[i] = path[row]
		}
		slices.Sort(draws)
		for i, q := range probabilities {
			dst[row*len(probabilities)+i] = percentile(draws, q)
		}
	}
	return nil
}

func (u *Uncertainty) simulatedWindow(dst []float64, future *Future, from, to int, probabilities []float64) error {
	paths := u.trends(future, u.p.f.Model.UncertaintySamples, 0, u.Sampler)
	u.observe(paths, future, 0)
	draws := make([]float64, len(paths))
	for i, path := range paths {
		for _, row := range u.order[from:to] {
			draws[i] += path[row]
		}
	}
	slices.Sort(draws)
	for i, q := range probabilities {
		dst[i] = percentile(draws, q)
	}
	return nil
}

// percentile interpolates linearly between order statistics, as numpy does.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}
