package sales_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

var origin = retail.NewDate(2024, 6, 30)

var regressors = []string{"temperature", "price of milk"}

var daily = retail.Grid{Frequency: retail.Daily, Origin: origin}

func newStore(tb testing.TB) *salestest.Counting {
	tb.Helper()
	s, err := dirblob.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return &salestest.Counting{Store: s}
}

// randomSeries makes n series of 1 to maxRows rows in which everything may be unknown.
func randomSeries(seed uint64, n, maxRows int) []sales.Series {
	r := rand.New(rand.NewPCG(seed, 1))
	maybe := func(x float64) float64 {
		if r.IntN(5) == 0 {
			return math.NaN()
		}
		return x
	}
	var out []sales.Series
	for i := range n {
		s := sales.Series{Key: retail.SeriesKey{
			SKU: retail.SKU(fmt.Sprintf("SKU-%03d", i/3)), Store: retail.Store(fmt.Sprintf("store %c", 'A'+i%3)),
		}}
		rows := 1 + r.IntN(maxRows)
		for d := range rows {
			if d > 0 && r.IntN(4) == 0 {
				continue
			}
			s.Rows = append(s.Rows, sales.Row{
				Date: origin - retail.Date(rows-1-d), Promo: sales.Flag(r.IntN(3)), Open: sales.Flag(r.IntN(3)), InStock: sales.Flag(r.IntN(3)),
				Units: maybe(float64(r.IntN(20))), Price: maybe(1 + r.Float64()), Stock: maybe(float64(r.IntN(50))),
				Regressors: []float64{maybe(r.NormFloat64()), maybe(r.NormFloat64())},
			})
		}
		out = append(out, s)
	}
	return out
}

// line is a series' content as text, so that NaN equals NaN.
func line(s sales.Series) string { return fmt.Sprintf("%v %v", s.Key, s.Rows) }

func lines(t *testing.T, r *sales.Reader, m *run.Manifest, f run.File, first, rows int64) []string {
	t.Helper()
	var out []string
	for s, err := range r.ReadUnit(t.Context(), m, f, first, rows) {
		if err != nil {
			t.Fatalf("rows %d+%d: %v", first, rows, err)
		}
		out = append(out, line(s))
	}
	return out
}

func TestReadUnitGivesBackWhatWasWrittenForAnyRowGroupSize(t *testing.T) {
	series := randomSeries(1, 60, 90)
	var want []string
	for _, s := range series {
		want = append(want, line(s))
	}
	layouts := map[string]salestest.ETL{
		"one row per group":   {GroupRows: 1},
		"groups cut series":   {GroupRows: 37},
		"one group":           {GroupRows: 1 << 20},
		"small pages":         {GroupRows: 500, PageBytes: 256},
		"one group, no index": {GroupRows: 1 << 20, NoPageIndex: true},
		"groups, no index":    {GroupRows: 100, NoPageIndex: true},
	}
	for name, e := range layouts {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			e.Grid = daily
			series, want := series, want
			if e.GroupRows == 1 { // every row costs a footer entry per column
				series, want = series[:4], want[:4]
			}
			e.Regressors = regressors
			m := salestest.Write(t, store, e, series)
			r := sales.NewReader(store)
			if got := lines(t, r, m, m.Files[0], 0, m.Files[0].Rows); !slices.Equal(got, want) {
				t.Errorf("the whole file differs: %d series, want %d", len(got), len(want))
			}
			var first int64
			for i, s := range series { // every series by itself, from a cold and a warm reader
				if i%7 == 0 {
					r = sales.NewReader(store)
				}
				if i%7 > 2 { // enough of them
					first += int64(len(s.Rows))
					continue
				}
				if got := lines(t, r, m, m.Files[0], first, int64(len(s.Rows))); !slices.Equal(got, want[i:i+1]) {
					t.Fatalf("series %d:\ngot  %v\nwant %v", i, got, want[i])
				}
				first += int64(len(s.Rows))
			}
		})
	}
}

// A group of more than 32,768 rows is read in parts, by its page index or without.
func TestReadUnitOfOneLargeGroup(t *testing.T) {
	series := randomSeries(2, 150, 900)
	tests := map[string]struct {
		noIndex bool
		gap     int64
		share   int64 // of the file's bytes, in percent, that one series may cost
	}{
		"page index":                 {false, 0, 50},
		"page index, gaps read over": {false, 256 << 10, 110},
		"no page index":              {true, 0, 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			m := salestest.Write(t, store, salestest.ETL{
				Grid: daily, GroupRows: 1 << 20, PageBytes: 8 << 10, NoPageIndex: tt.noIndex, Regressors: regressors,
			}, series)
			file := m.Files[0]
			if file.Rows < 40_000 {
				t.Fatalf("%d rows do not make a large group", file.Rows)
			}
			var first int64
			for i, s := range series {
				if i%37 == 0 {
					r := sales.NewReader(store)
					r.SetPageGap(tt.gap)
					store.Take()
					if got := lines(t, r, m, file, first, int64(len(s.Rows))); len(got) != 1 || got[0] != line(s) {
						t.Fatalf("series %d differs", i)
					}
					read := int64(0)
					for _, q := range store.Take() {
						read += min(q.N, file.Bytes)
					}
					if read > file.Bytes*tt.share/100 {
						t.Errorf("series %d of %d rows cost %d bytes of a file of %d", i, len(s.Rows), read, file.Bytes)
					}
				}
				first += int64(len(s.Rows))
			}
			r := sales.NewReader(store)
			r.SetPageGap(tt.gap)
			if got := lines(t, r, m, file, 0, file.Rows); len(got) != len(series) {
				t.Errorf("%d series, want %d", len(got), len(series))
			}
		})
	}
}

// What a reader holds is bounded, however much it has read.
func TestReaderIsBounded(t *testing.T) {
	store := newStore(t)
	r := sales.NewReader(store)
	const bound = 256 << 10
	r.SetHeld(bound)
	most := 0
	for i := range 3 {
		m := salestest.Write(t, store, salestest.ETL{ID: fmt.Sprintf("%064x", i), Grid: daily, GroupRows: 1_000}, denseSeries(10, 1_096))
		lines(t, r, m, m.Files[0], 0, m.Files[0].Rows)
		bytes, blocks := r.Held()
		if bytes > bound {
			t.Errorf("after %d rows %d bytes are held, more than %d", m.Files[0].Rows*int64(i+1), bytes, bound)
		}
		most = max(most, blocks)
	}
	if most < 2 || most > 5 { // 1,000 rows take 56 KB
		t.Errorf("%d row groups of 1,000 rows were held at most", most)
	}
}

func TestAUnitCostsTwoRangeRequests(t *testing.T) {
	series := randomSeries(3, 60, 90)
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: 200}, series)
	file := m.Files[0]
	r := sales.NewReader(store)
	first, rows := int64(len(series[0].Rows)), int64(0)
	for _, s := range series[1:40] {
		rows += int64(len(s.Rows))
	}
	lines(t, r, m, file, first, rows)
	got := store.Take()
	if len(got) != 2 {
		t.Fatalf("%d range requests, want 2 (footer, row groups): %v", len(got), got)
	}
	info, err := store.Store.Head(t.Context(), got[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range got {
		if q.ETag != info.ETag {
			t.Errorf("range %d+%d asked for ETag %q, want %q", q.Off, q.N, q.ETag, info.ETag)
		}
	}
	if lines(t, r, m, file, first, rows); len(store.Take()) != 0 {
		t.Error("the same unit was fetched again although its rows are held")
	}
	lines(t, r, m, file, file.Rows-int64(len(series[59].Rows)), int64(len(series[59].Rows)))
	if n := len(store.Take()); n != 1 {
		t.Errorf("another unit of a known file cost %d range requests, want 1", n)
	}
}

func TestReadUnitErrors(t *testing.T) {
	series := randomSeries(4, 30, 60)
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: 100}, series)
	file := m.Files[0]
	name := run.ETLDir(m.ETLID) + file.Path
	tests := map[string]struct {
		file        run.File
		first, rows int64
		reason      string
	}{
		"begins before the file":    {file, -1, 5, sales.ReasonUnknownUnit},
		"ends after the file":       {file, file.Rows - 4, 5, sales.ReasonUnknownUnit},
		"overflows":                 {file, math.MaxInt64 - 1, 5, sales.ReasonUnknownUnit},
		"no rows":                   {file, 0, 0, sales.ReasonUnknownUnit},
		"other length than listed":  {run.File{Path: file.Path, Rows: file.Rows, Bytes: file.Bytes + 1}, 0, 5, sales.ReasonChanged},
		"other rows than listed":    {run.File{Path: file.Path, Rows: file.Rows + 1, Bytes: file.Bytes}, 0, 5, sales.ReasonChanged},
		"file that does not exist":  {run.File{Path: "sales/bucket=99/x.parquet"}, 0, 5, ""},
		"file that is not a sales'": {entry(m, sales.CalendarPath), 0, 5, sales.ReasonUnreadable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := firstError(sales.NewReader(store), m, tt.file, tt.first, tt.rows)
			if err == nil || event.ReasonOf(err) != tt.reason {
				t.Errorf("error %v with reason %q, want reason %q", err, event.ReasonOf(err), tt.reason)
			}
		})
	}
	t.Run("other regressors than the manifest lists", func(t *testing.T) {
		other := *m
		other.Options.Regressors = []string{"footfall"}
		if err := firstError(sales.NewReader(store), &other, file, 0, file.Rows); event.ReasonOf(err) != sales.ReasonUnreadable {
			t.Errorf("error %v, want %s", err, sales.ReasonUnreadable)
		}
	})
	t.Run("store fails: transient, and the next try succeeds", func(t *testing.T) {
		r := sales.NewReader(store)
		store.FailRanges(errors.New("connection reset"), 0)
		if err := firstError(r, m, file, 0, file.Rows); err == nil || event.IsPermanent(err) {
			t.Errorf("error %v, want a transient one", err)
		}
		store.FailRanges(nil, 0)
		lines(t, r, m, file, 0, file.Rows)
	})
	t.Run("store fails in the middle: transient too", func(t *testing.T) {
		large := salestest.Write(t, store, salestest.ETL{ID: strings.Repeat("f", 64), Grid: daily, GroupRows: 1 << 20, NoPageIndex: true}, denseSeries(40, 1_096))
		reset := errors.New("connection reset")
		for name, read := range map[string]func() error{
			"rows":     func() error { return firstError(sales.NewReader(store), m, file, 0, 1) },
			"stream":   func() error { return firstError(sales.NewReader(store), large, large.Files[0], 0, 1) },
			"calendar": func() error { _, err := sales.LoadCalendar(t.Context(), store, m); return err },
			"index":    func() error { _, err := readIndex(t, store, m); return err },
		} {
			store.FailRanges(reset, 1)
			if err := read(); !errors.Is(err, reset) || event.IsPermanent(err) {
				t.Errorf("%s: error %v, want a transient %v", name, err, reset)
			}
			store.FailRanges(nil, 0)
		}
	})
	t.Run("file is replaced while it is read", func(t *testing.T) {
		r := sales.NewReader(store)
		lines(t, r, m, file, 0, int64(len(series[0].Rows)))
		old := get(t, store, name)
		put(t, store, name, old) // same bytes, other ETag
		err := firstError(r, m, file, file.Rows-1, 1)
		if !errors.Is(err, blobstore.ErrChanged) {
			t.Errorf("error %v, want %v", err, blobstore.ErrChanged)
		}
		if err := firstError(r, m, file, file.Rows-1, 1); err != nil {
			t.Errorf("second try: %v", err)
		}
	})
	t.Run("corrupt bytes are permanent", func(t *testing.T) {
		data := get(t, store, name)
		for i := 4; i < len(data)/2; i++ {
			data[i] ^= 0x5a
		}
		put(t, store, name, data)
		if err := firstError(sales.NewReader(store), m, file, 0, file.Rows); event.ReasonOf(err) != sales.ReasonUnreadable {
			t.Errorf("error %v with reason %q, want %s", err, event.ReasonOf(err), sales.ReasonUnreadable)
		}
	})
}

func TestUnsortedRowsAreRefused(t *testing.T) {
	day := func(i int) sales.Row { return salestest.Row(origin-retail.Date(9-i), 1) }
	key := retail.SeriesKey{SKU: "a", Store: "s"}
	for _, groupRows := range []int64{1, 100} {
		for name, rows := range map[string][]sales.Row{
			"dates go back": {day(2), day(1)},
			"date repeats":  {day(1), day(1)},
		} {
			store := newStore(t)
			m := salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: groupRows}, []sales.Series{{Key: key, Rows: rows}})
			if err := firstError(sales.NewReader(store), m, m.Files[0], 0, 2); event.ReasonOf(err) != sales.ReasonUnreadable {
				t.Errorf("%s, groups of %d: error %v, want %s", name, groupRows, err, sales.ReasonUnreadable)
			}
		}
	}
}

func TestConcurrentUnits(t *testing.T) {
	series := randomSeries(5, 90, 60)
	store := newStore(t)
	m := salestest.Write(t, store, salestest.ETL{Grid: daily, GroupRows: 300, Regressors: regressors}, series)
	r := sales.NewReader(store)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			first := int64(0)
			for i, s := range series {
				if i%4 == w {
					for got, err := range r.ReadUnit(context.Background(), m, m.Files[0], first, int64(len(s.Rows))) {
						if err != nil || line(got) != line(s) {
							t.Errorf("series %d differs (%v)", i, err)
						}
					}
				}
				first += int64(len(s.Rows))
			}
		})
	}
	wg.Wait()
}

func entry(m *run.Manifest, path string) run.File {
	i := slices.IndexFunc(m.Files, func(f run.File) bool { return f.Path == path })
	return m.Files[i]
}

func firstError(r *sales.Reader, m *run.Manifest, f run.File, first, rows int64) error {
	for _, err := range r.ReadUnit(context.Background(), m, f, first, rows) {
		if err != nil {
			return err
		}
	}
	return nil
}

func get(t *testing.T, s blobstore.Store, name string) []byte {
	t.Helper()
	body, _, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, s blobstore.Store, name string, data []byte) {
	t.Helper()
	if _, err := s.Put(t.Context(), name, bytes.NewReader(data), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// FuzzReadUnit damages a file: reading it may fail, but neither panic nor hang.
func FuzzReadUnit(f *testing.F) {
	store := newStore(f)
	m := salestest.Write(f, store, salestest.ETL{Grid: daily, GroupRows: 20}, randomSeries(6, 5, 12))
	name := run.ETLDir(m.ETLID) + m.Files[0].Path
	body, _, err := store.Open(f.Context(), name)
	if err != nil {
		f.Fatal(err)
	}
	good, err := io.ReadAll(body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), byte(0), uint32(9), byte(1))
	f.Add(uint32(len(good)-7), byte(0xff), uint32(len(good)-200), byte(3))
	f.Add(uint32(len(good)-60), byte(0x80), uint32(len(good)-300), byte(0x7f))
	f.Fuzz(func(t *testing.T, at uint32, with byte, at2 uint32, with2 byte) {
		data := slices.Clone(good)
		data[int(at)%len(data)] ^= with
		data[int(at2)%len(data)] ^= with2
		put(t, store, name, data)
		for s, err := range sales.NewReader(store).ReadUnit(t.Context(), m, m.Files[0], 0, m.Files[0].Rows) {
			if err != nil && strings.Contains(err.Error(), "%!") {
				t.Errorf("badly formatted error %q", err)
			}
			_ = s
		}
	})
}
