package training

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

// worldAt stores series on a grid, with a planned run.
func worldAt(t *testing.T, grid retail.Grid, series []sales.Series) *world {
	t.Helper()
	disk, err := dirblob.Open(t.TempDir(), dirblob.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: &salestest.Counting{Store: disk}}
	w.manifest = salestest.Write(t, w.store, salestest.ETL{Grid: grid, Buckets: 2}, series)
	for row, err := range sales.Index(t.Context(), w.store, w.manifest) {
		if err != nil {
			t.Fatal(err)
		}
		w.index = append(w.index, row)
	}
	w.record = run.Record{V: run.Version, RunID: strings.Repeat("b", 64), ETLID: w.manifest.ETLID, Reason: run.ReasonDrop}
	w.record.Options.Horizon = testHorizon
	w.plan = run.Plan{V: run.Version, RunID: w.record.RunID, Units: 1000, Series: int64(len(series)), Packing: run.DefaultPacking, Horizon: testHorizon}
	w.buildPool(t)
	return w
}

func (w *world) rewind(t *testing.T, blind bool, lags ...int) *Rewind {
	t.Helper()
	r, err := w.trainer().Rewind(t.Context(), w.manifest, w.record.Options, RewindSettings{Horizon: testHorizon, Lags: lags, Blind: blind})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var dailyGrid = retail.Grid{Frequency: retail.Daily, Origin: retail.NewDate(2024, 6, 30)}

func someSeries(n int) []sales.Series {
	r := newRand()
	var out []sales.Series
	for i := range n {
		key := retail.SeriesKey{SKU: retail.SKU(fmt.Sprintf("SKU-%04d", i/3)), Store: retail.Store(fmt.Sprintf("S%d", i%3))}
		s := history(r, key, dailyGrid.Origin, 60+r.IntN(260))
		if key.Store == "S1" { // closed for three weeks
			s.Rows = slices.DeleteFunc(s.Rows, func(row sales.Row) bool { return row.Date > dailyGrid.At(-50) && row.Date < dailyGrid.At(-28) })
		}
		out = append(out, s)
	}
	return out
}

// upTo cuts what lies after a date.
func upTo(series []sales.Series, last retail.Date) []sales.Series {
	var out []sales.Series
	for _, s := range series {
		n := 0
		for n < len(s.Rows) && s.Rows[n].Date <= last {
			n++
		}
		if s.Rows = s.Rows[:n]; n > 0 {
			out = append(out, s)
		}
	}
	return out
}

// A backtest forecasts what a run on the file of that day would have forecast: the same
// rows, calendar, pool and procedure.
func TestBacktestRepeatsWhatARunWouldHaveDone(t *testing.T) {
	series := someSeries(45)
	past := dailyGrid
	past.Origin = dailyGrid.At(-testHorizon)
	then := worldAt(t, past, upTo(series, past.Origin))
	means := map[backtest.Key]string{}
	for _, r := range train(t, then.trainer(), then, then.units(32)) {
		means[backtest.Key{SKU: string(r.Key.SKU), Store: string(r.Key.Store)}] = fmt.Sprint(r.Result.Mean, r.Result.Quantiles)
	}
	now := worldAt(t, dailyGrid, series)
	want := map[backtest.Key]string{}
	for i, r := 0, then.rewind(t, true); i < r.Len(); i++ {
		want[r.Key(i)] = historyText(t, r, i, 0)
	}
	for i, r := 0, now.rewind(t, true, testHorizon); i < r.Len(); i++ {
		if got := historyText(t, r, i, testHorizon); got != want[r.Key(i)] {
			t.Errorf("%v is not prepared as in the file of that day", r.Key(i))
		}
	}
	report, err := backtest.Run(t.Context(), now.rewind(t, true, testHorizon), backtest.Settings{Horizon: testHorizon, Windows: 1, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Examples) < 6 {
		t.Fatalf("%d examples", len(report.Examples))
	}
	for _, e := range report.Examples {
		if got, want := fmt.Sprint(e.Mean, e.Quantiles), means[e.Key]; got != want {
			t.Errorf("%s in %s: backtest %.120s, the run of that day %.120s", e.SKU, e.Store, got, want)
		}
	}
}

func historyText(t *testing.T, r *Rewind, i, lag int) string {
	t.Helper()
	h, err := r.Histories(t.Context(), i, []int{lag})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(h[0])
}

// What sold after an origin is not in the history, whatever it was; what was planned is.
func TestRewindDoesNotLookAhead(t *testing.T) {
	series := someSeries(12)
	text := func(w *world, blind bool) string {
		r := w.rewind(t, blind, testHorizon, 2*testHorizon)
		var b strings.Builder
		for i := range r.Len() {
			h, err := r.Histories(t.Context(), i, []int{testHorizon, 2 * testHorizon})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, r.Key(i), h)
		}
		return b.String()
	}
	want := text(worldAt(t, dailyGrid, series), false)
	for i := range series {
		series[i].Rows = slices.Clone(series[i].Rows)
		for j := range series[i].Rows {
			if row := &series[i].Rows[j]; row.Date > dailyGrid.At(-testHorizon) {
				row.Units, row.InStock, row.Stock = float64(1000+j), sales.No, 7
			}
		}
	}
	if got := text(worldAt(t, dailyGrid, series), false); got != want {
		t.Error("altering sales after an origin changed the history before it")
	}
	if !strings.Contains(want, "NaN") { // stock-outs
		t.Error("no history has a missing period")
	}
}

// Prices of every tested period are known ahead, unless the backtest is blind.
func TestRewindKnownInputs(t *testing.T) {
	s := sales.Series{Key: retail.SeriesKey{SKU: "A", Store: "S"}}
	for i := -199; i <= 0; i++ {
		row := salestest.Row(dailyGrid.At(i), float64(i%5+7))
		row.Price = float64(2 + (i+200)%3)
		s.Rows = append(s.Rows, row)
	}
	w := worldAt(t, dailyGrid, []sales.Series{s})
	get := func(blind bool) backtest.History {
		h, err := w.rewind(t, blind, testHorizon).Histories(t.Context(), 0, []int{0, testHorizon})
		if err != nil {
			t.Fatal(err)
		}
		if len(h[0].Y) != 200 || len(h[1].Y) != 200-testHorizon || h[1].Rows != 200-testHorizon {
			t.Errorf("histories of %d and %d periods, %d rows", len(h[0].Y), len(h[1].Y), h[1].Rows)
		}
		if h[0].Known != nil {
			t.Error("something is known after the end of the file")
		}
		return h[1]
	}
	h := get(false)
	if len(h.Known) != 1 || h.Known[0].Name != "price" || len(h.Known[0].Values) != 200 || h.Known[0].Values[199] != 2+200%3 {
		t.Errorf("known inputs: %v", h.Known)
	}
	if h := get(true); h.Known != nil {
		t.Errorf("a blind backtest knows %v", h.Known)
	}
}

// The pool of a backtest is the pool of a run.
func TestBacktestDrawsThePoolOfARun(t *testing.T) {
	index := indexOf(3000, func(i int) int64 { return int64(1 + i%90) })
	want, err := PoolSample(stream(index), testHorizon)
	if err != nil {
		t.Fatal(err)
	}
	var keys []backtest.Key
	var rows []int
	for _, r := range index {
		keys = append(keys, backtest.Key{SKU: string(r.Key.SKU), Store: string(r.Key.Store)})
		rows = append(rows, int(r.Rows))
	}
	got := backtest.Sample(keys, rows, testHorizon)
	if len(got) != len(want) || len(got) != PoolAny+PoolLong {
		t.Fatalf("%d series drawn, a run draws %d", len(got), len(want))
	}
	for k, i := range got {
		if index[i].Key != want[k].Key {
			t.Fatalf("draw %d is %v, a run draws %v", k, index[i].Key, want[k].Key)
		}
	}
}

func TestRewindErrors(t *testing.T) {
	w := worldAt(t, dailyGrid, someSeries(3))
	t.Run("a day that not every month has", func(t *testing.T) {
		m := *w.manifest
		m.Frequency, m.Origin = retail.Monthly, retail.NewDate(2024, 5, 30)
		_, err := w.trainer().Rewind(t.Context(), &m, run.Options{}, RewindSettings{Horizon: 12, Lags: []int{15}})
		if err == nil || !strings.Contains(err.Error(), "first or last day") {
			t.Errorf("error %v, want one with a way out", err)
		}
	})
	t.Run("a lag that was not asked for", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = w.rewind(t, false, 7).Histories(t.Context(), 0, []int{8})
	})
	t.Run("a row that no run could use", func(t *testing.T) {
		series := someSeries(1)
		for i := range series[0].Rows {
			series[0].Rows[i].Units = math.NaN()
		}
		h, err := worldAt(t, dailyGrid, series).rewind(t, false, 7).Histories(t.Context(), 0, []int{0, 7})
		if err != nil || len(h[0].Y) != 0 || len(h[1].Y) != 0 {
			t.Errorf("histories %v, %v", h, err)
		}
	})
}
