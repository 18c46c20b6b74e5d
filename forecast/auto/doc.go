// Package auto turns one history into one honest probabilistic forecast: it
// backtests a set of models, combines them with weights that are shrunk to
// what a sample of other series has shown (the pool), calibrates quantiles the
// same way, and says how well it did on steps that no choice has seen.
//
// Origins. With T periods and horizon h the models are estimated once at the
// earliest of T−h, T−h−⌈h/3⌉ and T−h−2⌈h/3⌉ and filtered forward. The figures
// of Score belong to the forecast made at T−h: its weights and its calibration
// come from the earlier origins, cut off at T−h, and from the pool's view as
// of T−h. The forecast that is returned uses all three origins in full, the
// pool's view as of T, and models estimated once more on everything.
//
// Series with fewer than eight non-zero periods take a short path without a
// backtest: a rate, a profile and the sizes that were seen.
package auto
