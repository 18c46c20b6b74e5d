// Package prophet is Prophet, the decomposable regression of Taylor and Letham
// (2018, "Forecasting at scale", The American Statistician 72,
// doi:10.1080/00031305.2017.1380080), in Go and without a Stan installation:
//
//	y(t) = g(t)·(1 + X_m(t)·β) + X_a(t)·β + ε,   ε ~ N(0, σ²)
//
// g is a piecewise linear, flat or piecewise logistic trend whose rate may
// change at given times by δ_j ~ Laplace(0, τ); X are Fourier terms of
// seasonalities, holiday indicators and further regressors, each with a normal
// prior on its coefficient, in the additive (a) or the multiplicative (m)
// group. The estimate is the mode of the posterior (MAP).
//
// # The model in numbers
//
// Time is scaled to t = (ds − Start)/TScale, which is 0 and 1 at the ends of the
// history, and demand to (y − floor)/YScale (Scaling says with what). With the
// changepoints s_j, rate k and offset m,
//
//	linear:    g(t) = (k + Σ δ_j)·t + m − Σ s_j δ_j             sums over s_j ≤ t
//	logistic:  g(t) = C(t) / (1 + exp(−(k + Σ δ_j)(t − m − Σ γ_j)))
//	           γ_j = (s_j − m − Σ_{l<j} γ_l)·(1 − k_{j−1}/k_j),  k_j = k + δ_1 + … + δ_j
//	flat:      g(t) = m
//	seasonality of period P days and order N:
//	           Σ_{n=1..N} β_{2n−1} sin(2πn·d/P) + β_{2n} cos(2πn·d/P),  d = days since 1970
//
// and the negative log posterior that the solvers minimise, without the constants
// that do not depend on the parameters,
//
//	T ln σ + RSS/(2σ²) + 2σ² + k²/50 + m²/50 + Σ|δ_j|/τ + Σ β_i²/(2 s_i²)
//
// for T observations and the residual sum of squares RSS: k, m ~ N(0, 5²),
// β_i ~ N(0, s_i²), σ ~ half-normal(0.5), and no Jacobian of log σ, as in Stan's
// optimisation. Its negative is Diagnostics.LogPosterior, and lp__ of the Python
// package. Package internal/posterior computes it, internal/exact minimises it
// and proves how well, internal/interval has the distribution of forecasts.
//
// Specification, data preparation, defaults and column order follow the Python
// package, version 1.5: a model fitted here can be continued there. Two things
// differ on purpose.
//
//   - The default solver finds the optimum itself. Stan's L-BFGS, which the
//     Python package runs, stops short of it at the kinks of the Laplace prior,
//     at a point that differs between builds. Solver: Stan repeats that.
//   - Where the posterior has no maximum (the columns can interpolate the data)
//     or the data say nothing about a phase that a forecast needs (weekends of
//     weekday data), the exact solver falls back to something sane and says so
//     in Diagnostics and in Forecast.Unobserved. See Diagnostics.
//
// Times are wall-clock times, as in the Python package: the date and the time
// of day of a time.Time are used, its location is not. There are no built-in
// holiday calendars: holidays are data, listed in Model.Holidays, so that a
// model never depends on the version of a calendar.
//
// Forecasts of sales can become negative, as they can in Prophet; what to do
// about it is the caller's decision. Package series makes Prophet a
// forecast.Model, whose forecasts do not.
package prophet
