// Package paths simulates the future of any fitted model: sample paths of
// demand, and from them quantiles of single periods and of sums over a window,
// such as the demand of a lead time.
//
// A path is drawn one period at a time. Given what it has seen, the model
// states the mean of the next period; a Noise draws the demand around it; the
// model is shown what was drawn as if it had happened, and so on:
//
//	μ(h) = E[y(h) | history, y(1), …, y(h−1)]    PredictTo of one period
//	y(h) = demand(noise(μ(h)))                   drawn
//	state ← filter(state, y(h))                  Append
//
// For a state space model with a single source of error this is the model's
// own forecast distribution given its parameters (Hyndman, Koehler, Ord and
// Snyder, 2008, "Forecasting with Exponential Smoothing", section 6.1): errors
// of neighbouring periods are dependent through the state, which is why a sum of
// quantiles is not the quantile of a sum. For a model that ignores what it is
// shown (Append moves time only) the errors of a path are independent.
//
// Three things are not in the paths. Parameters are those of the fit; that they
// are estimates adds nothing. Known future inputs are those the series had at
// the fit (forecast.Series.Known), the same in every path. And the errors are
// those of one step ahead: a model whose errors grow faster with the horizon
// than its filter says gives paths that are too narrow. Compare their
// quantiles with a backtest before relying on them.
//
// The mean of many paths is the forecast of several periods if the model is
// linear in what it is shown and demand is Real. Cutting off negative demand
// raises it, as it should: a mean near zero whose errors cannot go below zero is
// not the mean of what can happen.
package paths
