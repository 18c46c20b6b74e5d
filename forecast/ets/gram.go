package ets

import "math"

// initialStates solves the least squares problem for the initial states at
// parameters p into ws.x and returns the sum of squares it leaves, to the
// accuracy that a difference of sums allows. The factor of X'X stays in ws.
func (ws *Workspace) initialStates(p theta) float64 {
	ws.start(p)
	n := len(ws.y)
	ws.normalMatrix(p)
	ws.project(ws.rhs, ws.r[:n])
	k := ws.states()
	ws.factor(k)
	sse := dot(ws.r[:n], ws.r[:n])
	ws.forward(ws.rhs[:k])
	for i, v := range ws.rhs[:k] {
		sse -= v * v
		ws.x[i] = -v
	}
	ws.backward(ws.x[:k])
	return math.Max(sse, 0)
}

// normalMatrix fills the lower triangle of X'X.
func (ws *Workspace) normalMatrix(p theta) {
	n, m, k := len(ws.y), ws.m, ws.states()
	c, g := ws.c[:n], ws.gram
	if ws.complete || m == 1 {
		// Columns are shifts of c: with d = i−j,
		// Σ_t c[t−i]c[t−j] = A_d − Σ_{u ≥ n−i} c[u]c[u+d], A_d over all u.
		ws.lagged(ws.lag[:m], c, c)
		for d, sum := range ws.lag[:m] {
			for j := 0; j+d < m; j++ {
				g[(j+d)*k+j] = sum
				if u := n - 1 - j - d; u >= 0 {
					sum -= c[u] * c[u+d]
				}
			}
		}
	} else {
		for i := range m {
			ws.seasonColumn(ws.cols[i], p, i)
			for j := range i + 1 {
				g[i*k+j] = dot(ws.cols[i], ws.cols[j])
			}
		}
	}
	if k > m {
		b := ws.b[:n]
		ws.products(ws.lag[:m], b)
		copy(g[m*k:], ws.lag[:m])
		g[m*k+m] = dot(b, b)
	}
}

// project writes X'v to dst.
func (ws *Workspace) project(dst, v []float64) {
	ws.products(dst[:ws.m], v)
	if ws.form.trend() {
		dst[ws.m] = dot(ws.b[:len(v)], v)
	}
}

// products writes the products of v with the columns of the season.
func (ws *Workspace) products(dst, v []float64) {
	if ws.complete || ws.m == 1 {
		ws.lagged(dst, ws.c[:len(v)], v)
		return
	}
	for i := range dst {
		dst[i] = dot(ws.cols[i], v)
	}
}

// lagged writes Σ_t c[t−j]v[t] for j = 0, 1, …, four lags in one sweep.
func (ws *Workspace) lagged(dst, c, v []float64) {
	n, j := len(v), 0
	for ; j+3 < len(dst) && j+3 < n; j += 4 {
		var s0, s1, s2, s3 float64
		x := v[j:]
		c0, c1, c2 := 0.0, 0.0, 0.0 // c at lags 1, 2, 3
		for t, a := range c[:len(x)] {
			u := x[t]
			s0 += a * u
			s1 += c0 * u
			s2 += c1 * u
			s3 += c2 * u
			c0, c1, c2 = a, c0, c1
		}
		dst[j], dst[j+1], dst[j+2], dst[j+3] = s0, s1, s2, s3
	}
	for ; j < len(dst); j++ {
		dst[j] = 0
		if j < n {
			dst[j] = dot(c[:n-j], v[j:])
		}
	}
}

// dot is the inner product, in four partial sums.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// A column of X that depends on the others to this share of its squared
// length is dropped: the season of a weekday that is never open, a slope that
// no observation feels.
const dependent = 1e-13

// factor overwrites the Gram matrix by its Cholesky factor, after scaling the
// columns of X to length 1.
func (ws *Workspace) factor(k int) {
	g := ws.gram
	for i := range k {
		d := g[i*k+i]
		ws.dropped[i] = !(d > 0)
		ws.diag[i] = 0
		if d > 0 {
			ws.diag[i] = 1 / math.Sqrt(d)
		}
	}
	for i := range k {
		row := g[i*k : i*k+i+1]
		for j := range i {
			other := g[j*k : j*k+j+1]
			sum := row[j] * ws.diag[i] * ws.diag[j]
			for l, v := range row[:j] {
				sum -= v * other[l]
			}
			row[j] = 0
			if !ws.dropped[j] {
				row[j] = sum / other[j]
			}
		}
		sum := 1.0
		for _, v := range row[:i] {
			sum -= v * v
		}
		if ws.dropped[i] || !(sum > dependent) {
			ws.dropped[i] = true
			sum = 1
		}
		row[i] = math.Sqrt(sum)
	}
}

// forward replaces v by L⁻¹Dv, where D scales and dropped columns give 0.
func (ws *Workspace) forward(v []float64) {
	k := len(v)
	for i := range v {
		sum := v[i] * ws.diag[i]
		row := ws.gram[i*k : i*k+i+1]
		for l, a := range row[:i] {
			sum -= a * v[l]
		}
		v[i] = 0
		if !ws.dropped[i] {
			v[i] = sum / row[i]
		}
	}
}

// backward replaces v by D L⁻ᵀv.
func (ws *Workspace) backward(v []float64) {
	k := len(v)
	for i := k - 1; i >= 0; i-- {
		if ws.dropped[i] {
			v[i] = 0
			continue
		}
		for l := i + 1; l < k; l++ {
			v[i] -= ws.gram[l*k+i] * v[l]
		}
		v[i] /= ws.gram[i*k+i]
	}
	for i := range v {
		v[i] *= ws.diag[i]
	}
}
