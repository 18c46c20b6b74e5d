package ets

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// Auto fits the forms and keeps the one with the smallest AICc. The zero value
// considers all six; the season only if it has at most 24 periods and the
// series at least two seasons.
type Auto struct {
	// Forms are those to choose from; nil = all. Seasonal ones count only for
	// a series with a season.
	Forms []Form
	// Window limits the fit to the last periods; 0 = all.
	Window int
	// Exhaustive fits every form to the end. Otherwise the forms with a trend
	// are skipped on that side, with or without season, which is far behind
	// before a trend is added, and a search ends when it can no longer be
	// expected to win.
	Exhaustive bool
	// Region is where the parameters are looked for.
	Region Region
}

const (
	// longestSeason is the limit of R's forecast package and statsforecast.
	longestSeason = 24
	// hopeless is the lead in AICc, per observation and in all, with which a
	// season is decided before trends are tried. A trend adds as much to
	// either side, so that any lead would do; this one leaves room.
	hopelessEach, hopelessAll = 0.02, 20
)

// Fit implements forecast.Model; the result is a *Fitted.
func (a Auto) Fit(s forecast.Series) (forecast.Fitted, error) {
	f, err := a.FitIn(new(Workspace), s)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// FitIn is Fit with the memory of ws.
func (a Auto) FitIn(ws *Workspace, s forecast.Series) (*Fitted, error) {
	ws.region, ws.brief, ws.fixed = a.Region, !a.Exhaustive, theta{}
	if err := ws.load(s, a.Window); err != nil {
		return nil, err
	}
	c := choice{ws: ws, exhaustive: a.Exhaustive, aicc: math.Inf(1)}
	for f := range Form(nForms) {
		c.allowed[f] = len(a.Forms) == 0 && ws.suits(f) == nil
	}
	for _, f := range a.Forms {
		if int(f) < nForms {
			c.allowed[f] = ws.suits(f) == nil
		}
	}
	if s.Season <= 1 || s.Season > longestSeason {
		for f := ANA; int(f) < nForms; f++ {
			c.allowed[f] = false
		}
	}
	c.run()
	if !c.found {
		return nil, forecast.ErrTooShort
	}
	return ws.fitted(c.form, &c.best)
}

// choice is the state of a selection.
type choice struct {
	ws         *Workspace
	exhaustive bool
	allowed    [nForms]bool
	found      bool
	form       Form
	best       point
	aicc       float64
	hint       theta
}

func (c *choice) run() {
	plain, seasonal := c.try(ANN), math.Inf(1)
	if c.allowed[ANA] || c.allowed[AAA] || c.allowed[AAdA] {
		seasonal = c.try(ANA)
	}
	margin := hopelessAll + hopelessEach*float64(c.ws.observed)
	if c.exhaustive {
		margin = math.Inf(1)
	}
	if !(seasonal+margin < plain && !math.IsInf(plain, 1)) {
		c.try(AAdN)
		c.try(AAN)
	}
	if !(plain+margin < seasonal && !math.IsInf(seasonal, 1)) {
		c.try(AAA)
		c.try(AAdA)
	}
}

// try fits form f and returns its criterion. ANA is fitted even where it is
// not allowed, as the place to start from for the others.
func (c *choice) try(f Form) float64 {
	if !c.allowed[f] && f != ANA {
		return math.Inf(1)
	}
	target := 0.0
	if c.found && !c.exhaustive && f.trend() {
		// The sum of squares with which f would win.
		n := float64(c.ws.observed)
		target = math.Exp((c.aicc - c.ws.aicc(f, 1)) / n)
	}
	pt := c.ws.fit(f, c.hint, target)
	v := c.ws.aicc(f, pt.sse)
	if f == ANA {
		c.hint = pt.u
	}
	if c.allowed[f] && !math.IsNaN(v) && (v < c.aicc || !c.found) {
		c.found, c.form, c.best, c.aicc = true, f, pt, v
	}
	return v
}
