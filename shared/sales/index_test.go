package sales_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

func readIndex(tb testing.TB, store *salestest.Counting, m *run.Manifest) ([]sales.IndexRow, error) {
	tb.Helper()
	var rows []sales.IndexRow
	for r, err := range sales.Index(tb.Context(), store, m) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func TestIndexNamesTheRowsOfEverySeries(t *testing.T) {
	series := randomSeries(7, 90, 40)
	byKey := map[retail.SeriesKey]sales.Series{}
	for _, s := range series {
		byKey[s.Key] = s
	}
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily, Buckets: 4, GroupRows: 32, Regressors: regressors}, series)
	rows, err := readIndex(t, store, m)
	if err != nil || len(rows) != len(series) {
		t.Fatalf("%d rows (%v), want %d", len(rows), err, len(series))
	}
	r := sales.NewReader(store)
	for i, row := range rows {
		s := byKey[row.Key]
		if row.First != s.Rows[0].Date || row.Last != s.Rows[len(s.Rows)-1].Date || row.Hash == "" {
			t.Errorf("row %d: %+v", i, row)
		}
		if got := lines(t, r, m, entry(m, row.File), row.FirstRow, row.Rows); len(got) != 1 || got[0] != line(s) {
			t.Errorf("%v: rows %d+%d of %s are not its own", row.Key, row.FirstRow, row.Rows, row.File)
		}
	}
	n := 0
	for range sales.Index(t.Context(), store, m) {
		if n++; n == 5 {
			break
		}
	}
}

func TestIndexRefusesWhatUnitsCannotBeCutFrom(t *testing.T) {
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily}, randomSeries(8, 9, 9))
	tests := map[string]func(*run.Manifest){
		"length differs from the manifest": func(m *run.Manifest) { m.Files[1].Bytes++ },
		"not an index": func(m *run.Manifest) {
			put(t, store, run.ETLDir(m.ETLID)+sales.IndexPath, get(t, store, run.ETLDir(m.ETLID)+sales.CalendarPath))
			m.Files = nil
		},
	}
	for _, name := range []string{"length differs from the manifest", "not an index"} {
		t.Run(name, func(t *testing.T) {
			broken := *m
			broken.Files = slices.Clone(m.Files)
			tests[name](&broken)
			if _, err := readIndex(t, store, &broken); !event.IsPermanent(err) {
				t.Errorf("error %v, want a permanent one", err)
			}
		})
	}
}

// The memory of streaming an index depends on its row groups, not on its length.
func TestIndexIsFlat(t *testing.T) {
	write := func(n int) (*salestest.Counting, *run.Manifest) {
		var series []sales.Series
		for i := range n {
			series = append(series, sales.Series{
				Key:  retail.SeriesKey{SKU: retail.SKU(fmt.Sprintf("SKU-%07d", i)), Store: "s"},
				Rows: []sales.Row{salestest.Row(origin, 1)},
			})
		}
		store := newStore(t)
		return store, salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: 4096}, series)
	}
	peak := func(n int) uint64 {
		store, m := write(n)
		runtime.GC() // twice: the first only moves the writer's pooled buffers aside
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		most, seen := uint64(0), 0
		for _, err := range sales.Index(t.Context(), store, m) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen%(n/4) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
		}
		if seen != n {
			t.Fatalf("%d rows, want %d", seen, n)
		}
		return most
	}
	small, large := peak(8_192), peak(65_536)
	t.Logf("live heap while streaming: %d KB for 8,192 rows, %d KB for 65,536", small>>10, large>>10)
	if small == 0 || large > small+2<<20 {
		t.Errorf("live heap goes from %d to %d bytes", small, large)
	}
}

func TestCalendar(t *testing.T) {
	day := func(i int, units float64, open sales.Flag) sales.Row {
		r := salestest.Row(origin+retail.Date(i), units)
		r.Open = open
		return r
	}
	series := []sales.Series{
		{Key: retail.SeriesKey{SKU: "a", Store: "x"}, Rows: []sales.Row{day(-4, 1, sales.Unknown), day(-3, 0, sales.No), day(-1, 0, sales.No), day(2, math.NaN(), sales.No)}},
		{Key: retail.SeriesKey{SKU: "b", Store: "x"}, Rows: []sales.Row{day(-3, 1, sales.Yes), day(0, 1, sales.Unknown)}},
		{Key: retail.SeriesKey{SKU: "b", Store: "y"}, Rows: []sales.Row{day(0, 1, sales.Unknown)}},
	}
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: 3}, series)
	c, err := sales.LoadCalendar(t.Context(), store, m)
	if err != nil {
		t.Fatal(err)
	}
	if c.Store("z") != nil || c.Store("x") == nil || c.Store("y") == nil {
		t.Fatal("the calendar has other stores than the sales")
	}
	x := ""
	for p := -5; p <= 0; p++ {
		x += map[bool]string{true: "o", false: "."}[c.Store("x").Open(p)]
	}
	if want := ".ooo.o"; x != want { // flagged closed at −1; at −2 no row, but a short run
		t.Errorf("store x open %s, want %s", x, want)
	}
	p := sales.NewPreparer(daily, 3, "", nil)
	got, err := p.Prepare(series[0], c.Store("x"))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Input.Y) != "[1 NaN 0 NaN 0]" || fmt.Sprint(got.Input.Closed) != "[false true false]" {
		t.Errorf("demand %v, closed %v", got.Input.Y, got.Input.Closed)
	}

	weekly := *m
	weekly.Frequency = retail.Weekly
	if _, err := sales.LoadCalendar(t.Context(), store, &weekly); event.ReasonOf(err) != sales.ReasonUnreadable {
		t.Errorf("dates off the grid: error %v, want %s", err, sales.ReasonUnreadable)
	}
}
