package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/training"
)

// prediction is the forecast of one series from one origin.
type prediction struct {
	mean      []float64
	quantiles [][forecast.NQuantiles]float64
}

// origin is one moment of the past: what was known then.
type origin struct {
	before   int // periods to the file's end
	horizon  int
	workers  int
	known    history
	calendar *sales.Calendar
}

func newOrigin(ctx context.Context, h history, before, workers int) (*origin, error) {
	o := &origin{before: before, horizon: h.grid.Frequency.DefaultHorizon(), workers: workers}
	o.known = h.cut(before, o.horizon)
	c, err := o.known.calendar(ctx)
	o.calendar = c
	return o, err
}

// each prepares series as a worker does and hands them to f, several at a time. What f is
// given is valid until it returns; i is the place in series.
func (o *origin) each(series []sales.Series, f func(i int, e *auto.Engine, p sales.Prepared)) error {
	var wg sync.WaitGroup
	next := make(chan int)
	errs := make([]error, o.workers)
	for w := range o.workers {
		wg.Go(func() {
			prepare := sales.NewPreparer(o.known.grid, o.horizon, "", o.known.set.regressors())
			var e auto.Engine
			for i := range next {
				p, err := prepare.Prepare(series[i], o.calendar.Store(series[i].Key.Store))
				if err != nil {
					errs[w] = err
				} else if p.Usable {
					f(i, &e, p)
				}
			}
		})
	}
	for i := range series {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pool backtests the sample that plan-training would draw, and no other series.
func (o *origin) pool() (*auto.Pool, error) {
	byKey := map[retail.SeriesKey]sales.Series{}
	for _, s := range o.known.series {
		byKey[s.Key] = s
	}
	drawn, err := training.PoolSample(o.index(), o.horizon)
	if err != nil {
		return nil, err
	}
	sample := make([]sales.Series, len(drawn))
	for i, row := range drawn {
		sample[i] = byKey[row.Key]
	}
	encoded := make([][]byte, len(sample))
	err = o.each(sample, func(i int, e *auto.Engine, p sales.Prepared) {
		if forecast.Observed(p.Input.Y) == 0 {
			return
		}
		// As through pool/<k>.json; numbers that JSON refuses are left out there too.
		if b, err := json.Marshal(e.Sample(p.Input, o.horizon)); err == nil {
			encoded[i] = b
		}
	})
	if err != nil {
		return nil, err
	}
	var samples []auto.Sample
	for _, b := range encoded {
		if b == nil {
			continue
		}
		var s auto.Sample
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, err
		}
		samples = append(samples, s)
	}
	return auto.NewPool(samples, o.horizon, o.known.grid.Frequency.Season()), nil
}

// index is the series index of what was known.
func (o *origin) index() iter.Seq2[sales.IndexRow, error] {
	return func(yield func(sales.IndexRow, error) bool) {
		at := int64(0)
		for _, s := range o.known.series {
			row := sales.IndexRow{Key: s.Key, FirstRow: at, Rows: int64(len(s.Rows))}
			at += row.Rows
			if !yield(row, nil) {
				return
			}
		}
	}
}

// ours forecasts the chosen series with the pool, and says how much CPU time that took in
// all; the pool is not counted.
func (o *origin) ours(chosen []sales.Series) (map[retail.SeriesKey]prediction, time.Duration, error) {
	pool, err := o.pool()
	if err != nil {
		return nil, 0, err
	}
	settings := auto.Settings{Horizon: o.horizon, Pool: pool}
	results := make([]auto.Result, len(chosen))
	before := cpuTime()
	err = o.each(chosen, func(i int, e *auto.Engine, p sales.Prepared) {
		results[i] = e.Forecast(p.Input, settings)
	})
	took := cpuTime() - before
	if err != nil {
		return nil, 0, err
	}
	out := make(map[retail.SeriesKey]prediction, len(chosen))
	for i, r := range results {
		switch {
		case r.Status == "", r.Status == auto.Rejected: // no usable row before this origin
		case len(r.Mean) != o.horizon || len(r.Quantiles) != o.horizon:
			return nil, 0, fmt.Errorf("%v: %d means and %d quantiles for %d periods", chosen[i].Key, len(r.Mean), len(r.Quantiles), o.horizon)
		default:
			out[chosen[i].Key] = prediction{r.Mean, r.Quantiles}
		}
	}
	return out, took, nil
}

// cpuTime is what the whole process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// smallest are the n series with the smallest sha256 of their key, in the order of keys;
// all of them with n ≤ 0.
func smallest(series []sales.Series, n int) []sales.Series {
	if n <= 0 || n >= len(series) {
		return series
	}
	type draw struct {
		hash [sha256.Size]byte
		s    sales.Series
	}
	draws := make([]draw, len(series))
	for i, s := range series {
		draws[i] = draw{sha256.Sum256([]byte(string(s.Key.SKU) + "\x00" + string(s.Key.Store))), s}
	}
	slices.SortFunc(draws, func(a, b draw) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	out := make([]sales.Series, n)
	for i := range out {
		out[i] = draws[i].s
	}
	slices.SortFunc(out, func(a, b sales.Series) int { return a.Key.Compare(b.Key) })
	return out
}
