package exact

import "github.com/skucast/skucast/forecast/prophet/internal/posterior"

// moments are sums over the rows of each segment from which the Hessian of the
// effects follows without a pass over the rows, where the trend is a polynomial
// g = a + b·τ, τ being the time since the segment's first row:
//
//	Σ g²·xx' = a²·M₀ + 2ab·M₁ + b²·M₂,  M_a = Σ τ^a·xx'
type moments struct {
	mm [][]float64 // per segment: M₀, M₁, M₂ of multiplicative columns, packed
	ma [][]float64 // per segment: M₀, M₁ of multiplicative with additive columns
	aa []float64   // additive columns, all rows, packed
}

// prepareMoments sums what does not depend on the parameters.
func (c *curve) prepareMoments() {
	d, km, ka := c.d, len(c.mult), len(c.add)
	for a, i := range c.add {
		for _, j := range c.add[:a+1] {
			c.moments.aa = append(c.moments.aa, dot(d.X[i], d.X[j]))
		}
	}
	if d.Growth == posterior.Logistic {
		c.gx = make([]float64, km*len(d.Y))
		return
	}
	since := make([]float64, len(d.Y))
	for s := range len(c.first) - 1 {
		lo, hi := c.first[s], c.first[s+1]
		for i := lo; i < hi; i++ {
			since[i] = d.T[i] - d.T[lo]
		}
		tau := since[lo:hi]
		mm, ma := make([]float64, 3*km*(km+1)/2), make([]float64, 2*km*ka)
		segment := func(j int) []float64 { return d.X[j][lo:hi] }
		at := 0
		for a, i := range c.mult {
			for b := 0; b <= a; b += 2 {
				next := min(b+1, a)
				m, n := momentsOf(segment(i), segment(c.mult[b]), segment(c.mult[next]), tau)
				copy(mm[at+3*b:], m[:])
				copy(mm[at+3*next:], n[:])
			}
			at += 3 * (a + 1)
			for b, j := range c.add {
				m, _ := momentsOf(segment(i), segment(j), segment(j), tau)
				copy(ma[2*(a*ka+b):], m[:2])
			}
		}
		c.moments.mm, c.moments.ma = append(c.moments.mm, mm), append(c.moments.ma, ma)
	}
}

// hessian fills h with that of the smooth part of φ: in full (newton), or with
// the mean linearised and λ held.
func (c *curve) hessian(q *curvePoint, newton bool) {
	clear(c.h)
	c.effects(q)
	c.weights(q, newton)
	c.trendBlock(q, newton)
	c.crossBlocks(q, c.mult, c.vm, c.vmt)
	c.crossBlocks(q, c.add, c.ve, c.vet)
	inv := 1 / q.lambda
	for j := range c.dim {
		row := c.h[j*c.dim : j*c.dim+j+1]
		for i := range row {
			row[i] *= inv
		}
		if newton && !q.floored {
			// λ follows the residuals: dλ/dRSS = 1/(T + 8λ).
			axpy(row, -2*q.data[j]/(float64(len(c.d.Y))+8*q.lambda), q.data)
		}
		if j < c.smooth {
			row[j] += c.precision[j]
		}
	}
}

// effects fills the block of β.
func (c *curve) effects(q *curvePoint) {
	d, ka := c.d, len(c.add)
	at := 0
	for a, i := range c.add {
		for _, j := range c.add[:a+1] {
			c.h[(2+i)*c.dim+2+j] = c.moments.aa[at]
			at++
		}
	}
	if len(c.mult) == 0 {
		return
	}
	if d.Growth == posterior.Logistic {
		c.effectsByRows(q)
		return
	}
	for s, mm := range c.moments.mm {
		lo, hi := c.first[s], c.first[s+1]
		if lo == hi {
			continue
		}
		g := q.g[lo]
		var rate float64
		if d.Growth == posterior.Linear {
			rate = q.x[0]
			for _, v := range q.x[c.smooth : c.smooth+s] {
				rate += v
			}
		}
		c0, c1, c2 := g*g, 2*g*rate, rate*rate
		at, ma := 0, c.moments.ma[s]
		for a, i := range c.mult {
			row := c.h[(2+i)*c.dim+2:]
			for _, j := range c.mult[:a+1] {
				row[j] += c0*mm[at] + c1*mm[at+1] + c2*mm[at+2]
				at += 3
			}
			for b, j := range c.add {
				o := 2 * (a*ka + b)
				*c.lower(2+i, 2+j) += g*ma[o] + rate*ma[o+1]
			}
		}
	}
}

func (c *curve) effectsByRows(q *curvePoint) {
	n := len(q.g)
	for a, i := range c.mult {
		col := c.gx[a*n : (a+1)*n]
		for r, x := range c.d.X[i] {
			col[r] = x * q.g[r]
		}
		for b, j := range c.mult[:a+1] {
			c.h[(2+i)*c.dim+2+j] = dot(col, c.gx[b*n:(b+1)*n])
		}
		for _, j := range c.add {
			*c.lower(2+i, 2+j) = dot(col, c.d.X[j])
		}
	}
}

// lower is the element of the lower half.
func (c *curve) lower(i, j int) *float64 {
	if i < j {
		i, j = j, i
	}
	return &c.h[i*c.dim+j]
}

// weights fills the weights of rows in the blocks of the trend with additive
// (ve) and multiplicative (vm) effects.
func (c *curve) weights(q *curvePoint, newton bool) {
	for i, t := range c.d.T {
		e := q.w[i] * q.dg[i]
		m := e * q.g[i]
		if newton {
			m -= q.r[i] * q.dg[i]
		}
		c.ve[i], c.vet[i] = e, e*t
		c.vm[i], c.vmt[i] = m, m*t
	}
}

// trendBlock fills the rows of k, m and δ up to the diagonal, but for β. Sums
// run from the end, where every hinge is on.
func (c *curve) trendBlock(q *curvePoint, newton bool) {
	d, p := c.d, c.smooth
	shift, unit := c.factors(q)
	var s0, s1, s2, cross float64
	for s := len(c.first) - 2; s >= 0; s-- {
		for i := c.first[s]; i < c.first[s+1]; i++ {
			e, t := c.ve[i], d.T[i]
			v := e * e
			if newton {
				v -= q.r[i] * q.w[i] * q.ddg[i]
				cross += q.r[i] * e
			}
			s0 += v
			s1 += v * t
			s2 += v * t * t
		}
		if s == 0 {
			break
		}
		at := c.knots[s-1]
		row := c.h[(p+s-1)*c.dim:]
		row[0], row[1] = s2-(at+shift)*s1+at*shift*s0, unit*(s1-at*s0)
		for j, knot := range c.knots[:s] {
			row[p+j] = s2 - (at+knot)*s1 + at*knot*s0
		}
	}
	if d.Growth != posterior.Flat {
		c.h[0] = s2 - 2*shift*s1 + shift*shift*s0
		c.h[c.dim] = unit * (s1 - shift*s0)
	}
	if d.Growth == posterior.Logistic {
		c.h[c.dim] += cross // ∂²z/∂k∂m = −1
	}
	c.h[c.dim+1] = unit * unit * s0
}

// crossBlocks fills the elements of columns of X with the trend, v being the
// weights of the rows and vt the same times t.
func (c *curve) crossBlocks(q *curvePoint, columns []int, v, vt []float64) {
	p := c.smooth
	shift, unit := c.factors(q)
	put := func(j, segment int, s0, s1 float64) {
		if segment > 0 {
			c.h[(p+segment-1)*c.dim+2+j] = s1 - c.knots[segment-1]*s0
			return
		}
		row := c.h[(2+j)*c.dim:]
		row[1] = unit * s0
		if c.d.Growth != posterior.Flat {
			row[0] = s1 - shift*s0
		}
	}
	for len(columns) > 0 {
		i, j := columns[0], columns[min(1, len(columns)-1)]
		columns = columns[min(2, len(columns)):]
		var i0, i1, j0, j1 float64
		for s := len(c.first) - 2; s >= 0; s-- {
			lo, hi := c.first[s], c.first[s+1]
			a0, a1, b0, b1 := products(c.d.X[i][lo:hi], c.d.X[j][lo:hi], v[lo:hi], vt[lo:hi])
			i0, i1, j0, j1 = i0+a0, i1+a1, j0+b0, j1+b1
			put(i, s, i0, i1)
			put(j, s, j0, j1)
		}
	}
}
