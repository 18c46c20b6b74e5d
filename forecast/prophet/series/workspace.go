package series

import (
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
)

// keptGrids is how many grids a Workspace remembers.
const keptGrids = 16

// Workspace makes the fits of many series fast: series of the same length and
// season length have most of their sums in common (prophet.Shared), which are
// computed once. The zero value is ready. It belongs to one goroutine.
//
// Its results are the optimum that Model.Fit finds, to the precision of the
// solver, and depend on the series alone, to the last bit.
type Workspace struct {
	kept []sharedGrid // a ring
	next int          // the one to be replaced
}

// sharedGrid is a model made ready for series on the same grid.
type sharedGrid struct {
	key      key
	fitter   *prophet.Fitter
	estimate prophet.Estimate
}

// key is what series must have in common.
type key struct {
	season, length  int
	seasons, inputs int // how many
	growth          prophet.Growth
	scale           float64
}

// FitIn is Fit with a workspace, for additive models; multiplicative ones have
// no sums in common. What it returns is a *Fitted.
func (m Model) FitIn(ws *Workspace, s forecast.Series) (forecast.Fitted, error) {
	if m.Mode == prophet.Multiplicative {
		return m.Fit(s)
	}
	return m.fit(s, func(spec prophet.Model, h table) (*prophet.Fitted, error) {
		k := key{s.Season, len(s.Y), len(spec.Seasonalities), len(h.inputs), m.Growth, m.ChangepointPriorScale}
		g, err := ws.grid(k, spec, h.step)
		if err != nil {
			return nil, err
		}
		var own map[string][]float64
		if len(h.inputs) > 0 {
			own = map[string][]float64{}
			for i := range h.inputs {
				own[h.inputs[i].name] = h.inputs[i].values[:len(s.Y)]
			}
		}
		if err := g.fitter.Fit(&g.estimate, s.Y, own); err != nil {
			return nil, err
		}
		return g.estimate.Fitted(s.Y, own)
	})
}

// grid is the remembered grid of k, or a new one.
func (ws *Workspace) grid(k key, spec prophet.Model, step time.Duration) (*sharedGrid, error) {
	for i := range ws.kept {
		if ws.kept[i].key == k {
			return &ws.kept[i], nil
		}
	}
	var dates prophet.Future
	for t := range k.length {
		dates.Time = append(dates.Time, at(t, step))
	}
	shared, err := spec.Share(dates)
	if err != nil {
		return nil, err
	}
	g := sharedGrid{key: k, fitter: shared.Fitter()}
	if len(ws.kept) < keptGrids {
		ws.kept = append(ws.kept, g)
		return &ws.kept[len(ws.kept)-1], nil
	}
	i := ws.next
	ws.kept[i] = g
	ws.next = (ws.next + 1) % keptGrids
	return &ws.kept[i], nil
}
