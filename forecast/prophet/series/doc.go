// Package series fits Prophet to a forecast.Series, so that it can stand beside
// the other models: as a candidate of a backtest, in a combination, or as a
// source of sample paths.
//
// # Model
//
// With t counting periods, package prophet estimates by its exact solver
//
//	ŷ(t) = g(t) + Σ s(t) + Σ β·x(t)            additive, or
//	ŷ(t) = g(t)·(1 + Σ s(t) + Σ β·x(t))        multiplicative
//
// from a trend g with 25 possible changes of rate, seasonalities s and the known
// inputs x, under Prophet's priors. Which seasonalities a series has follows
// Prophet's automatic rules, by the season length of the series:
//
//	days (7)     weekly, order 3, from 14 days; yearly (365.25 days), order 10, from 730 days
//	weeks (52)   yearly (365.25/7 weeks), order 10, from 730 days
//	months (12)  yearly (12 months), order 5, from 24 months
//	other m      m periods, order (m−1)/2 but at most 10, from 2·m periods
//
// Months count as equally long, a twelfth of 365.25 days each; with order 5 the
// season has a value per month but for the alternation of every other one, and
// Prophet's default of 10 terms, which twelve months cannot tell apart, has no
// advantage. Where the season starts makes no difference: sine and cosine
// of a frequency have the same prior.
//
// # After the fit
//
// Prophet has no state. Its trend ends where the last observations put it
// under a prior that dislikes changes, and is off where demand has moved since. As
// in package regress, a level therefore follows the residuals,
//
//	l ← l + α·(y(t) − ŷ(t) − l)
//
// and forecasts are ŷ + l, not below zero. α is the value of a short list that
// minimises the squared distance of l from the mean of the next two seasons of
// residuals in the last half of the history; 0, which is Prophet itself, is one
// of them. Append moves time and level, with the parameters as they are: it
// filters and does not refit. Where Prophet should learn new trends and seasons, fit
// again: that takes a millisecond or so for years of days, and with a Workspace,
// which many series on the same grid share, a tenth of it (see the benchmarks).
//
// Missing periods are left out of the fit and leave the level as it is.
package series
