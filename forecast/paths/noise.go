package paths

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/skucast/skucast/forecast"
)

// Noise draws the demand of a period around its mean.
type Noise interface {
	// Draw returns a demand of the period step (0 = the first one after the
	// origin), whose mean, given the path so far, is mean. It draws from r only
	// and is the same in all paths.
	Draw(r *rand.Rand, step int, mean float64) float64
}

// Errors of noise that cannot be set up, to be tested with errors.Is.
var (
	// ErrNoErrors: there is no error to draw from.
	ErrNoErrors = errors.New("paths: no errors to draw from")
	// ErrQuantiles: probabilities do not ascend within 0 and 1, quantiles
	// descend or are not finite, or there are less than two.
	ErrQuantiles = errors.New("paths: not the quantiles of a distribution")
)

// Normal adds normal errors with the standard deviation SD.
type Normal struct{ SD float64 }

// Draw implements Noise.
func (n Normal) Draw(r *rand.Rand, _ int, mean float64) float64 { return mean + n.SD*r.NormFloat64() }

// Scale says how the size of an error depends on the mean.
type Scale int

// The scales.
const (
	Additive Scale = iota // not at all
	Relative              // in proportion
)

// Empirical draws errors that have happened, each as often as any other
// (bootstrap; Efron, 1979, "Bootstrap methods: another look at the jackknife",
// The Annals of Statistics 7, doi:10.1214/aos/1176344552).
type Empirical struct {
	errors []float64
	scale  Scale
}

// NewEmpirical is the noise of actual demands around the means that were
// forecast for them one step ahead (see OneStep). Missing values are left out;
// with Relative, periods whose mean is not positive too. The errors are centred:
// a mean error would add up along a path of a model with a trend, and is for
// the model to correct. The error is ErrNoErrors. It panics if the lengths
// differ.
func NewEmpirical(actual, means []float64, scale Scale) (*Empirical, error) {
	if len(actual) != len(means) {
		panic("paths: NewEmpirical: lengths differ")
	}
	e := &Empirical{scale: scale}
	var mean float64
	for i, m := range means {
		d := actual[i] - m
		if scale == Relative {
			if !(m > 0) {
				continue
			}
			d /= m
		}
		if math.IsNaN(d) || math.IsInf(d, 0) {
			continue
		}
		e.errors = append(e.errors, d)
		mean += (d - mean) / float64(len(e.errors))
	}
	if len(e.errors) == 0 {
		return nil, ErrNoErrors
	}
	for i := range e.errors {
		e.errors[i] -= mean
	}
	return e, nil
}

// Draw implements Noise.
func (e *Empirical) Draw(r *rand.Rand, _ int, mean float64) float64 {
	d := e.errors[r.IntN(len(e.errors))]
	if e.scale == Relative {
		d *= mean
	}
	return mean + d
}

// OneStep are the means that m forecasts one step ahead for the periods of s
// from from on, fitted to the periods before and filtered forward, not
// refitted: what its errors are in use. The error is that of m.Fit. It panics
// if from is not within the series.
func OneStep(m forecast.Model, s forecast.Series, from int) ([]float64, error) {
	if from < 0 || from > len(s.Y) {
		panic("paths: OneStep: from is not within the series")
	}
	past := s
	past.Y = s.Y[:from]
	f, err := m.Fit(past)
	if err != nil {
		return nil, err
	}
	means := make([]float64, len(s.Y)-from)
	for i := range means {
		f.PredictTo(means[i : i+1])
		f.Append(s.Y[from+i : from+i+1])
	}
	return means, nil
}

// Quantiles draws errors from a distribution of which some quantiles are known,
// such as calibrated ones of one step ahead, less their mean. Between them, and
// beyond the outer ones, the quantile is linear in the normal score of the
// probability: the tails are as heavy as those of a normal distribution.
type Quantiles struct{ score, value []float64 }

// NewQuantiles takes the quantiles of the error (demand less its mean) at
// ascending probabilities. The error is ErrQuantiles.
func NewQuantiles(probabilities, values []float64) (*Quantiles, error) {
	if len(probabilities) < 2 || len(values) != len(probabilities) {
		return nil, ErrQuantiles
	}
	q := &Quantiles{value: slices.Clone(values)}
	for i, p := range probabilities {
		if !(p > 0 && p < 1) || i > 0 && !(p > probabilities[i-1] && values[i] >= values[i-1]) {
			return nil, ErrQuantiles
		}
		if math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
			return nil, ErrQuantiles
		}
		q.score = append(q.score, math.Sqrt2*math.Erfinv(2*p-1))
	}
	return q, nil
}

// Draw implements Noise.
func (q *Quantiles) Draw(r *rand.Rand, _ int, mean float64) float64 {
	z := r.NormFloat64()
	i := sort.SearchFloat64s(q.score, z)
	i = min(max(i, 1), len(q.score)-1)
	slope := (q.value[i] - q.value[i-1]) / (q.score[i] - q.score[i-1])
	return mean + q.value[i-1] + slope*(z-q.score[i-1])
}

// NegativeBinomial draws counts with the given mean and the variance mean +
// Dispersion·mean², the usual distribution of slow movers: a Poisson
// distribution whose rate varies as a gamma variable. Dispersion 0 is the
// Poisson distribution. A mean below 0 counts as 0.
type NegativeBinomial struct{ Dispersion float64 }

// Draw implements Noise.
func (n NegativeBinomial) Draw(r *rand.Rand, _ int, mean float64) float64 {
	if mean <= 0 {
		return 0
	}
	if n.Dispersion > 0 {
		mean *= n.Dispersion * gamma(r, 1/n.Dispersion)
	}
	return poisson(r, mean)
}
