package training

import (
	"context"
	"fmt"

	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// Rewind reads the series of an ETL as they were known at earlier origins: the rows are
// prepared on the run's grid with its origin moved back, so that quantities after it, and
// what the calendar learns from them, do not exist. Rows after an origin count as known
// future inputs, as if the file had planned them: price, promo, regressors and the open
// flag. It is a backtest.Source; safe for concurrent use.
type Rewind struct {
	trainer   *Trainer
	manifest  *run.Manifest
	options   run.Options
	horizon   int
	blind     bool
	rows      []sales.IndexRow
	calendars map[int]*sales.Calendar // by lag
}

// RewindSettings say what a Rewind reads.
type RewindSettings struct {
	Horizon int
	Lags    []int // periods before the last, each an origin; 0 is always there
	// Blind leaves out known inputs but the open flag.
	Blind bool
}

// Rewind opens the series of an ETL for a backtest. A grid whose labels cannot be moved
// back (months on the 29th to 31st that are not month-ends) is an error.
func (t *Trainer) Rewind(ctx context.Context, m *run.Manifest, o run.Options, s RewindSettings) (*Rewind, error) {
	r := &Rewind{
		trainer: t, manifest: m, options: o, horizon: s.Horizon, blind: s.Blind,
		calendars: map[int]*sales.Calendar{},
	}
	pasts := map[int]run.Manifest{}
	for _, lag := range append([]int{0}, s.Lags...) {
		past := *m
		past.Origin = m.Grid().At(-lag)
		for i := -24; i <= lag; i++ {
			if past.Grid().At(i) != m.Grid().At(i-lag) {
				return nil, fmt.Errorf("months are labelled by a day, as in %s, that not every month has; label them by their first or last day", m.Origin)
			}
		}
		pasts[lag] = past
	}
	for row, err := range sales.Index(ctx, t.store, m) {
		if err != nil {
			return nil, err
		}
		r.rows = append(r.rows, row)
	}
	for lag, past := range pasts {
		calendar, err := sales.LoadCalendar(ctx, t.store, &past)
		if err != nil {
			return nil, err
		}
		r.calendars[lag] = calendar
	}
	return r, nil
}

// Len implements backtest.Source.
func (r *Rewind) Len() int { return len(r.rows) }

// Key implements backtest.Source.
func (r *Rewind) Key(i int) backtest.Key {
	return backtest.Key{SKU: string(r.rows[i].Key.SKU), Store: string(r.rows[i].Key.Store)}
}

// Origin is the last period known at a lag.
func (r *Rewind) Origin(lag int) retail.Date { return r.manifest.Grid().At(-lag) }

// Histories implements backtest.Source. It panics on a lag that Rewind was not opened
// with. A series that a run would reject has no history.
func (r *Rewind) Histories(ctx context.Context, i int, lags []int) ([]backtest.History, error) {
	row := r.rows[i]
	file, ok := r.manifest.SalesFile(row.File)
	if !ok {
		return nil, fmt.Errorf("the manifest does not list %s", row.File)
	}
	out := make([]backtest.History, len(lags))
	for s, err := range r.trainer.reader.ReadUnit(ctx, r.manifest, file, row.FirstRow, row.Rows) {
		if err != nil {
			return nil, err
		}
		for k, lag := range lags {
			out[k] = r.history(s, lag)
		}
	}
	return out, nil
}

// history prepares one series at one origin. The preparer is new each time, so that its
// memory belongs to the result.
func (r *Rewind) history(s sales.Series, lag int) backtest.History {
	calendar, ok := r.calendars[lag]
	if !ok {
		panic("training: a lag that was not asked for")
	}
	grid := r.manifest.Grid()
	grid.Origin = r.Origin(lag)
	p, err := sales.NewPreparer(grid, r.horizon, r.options.Missing, r.manifest.Options.Regressors).Prepare(s, calendar.Store(s.Key.Store))
	if err != nil || !p.Usable {
		return backtest.History{}
	}
	h := backtest.History{Input: p.Input}
	if r.blind {
		h.Known = nil
	}
	for h.Rows < len(s.Rows) && s.Rows[h.Rows].Date <= grid.Origin {
		h.Rows++
	}
	return h
}
