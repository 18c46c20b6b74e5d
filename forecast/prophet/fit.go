package prophet

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
	"github.com/skucast/skucast/forecast/prophet/internal/stan"
)

// Fit estimates the model on h, of which it keeps a copy. Equal input gives
// equal bytes.
//
// Errors: ErrModel, ErrTooFewRows, ErrLength, ErrNotFinite, ErrTime, ErrCap,
// ErrMissing, ErrChangepoints, ErrSolver. Anything else that is unusual about
// the data is in Fitted.Diagnostics.
func (m Model) Fit(h History) (*Fitted, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	f, err := prepare(m.WithDefaults(), h)
	if err != nil {
		return nil, err
	}
	d := f.data()
	f.begin()
	if m.Growth != Logistic && slices.Min(f.History.Y) == slices.Max(f.History.Y) {
		f.keepConstant(d)
		return f, nil
	}
	if m.Solver != Exact {
		return f, f.fitStan(d)
	}
	return f.fitExact(d)
}

// keepConstant continues a series that does not vary, as Prophet does: the
// start is the estimate.
func (f *Fitted) keepConstant(d *posterior.Data) {
	p := initial(d)
	p.Sigma = leastSigma
	f.Diagnostics.Status |= Constant
	f.Diagnostics.LogPosterior = d.LogPosterior(&p)
	f.Diagnostics.SigmaFloor = leastSigma
	f.take(p)
}

// begin sets the diagnostics that do not depend on the estimate.
func (f *Fitted) begin() {
	f.Diagnostics = Diagnostics{Solver: f.Model.Solver, Gap: math.NaN(), Unobserved: f.unseen()}
	floor := f.LogisticFloor && slices.ContainsFunc(f.History.Floor, func(v float64) bool { return v != 0 }) ||
		!f.LogisticFloor && f.YMin != 0
	if floor && slices.ContainsFunc(f.Columns, func(c Column) bool { return c.Mode == Multiplicative }) {
		f.Diagnostics.Status |= FloorMismatch
	}
	if f.Model.Growth == Logistic {
		for i, y := range f.History.Y {
			if y > f.History.Cap[i] {
				f.Diagnostics.Status |= AboveCap
			}
		}
	}
}

// take stores the estimate. A model without changepoints was fitted with one at
// 0, whose change belongs to the rate.
func (f *Fitted) take(p posterior.Params) {
	f.Params = Params{K: p.K, M: p.M, Sigma: p.Sigma, Delta: p.Delta, Beta: p.Beta}
	if len(f.Changepoints) == 0 {
		f.Params.K += f.Params.Delta[0]
		f.Params.Delta[0] = 0
	}
}

func (f *Fitted) fitStan(d *posterior.Data) error {
	var algorithm stan.Algorithm
	switch f.Model.Solver {
	case StanLBFGS:
		algorithm = stan.LBFGS
	case StanNewton:
		algorithm = stan.Newton
	default:
		algorithm = stan.Auto
	}
	p, rep, err := stan.Fit(d, initial(d), algorithm)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSolver, err)
	}
	if !finite(p) {
		return fmt.Errorf("%w: Stan's optimiser left the range of numbers", ErrSolver)
	}
	f.Diagnostics.Message = rep.Algorithm.String() + ": " + rep.Stop
	f.Diagnostics.Iterations = rep.Iterations
	f.Diagnostics.LogPosterior = rep.LogPosterior
	f.Diagnostics.SigmaFloor = 0
	if rep.Stop != stan.StopIterations {
		f.Diagnostics.Status |= Converged
	}
	// Stan has no floor; below ours the estimate is where it happened to stop.
	if p.Sigma <= sigmaFloor(d) {
		f.Diagnostics.Status |= SigmaFloored
	}
	f.take(p)
	return nil
}

// fitExact finds the optimum, of a simpler model where there is none.
func (f *Fitted) fitExact(d *posterior.Data) (*Fitted, error) {
	if !f.Model.Literal && interpolates(d) {
		f = f.wellPosed()
		d = f.data()
	}
	floor := sigmaFloor(d)
	o := exact.Options{SigmaFloor: floor}
	p, cert, err := exact.Fit(d, initial(d), o)
	dg := &f.Diagnostics
	switch {
	case errors.Is(err, exact.ErrNotConverged) && finite(p):
		dg.Message = err.Error()
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSolver, err)
	case !finite(p):
		return nil, fmt.Errorf("%w: the parameters left the range of numbers", ErrSolver)
	default:
		dg.Status |= Converged
	}
	dg.Iterations, dg.LogPosterior, dg.KKT, dg.Gap = cert.Iterations, cert.LogPosterior, cert.KKT, cert.Gap
	dg.SigmaFloor = floor
	if cert.SigmaFloored {
		dg.Status |= SigmaFloored
	}
	if !f.Model.Literal && len(dg.Unobserved) > 0 && f.pinned(d, &p, o) {
		dg.Status |= Pinned
	}
	f.take(p)
	return f, nil
}

// pinned applies the remedy for unobserved phases to an estimate and says
// whether there was one.
func (f *Fitted) pinned(d *posterior.Data, p *posterior.Params, o exact.Options) bool {
	if d.Growth != posterior.Logistic {
		return pin(d, p)
	}
	q, ok := f.recentre(d, o)
	if ok {
		*p = q
	}
	return ok
}

func finite(p posterior.Params) bool {
	return !notFinite(p.K) && !notFinite(p.M) && !notFinite(p.Sigma) && p.Sigma > 0 &&
		!slices.ContainsFunc(p.Delta, notFinite) && !slices.ContainsFunc(p.Beta, notFinite)
}

// unseen names the seasonalities with unobserved phases and the regressors that
// never changed.
func (f *Fitted) unseen() []string {
	var out []string
	for k, s := range f.Seasonalities {
		n := len(f.Phases[k])
		for part := range n {
			if !f.Phases[k].covers((float64(part)+0.5)/float64(n)*s.Period, s.Period) {
				out = append(out, s.Name)
				break
			}
		}
	}
	for _, r := range f.Regressors {
		if r.Constant {
			out = append(out, r.Name)
		}
	}
	return out
}
