// Package backtest measures forecasts on the past: for each of K origins
// T−h, T−2h, … it forecasts every series as it was known at that origin, by
// the product's procedure (package auto, with the pool that a run would have
// drawn) and by single models on their own, and scores the h periods that
// followed against seasonal naive.
//
// No number after an origin reaches a forecast from it: a Source hands out
// histories that end at the origin, and what it knows of the future are the
// known inputs only. Groups are formed without the future too: the demand
// class and the volume class of a series are those at the origin.
//
// Series are worked on by several goroutines. The report is the same, byte for
// byte, for any number of them, apart from the timings: its sums are exact
// (metric.Sum).
package backtest
