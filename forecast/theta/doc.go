// Package theta holds the Theta method of Assimakopoulos and Nikolopoulos
// (2000), "The theta model: a decomposition approach to forecasting",
// International Journal of Forecasting 16, doi:10.1016/S0169-2070(00)00066-2,
// and its optimised and dynamic forms, in the state space form of Fiorucci,
// Pellegrini, Louzada, Petropoulos and Koehler (2016), "Models for optimising
// the theta method and their relationship to state space models",
// International Journal of Forecasting 32, doi:10.1016/j.ijforecast.2016.02.005.
//
// # Model
//
// With q = 1−α and κ = 1 − 1/θ, t periods seen, and the line A + B·t of a
// least squares fit of y on time,
//
//	ŷ(t+1) = ℓ(t) + κ·D(t)
//	D(t)   = A·qᵗ + B·(1 − qᵗ⁺¹)/α
//	ℓ(t)   = α·y(t) + q·ℓ(t−1)
//
// D is the distance between the line and its own exponential smoothing, so
// the forecast adds a share κ of the linear trend to simple exponential
// smoothing. The standard model has θ = 2, hence κ = ½; the optimised one
// estimates θ ≥ 1. In both the line is fitted once, to the whole history. The
// dynamic models fit it anew at every period to what came before (their
// equations 14 to 20), so that old trends stop mattering to the recent ones,
// and, in a forecast of several steps, go on fitting it to their own means.
//
// # Estimation
//
// The loss is the sum of squared one-step errors after the third observation.
// Given α, the error of every period is linear in ℓ(0) and κ; D does not
// depend on them. The loss is therefore minimised exactly over (ℓ(0), κ) by
// two normal equations with 0 ≤ κ < 1, and only α in [0.1, 0.99] is searched,
// on a grid and then by Brent's method around every local minimum of the grid.
// The bounds are those of statsforecast, whose simplex search works in all
// three dimensions from one starting point; see the tests for the comparison.
//
// # Season
//
// As in Fiorucci et al. and statsforecast: a season of m ≥ 4 periods, of which
// there are two or more, is removed before and put back after, when the
// autocorrelation at lag m is significant at 90 % (two-sided),
//
//	|r(m)| > 1.645·√((1 + 2·Σ r(k)², k < m)/n)
//
// by the classical decomposition: centred moving average, mean per phase of
// what it leaves, normalised to mean 1 or 0. It is multiplicative if every
// value is positive and no index is below 0.01, and otherwise additive.
//
// # Missing periods
//
// The papers know none; this is ours, and changes nothing where none is
// missing. A missing period moves time: the line is fitted to the observed
// periods at their own times, the level takes the forecast's drift (as if the
// forecast had been observed), and the period has no error. The decomposition
// fills missing periods with trend and season and is repeated; a phase never
// observed has a neutral index. Periods before the first observation are
// dropped.
package theta
