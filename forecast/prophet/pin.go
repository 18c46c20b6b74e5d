package prophet

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// pin moves an estimate along the directions in which no fitted value changes,
// to where the priors of the effects alone put it, and says whether that moved
// it.
//
// On weekday data the two days of a weekend are free: any level of the trend,
// with weekly effects that undo it on weekdays, fits equally well. The prior of
// the trend's offset, N(0, 5²), draws that level towards 0, and with it the
// forecast of the weekend, although it was meant to say nothing about it. With
//
//	minimise Σ β_j²/s_j²  over  θ + N·a,   N a basis of the null space of J
//
// J being the Jacobian of the fitted values in the level of the trend and in
// β, the trend stands at the mean of the observed phases and unobserved ones
// follow it. Level is m where there are additive effects, and a factor on the
// whole trend where there are multiplicative ones; the slope itself is left to
// the data. With multiplicative effects J varies with θ, and the move is made
// in steps, each followed by Gauss-Newton steps back to the fitted values.
// Logistic trends are left as they are: their level is not free.
func pin(d *posterior.Data, p *posterior.Params) bool {
	if d.Growth == posterior.Logistic {
		return false
	}
	w := newPinning(d, *p)
	var moved float64
	for range 200 {
		step, ok := w.step()
		if !ok {
			return false
		}
		moved += step
		if step < 1e-12 || !w.curved {
			break
		}
	}
	if moved < 1e-9 || !w.restored() {
		return false
	}
	*p = w.p
	return true
}

// pinning is the state of a move. The parameters in play are numbered: m, the
// logarithm of a factor on the trend, β.
type pinning struct {
	d        *posterior.Data
	p        posterior.Params
	target   []float64 // fitted values, to be kept
	additive bool      // some effects are additive
	curved   bool      // some are multiplicative
}

// nullShare of the largest eigenvalue is the most that a direction without any
// influence has, by rounding.
const nullShare = 1e-13

// levels are the parameters before β.
const levels = 2

func newPinning(d *posterior.Data, p posterior.Params) *pinning {
	w := &pinning{d: d, p: p.Clone(), target: make([]float64, len(d.T))}
	d.MeanTo(w.target, &p)
	for _, m := range d.Multiplicative {
		w.curved, w.additive = w.curved || m, w.additive || !m
	}
	return w
}

// jacobian has a column per parameter in play.
func (w *pinning) jacobian() [][]float64 {
	d, n := w.d, len(w.d.T)
	trend, factor := make([]float64, n), make([]float64, n)
	posterior.TrendTo(trend, d.Growth, d.T, d.Cap, d.Changepoints, &w.p)
	for i := range factor {
		factor[i] = 1
	}
	for j, col := range d.X {
		if d.Multiplicative[j] {
			for i, v := range col {
				factor[i] += v * w.p.Beta[j]
			}
		}
	}
	cols := make([][]float64, levels+len(d.X))
	for j := range cols {
		cols[j] = make([]float64, n)
	}
	for i, f := range factor {
		if w.additive {
			cols[0][i] = f
		}
		if w.curved {
			cols[1][i] = f * trend[i]
		}
	}
	for j, x := range d.X {
		col := cols[levels+j]
		copy(col, x)
		if d.Multiplicative[j] {
			for i := range col {
				col[i] *= trend[i]
			}
		}
	}
	return cols
}

// step moves once and returns the length of the move, in prior standard
// deviations of the effects.
func (w *pinning) step() (float64, bool) {
	cols := w.jacobian()
	q := len(cols)
	unit := make([]float64, q) // 1/length of each column; 0 = no influence
	for j, col := range cols {
		if s := sumOfSquares(col); s > 0 {
			unit[j] = 1 / math.Sqrt(s)
		}
	}
	gram := mat.NewSymDense(q, nil)
	for a := range cols {
		for b := a; b < q; b++ {
			gram.SetSym(a, b, mat.Dot(mat.NewVecDense(len(cols[a]), cols[a]), mat.NewVecDense(len(cols[b]), cols[b]))*unit[a]*unit[b])
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return 0, false
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)

	// Directions without influence, but for columns that are 0 altogether,
	// whose effects are 0 already.
	var null [][]float64
	for e, v := range values {
		if v > nullShare*values[q-1] {
			continue
		}
		dir, length := make([]float64, q), 0.0
		for j := range dir {
			dir[j] = vectors.At(j, e) * unit[j]
			length += dir[j] * dir[j]
		}
		if length > 1e-12 {
			null = append(null, dir)
		}
	}
	if len(null) == 0 {
		return 0, true
	}
	move, ok := w.towardsPrior(null)
	if !ok {
		return 0, false
	}
	length := w.apply(move)
	if w.curved {
		w.restore(cols, unit, values, &vectors)
	}
	return length, true
}

// towardsPrior solves min Σ((β + N·a)_j/s_j)² for the step N·a.
func (w *pinning) towardsPrior(null [][]float64) ([]float64, bool) {
	n, first := len(null), levels
	a, b := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	var trace float64
	for r := range null {
		for c := r; c < n; c++ {
			var s float64
			for j, prior := range w.d.Prior {
				s += null[r][first+j] * null[c][first+j] / (prior * prior)
			}
			a.SetSym(r, c, s)
		}
		trace += a.At(r, r)
		var s float64
		for j, prior := range w.d.Prior {
			s -= null[r][first+j] * w.p.Beta[j] / (prior * prior)
		}
		b.SetVec(r, s)
	}
	for r := range null {
		a.SetSym(r, r, a.At(r, r)+1e-13*trace)
	}
	var chol mat.Cholesky
	var x mat.VecDense
	if !chol.Factorize(a) || chol.SolveVecTo(&x, b) != nil {
		return nil, false
	}
	move := make([]float64, len(null[0]))
	for r, dir := range null {
		for j, v := range dir {
			move[j] += v * x.AtVec(r)
		}
	}
	return move, true
}

// apply adds a move, shortened so that no effect changes by more than a tenth
// of the trend where the problem is curved, and returns its length.
func (w *pinning) apply(move []float64) float64 {
	first, length, largest := levels, 0.0, 0.0
	for j, v := range move[first:] {
		length += v * v / (w.d.Prior[j] * w.d.Prior[j])
		largest = math.Max(largest, math.Abs(v))
	}
	f := 1.0
	if w.curved && largest > 0.1 {
		f = 0.1 / largest
	}
	w.p.M += f * move[0]
	scale := math.Exp(f * move[1])
	w.p.K *= scale
	w.p.M *= scale
	for j := range w.p.Delta {
		w.p.Delta[j] *= scale
	}
	for j := range w.p.Beta {
		w.p.Beta[j] += f * move[first+j]
	}
	return math.Sqrt(length)
}

// restore makes Gauss-Newton steps of least length back to the fitted values,
// with the decomposition of the Jacobian as it was.
func (w *pinning) restore(cols [][]float64, unit, values []float64, vectors *mat.Dense) {
	q, mu := len(cols), make([]float64, len(w.d.T))
	rhs, move := make([]float64, q), make([]float64, q)
	for range 3 {
		w.d.MeanTo(mu, &w.p)
		for i := range mu {
			mu[i] = w.target[i] - mu[i]
		}
		for j, col := range cols {
			rhs[j] = mat.Dot(mat.NewVecDense(len(mu), col), mat.NewVecDense(len(mu), mu)) * unit[j]
			move[j] = 0
		}
		for e, v := range values {
			if v <= nullShare*values[q-1] {
				continue
			}
			var s float64
			for j := range rhs {
				s += vectors.At(j, e) * rhs[j]
			}
			for j := range move {
				move[j] += vectors.At(j, e) * s / v * unit[j]
			}
		}
		w.apply(move)
	}
}

// restored says whether the fitted values are still the same, against sigma.
func (w *pinning) restored() bool {
	mu := make([]float64, len(w.d.T))
	w.d.MeanTo(mu, &w.p)
	for i := range mu {
		if !(math.Abs(mu[i]-w.target[i]) <= 1e-3*w.p.Sigma+1e-12) {
			return false
		}
	}
	return true
}
