package training

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

func TestResultsDoNotDependOnHowUnitsAreCut(t *testing.T) {
	w := newWorld(t, 90, salestest.ETL{Buckets: 3, GroupRows: 700})
	want := text(train(t, w.trainer(), w, w.units(32)))
	if len(want) != 90 {
		t.Fatalf("%d results, want 90", len(want))
	}
	for _, n := range []int{1, 7, 1000} {
		if got := text(train(t, w.trainer(), w, w.units(n))); !slices.Equal(got, want) {
			t.Errorf("units of %d series give other results than units of 32", n)
		}
	}
	t.Run("nor on row groups", func(t *testing.T) {
		w := newWorld(t, 90, salestest.ETL{Buckets: 3, GroupRows: 61, NoPageIndex: true})
		if got := text(train(t, w.trainer(), w, w.units(32))); !slices.Equal(got, want) {
			t.Error("other row groups give other results")
		}
	})
	t.Run("nor on concurrency and order", func(t *testing.T) {
		units := w.units(5)
		got := make([][]string, len(units))
		tr := w.trainer()
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := len(units) - 1 - g; i >= 0; i -= 4 {
					r, err := tr.TrainUnit(context.Background(), w.input(units[i]))
					if err != nil {
						t.Error(err)
						return
					}
					got[i] = text(r)
				}
			})
		}
		wg.Wait()
		if !slices.Equal(slices.Concat(got...), want) {
			t.Error("four goroutines, backwards, give other results than one")
		}
	})
}

func TestEverySeriesIsAccountedFor(t *testing.T) {
	origin := retail.NewDate(2024, 6, 30)
	empty := sales.Series{Key: retail.SeriesKey{SKU: "A-empty", Store: "S0"}, Rows: []sales.Row{salestest.Row(origin-1, math.NaN()), salestest.Row(origin+3, math.NaN())}}
	soldOut := sales.Series{Key: retail.SeriesKey{SKU: "A-sold-out", Store: "S0"}, Rows: []sales.Row{salestest.Row(origin, 0)}}
	soldOut.Rows[0].InStock = sales.No
	ahead := sales.Series{Key: retail.SeriesKey{SKU: "A-to-come", Store: "S0"}, Rows: []sales.Row{salestest.Row(origin+3, math.NaN())}}
	w := newWorld(t, 6, salestest.ETL{}, empty, soldOut, ahead)
	got := train(t, w.trainer(), w, w.units(32))
	if len(got) != 9 {
		t.Fatalf("%d results, want 9", len(got))
	}
	for i, reason := range []string{ReasonNoQuantity, auto.ReasonNoObservation, ReasonNoQuantity} {
		if r := got[i].Result; r.Status != auto.Rejected || r.Reason != reason {
			t.Errorf("%v: %s (%s), want rejected (%s)", got[i].Key, r.Status, r.Reason, reason)
		}
	}
	for _, r := range got[3:] {
		if r.Result.Status == auto.Rejected || len(r.Result.Mean) != testHorizon || len(r.Dates) != testHorizon || r.Err != nil {
			t.Errorf("%v: %s, %d means, %v", r.Key, r.Result.Status, len(r.Result.Mean), r.Err)
		}
		if r.Dates[0] != origin+1 {
			t.Errorf("%v: first date %v, want %v", r.Key, r.Dates[0], origin+1)
		}
	}
}

func TestAFailingSeriesBecomesAFallback(t *testing.T) {
	w := newWorld(t, 12, salestest.ETL{})
	want := train(t, w.trainer(), w, w.units(32))
	bad := want[4].Key
	tests := map[string]func(*auto.Result){
		"panic":              func(*auto.Result) { panic("index out of range") },
		"mean is not finite": func(r *auto.Result) { r.Mean[3] = math.Inf(1) },
		"mean is NaN":        func(r *auto.Result) { r.Mean[0] = math.NaN() },
		"mean is negative":   func(r *auto.Result) { r.Mean[0] = -1 },
		"quantiles cross":    func(r *auto.Result) { r.Quantiles[2][1] = r.Quantiles[2][0] - 1 },
		"quantile is NaN":    func(r *auto.Result) { r.Quantiles[2][9] = math.NaN() },
		"too few periods":    func(r *auto.Result) { r.Mean = r.Mean[1:] },
		"no such status":     func(r *auto.Result) { r.Status = "fine" },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			tr := w.trainer()
			calls := 0
			var first *auto.Engine
			tr.forecast = func(e *auto.Engine, in auto.Input, s auto.Settings) auto.Result {
				if calls++; calls == 1 {
					first = e
				}
				if calls > 5 && name == "panic" && e == first {
					t.Error("an engine is used again after it panicked")
				}
				r := e.Forecast(in, s)
				if calls == 5 {
					spoil(&r)
				}
				return r
			}
			got := train(t, tr, w, w.units(32))
			for i := range got {
				if got[i].Key != bad {
					if fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
						t.Errorf("%v changed because another series failed", got[i].Key)
					}
					continue
				}
				r := got[i].Result
				if r.Status != auto.Fallback || r.Reason != auto.ReasonSeasonalNaive || got[i].Err == nil || !strings.Contains(got[i].Err.Error(), bad.String()) {
					t.Errorf("%s (%s), error %v; want a recorded fallback that names the series", r.Status, r.Reason, got[i].Err)
				}
				if err := valid(&r, testHorizon); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestUnitsThatTheManifestLacksArePermanent(t *testing.T) {
	w := newWorld(t, 12, salestest.ETL{})
	good := w.units(4)[1]
	tests := map[string]func(*event.TrainMessage){
		"file":                  func(u *event.TrainMessage) { u.File = "sales/bucket=99/part-0.parquet" },
		"file that is no sales": func(u *event.TrainMessage) { u.File = sales.CalendarPath },
		"file above the folder": func(u *event.TrainMessage) { u.File = "../../secret" },
		"row range":             func(u *event.TrainMessage) { u.Rows = 1 << 40 },
		"first row":             func(u *event.TrainMessage) { u.FirstRow = math.MaxInt64 },
		"fewer series":          func(u *event.TrainMessage) { u.NSeries++ },
		"more series":           func(u *event.TrainMessage) { u.NSeries-- },
		"ordinal":               func(u *event.TrainMessage) { u.Unit = "99999999" },
		"no ordinal":            func(u *event.TrainMessage) { u.Unit = "x" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			u := good
			change(&u)
			_, err := w.trainer().TrainUnit(t.Context(), w.input(u))
			if event.ReasonOf(err) != sales.ReasonUnknownUnit {
				t.Errorf("error %v with reason %q, want %s", err, event.ReasonOf(err), sales.ReasonUnknownUnit)
			}
		})
	}
}

func TestStorageErrorsAreTransient(t *testing.T) {
	w := newWorld(t, 6, salestest.ETL{})
	tr := w.trainer()
	u := w.units(32)[0]
	down := errors.New("storage is down")
	w.store.FailRanges(down, 0)
	if _, err := tr.TrainUnit(t.Context(), w.input(u)); !errors.Is(err, down) || event.IsPermanent(err) {
		t.Errorf("error %v, want transient %v", err, down)
	}
	w.store.FailRanges(nil, 0)
	if _, err := tr.TrainUnit(t.Context(), w.input(u)); err != nil {
		t.Errorf("after storage is back: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.TrainUnit(ended, w.input(u)); !errors.Is(err, context.Canceled) || event.IsPermanent(err) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestLoad(t *testing.T) {
	w := newWorld(t, 3, salestest.ETL{})
	tr := w.trainer()
	u := w.units(32)[0]
	in, err := tr.Load(t.Context(), u)
	if err != nil || in.Plan.Horizon != testHorizon || in.Record.RunID != u.RunID || in.Manifest.ETLID != w.manifest.ETLID {
		t.Errorf("loaded %+v, %v", in, err)
	}
	unknown := u
	unknown.RunID = strings.Repeat("0", 64)
	if _, err := tr.Load(t.Context(), unknown); event.ReasonOf(err) != ReasonUnknownRun {
		t.Errorf("unknown run: %v, want %s", err, ReasonUnknownRun)
	}
	record := w.record
	record.RunID = strings.Repeat("1", 64)
	w.put(t, run.RunPlace(record.RunID), run.Canonical(record))
	unplanned := u
	unplanned.RunID = record.RunID
	if _, err := tr.Load(t.Context(), unplanned); err == nil || event.IsPermanent(err) {
		t.Errorf("run without a plan: %v, want a transient error", err)
	}
	for i := range 3 * heldRuns { // what is kept is bounded
		record.RunID = fmt.Sprintf("%064x", i+100)
		plan := w.plan
		plan.RunID = record.RunID
		w.put(t, run.RunPlace(record.RunID), run.Canonical(record))
		w.put(t, run.PlanPlace(record.RunID), run.Canonical(plan))
		u.RunID = record.RunID
		if _, err := tr.Load(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if n := tr.runs.Len(); n != heldRuns {
		t.Errorf("%d runs are held, want %d", n, heldRuns)
	}
}

func TestLastResort(t *testing.T) {
	nan := math.NaN()
	week := []float64{1, 2, 3, 4, 5, 6, 7}
	tests := []struct {
		name   string
		in     auto.Input
		status string
		mean   string
	}{
		{"repeats the last week", auto.Input{Y: append([]float64{9, 9, 9}, week...), Season: 7}, auto.Fallback, "[1 2 3 4 5 6 7 1]"},
		{"takes an older week where the last is missing", auto.Input{Y: append(slices.Clone(week), nan, 8, nan, nan, nan, nan, nan), Season: 7}, auto.Fallback, "[1 8 3 4 5 6 7 1]"},
		{"takes the latest value where the phase was never seen", auto.Input{Y: []float64{4, 6}, Season: 7}, auto.Fallback, "[6 6 6 6 6 4 6 6]"},
		{"knows when the store is closed", auto.Input{Y: week, Season: 7, Closed: []bool{6: true, 7: false}}, auto.Fallback, "[1 2 3 4 5 6 0 1]"},
		{"rejects what was never observed", auto.Input{Y: []float64{nan, nan}, Season: 7}, auto.Rejected, "[]"},
		{"no season", auto.Input{Y: []float64{3, 5}}, auto.Fallback, "[5 5 5 5 5 5 5 5]"},
		{"huge values", auto.Input{Y: []float64{math.MaxFloat64, 1}, Season: 1}, auto.Fallback, "[1 1 1 1 1 1 1 1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := lastResort(tt.in, 8)
			if r.Status != tt.status || fmt.Sprint(r.Mean) != tt.mean {
				t.Errorf("%s %v, want %s %s", r.Status, r.Mean, tt.status, tt.mean)
			}
			if err := valid(&r, 8); err != nil {
				t.Error(err)
			}
			for j, c := range tt.in.Closed {
				if c && r.Quantiles[j] != ([forecast.NQuantiles]float64{}) {
					t.Errorf("quantiles of a closed period: %v", r.Quantiles[j])
				}
			}
		})
	}
}
