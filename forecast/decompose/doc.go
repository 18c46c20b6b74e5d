// Package decompose splits a series into trend, seasons and remainder, and
// forecasts with a model of the series without its seasons.
//
// One season is taken out by STL (Cleveland, Cleveland, McRae and Terpenning
// 1990, "STL: A Seasonal-Trend Decomposition Procedure Based on Loess", Journal
// of Official Statistics 6, 3–73), several by MSTL (Bandara, Hyndman and
// Bergmeir 2021, arXiv:2107.13462), which is STL for one season after the
// other, each on what the others leave, twice over.
//
// # STL
//
// Each pass of the inner loop (section 2.1 of the paper)
//
//  1. subtracts the trend,
//  2. smooths each cycle-subseries (all Mondays, all weeks 23) by loess with
//     n(s) points and extends it by one period on either side: C,
//  3. smooths C by moving averages of length p, p and 3 and by loess with n(l)
//     points: L,
//  4. sets the season S = C − L,
//  5. and the trend to a loess of y − S with n(t) points.
//
// Loess at x takes the q nearest points with tricube weights (1 − (d/h)³)³,
// where h is the distance of the farthest (and, with fewer than q points in
// all, half their lack more), and fits a constant or a line. The outer loop
// (section 2.4) multiplies in bisquare weights of the remainder over six times
// its median size, so that single days do not bend the season.
//
// Windows are those of R's forecast::mstl: n(s) = 7 + 4i for the i-th season,
// a season of degree 0, n(l) the next odd number after p, n(t) the next odd
// number from 1.5p/(1 − 1.5/n(s)); five inner passes, or two with fifteen
// outer ones if robust.
//
// A missing value has weight 0 everywhere; its trend and season are
// extrapolated from its neighbours and its remainder is NaN.
package decompose
