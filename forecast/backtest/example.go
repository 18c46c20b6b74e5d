package backtest

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/forecast/metric"
)

// Places of an example among all series, by the product's RMSSE at the latest
// origin.
const (
	Best   = "best"
	Median = "median"
	Worst  = "worst"
)

// Example is the product's forecast of one series from the latest origin.
type Example struct {
	Key
	Place      string        `json:"place"`
	Class      string        `json:"class"`
	Model      string        `json:"model"`
	RMSSE      metric.Figure `json:"rmsse"`
	RMSSENaive metric.Figure `json:"rmsse_naive"`
	// History ends at the origin, Actual follows it; null is missing.
	History   []metric.Figure                `json:"history"`
	Actual    []metric.Figure                `json:"actual"`
	Mean      []float64                      `json:"mean"`
	Quantiles [][forecast.NQuantiles]float64 `json:"quantiles"`
}

// ranked is how the product did on one series at the latest origin.
type ranked struct {
	ok    bool
	rmsse float64
}

// minDemands is the demand that a series needs on both sides of the origin to
// be shown: a forecast of zero that comes true teaches nothing.
const (
	minDemandsBefore = 8
	minDemandsAfter  = 1
)

func rankOf(w *window, r auto.Result, ok bool) ranked {
	if !ok || demands(w.clean) < minDemandsBefore || demands(w.actual) < minDemandsAfter {
		return ranked{}
	}
	v := metric.RMSSE(w.actual, r.Mean, w.scales.Squared)
	return ranked{ok: !math.IsNaN(v) && !math.IsInf(v, 0), rmsse: forecast.Round6(v)}
}

func demands(y []float64) int {
	n := 0
	for _, v := range y {
		if v > 0 {
			n++
		}
	}
	return n
}

// examples forecasts the best, the middle and the worst series once more.
func (t *test) examples(ctx context.Context) ([]Example, error) {
	var order []int
	for i := range t.rank {
		if t.rank[i].ok {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(t.rank[a].rmsse, t.rank[b].rmsse), cmp.Compare(a, b))
	})
	n := len(order)
	var out []Example
	shown := map[int]bool{}
	for _, x := range []struct {
		place string
		at    int
	}{{Best, 0}, {Best, 1}, {Median, (n - 1) / 2}, {Median, n / 2}, {Median, n/2 + 1}, {Worst, n - 2}, {Worst, n - 1}} {
		if x.at < 0 || x.at >= n || shown[x.at] {
			continue
		}
		if x.place == Median && x.at == n/2+1 && n%2 == 0 {
			continue // the two middle ones are shown
		}
		shown[x.at] = true
		e, err := t.example(ctx, order[x.at], x.place)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (t *test) example(ctx context.Context, i int, place string) (Example, error) {
	h, err := t.histories(ctx, i, t.lags[:2])
	if err != nil {
		return Example{}, err
	}
	w := t.window(h, 0) // it was scored, hence exists
	var e auto.Engine
	r := e.Forecast(w.past.Input, auto.Settings{Horizon: t.set.Horizon, Pool: t.pools[0]})
	seasonal := make([]float64, t.set.Horizon)
	w.seasonalNaive(seasonal)
	recent := w.clean[max(0, len(w.clean)-max(3*t.set.Horizon, 2*w.past.Season)):]
	return Example{
		Key: t.src.Key(i), Place: place, Class: w.class.String(), Model: r.Model,
		RMSSE:      metric.Figure(t.rank[i].rmsse),
		RMSSENaive: metric.Figure(forecast.Round6(metric.RMSSE(w.actual, seasonal, w.scales.Squared))),
		History:    figures(recent), Actual: figures(w.actual), Mean: r.Mean, Quantiles: r.Quantiles,
	}, nil
}

func figures(y []float64) []metric.Figure {
	out := make([]metric.Figure, len(y))
	for i, v := range y {
		out[i] = metric.Figure(v)
	}
	return out
}
