package exact

import (
	"errors"
	"fmt"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// ErrDesign means that a Gram matrix has the wrong size, numbers that are not
// finite, or prior scales that are not positive.
var ErrDesign = errors.New("exact: unusable design")

// Gram is a design without its rows: all that the solver needs to know about Z
// to fit any number of series observed on the same rows. The parameters are in
// the order of the columns of Z:
//
//	linear growth: k (column t), m (column 1), δ (hinges (t − s_j)₊), β (X)
//	flat growth:   m (column 1), β (X)
type Gram struct {
	Growth  posterior.Growth // Linear or Flat
	Changes int              // number of changepoints; 0 with flat growth
	Cross   []float64        // Z'Z, p×p, row-major, both halves
	Prior   []float64        // standard deviations of β
	Tau     float64          // scale of the Laplace prior of δ
}

// Size is the number p of columns of Z.
func (g *Gram) Size() int { return g.lead() + g.Changes + len(g.Prior) }

// lead is the number of parameters before δ.
func (g *Gram) lead() int {
	if g.Growth == posterior.Flat {
		return 1
	}
	return 2
}

func (g *Gram) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrDesign}, args...)...)
	}
	p := g.Size()
	switch {
	case g.Growth != posterior.Linear && g.Growth != posterior.Flat:
		return bad("growth %d is neither linear nor flat", g.Growth)
	case g.Changes < 0 || g.Growth == posterior.Flat && g.Changes > 0:
		return bad("%d changepoints", g.Changes)
	case len(g.Cross) != p*p:
		return bad("%d numbers for %d columns", len(g.Cross), p)
	case !(g.Tau > 0):
		return bad("changepoint prior scale %v is not positive", g.Tau)
	}
	for i, v := range g.Cross {
		if !finite(v) {
			return bad("element %d, %d is %v", i/p, i%p, v)
		}
	}
	for j, s := range g.Prior {
		if !(s > 0) {
			return bad("prior scale %v of column %d is not positive", s, j)
		}
	}
	return nil
}
