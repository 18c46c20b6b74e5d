package auto

import "slices"

// sampleVersion is raised when the meaning of a field of Sample changes.
const sampleVersion = 3

// Sample is what one series contributes to the pool, as plain numbers that
// survive JSON: the honest procedure, run as of several moments of the past.
type Sample struct {
	Version int    `json:"v"`
	Class   string `json:"class"` // as of T
	Views   []View `json:"views"`
}

// View is one series as seen at one moment, with the horizon before that
// moment scored by the forecast from its start.
type View struct {
	// Lag is how many periods before T the moment lies. Choices behind the
	// reported accuracy may only rest on views with a lag of at least h.
	Lag int `json:"lag"`
	// Key is the class under which this view is pooled.
	Key string `json:"key"`
	// Models and Gram are the candidates and the mean products of their
	// errors (lower triangle, row by row), divided by a mean squared error of
	// the simple models.
	Models []string  `json:"models,omitempty"`
	Gram   []float64 `json:"gram,omitempty"`
	// Residuals are the standardised residuals of the forecast by horizon
	// group (thirds of the horizon).
	Residuals [groups][]float64 `json:"residuals"`
	// PIT holds the intervals [F(y−1), F(y)] of the uncalibrated count
	// distribution, flattened in pairs.
	PIT []float64 `json:"pit,omitempty"`
	// ScaleRatio is the residual scale over the series' roughness; 0 = unknown.
	ScaleRatio float64 `json:"scale_ratio,omitempty"`
	// Own is the sum of the OwnN squared residuals of the backtest that the
	// scale of Residuals rests on, in units of the roughness.
	Own  float64 `json:"own,omitempty"`
	OwnN int     `json:"own_n,omitempty"`
	// Profile is the demand by season phase and Exposure what a flat profile
	// would have given, both in units of the series' own level.
	Profile  []float64 `json:"profile,omitempty"`
	Exposure []float64 `json:"exposure,omitempty"`
	// Recent are the demands and the observed periods before the horizon, in
	// pairs, one for each memory; of series with few demands.
	Recent []float64 `json:"recent,omitempty"`
	// Sizes are the logarithms of the demands within the horizon, LogSize the
	// mean logarithm of the SizeN last ones before it; of series with few
	// demands.
	Sizes   []float64 `json:"sizes,omitempty"`
	LogSize float64   `json:"log_size,omitempty"`
	SizeN   int       `json:"size_n,omitempty"`
	// Scale is the logarithm of the RMSSE scale, First and Second are the mean
	// and the mean square of the horizon's demand in units of it; of series
	// with few demands.
	Scale  float64 `json:"scale,omitempty"`
	First  float64 `json:"first,omitempty"`
	Second float64 `json:"second,omitempty"`
	// Rate is the share of periods with demand among the RateN observed ones.
	Rate  float64 `json:"rate"`
	RateN int     `json:"rate_n"`
}

// lags are the moments of the views that serve the forecast (before = false)
// or the reported accuracy (true, a horizon earlier): the last horizons, so
// that one quiet or wild month does not set all intervals, and the one that
// ends where the horizon to be forecast ended a year ago.
func lags(h, season int, before bool) []int {
	n, year := 6, season
	if season > 1 && season <= 7 {
		year = 52 * season
	}
	if season > 12 { // a horizon of weeks is a quarter: look at the whole year
		n = 4
	}
	shift := 0
	if before {
		shift = h
	}
	l := make([]int, 0, n+1)
	for k := range n {
		l = append(l, k*h+shift)
	}
	if v := year - h + shift; season > 1 && v >= n*h+shift {
		l = append(l, v)
	}
	return l
}

// allLags are those of both purposes, each once, ascending.
func allLags(h, season int) []int {
	l := append(lags(h, season, false), lags(h, season, true)...)
	slices.Sort(l)
	return slices.Compact(l)
}

// groups is the number of horizon groups for calibration.
const groups = 3

// groupOf is the horizon group of step j (0-based) of h.
func groupOf(j, h int) int {
	return min(j*groups/h, groups-1)
}
