package exact

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Factor is a design prepared for Solve. But for Reset it does not change and
// may be used by any number of goroutines at once.
//
// With u = (k, m, β), Λ its prior precisions and M(λ) = G_uu + λΛ, a series is
// reduced to a lasso in δ alone,
//
//	R(λ) = G_δδ − G_δu·M(λ)⁻¹·G_uδ,   r(λ) = b_δ − G_δu·M(λ)⁻¹·b_u.
//
// M(λ)⁻¹ is G⁻¹ − λ·G⁻¹ΛG⁻¹ + λ²·G⁻¹ΛG⁻¹ΛG⁻¹ up to the third power of λ/D, with
// D the least eigenvalue of S = Λ^-½·G_uu·Λ^-½: R and r are quadratics in λ whose
// coefficients are computed once. Directions in which D is not large against
// any λ to be expected (there are none in most designs) are split off by an
// eigendecomposition of S and treated without approximation. Where D cannot be
// told from zero and λ is no larger than the rounding of D either, the
// parameters stay at the mode of their prior in that direction.
type Factor struct {
	gram       Gram
	n, s, lead int       // length of u, of δ, parameters before δ
	index      []int     // of u in θ
	prec       []float64 // Λ of u
	inv        []float64 // n×n: G_uu⁻¹ on the fast directions
	cross      []float64 // s×n: G_δu
	x          [3][]float64
	a          [3][]float64 // s×s: R(λ) = a0 + λ·a1 − λ²·a2 − slow directions
	slow       directions
	kept       []int     // changes that are not collinear with what comes before
	least      []float64 // Cholesky factor of R(0) on them, stride s
	limit      float64   // largest λ for which the quadratics hold
	nulls      int
	largest    float64 // norm of a column
	generation int     // counts the designs that f has been made of
	scratch    [2][]float64
}

// directions are eigenvectors of S: W rows in the coordinates of u, V = W·G_uδ.
type directions struct {
	d    []float64
	from []float64 // the λ below which the direction is left alone
	w, v []float64
}

// damp is 1/(D + λ).
func (d *directions) damp(k int, lambda float64) float64 {
	if lambda < d.from[k] {
		return 0
	}
	return 1 / (d.d[k] + lambda)
}

// least ratio of D to λ at which a direction counts as fast. The error of the
// quadratics, one part in a million here and much less for most series, is
// removed by the last step of Solve, which works with the Gram matrix itself.
const fastRatio = 100

// largestVariance is the λ up to which a new Factor is prepared. Scaled data,
// |y| ≤ 1, stay below it; for others Solve prepares another Factor by itself.
const largestVariance = 1

// Parts of the largest eigenvalue of S: below nullRatio a direction counts as
// one about which the data say nothing, although its gradient is used; below
// noiseRatio the eigenvalue is rounding.
const (
	nullRatio  = 1e-11
	noiseRatio = 1e-14
)

// maxGrading is the range of the diagonal of S up to which the smaller
// eigenvalues survive the rounding of the larger ones in a tridiagonal form.
const maxGrading = 1e5

// NewFactor prepares a design, of which it keeps a copy. The cost is O(p³): some
// 50 µs for 53 columns, some 100 µs where an eigendecomposition is needed.
// Errors: ErrDesign.
func NewFactor(g Gram) (*Factor, error) {
	f := new(Factor)
	if err := f.Reset(g); err != nil {
		return nil, err
	}
	return f, nil
}

// Reset makes f the Factor of another design, in the memory of the one before,
// which saves half of the cost. Nobody may use f meanwhile;
// after an error it is of no use until the next Reset. Errors: ErrDesign.
func (f *Factor) Reset(g Gram) error {
	if err := g.check(); err != nil {
		return err
	}
	f.begin(g)
	s := f.scaled()
	for _, v := range s {
		if !finite(v) {
			return fmt.Errorf("%w: columns or prior scales are too large", ErrDesign)
		}
	}
	if !f.invert(s) {
		f.decompose(fastRatio * largestVariance)
	}
	f.reduce()
	return nil
}

// Size is the number p of columns of Z, the length of b and of θ.
func (f *Factor) Size() int { return f.n + f.s }

// NullDirections counts the directions of (k, m, β) about which the rows say
// nothing.
func (f *Factor) NullDirections() int { return f.nulls }

// begin sets everything that does not depend on an inverse.
func (f *Factor) begin(g Gram) {
	p := g.Size()
	g.Cross = append(f.gram.Cross[:0], g.Cross...)
	g.Prior = append(f.gram.Prior[:0], g.Prior...)
	f.gram, f.n, f.s, f.lead = g, p-g.Changes, g.Changes, g.lead()
	f.slow.d, f.slow.from, f.slow.w, f.slow.v = f.slow.d[:0], f.slow.from[:0], f.slow.w[:0], f.slow.v[:0]
	f.nulls, f.generation = 0, f.generation+1
	f.prec, f.index = f.prec[:0], f.index[:0]
	if f.lead == 2 {
		f.prec = append(f.prec, 1./(posterior.RatePrior*posterior.RatePrior))
	}
	f.prec = append(f.prec, 1./(posterior.OffsetPrior*posterior.OffsetPrior))
	for _, s := range g.Prior {
		f.prec = append(f.prec, 1/(s*s))
	}
	var largest float64
	for i := range p {
		largest = max(largest, g.Cross[i*p+i])
		if i < f.lead || i >= f.lead+f.s {
			f.index = append(f.index, i)
		}
	}
	f.largest = math.Sqrt(largest)
	f.cross = resized(f.cross, f.s*f.n)
	for j := range f.s {
		f.pick(f.cross[j*f.n:(j+1)*f.n], g.Cross[(f.lead+j)*p:(f.lead+j+1)*p])
	}
}

// resized is v with length n; its content is not defined.
func resized(v []float64, n int) []float64 {
	if cap(v) < n {
		return make([]float64, n)
	}
	return v[:n]
}

// pick takes the elements of u out of a vector in the order of Z.
func (f *Factor) pick(u, z []float64) {
	copy(u[:f.lead], z)
	copy(u[f.lead:], z[f.lead+f.s:])
}

// put is the reverse of pick.
func (f *Factor) put(z, u []float64) {
	copy(z[:f.lead], u)
	copy(z[f.lead+f.s:], u[f.lead:])
}
