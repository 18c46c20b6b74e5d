package exact

import (
	"math"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// rows is a design with its rows: Z of the additive model.
type rows struct {
	d     *posterior.Data
	first []int // per changepoint: the first row after it
	lead  int
	s     int
	resid []float64
	side  []float64 // scratch, one per changepoint
}

func newRows(d *posterior.Data) *rows {
	z := &rows{d: d, lead: 2, s: len(d.Changepoints), resid: make([]float64, len(d.T))}
	if d.Growth == posterior.Flat {
		z.lead, z.s = 1, 0
	}
	z.side = make([]float64, z.s)
	for _, at := range d.Changepoints[:z.s] {
		i, _ := slices.BinarySearchFunc(d.T, at, func(t, at float64) int {
			if t <= at {
				return -1
			}
			return 1
		})
		z.first = append(z.first, i)
	}
	return z
}

func (z *rows) size() int { return z.lead + z.s + len(z.d.X) }

// transposeTo writes Z'v.
func (z *rows) transposeTo(dst, v []float64) {
	if z.lead == 2 {
		dst[0] = dot(z.d.T, v)
	}
	dst[z.lead-1] = sum(v)
	z.hingesTo(dst[z.lead:z.lead+z.s], v)
	columnsTo(dst[z.lead+z.s:], z.d.X, v)
}

// columnsTo writes the inner products of v and the first len(dst) columns of x,
// four at a time, so that v is loaded once for all of them.
func columnsTo(dst []float64, x [][]float64, v []float64) {
	for len(dst) >= 4 {
		a, b, c, d := x[0][:len(v)], x[1][:len(v)], x[2][:len(v)], x[3][:len(v)]
		var s0, s1, s2, s3 float64
		for i, w := range v {
			s0 += a[i] * w
			s1 += b[i] * w
			s2 += c[i] * w
			s3 += d[i] * w
		}
		dst[0], dst[1], dst[2], dst[3] = s0, s1, s2, s3
		dst, x = dst[4:], x[4:]
	}
	for j := range dst {
		dst[j] = dot(v, x[j])
	}
}

// hingesTo writes Σ_i (t_i − s_j)₊·v_i for all changepoints in one pass from the
// last row to the first: from one changepoint to the one before, the sum grows
// by the distance times Σ v behind, and by the rows between.
func (z *rows) hingesTo(dst, v []float64) {
	t := z.d.T
	end, total, sum := len(t), 0.0, 0.0
	for j := z.s - 1; j >= 0; j-- {
		at := z.d.Changepoints[j]
		if j+1 < z.s {
			sum += (z.d.Changepoints[j+1] - at) * total
		}
		var near float64
		for i := end - 1; i >= z.first[j]; i-- {
			near += (t[i] - at) * v[i]
			total += v[i]
		}
		end = z.first[j]
		sum += near
		dst[j] = sum
	}
}

// cross is Z'Z.
func (z *rows) cross() []float64 {
	p, n := z.size(), len(z.d.T)
	g := make([]float64, p*p)
	col := make([]float64, n)
	head := z.lead + z.s
	// Level, slope and hinges against everything before X.
	for j := range head {
		for i, t := range z.d.T {
			switch {
			case j >= z.lead:
				col[i] = math.Max(0, t-z.d.Changepoints[j-z.lead])
			case j == z.lead-1:
				col[i] = 1
			default:
				col[i] = t
			}
		}
		if z.lead == 2 {
			g[j*p] = dot(z.d.T, col)
		}
		g[j*p+z.lead-1] = sum(col)
		z.hingesTo(z.side, col)
		for k, v := range z.side[:max(0, j-z.lead+1)] {
			g[j*p+z.lead+k] = v
		}
	}
	for j, x := range z.d.X {
		row := g[(head+j)*p : (head+j+1)*p]
		if z.lead == 2 {
			row[0] = dot(z.d.T, x)
		}
		row[z.lead-1] = sum(x)
		z.hingesTo(row[z.lead:head], x)
		columnsTo(row[head:head+j+1], z.d.X, x)
	}
	for i := range p {
		for j := range i {
			g[j*p+i] = g[i*p+j]
		}
	}
	return g
}

// gram is the design without its rows.
func (z *rows) gram() Gram {
	return Gram{Growth: z.d.Growth, Changes: z.s, Cross: z.cross(), Prior: z.d.Prior, Tau: z.d.Tau}
}

// params gives θ the shape of the model.
func (z *rows) params(theta []float64, sigma float64) posterior.Params {
	p := posterior.Params{M: theta[z.lead-1], Sigma: sigma, Delta: make([]float64, len(z.d.Changepoints))}
	if z.lead == 2 {
		p.K = theta[0]
	}
	copy(p.Delta, theta[z.lead:z.lead+z.s])
	p.Beta = append(make([]float64, 0, len(z.d.X)), theta[z.lead+z.s:]...)
	return p
}

// residuals writes Z'(y − Zθ) and returns the sum of squares.
func (z *rows) residuals(g, theta []float64) (rss float64) {
	p := z.params(theta, 1)
	posterior.TrendTo(z.resid, z.d.Growth, z.d.T, nil, z.d.Changepoints, &p)
	for i, y := range z.d.Y {
		z.resid[i] = y - z.resid[i]
	}
	for j, x := range z.d.X {
		axpy(z.resid, -p.Beta[j], x)
	}
	z.transposeTo(g, z.resid)
	return dot(z.resid, z.resid)
}

func sum(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s
}
