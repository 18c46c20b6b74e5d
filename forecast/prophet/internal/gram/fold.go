package gram

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// folded are Fourier terms on a regular grid. About the centre c of a window,
//
//	Σ y_i sin(a_c + kω(i−c)) = sin a_c·E_k + cos a_c·O_k,   E_k = Σ_j e_j cos kωj
//	Σ y_i cos(a_c + kω(i−c)) = cos a_c·E_k − sin a_c·O_k,   O_k = Σ_j o_j sin kωj
//
// with e_j = y_{c+j} + y_{c−j} and o_j = y_{c+j} − y_{c−j}: half the products, from
// tables that serve every window. Centres lie on rows or between two of them.
type folded struct {
	order  int
	start  float64 // position of row 0 within the period
	speed  float64 // share of the period from row to row
	tables [2]table
}

// table holds sin kω(j+h) and cos kω(j+h) by k, for h = 0 or ½.
type table struct {
	length int
	terms  []float64 // 2·order × length: sin 1, cos 1, sin 2, …
}

func fold(n, order int, start, speed float64) folded {
	f := folded{order: order, start: start, speed: speed}
	for h := range f.tables {
		t := table{length: n/2 + 1}
		t.terms = make([]float64, 2*order*t.length)
		for j := range t.length {
			sin, cos := turn(speed * (float64(j) + float64(h)/2))
			harmonics(t.terms[j:], t.length, order, sin, cos)
		}
		f.tables[h] = t
	}
	return f
}

// center describes a window of n rows from first: its table, its length folded,
// and the position of its centre in the period.
func (f *folded) center(first, n int) (t *table, length int, turns float64) {
	turns = f.start + f.speed*(float64(first)+float64(n-1)/2)
	if n%2 == 1 {
		return &f.tables[0], n/2 + 1, turns
	}
	return &f.tables[1], n / 2, turns
}

// matrices are the cosines and the sines by order.
func (t *table) matrices(order, length int) (cos, sin blas64.General) {
	sin = blas64.General{Rows: order, Cols: length, Stride: 2 * t.length, Data: t.terms}
	cos = sin
	cos.Data = t.terms[t.length:]
	return cos, sin
}

// productTo writes X'y of the window from row first on into dst. e and o hold
// half a window, ek and ok a number per term.
func (f *folded) productTo(dst, y []float64, first int, s *Scratch) {
	n := len(y)
	t, length, turns := f.center(first, n)
	e, o := s.even[:length], s.odd[:length]
	left, right := y[:n/2], y[n-n/2:]
	pairs := len(left)
	if n%2 == 1 {
		e[0], o[0] = y[n/2], 0
		foldInto(e[1:1+pairs], o[1:1+pairs], left, right)
	} else {
		foldInto(e, o, left, right)
	}
	cos, sin := t.matrices(f.order, length)
	ek, ok := s.terms[0][:f.order], s.terms[1][:f.order]
	clear(ek)
	clear(ok)
	blas64.Gemv(blas.NoTrans, 1, cos, vector(e), 0, vector(ek))
	blas64.Gemv(blas.NoTrans, 1, sin, vector(o), 0, vector(ok))
	sin1, cos1 := turn(turns)
	sa, ca := sin1, cos1
	for k := range f.order {
		dst[2*k], dst[2*k+1] = sa*ek[k]+ca*ok[k], ca*ek[k]-sa*ok[k]
		sa, ca = sa*cos1+ca*sin1, ca*cos1-sa*sin1
	}
}

// foldInto adds and subtracts the mirror image of left.
func foldInto(e, o, left, right []float64) {
	n := len(left)
	e, o, right = e[:n], o[:n], right[:n]
	for j, r := range right {
		l := left[n-1-j]
		e[j], o[j] = r+l, r-l
	}
}

// subtract takes X·beta of the window from row first on from r.
func (f *folded) subtract(r, beta []float64, first int, s *Scratch) {
	n := len(r)
	t, length, turns := f.center(first, n)
	ek, ok := s.terms[0][:f.order], s.terms[1][:f.order]
	sin1, cos1 := turn(turns)
	sa, ca := sin1, cos1
	for k := range f.order {
		ek[k] = sa*beta[2*k] + ca*beta[2*k+1]
		ok[k] = ca*beta[2*k] - sa*beta[2*k+1]
		sa, ca = sa*cos1+ca*sin1, ca*cos1-sa*sin1
	}
	e, o := s.even[:length], s.odd[:length]
	clear(e)
	clear(o)
	cos, sin := t.matrices(f.order, length)
	blas64.Gemv(blas.Trans, 1, cos, vector(ek), 0, vector(e))
	blas64.Gemv(blas.Trans, 1, sin, vector(ok), 0, vector(o))
	left, right := r[:n/2], r[n-n/2:]
	if n%2 == 1 {
		r[n/2] -= e[0]
		e, o = e[1:], o[1:]
	}
	m := len(left)
	e, o, right = e[:m], o[:m], right[:m]
	for j := range right {
		right[j] -= e[j] + o[j]
		left[m-1-j] -= e[j] - o[j]
	}
}

func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }
