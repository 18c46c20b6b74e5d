package main

import (
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/prophet"
	"github.com/skucast/skucast/forecast/theta"
)

// rounds is how often everything is repeated; the fastest round counts, as what the
// machine can do.
const rounds = 5

// perSeries is the seconds that one of the series takes.
func perSeries(all [][]float64, one func(k int, y []float64) error) (float64, error) {
	best := 0.0
	for r := range rounds {
		start := time.Now()
		for k, y := range all {
			if err := one(k, y); err != nil {
				return 0, fmt.Errorf("series %d: %w", k, err)
			}
		}
		if s := time.Since(start).Seconds() / float64(len(all)); r == 0 || s < best {
			best = s
		}
	}
	return best, nil
}

const horizon = 28

// timing is a measurement that is still to be made.
type timing struct {
	row
	all [][]float64
	one func(k int, y []float64) error
}

func measure() ([]row, error) {
	timings, err := prophetTimings(series(m5Days))
	if err != nil {
		return nil, err
	}
	timings = append(localTimings(series(threeYears)), timings...)
	var rows []row
	for _, t := range timings {
		if t.seconds, err = perSeries(t.all, t.one); err != nil {
			return nil, fmt.Errorf("%s: %w", t.what, err)
		}
		rows = append(rows, t.row)
	}
	return rows, nil
}

// localTimings are of models of one series at a time.
func localTimings(all [][]float64) []timing {
	dst := make([]float64, horizon)
	fit := func(m forecast.Model) func(int, []float64) error {
		return func(_ int, y []float64) error {
			f, err := m.Fit(forecast.Series{Y: y, Season: 7})
			if err == nil {
				f.PredictTo(dst)
			}
			return err
		}
	}
	var e auto.Engine
	var samples []auto.Sample
	for _, y := range all {
		samples = append(samples, e.Sample(auto.Input{Y: y, Season: 7, Integer: true}, horizon))
	}
	pool := auto.NewPool(samples, horizon, 7)
	return []timing{
		{row{what: "ETS with selection, season 7, T = 1,096", must: 5e-3, aim: 1e-3, peer: "statsforecast AutoETS", ratio: 10}, all, fit(ets.Auto{})},
		{row{what: "dynamic optimised Theta, T = 1,096", must: 3e-3, aim: 0.5e-3, peer: "statsforecast DynamicOptimizedTheta", ratio: 10}, all, fit(theta.Model{})},
		{row{what: "everything a worker does for one daily series of three years", must: 20e-3, aim: 5e-3}, all, func(_ int, y []float64) error {
			e.Forecast(auto.Input{Y: y, Season: 7, Integer: true}, auto.Settings{Horizon: horizon, Pool: pool})
			return nil
		}},
	}
}

// prophetTimings are of Prophet on the length of the M5 data.
func prophetTimings(all [][]float64) ([]timing, error) {
	dates := days(m5Days)
	shared, err := prophet.Model{}.Share(prophet.Future{Time: dates})
	if err != nil {
		return nil, err
	}
	future, err := shared.Future(prophet.Future{Time: days(m5Days + horizon)[m5Days:]})
	if err != nil {
		return nil, err
	}
	w := shared.Fitter()
	var e prophet.Estimate
	dst := make([]float64, horizon)
	predict := func(y []float64) error {
		if err := w.Fit(&e, y, nil); err != nil {
			return err
		}
		return future.PredictTo(dst, &e, nil)
	}
	var origins []int
	for k := 12; k >= 1; k-- {
		origins = append(origins, m5Days-horizon*k)
	}
	folds := make([]float64, len(origins)*horizon)
	alone := func(m prophet.Model) func(int, []float64) error {
		return func(_ int, y []float64) error {
			_, err := m.Fit(prophet.History{Time: dates, Y: y})
			return err
		}
	}
	windows := 0
	return []timing{
		{row{what: "Prophet, exact, shared dates, T = 1,913, certified", must: 40e-6, aim: 15e-6}, all, func(_ int, y []float64) error { return w.Fit(&e, y, nil) }},
		{row{what: "the same with a forecast of 28 days", peer: "Prophet", ratio: 1000}, all, func(_ int, y []float64) error { return predict(y) }},
		{row{what: "Prophet, a window of its own", must: 200e-6}, all, func(_ int, y []float64) error {
			windows++ // more windows than are kept: each is new
			return w.Fit(&e, starting(y, 100+windows%400), nil)
		}},
		{row{what: "Prophet, 12 cutoffs of 28 days", must: 1e-3}, all, func(_ int, y []float64) error { return w.CrossValidateTo(folds, y, nil, origins, horizon) }},
		{row{what: "Prophet, multiplicative, by itself", must: 5e-3}, all[:10], alone(prophet.Model{SeasonalityMode: prophet.Multiplicative})},
		{row{what: "Prophet, additive, by itself"}, all[:10], alone(prophet.Model{})},
	}, nil
}

// starting is y from one day on, as a shop that opened later.
func starting(y []float64, from int) []float64 {
	out := make([]float64, len(y))
	copy(out, y)
	for i := range from {
		out[i] = math.NaN()
	}
	return out
}
