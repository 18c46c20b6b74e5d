package prophet

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// recentre is pin for logistic growth, whose level can only be moved at the
// expense of its shape: the model is fitted again with the columns of the
// unobserved seasonalities less their means over the history, so that the trend
// stands at the mean of the observed phases. The effects found are then
// expressed in the columns themselves, with the least coefficients (in units of
// their priors) that reproduce them in the history; phases without
// observations follow from these. It applies to seasonalities that can imitate
// a constant in the history, and says whether there was one. Fitted values
// change as far as the data allow.
func (f *Fitted) recentre(d *posterior.Data, o exact.Options) (posterior.Params, bool) {
	centred := *d
	centred.X = slices.Clone(d.X)
	var spans [][2]int // columns of each seasonality concerned
	first := 0
	for _, s := range f.Seasonalities {
		last := first + 2*s.Order
		if slices.Contains(f.Diagnostics.Unobserved, s.Name) {
			if _, ok := leastCoefficients(d, first, last, ones(len(d.T))); ok {
				spans = append(spans, [2]int{first, last})
				for j := first; j < last; j++ {
					centred.X[j] = lessMean(d.X[j])
				}
			}
		}
		first = last
	}
	if len(spans) == 0 {
		return posterior.Params{}, false
	}
	p, _, err := exact.Fit(&centred, initial(&centred), o)
	if err != nil || !finite(p) {
		return p, false
	}
	for _, span := range spans {
		effect := make([]float64, len(d.T))
		for j := span[0]; j < span[1]; j++ {
			for i, v := range centred.X[j] {
				effect[i] += v * p.Beta[j]
			}
		}
		beta, ok := leastCoefficients(d, span[0], span[1], effect)
		if !ok {
			return p, false
		}
		copy(p.Beta[span[0]:span[1]], beta)
	}
	return p, true
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func lessMean(x []float64) []float64 {
	out, mean := slices.Clone(x), 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i := range out {
		out[i] -= mean
	}
	return out
}

// leastCoefficients are the smallest multiples of the columns first to last−1,
// in units of their priors, whose sum is target in the history. It reports
// whether the columns can reproduce it.
func leastCoefficients(d *posterior.Data, first, last int, target []float64) ([]float64, bool) {
	n, rows := last-first, float64(len(target))
	gram, rhs := mat.NewSymDense(n, nil), make([]float64, n)
	vec := func(x []float64) *mat.VecDense { return mat.NewVecDense(len(x), x) }
	for a := range n {
		for b := a; b < n; b++ {
			gram.SetSym(a, b, mat.Dot(vec(d.X[first+a]), vec(d.X[first+b]))*d.Prior[first+a]*d.Prior[first+b])
		}
		rhs[a] = mat.Dot(vec(d.X[first+a]), vec(target)) * d.Prior[first+a]
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return nil, false
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	out := make([]float64, n)
	for e, v := range values {
		if v <= 1e-10*values[n-1] {
			continue
		}
		var along float64
		for j, b := range rhs {
			along += vectors.At(j, e) * b / v
		}
		for j := range out {
			out[j] += vectors.At(j, e) * along * d.Prior[first+j]
		}
	}
	var miss, size float64
	for i, want := range target {
		got := 0.0
		for j, b := range out {
			got += d.X[first+j][i] * b
		}
		miss += (got - want) * (got - want)
		size = math.Max(size, math.Abs(want))
	}
	return out, miss <= 1e-12*rows*size*size
}
