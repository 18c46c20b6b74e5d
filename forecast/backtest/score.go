package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/forecast/naive"
)

// maxSteps bounds the steps that are told apart; a longer horizon is cut into
// as many groups.
const maxSteps = 60

// thirds are the horizon groups of the tables.
const thirds = 3

// layout of the tallies: one group after the other.
const (
	total   = 0
	classes = 1
	volumes = classes + forecast.NClasses
	ahead   = volumes + 3
	origins = ahead + thirds
)

func (t *test) stepGroups() int { return min(t.set.Horizon, maxSteps) }
func (t *test) firstStep() int  { return origins + t.set.Windows }
func (t *test) nGroups() int    { return t.firstStep() + t.stepGroups() }

// scores are what a worker collects.
type scores struct {
	tallies  [][]metric.Tally // [group][model]
	timings  []timing
	failures []Failure
	unfitted []int64 // by model
	known    map[string]int64
	engine   auto.Engine
	naive    []float64
	mean     []float64
}

type timing struct {
	n          int64
	total, max time.Duration
}

func (t *test) newScores() *scores {
	s := &scores{timings: make([]timing, len(t.names)), unfitted: make([]int64, len(t.names)), known: map[string]int64{}}
	s.tallies = make([][]metric.Tally, t.nGroups())
	for g := range s.tallies {
		s.tallies[g] = make([]metric.Tally, len(t.names))
	}
	s.naive, s.mean = make([]float64, t.set.Horizon), make([]float64, t.set.Horizon)
	return s
}

// score tests every series and adds up.
func (t *test) score(ctx context.Context) (*scores, error) {
	t.rank = make([]ranked, t.src.Len())
	all := make([]*scores, max(1, t.set.Workers))
	for w := range all {
		all[w] = t.newScores()
	}
	err := parallel(ctx, t.set.Workers, len(t.tested), func(ctx context.Context, w, at int) error {
		defer t.progress.step()
		return t.series(ctx, all[w], t.tested[at])
	})
	if err != nil {
		return nil, err
	}
	t.progress.finish()
	sum := all[0]
	for _, s := range all[1:] {
		sum.merge(s)
	}
	slices.SortFunc(sum.failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.Store, b.Store), cmp.Compare(a.Lag, b.Lag), cmp.Compare(a.Model, b.Model))
	})
	return sum, nil
}

func (s *scores) merge(o *scores) {
	for g := range s.tallies {
		for m := range s.tallies[g] {
			s.tallies[g][m].Merge(&o.tallies[g][m])
		}
	}
	for m := range s.timings {
		s.timings[m].n += o.timings[m].n
		s.timings[m].total += o.timings[m].total
		s.timings[m].max = max(s.timings[m].max, o.timings[m].max)
		s.unfitted[m] += o.unfitted[m]
	}
	for name, n := range o.known {
		s.known[name] += n
	}
	s.failures = append(s.failures, o.failures...)
}

// series scores one series at all origins.
func (t *test) series(ctx context.Context, s *scores, i int) error {
	h, err := t.histories(ctx, i, t.lags)
	if err != nil {
		return err
	}
	for k := range t.set.Windows {
		c := t.window(h, k)
		if c == nil {
			continue
		}
		c.i, c.volume = i, int(t.volume[i][k])
		t.test(s, c)
	}
	return nil
}

// window is one series at one origin.
type window struct {
	i, k    int
	volume  int
	class   forecast.Class
	past    History
	clean   []float64 // past.Y without negative or infinite values
	actual  []float64
	scales  metric.Scales
	weight  float64
	horizon int
}

// window prepares the test at origin k; nil if there is no history before or
// nothing observed after it.
func (t *test) window(h []History, k int) *window {
	lag, n := t.lags[k+1], len(h[0].Y)
	w := &window{k: k, past: h[k+1], horizon: t.set.Horizon}
	if len(w.past.Y) == 0 || forecast.Observed(w.past.Y) == 0 || n <= lag {
		return nil
	}
	w.clean, w.actual = cleaned(w.past.Y), cleaned(h[0].Y[n-lag:n-lag+t.set.Horizon])
	if forecast.Observed(w.actual) == 0 {
		return nil
	}
	w.class = forecast.Classify(w.clean[firstDemand(w.clean):], w.past.Season)
	w.scales = metric.ScalesOf(w.clean, w.past.Season)
	for _, v := range w.clean[max(0, len(w.clean)-t.set.Horizon):] {
		if v > 0 {
			w.weight += v
		}
	}
	return w
}

// seasonalNaive repeats what was last observed in the same phase of the season.
func (w *window) seasonalNaive(dst []float64) {
	f, err := naive.Seasonal{}.Fit(forecast.Series{Y: w.clean, Season: w.past.Season, Phase: w.past.Phase})
	if err != nil {
		panic(err) // unreachable: a window has an observed period
	}
	f.PredictTo(dst)
}

// test scores all models in one window.
func (t *test) test(s *scores, w *window) {
	t.clock(s, 1, func() { w.seasonalNaive(s.naive) })
	t.add(s, w, 1, s.naive, nil)
	r, ok := t.product(s, w)
	if ok {
		t.add(s, w, 0, r.Mean, r.Quantiles)
	}
	if w.k == 0 {
		t.rank[w.i] = rankOf(w, r, ok)
		for _, known := range w.past.Known {
			s.known[known.Name]++
		}
	}
	for m := range t.set.Models {
		t.single(s, w, m)
	}
}

// product runs the whole procedure.
func (t *test) product(s *scores, w *window) (r auto.Result, ok bool) {
	err := guard(func() error {
		t.clock(s, 0, func() {
			r = s.engine.Forecast(w.past.Input, auto.Settings{Horizon: t.set.Horizon, Pool: t.pools[w.k]})
		})
		if r.Status == auto.Rejected || len(r.Mean) != t.set.Horizon || len(r.Quantiles) != t.set.Horizon {
			return fmt.Errorf("status %s (%s) with %d means", r.Status, r.Reason, len(r.Mean))
		}
		for j := range r.Mean {
			if !usable(r.Mean[j], &r.Quantiles[j]) {
				return fmt.Errorf("step %d is no forecast: mean %v, quantiles %v", j+1, r.Mean[j], r.Quantiles[j])
			}
		}
		return nil
	})
	if err != nil {
		s.engine = auto.Engine{} // whatever state it was left in
		t.fail(s, w, 0, err)
	}
	return r, err == nil
}

// single runs one model on its own.
func (t *test) single(s *scores, w *window, m int) {
	id := m + 2
	in := seriesOf(w)
	err := guard(func() error {
		var err error
		t.clock(s, id, func() {
			var f forecast.Fitted
			if f, err = t.set.Models[m].Model.Fit(in); err == nil {
				f.PredictTo(s.mean)
			}
		})
		if err != nil {
			return err
		}
		for j, v := range s.mean {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("mean of step %d is %v", j+1, v)
			}
			s.mean[j] = math.Max(0, forecast.Round6(v))
			if w.past.Closed != nil && w.past.Closed[j] {
				s.mean[j] = 0
			}
		}
		return nil
	})
	switch {
	case err == nil:
		t.add(s, w, id, s.mean, nil)
	case errors.Is(err, forecast.ErrTooShort), errors.Is(err, forecast.ErrNotFinite):
		s.unfitted[id]++
	default:
		t.fail(s, w, id, err)
	}
}

// clock times do, if there is a clock.
func (t *test) clock(s *scores, model int, do func()) {
	if t.set.Now == nil {
		do()
		return
	}
	start := t.set.Now()
	defer func() { // also if it panics: the time was spent
		d := t.set.Now().Sub(start)
		x := &s.timings[model]
		x.n++
		x.total += d
		x.max = max(x.max, d)
	}()
	do()
}

// add counts a forecast into every group that it belongs to.
func (t *test) add(s *scores, w *window, model int, mean []float64, q [][forecast.NQuantiles]float64) {
	c := metric.Case{Actual: w.actual, Mean: mean, Quantiles: q, Naive: s.naive, Scales: w.scales, Weight: w.weight}
	for _, g := range [...]int{total, classes + int(w.class), volumes + w.volume, origins + w.k} {
		s.tallies[g][model].Add(c)
	}
	part := func(g, from, to int) {
		p := c
		p.Actual, p.Mean, p.Naive = c.Actual[from:to], c.Mean[from:to], c.Naive[from:to]
		if q != nil {
			p.Quantiles = q[from:to]
		}
		s.tallies[g][model].Add(p)
	}
	for g := range thirds {
		part(ahead+g, cut(g, thirds, w.horizon), cut(g+1, thirds, w.horizon))
	}
	for g, n := 0, t.stepGroups(); g < n; g++ {
		part(t.firstStep()+g, cut(g, n, w.horizon), cut(g+1, n, w.horizon))
	}
}

// cut is where group g of n begins among h steps.
func cut(g, n, h int) int { return (g*h + n - 1) / n }

func (t *test) fail(s *scores, w *window, model int, err error) {
	s.unfitted[model]++
	s.failures = append(s.failures, Failure{Key: t.src.Key(w.i), Lag: t.lags[w.k+1], Model: t.names[model], Error: err.Error()})
}

// guard turns a panic into an error.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}

// usable reports whether numbers are a forecast of demand.
func usable(mean float64, q *[forecast.NQuantiles]float64) bool {
	if !(mean >= 0) || math.IsInf(mean, 0) {
		return false
	}
	low := 0.0
	for _, v := range q {
		if !(v >= low) || math.IsInf(v, 0) {
			return false
		}
		low = v
	}
	return true
}
