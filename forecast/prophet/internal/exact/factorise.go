package exact

import (
	"math"
)

// scaled is S, n×n.
func (f *Factor) scaled() []float64 {
	n, p := f.n, f.Size()
	f.scratch[0] = resized(f.scratch[0], n*n)
	s, root := f.scratch[0], make([]float64, n)
	for i, v := range f.prec {
		root[i] = math.Sqrt(v)
	}
	for i := range n {
		z := f.index[i]
		row := s[i*n : (i+1)*n]
		f.pick(row, f.gram.Cross[z*p:(z+1)*p])
		for j := range row {
			row[j] /= root[i] * root[j]
		}
	}
	return s
}

// invert sets inv by Cholesky's method, from S, which it overwrites, where every direction is fast, and says
// whether that is so: the trace of S⁻¹ bounds the inverse of its least
// eigenvalue.
func (f *Factor) invert(l []float64) bool {
	n := f.n
	if !cholesky(l, n) {
		return false
	}
	// t is L⁻¹ by columns: row j holds column j, zero before j.
	f.scratch[1] = resized(f.scratch[1], n*n)
	t := f.scratch[1]
	var trace float64
	for j := range n {
		col := t[j*n : (j+1)*n]
		col[j] = 1 / l[j*n+j]
		for i := j + 1; i < n; i++ {
			col[i] = -dot(l[i*n+j:i*n+i], col[j:]) / l[i*n+i]
		}
		trace += dot(col[j:], col[j:])
	}
	if !(trace*fastRatio*largestVariance <= 1) {
		return false
	}
	f.inv = resized(f.inv, n*n)
	for i := range n {
		for j := range i + 1 {
			v := dot(t[i*n+i:(i+1)*n], t[j*n+i:]) / math.Sqrt(f.prec[i]*f.prec[j])
			f.inv[i*n+j], f.inv[j*n+i] = v, v
		}
	}
	f.limit = 1 / (trace * fastRatio)
	return true
}

// decompose sets inv and the slow directions from the eigenvectors of S;
// directions with an eigenvalue of at least fast are fast.
func (f *Factor) decompose(fast float64) {
	n := f.n
	s := f.scaled()
	var largest float64
	smallest, diagonal := math.Inf(1), make([]float64, n)
	for i := range n {
		v := s[i*n+i]
		diagonal[i], largest = v, max(largest, v)
		if v > 0 {
			smallest = min(smallest, v)
		}
	}
	graded := largest > maxGrading*smallest
	var d, w []float64
	if graded {
		d, w = eigenGraded(s, n)
	} else {
		d, w = eigenSymmetric(s, n)
	}
	f.inv, f.limit = resized(f.inv, n*n), fast/fastRatio
	clear(f.inv)
	for k, v := range d {
		row := w[k*n : (k+1)*n]
		size := largest // of what cancels to v
		if graded {
			size = 0
			for i, q := range row {
				size += q * q * diagonal[i]
			}
		}
		for i := range row {
			row[i] /= math.Sqrt(f.prec[i])
		}
		if v >= fast && v > noiseRatio*size {
			for i, wi := range row {
				axpy(f.inv[i*n:(i+1)*n], wi/v, row)
			}
			continue
		}
		var from float64
		if !(v > noiseRatio*size) {
			from = max(100*noiseRatio*size, math.SmallestNonzeroFloat64)
		}
		if !(v > nullRatio*size) {
			f.nulls++
		}
		f.slow.d, f.slow.from = append(f.slow.d, max(0, v)), append(f.slow.from, from)
		f.slow.w = append(f.slow.w, row...)
		for j := range f.s {
			f.slow.v = append(f.slow.v, dot(row, f.cross[j*n:]))
		}
	}
}

// reduce computes the coefficients of R(λ).
func (f *Factor) reduce() {
	n, s, p := f.n, f.s, f.Size()
	right := f.cross // by rows: G_uδ, then Λ·x
	for i := range f.x {
		f.x[i], f.a[i] = resized(f.x[i], s*n), resized(f.a[i], s*s)
		for j := range s {
			multiply(f.x[i][j*n:(j+1)*n], f.inv, right[j*n:(j+1)*n])
		}
		for j := range s {
			row := f.a[i][j*s : j*s+j+1]
			multiply(row, f.x[i], f.cross[j*n:(j+1)*n])
			for k := range row {
				if i == 0 {
					row[k] = f.gram.Cross[(f.lead+j)*p+f.lead+k] - row[k]
				}
				f.a[i][k*s+j] = row[k]
			}
		}
		if i < len(f.x)-1 {
			f.scratch[0] = append(f.scratch[0][:0], f.x[i]...)
			right = f.scratch[0]
			for j := range s {
				scaleBy(right[j*n:(j+1)*n], f.prec)
			}
		}
	}
	f.leastSquares()
}

// leastSquares factorises R(0), without the penalty: see leastNoise.
func (f *Factor) leastSquares() {
	s, p := f.s, f.Size()
	f.kept, f.least = f.kept[:0], resized(f.least, s*s)
	row := make([]float64, s)
	for j := range s {
		copy(row, f.a[0][j*s:(j+1)*s])
		for k, d := range f.slow.d {
			if v := f.slow.v[k*s : (k+1)*s]; f.slow.from[k] == 0 {
				axpy(row, -v[j]/d, v)
			}
		}
		i := len(f.kept)
		f.kept = append(f.kept, j)
		l := f.least[i*s : i*s+i+1]
		for k, other := range f.kept {
			l[k] = row[other]
		}
		if !choleskyRow(f.least, s, i) || l[i]*l[i] <= 100*pivotNoise*f.gram.Cross[(f.lead+j)*p+f.lead+j] {
			f.kept = f.kept[:i]
		}
	}
}

// wide is a Factor of the same design for variances up to the given one.
func (f *Factor) wide(variance float64) *Factor {
	out := new(Factor)
	out.begin(f.gram)
	out.decompose(fastRatio * variance)
	out.reduce()
	return out
}
