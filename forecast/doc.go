// Package forecast holds the vocabulary of the numerical library: a series on
// a regular grid, the contract of a model, the quantiles that every forecast
// carries, the demand classes, and the rounding that makes results the same
// bytes everywhere.
//
// The models live in packages of their own (naive, ets, croston, profile,
// regress, count), the measures in metric, and the procedure that backtests,
// combines and calibrates them in auto. Nothing here reads a clock, a file or
// a global: equal input gives equal output, whatever the order of the calls.
package forecast
