package ets

import (
	"errors"
	"math"

	"github.com/skucast/skucast/forecast"
)

// Errors of settings; a caller tests them with errors.Is.
var (
	// ErrParameter means that a given smoothing parameter lies outside [0, 1]
	// or, together with the others, outside the forecastable region.
	ErrParameter = errors.New("ets: smoothing parameter outside its region")
	// ErrSeason means that the season is longer than 64 periods: such a
	// series is to be decomposed first.
	ErrSeason = errors.New("ets: season too long, decompose the series first")
)

// Model is one form with its parameters estimated. The zero value is simple
// exponential smoothing.
type Model struct {
	// Trend adds a damped slope; with Linear it is not damped (φ = 1).
	Trend, Linear bool
	// Season adds an additive season of the length that the series has; it
	// needs two full seasons of observations. A series without season is
	// fitted without.
	Season bool
	// Alpha, Beta, Gamma and Phi fix parameters that the form has; 0 =
	// estimated.
	Alpha, Beta, Gamma, Phi float64
	// Window limits the fit to the last periods; 0 = all.
	Window int
	// Region is where the parameters are looked for; with one of them fixed,
	// it is always Wide.
	Region Region
}

// Form is the form that m fits to a series with a season.
func (m Model) Form() Form {
	f := ANN
	switch {
	case m.Trend && m.Linear:
		f = AAN
	case m.Trend:
		f = AAdN
	}
	if m.Season {
		f += ANA
	}
	return f
}

// Fit implements forecast.Model; the result is a *Fitted.
func (m Model) Fit(s forecast.Series) (forecast.Fitted, error) {
	f, err := m.FitIn(new(Workspace), s)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// FitIn is Fit with the memory of ws.
func (m Model) FitIn(ws *Workspace, s forecast.Series) (*Fitted, error) {
	f := m.Form()
	if f.seasonal() && s.Season <= 1 {
		f -= ANA
	}
	ws.region, ws.brief, ws.fixed = m.Region, false, theta{m.Alpha, m.Beta, m.Gamma, m.Phi}
	if ws.fixed != (theta{}) {
		ws.region = Wide
	}
	for _, v := range ws.fixed {
		if !(v >= 0 && v <= 1) {
			return nil, ErrParameter
		}
	}
	if err := ws.load(s, m.Window); err != nil {
		return nil, err
	}
	if err := ws.suits(f); err != nil {
		return nil, err
	}
	var hint theta
	if f == AAA || f == AAdA {
		hint = ws.fit(ANA, theta{}, 0).u
	}
	best := ws.fit(f, hint, 0)
	if math.IsInf(best.sse, 1) {
		return nil, ErrParameter
	}
	return ws.fitted(f, &best)
}

// suits tells whether form f can be estimated from the loaded series.
func (ws *Workspace) suits(f Form) error {
	m := 1
	if f.seasonal() {
		m = ws.season
	}
	switch {
	case m > maxSeason:
		return ErrSeason
	case f.seasonal() && ws.observed < 2*m, ws.observed < ws.parameters(f):
		return forecast.ErrTooShort
	}
	return nil
}

// parameters is the number k of the information criterion: smoothing
// parameters that are estimated, initial states and σ.
func (ws *Workspace) parameters(f Form) int {
	k := 2
	if f.seasonal() {
		k = 1 + ws.season
	}
	if f.trend() {
		k++
	}
	for i, v := range ws.fixed {
		if f.has(i) && v == 0 {
			k++
		}
	}
	return k
}

// aicc is the criterion up to a constant that all forms share.
func (ws *Workspace) aicc(f Form, sse float64) float64 {
	n, k := float64(ws.observed), float64(ws.parameters(f))
	if n-k-1 <= 0 {
		return math.Inf(1)
	}
	return n*math.Log(math.Max(sse, ws.floor)) + 2*k + 2*k*(k+1)/(n-k-1)
}

// fitted builds the model after its last period.
func (ws *Workspace) fitted(f Form, best *point) (*Fitted, error) {
	ws.use(f)
	p := ws.natural(best.u)
	ws.initialStates(p)
	m, n := ws.m, float64(ws.observed)
	out := &Fitted{form: f, p: p, season: make([]float64, m)}
	mean, count := 0.0, 0
	for i, v := range ws.x[:m] {
		if !ws.dropped[i] {
			mean += v
			count++
		}
	}
	mean /= float64(max(count, 1))
	if f.seasonal() {
		for i, v := range ws.x[:m] {
			if !ws.dropped[i] {
				out.season[i] = (v - mean) * ws.scale
			}
		}
	}
	out.level = (mean + ws.shift) * ws.scale
	if f.trend() {
		out.slope = ws.x[m] * ws.scale
	}
	k := float64(ws.parameters(f))
	sse := math.Max(best.sse, ws.floor)
	out.logLik = -0.5 * n * (math.Log(2*math.Pi*sse/n) + 1 + 2*math.Log(ws.scale))
	out.aicc = math.Inf(1)
	if n > k+1 {
		out.aicc = -2*out.logLik + 2*k + 2*k*(k+1)/(n-k-1)
	}
	out.sigma = ws.scale * math.Sqrt(best.sse/math.Max(n-k+1, 1))
	for t, v := range ws.y {
		out.step((v+ws.shift)*ws.scale, ws.w[t] > 0)
	}
	if !out.finite() {
		return nil, forecast.ErrNotFinite
	}
	return out, nil
}
