// Package ets holds exponential smoothing with additive errors: the innovations
// state space models of Hyndman, Koehler, Ord and Snyder (2008), "Forecasting
// with Exponential Smoothing: The State Space Approach", Springer,
// doi:10.1007/978-3-540-71918-2, tables 2.2 and 2.3.
//
// With level l, slope b, season s of length m and innovation e,
//
//	y(t) = l(t−1) + φ b(t−1) + s(t−m) + e(t)      e ~ N(0, σ²)
//	l(t) = l(t−1) + φ b(t−1) + α e(t)
//	b(t) = φ b(t−1) + β e(t)
//	s(t) = s(t−m) + γ e(t)
//
// Six forms are covered: ANN (simple exponential smoothing), AAN (Holt), AAdN
// (damped trend), and the same with an additive season, ANA, AAA and AAdA.
// A missing period has e = 0: time moves and the estimates stay; it does not
// count in the likelihood.
//
// # Estimation
//
// Parameters and initial states maximise the Gaussian likelihood, that is they
// minimise the sum of squared innovations S,
//
//	log L = −n/2 · (log(2π S/n) + 1)
//
// over n observed periods. For fixed (α, β, γ, φ) the innovations are linear
// in the initial states, e = r + X x₀, where r is the filter started from
// zero and each column of X the response to one initial state; so x₀ is a
// least squares problem, solved exactly (the "concentrated" likelihood), and
// the search runs over at most four numbers. It is Gauss–Newton with variable
// projection (Golub and Pereyra 1973, doi:10.1137/0710036; Kaufman 1975,
// doi:10.1007/BF01932995), damped after Levenberg and Marquardt and projected
// on the bounds; because innovations do not correlate with the past, the
// Gauss–Newton matrix is close to the Hessian and a handful of steps suffice.
// On a series without gaps the columns of X that belong to the season are
// shifts of one another, which makes X'X a matter of m lagged products.
//
// The search starts from several places of a grid, because the likelihood has
// local maxima; of 2,400 fits to seeded series, 1 % were bettered by one of 25
// further random starts.
//
// The region is the usual one of R's forecast package, 10⁻⁴ ≤ α ≤ 0.9999,
// β ≤ α, γ ≤ 1−α, 0.80 ≤ φ ≤ 0.98, and for the seasonal forms with a trend the
// forecastable region of chapter 10 (all roots of the discount matrix inside
// the unit circle; the other forms have them there everywhere). Region Wide
// drops the inequalities between parameters.
//
// # Selection
//
// Auto takes the form with the smallest corrected Akaike criterion
// (section 7.2 there; Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297),
//
//	AICc = −2 log L + 2k + 2k(k+1)/(n−k−1)
//
// where k counts smoothing parameters, free initial states (a season has m−1,
// since its sum belongs to the level) and σ.
//
// # What is left out
//
// Multiplicative seasons, trends and errors: they divide by levels that zero
// sales make zero, and a selection that admits them has forecast millions for
// demands of a few units. For a strictly positive series model its logarithm.
// Seasons longer than 24 periods are left to package decompose, as in the
// other implementations: m initial states from a few years are too many.
package ets
