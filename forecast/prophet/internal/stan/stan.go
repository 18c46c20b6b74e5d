// Package stan estimates Prophet's parameters the way Prophet's own backend
// does: with the L-BFGS and the Newton optimiser of Stan (Carpenter et al.,
// 2017, "Stan: a probabilistic programming language", Journal of Statistical
// Software 76(1), doi:10.18637/jss.v076.i01), their line search, their
// tolerances and their stopping rules.
//
// It exists for comparisons with Python and R, not for accuracy. The Laplace
// prior of the changepoints has a kink at zero, at which a quasi-Newton method
// stops early: usually some tenths of a nat below the maximum, at a point that
// depends on the last bits of the arithmetic. Two builds of Stan differ from
// each other by as much as this package differs from either.
//
// The parameters are k, m, delta, log(sigma), beta, unconstrained. As in
// Stan's optimisers, the density is that of sigma itself, without the Jacobian
// of the logarithm.
package stan

import (
	"errors"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Algorithm names an optimiser.
type Algorithm int

// The optimisers.
const (
	// Auto is Prophet's rule: Newton below 100 observations, otherwise L-BFGS,
	// and Newton from the same start if the line search of L-BFGS gives up.
	Auto Algorithm = iota
	LBFGS
	Newton
)

// String is the name that Stan gives to the algorithm.
func (a Algorithm) String() string {
	switch a {
	case Auto:
		return "Auto"
	case LBFGS:
		return "LBFGS"
	case Newton:
		return "Newton"
	}
	return "unknown"
}

// newtonBelow is the number of observations under which Prophet prefers
// Newton's method.
const newtonBelow = 100

// maxIterations is the limit that Prophet passes to both optimisers.
const maxIterations = 10000

// Reasons for stopping, in the words of Stan.
const (
	StopObjective    = "absolute change in objective function was below tolerance"
	StopGradient     = "gradient norm is below tolerance"
	StopParameters   = "absolute parameter change was below tolerance"
	StopIterations   = "maximum number of iterations hit"
	StopRelObjective = "relative change in objective function was below tolerance"
	StopRelGradient  = "relative gradient magnitude is below tolerance"
	StopLineSearch   = "line search failed to achieve a sufficient decrease"
)

// Report says how an estimation went.
type Report struct {
	Algorithm    Algorithm // the one whose result is returned, never Auto
	FellBack     bool      // Auto only: L-BFGS gave up and Newton took over
	Iterations   int
	Evaluations  int // of the density with its gradient, both algorithms together
	Stop         string
	LogPosterior float64 // comparable with Stan's lp__
	GradientNorm float64 // of the unconstrained parameters
}

// Errors of Fit.
var (
	// ErrStart means that the density or its gradient is not finite at the
	// starting point.
	ErrStart = errors.New("stan: the log posterior is not finite at the starting point")
	// ErrLineSearch means that L-BFGS gave up, as Stan reports it. The
	// parameters returned beside it are the last ones accepted.
	ErrLineSearch = errors.New("stan: the line search made no more progress")
)

// Fit maximises the log posterior of d from start. It panics if the lengths of
// d and start do not agree, which is an error of the caller.
func Fit(d *posterior.Data, start posterior.Params, alg Algorithm) (posterior.Params, Report, error) {
	o := newObjective(d)
	x := o.pack(&start)
	var rep Report
	var err error
	switch {
	case alg == Newton || alg == Auto && len(d.Y) < newtonBelow:
		rep, err = newton(o, x)
	default:
		rep, err = lbfgs(o, x)
		if alg == Auto && errors.Is(err, ErrLineSearch) {
			x = o.pack(&start)
			rep, err = newton(o, x)
			rep.FellBack = true
		}
	}
	rep.Evaluations = o.evaluations
	return o.unpack(x), rep, err
}

// finite reports whether v is neither infinite nor NaN.
func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }
