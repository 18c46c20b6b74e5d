// Package exact maximises Prophet's log posterior (package posterior) to the
// precision of floating point numbers and returns the evidence.
//
// In additive mode with a linear or flat trend the problem is convex for a
// given noise variance λ = σ²:
//
//	θ(λ) = argmin ½‖y − Zθ‖² + ½λ·θ'Λθ + (λ/τ)·‖δ‖₁
//	λ    = 2·RSS / (T + √(T² + 16·RSS)),  the root of 4λ² + Tλ − RSS = 0
//
// Z holds t, 1, the hinges (t − s_j)₊ and X; Λ the inverse prior variances.
// The ridge block (k, m, β) is eliminated, which leaves a lasso in the rate
// changes δ, solved by an active set (Lee, Battle, Raina and Ng, 2007,
// "Efficient sparse coding algorithms", NIPS 19, the feature-sign search), and
// one equation in λ, solved by a safeguarded Newton iteration; of several roots
// the one with the highest posterior counts. The data enter through Z'Z, Z'y and
// y'y only: a Factor prepares a design, its Solve fits a series in microseconds.
// Fit builds them from rows; a last pass over the rows certifies the point and,
// where cancellation has cost digits, repairs it.
//
// With multiplicative columns or a logistic trend the same lasso solves the
// quadratic model of each Newton iteration (files curved*.go); the result is
// then a stationary point reached downhill from the start, not a proven global
// optimum.
package exact

import (
	"errors"
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// Errors that a caller can test.
var (
	// ErrData means that the data are empty, of unequal lengths, not finite,
	// or not in time order.
	ErrData = errors.New("exact: unusable data")
	// ErrNotConverged means that the iterations ended above the tolerance.
	// The point and its certificate are returned all the same.
	ErrNotConverged = errors.New("exact: no stationary point within the iterations allowed")
)

// Options of a fit; the zero value is what is recommended.
type Options struct {
	// MaxIterations bounds the steps in λ (additive) or the Newton steps
	// (otherwise); 0 = 200.
	MaxIterations int
	// SigmaFloor is the least noise on the scaled data. Where the design can
	// interpolate the data the posterior has no maximum: it grows without
	// bound as σ goes to 0. 0 = 1e-9, the value Prophet gives constant series.
	SigmaFloor float64
	// Tolerance of the stationarity conditions, in units of the log
	// posterior; 0 = 1e-7. Where σ is so small that rounding alone moves them
	// by more, a point counts as converged when it satisfies them up to that.
	Tolerance float64
}

// leastSigma is the floor of σ where no other is asked for.
const leastSigma = 1e-9

func (o Options) withDefaults() Options {
	if o.MaxIterations <= 0 {
		o.MaxIterations = 200
	}
	o.SigmaFloor = max(o.SigmaFloor, leastSigma)
	if o.Tolerance <= 0 {
		o.Tolerance = 1e-7
	}
	return o
}

// Certificate is the evidence for a point, computed from the rows of the data
// and not from the quantities that the solver worked with.
type Certificate struct {
	// KKT is the largest violation of the stationarity (Karush, Kuhn, Tucker)
	// conditions over all parameters, in units of the log posterior per unit
	// of the parameter.
	KKT float64
	// Gap bounds how much the log posterior at this σ could still rise, by
	// the duality of the lasso; NaN where the problem is not convex.
	Gap float64
	// LogPosterior is comparable with Stan's lp__.
	LogPosterior float64
	Iterations   int
	// SigmaFloored says that σ was held at its floor: the posterior would
	// rise further for a smaller one.
	SigmaFloored bool
	// NullDirections counts the directions of (k, m, β) about which the data
	// say nothing; the prior alone decides there.
	NullDirections int
}

// Fit maximises the log posterior. start gives the first σ, and for models
// that are not convex the first point; its slices may be nil, which means
// zeros. The result for a convex model does not depend on it. Rows must be in
// time order.
//
// Errors: ErrData, ErrDesign; ErrNotConverged with the best point. Models that
// can reproduce any data (as many independent columns as times) may end with
// the last: next to the floor of σ their optimum is lost to rounding.
func Fit(d *posterior.Data, start posterior.Params, o Options) (posterior.Params, Certificate, error) {
	if err := check(d); err != nil {
		return start, Certificate{}, err
	}
	o = o.withDefaults()
	start = complete(d, start)
	if convex(d) {
		return fitAdditive(d, start, o)
	}
	return fitCurved(d, start, o)
}

func convex(d *posterior.Data) bool {
	if d.Growth == posterior.Logistic {
		return false
	}
	for _, m := range d.Multiplicative {
		if m {
			return false
		}
	}
	return true
}

// complete gives the start the shape of the model.
func complete(d *posterior.Data, p posterior.Params) posterior.Params {
	p = p.Clone()
	if len(p.Delta) != len(d.Changepoints) {
		p.Delta = make([]float64, len(d.Changepoints))
	}
	if len(p.Beta) != len(d.X) {
		p.Beta = make([]float64, len(d.X))
	}
	if !(p.Sigma > 0) || math.IsInf(p.Sigma, 1) {
		p.Sigma = 1
	}
	return p
}

func check(d *posterior.Data) error {
	n := len(d.Y)
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrData}, args...)...)
	}
	switch {
	case n == 0:
		return bad("no rows")
	case len(d.T) != n:
		return bad("%d values at %d times", n, len(d.T))
	case d.Growth == posterior.Logistic && len(d.Cap) != n:
		return bad("%d values with %d capacities", n, len(d.Cap))
	case len(d.Multiplicative) != len(d.X) || len(d.Prior) != len(d.X):
		return bad("%d columns with %d modes and %d priors", len(d.X), len(d.Multiplicative), len(d.Prior))
	case !(d.Tau > 0):
		return bad("changepoint prior scale %v is not positive", d.Tau)
	}
	for i, t := range d.T {
		if !finite(t) || !finite(d.Y[i]) {
			return bad("row %d is not finite", i)
		}
		if i > 0 && t < d.T[i-1] {
			return bad("row %d lies before the row above it", i)
		}
		if d.Growth == posterior.Logistic && !(d.Cap[i] > 0 && finite(d.Cap[i])) {
			return bad("capacity %v in row %d is not positive", d.Cap[i], i)
		}
	}
	for j, col := range d.X {
		if len(col) != n {
			return bad("column %d has %d rows of %d", j, len(col), n)
		}
		if !(d.Prior[j] > 0) {
			return bad("prior scale %v of column %d is not positive", d.Prior[j], j)
		}
		for i, v := range col {
			if !finite(v) {
				return bad("column %d is not finite in row %d", j, i)
			}
		}
	}
	for j, s := range d.Changepoints {
		if !finite(s) || j > 0 && s < d.Changepoints[j-1] {
			return bad("changepoint %d is not finite or not in order", j)
		}
	}
	return nil
}

func finite(v float64) bool { return v-v == 0 }

// variance is the root of 4λ² + Tλ − RSS = 0: the noise variance that
// maximises the posterior for given residuals.
func variance(rss, rows float64) float64 {
	if rss <= 0 {
		return 0
	}
	return 2 * rss / (rows + math.Sqrt(rows*rows+16*rss))
}
