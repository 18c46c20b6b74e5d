package interval

import "math"

// QuantilesTo writes the quantiles of the errors of steps 1…n, n = len(dst) /
// len(probs), row by row. factors holds F_1…F_n or is nil for ones. It gives
// what Window and Quantile give step by step, but computes the products that
// consecutive steps share once: O(n) instead of O(n²). It panics if the lengths
// do not agree or a probability is none.
func (v *Inverter) QuantilesTo(dst []float64, l Law, factors, probs []float64) error {
	n := 0
	if len(probs) > 0 {
		n = len(dst) / len(probs)
	}
	if n*len(probs) != len(dst) || factors != nil && len(factors) < n {
		panic("interval: lengths do not agree")
	}
	if err := l.Check(); err != nil {
		return err
	}
	for from := 1; from <= n; {
		to := min(2*from, n)
		shared := v.share(l, factors, from, to)
		for h := from; h <= to; h++ {
			f := 1.0
			if factors != nil {
				f = factors[h-1]
			}
			if shared {
				v.extend(l, h)
			}
			if !shared || !v.load(l, f, h) {
				if err := v.Window(l, factors, h, h); err != nil {
					return err
				}
			}
			for i, p := range probs {
				dst[(h-1)*len(probs)+i] = v.Quantile(p)
			}
		}
		from = to + 1
	}
	return nil
}

// table holds Π_j of consecutive steps at nodes that suit all of them, in units
// of the deviation D of the trend.
type table struct {
	node, weight, product []float64
	steps                 int     // number of changes multiplied into product
	least                 float64 // smallest |F| for which the nodes are fine enough
}

// share prepares the table for steps from…to. It reports whether that pays and
// loses no accuracy.
func (v *Inverter) share(l Law, factors []float64, from, to int) bool {
	t := &v.table
	unit := l.Lambda * l.Step
	if l.Chance == 0 || unit == 0 {
		return false
	}
	most := 1.0
	if factors != nil {
		most = 0
		for _, f := range factors[from-1 : to] {
			most = math.Max(most, math.Abs(f))
		}
	}
	t.least = most / 4
	width := math.Inf(1)
	for h := from; h <= to; h++ {
		f := 1.0
		if factors != nil {
			f = math.Abs(factors[h-1])
		}
		if f >= t.least {
			width = math.Min(width, panelWidth(math.Hypot(l.Sigma/f, l.deviation(h)), unit*(float64(h)-0.5)))
		}
	}
	end := gaussReach * most / l.Sigma
	if !(end < maxPanels*width) { // also when there is no noise, or no factor but zero
		return false
	}
	t.steps = from - 1
	t.node, t.weight, t.product = t.node[:0], t.weight[:0], t.product[:0]
	v.weight = grow(v.weight, t.steps)
	for q := range v.weight {
		c := unit * (float64(q) + 0.5)
		v.weight[q] = c * c
	}
	atom := math.Pow(1-l.Chance, float64(t.steps))
	for low := 0.0; low < end; low += width {
		first := len(t.node)
		t.node, t.weight = appendPanel(t.node, t.weight, low, math.Min(width, end-low))
		alive := atom > negligible
		for _, u := range t.node[first:] {
			value := product(v.weight, l.Chance, u*u)
			t.product = append(t.product, value)
			alive = alive || value > negligible
		}
		if !alive {
			break
		}
	}
	return true
}

// extend multiplies the factor of the h-th change into the table.
func (v *Inverter) extend(l Law, h int) {
	t := &v.table
	c := l.Lambda * l.Step * (float64(h) - 0.5)
	for i, u := range t.node {
		x := c * c * u * u
		t.product[i] *= (1 + (1-l.Chance)*x) / (1 + x)
	}
	t.steps = h
}

// load makes v the distribution of step h, whose factor is f, from the table.
func (v *Inverter) load(l Law, f float64, h int) bool {
	t := &v.table
	f = math.Abs(f)
	if f < t.least || f == 0 {
		return false
	}
	v.sd = math.Hypot(l.Sigma, f*l.deviation(h))
	if math.IsInf(v.sd, 0) || math.IsNaN(v.sd) {
		return false
	}
	v.noise = l.Sigma / v.sd
	v.atom = math.Pow(1-l.Chance, float64(h))
	v.u, v.w = v.u[:0], v.w[:0]
	scale := v.sd / f
	for i, node := range t.node {
		u := node * scale
		gauss := v.noise * u
		if gauss > gaussReach {
			break
		}
		v.u = append(v.u, u)
		v.w = append(v.w, t.weight[i]*scale*math.Exp(-gauss*gauss/2)*(t.product[i]-v.atom)/math.Pi)
	}
	return true
}

// deviation is the standard deviation of D_h.
func (l Law) deviation(h int) float64 {
	n := float64(h) // Σ (q + ½)² over q < n is n(4n² − 1)/12
	return l.Lambda * l.Step * math.Sqrt(l.Chance*n*(4*n*n-1)/6)
}
