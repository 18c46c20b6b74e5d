package training

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

const testHorizon = 14

// world is a stored ETL with a planned run on it.
type world struct {
	store    *salestest.Counting
	manifest *run.Manifest
	record   run.Record
	plan     run.Plan
	index    []sales.IndexRow
}

func (w *world) trainer() *Trainer { return New(w.store) }

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// history makes daily sales with a weekly pattern, days without a row, and stock-outs.
func history(r *rand.Rand, key retail.SeriesKey, origin retail.Date, days int) sales.Series {
	s := sales.Series{Key: key}
	level := math.Exp(1.5 * r.NormFloat64())
	for at := 1 - days; at <= 0; at++ {
		d := origin + retail.Date(at)
		units := math.Floor(level * (1 + .5*math.Sin(float64(d.Weekday()))) * 2 * r.Float64())
		row := salestest.Row(d, units)
		row.Price = 2
		if r.IntN(40) == 0 {
			row.Units, row.InStock = 0, sales.No
		}
		if r.IntN(5) > 0 || at == 1-days {
			s.Rows = append(s.Rows, row)
		}
	}
	return s
}

// newWorld stores n series of a few hundred days, three stores to a SKU.
func newWorld(tb testing.TB, n int, e salestest.ETL, extra ...sales.Series) *world {
	tb.Helper()
	disk, err := dirblob.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{store: &salestest.Counting{Store: disk}}
	e.Grid = retail.Grid{Frequency: retail.Daily, Origin: retail.NewDate(2024, 6, 30)}
	r := newRand()
	series := extra
	for i := range n {
		key := retail.SeriesKey{SKU: retail.SKU(fmt.Sprintf("SKU-%04d", i/3)), Store: retail.Store(fmt.Sprintf("S%d", i%3))}
		series = append(series, history(r, key, e.Grid.Origin, 20+r.IntN(260)))
	}
	w.manifest = salestest.Write(tb, w.store, e, series)
	for row, err := range sales.Index(tb.Context(), w.store, w.manifest) {
		if err != nil {
			tb.Fatal(err)
		}
		w.index = append(w.index, row)
	}
	w.record = run.Record{V: run.Version, RunID: strings.Repeat("a", 64), ETLID: w.manifest.ETLID, Reason: run.ReasonDrop}
	w.plan = run.Plan{V: run.Version, RunID: w.record.RunID, Units: 1000, Series: int64(n), Packing: run.DefaultPacking, Horizon: testHorizon}
	w.record.Options.Horizon = testHorizon
	w.buildPool(tb)
	w.put(tb, run.RunPlace(w.record.RunID), run.Canonical(w.record))
	w.put(tb, run.PlanPlace(w.record.RunID), run.Canonical(w.plan))
	return w
}

func (w *world) put(tb testing.TB, place string, data []byte) {
	tb.Helper()
	if _, err := w.store.Put(tb.Context(), place, bytes.NewReader(data), blobstore.Condition{}); err != nil {
		tb.Fatal(err)
	}
}

func (w *world) buildPool(tb testing.TB) {
	tb.Helper()
	rows, err := PoolSample(sales.Index(tb.Context(), w.store, w.manifest), testHorizon)
	if err != nil {
		tb.Fatal(err)
	}
	trainer := w.trainer()
	w.plan.PoolSlices = Slices(len(rows))
	for k := range w.plan.PoolSlices {
		slice, err := trainer.BuildSlice(tb.Context(), w.manifest, w.record.Options, Slice(rows, k))
		if err != nil {
			tb.Fatal(err)
		}
		w.put(tb, SlicePlace(w.record.RunID, k), slice)
	}
}

// units cuts the index into units of at most n series.
func (w *world) units(n int) []event.TrainMessage {
	var out []event.TrainMessage
	for i, row := range w.index {
		last := len(out) - 1
		if last >= 0 && out[last].File == row.File && out[last].NSeries < int64(n) {
			out[last].NSeries++
			out[last].Rows += row.Rows
			continue
		}
		out = append(out, event.TrainMessage{
			V: 1, RunID: w.record.RunID, Unit: run.UnitName(len(out)), File: row.File,
			FirstRow: row.FirstRow, Rows: row.Rows, FirstSeries: int64(i), NSeries: 1,
		})
	}
	return out
}

func (w *world) input(u event.TrainMessage) UnitInput {
	return UnitInput{Manifest: w.manifest, Record: w.record, Plan: w.plan, Unit: u}
}

func train(tb testing.TB, tr *Trainer, w *world, units []event.TrainMessage) []SeriesResult {
	tb.Helper()
	var out []SeriesResult
	for _, u := range units {
		r, err := tr.TrainUnit(tb.Context(), w.input(u))
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, r...)
	}
	return out
}

// text makes results comparable: NaN equals NaN.
func text(r []SeriesResult) []string {
	out := make([]string, len(r))
	for i := range r {
		out[i] = fmt.Sprintf("%v", r[i])
	}
	return out
}
