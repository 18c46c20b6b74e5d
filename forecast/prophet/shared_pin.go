package prophet

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
)

// pinMap is the move of pin for a design without multiplicative effects: it is
// linear in β, and depends on the dates only.
//
//	move = −N·(N_β'ΛN_β)⁻¹·N_β'Λ·β
//
// N is a basis of the null space of [1, X], N_β its rows of β, Λ the inverse
// prior variances.
type pinMap struct {
	q      int // 1 + effects: m, β
	null   [][]float64
	weight [][]float64 // rows of (N_β'ΛN_β)⁻¹·N_β'Λ
	prior  []float64
}

// newPinMap finds the null space as pinning.step does, from Z'Z.
func newPinMap(p *exact.Gram, lead int) (*pinMap, bool) {
	q, size := 1+len(p.Prior), p.Size()
	at := func(j int) int { // in Z
		if j == 0 {
			return lead - 1
		}
		return lead + p.Changes + j - 1
	}
	unit := make([]float64, q)
	for j := range unit {
		if s := p.Cross[at(j)*size+at(j)]; s > 0 {
			unit[j] = 1 / math.Sqrt(s)
		}
	}
	gram := mat.NewSymDense(q, nil)
	for a := range q {
		for b := a; b < q; b++ {
			gram.SetSym(a, b, p.Cross[at(a)*size+at(b)]*unit[a]*unit[b])
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return nil, false
	}
	values := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	m := &pinMap{q: q, prior: p.Prior}
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
			m.null = append(m.null, dir)
		}
	}
	return m, m.weigh()
}

// weigh fills weight.
func (m *pinMap) weigh() bool {
	n := len(m.null)
	if n == 0 {
		return true
	}
	a, right := mat.NewSymDense(n, nil), mat.NewDense(n, m.q-1, nil)
	var trace float64
	for r := range n {
		for c := r; c < n; c++ {
			var s float64
			for j, prior := range m.prior {
				s += m.null[r][1+j] * m.null[c][1+j] / (prior * prior)
			}
			a.SetSym(r, c, s)
		}
		trace += a.At(r, r)
		for j, prior := range m.prior {
			right.Set(r, j, m.null[r][1+j]/(prior*prior))
		}
	}
	for r := range n {
		a.SetSym(r, r, a.At(r, r)+1e-13*trace)
	}
	var chol mat.Cholesky
	var x mat.Dense
	if !chol.Factorize(a) || chol.SolveTo(&x, right) != nil {
		return false
	}
	for r := range n {
		m.weight = append(m.weight, mat.Row(nil, r, &x))
	}
	return true
}

// moveTo writes the move of m and β, and returns its length in prior standard
// deviations of the effects.
func (m *pinMap) moveTo(move, beta []float64) float64 {
	clear(move)
	for r, weight := range m.weight {
		var a float64
		for j, v := range weight {
			a -= v * beta[j]
		}
		for j, v := range m.null[r] {
			move[j] += a * v
		}
	}
	var length float64
	for j, v := range move[1:] {
		length += v * v / (m.prior[j] * m.prior[j])
	}
	return math.Sqrt(length)
}
