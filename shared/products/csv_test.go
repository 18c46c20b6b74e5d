package products

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
)

func writeCSV(t testing.TB, m *memory, units int, w io.Writer) {
	t.Helper()
	order, err := ReadOrder(t.Context(), m, runID, units)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(t.Context(), m, order, runID, w); err != nil {
		t.Fatal(err)
	}
}

// wantCSV is the file as encoding/csv reads it, made by sorting everything in memory.
func wantCSV(all []Series) [][]string {
	rows := [][]string{strings.Split("store,sku,date,mean,q0.025,q0.05,q0.1,q0.25,q0.5,q0.75,q0.9,q0.95,q0.975,q0.99,model,status,run_id", ",")}
	for _, s := range all {
		for i := range s.Result.Mean {
			f := []string{string(s.Key.Store), string(s.Key.SKU), s.Dates[i].String(), strconv.FormatFloat(s.Result.Mean[i], 'f', -1, 64)}
			for _, q := range s.Result.Quantiles[i] {
				f = append(f, strconv.FormatFloat(q, 'f', -1, 64))
			}
			rows = append(rows, append(f, s.Result.Model, s.Result.Status, runID[:12]))
		}
	}
	slices.SortFunc(rows[1:], func(a, b []string) int {
		return cmp.Or(strings.Compare(a[1], b[1]), strings.Compare(a[0], b[0]), strings.Compare(a[2], b[2]))
	})
	return rows
}

func checkCSV(t *testing.T, out []byte, all []Series) {
	t.Helper()
	got, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := wantCSV(all)
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Fatalf("line %d is %q, want %q", i+1, got[i], want[i])
		}
	}
}

func TestCSVIsSortedAndComplete(t *testing.T) {
	for _, buckets := range []int{1, 2, 3, 16} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%d buckets, cut %d", buckets, seed), func(t *testing.T) {
				all := index(random(30), buckets, 12, 3)
				units := cut(random(seed), all)
				var out bytes.Buffer
				writeCSV(t, store(t, units...), len(units), &out)
				checkCSV(t, out.Bytes(), all)
			})
		}
	}
}

func TestCSVOrderFromSummary(t *testing.T) {
	all := index(random(31), 4, 10, 2)
	units := cut(random(32), all)
	m := store(t, units...)
	s, err := Summarise(t.Context(), m, runID, len(units))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Order.starts); got != 4 {
		t.Errorf("%d stretches of 4 files", got)
	}
	var out bytes.Buffer
	if err := WriteCSV(t.Context(), m, s.Order, runID, &out); err != nil {
		t.Fatal(err)
	}
	checkCSV(t, out.Bytes(), all)
}

func TestCSVHostileNames(t *testing.T) {
	var all []Series
	for _, sku := range []string{"", " padded ", `"`, `""`, `a"b`, "a,b", "a;b", "=1+1", "<script>alert(1)</script>", "ü", "日本", "\u00a0"} {
		all = append(all, sampleSeries(random(33), retail.SeriesKey{SKU: retail.SKU(sku), Store: retail.Store(sku + ",")}, 1))
	}
	slices.SortFunc(all, func(a, b Series) int { return a.Key.Compare(b.Key) })
	var out bytes.Buffer
	writeCSV(t, store(t, all), 1, &out)
	checkCSV(t, out.Bytes(), all)
}

func TestCSVWithoutRows(t *testing.T) {
	all := []Series{rejected("a", "s", auto.ReasonNoObservation)}
	var out bytes.Buffer
	writeCSV(t, store(t, all), 1, &out)
	checkCSV(t, out.Bytes(), all)
	out.Reset()
	writeCSV(t, store(t), 0, &out)
	checkCSV(t, out.Bytes(), nil)
}

func TestCSVErrors(t *testing.T) {
	all := index(random(34), 3, 20, 2)
	units := cut(random(35), all)
	down := errors.New("storage is down")
	for name, fail := range map[string]func(m *memory, cancel func()) io.Writer{
		"storage fails": func(m *memory, _ func()) io.Writer {
			n := 0
			m.onOpen = func(string) error {
				if n++; n > 5 {
					return down
				}
				return nil
			}
			return io.Discard
		},
		"part is gone": func(m *memory, _ func()) io.Writer {
			for name := range m.blobs {
				if strings.Contains(name, "forecasts/00000007-") {
					delete(m.blobs, name)
				}
			}
			return io.Discard
		},
		"cancelled": func(m *memory, cancel func()) io.Writer {
			n := 0
			m.onOpen = func(string) error {
				if n++; n == 5 {
					cancel()
				}
				return nil
			}
			return io.Discard
		},
		"writer fails": func(*memory, func()) io.Writer { return failing{} },
	} {
		t.Run(name, func(t *testing.T) {
			m := store(t, units...)
			order, err := ReadOrder(t.Context(), m, runID, len(units))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := WriteCSV(ctx, m, order, runID, fail(m, cancel)); err == nil {
				t.Error("no error")
			}
		})
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestCSVRefusesTwins(t *testing.T) {
	m := store(t, sampleUnit(random(36), "a", 2, 2), sampleUnit(random(37), "a", 2, 2))
	order, err := ReadOrder(t.Context(), m, runID, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(t.Context(), m, order, runID, io.Discard); err == nil || !strings.Contains(err.Error(), "two units") {
		t.Errorf("a series in two units: %v", err)
	}
}

// heapMeter measures what is alive while a file is written.
type heapMeter struct {
	written, next int
	most          uint64
}

func (h *heapMeter) Write(b []byte) (int, error) {
	h.written += len(b)
	if h.written >= h.next {
		h.next = h.written + 1<<20
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		h.most = max(h.most, m.HeapAlloc)
	}
	return len(b), nil
}

// A part is in memory as the store's bytes only; what WriteCSV adds must not grow.
func TestCSVMemoryDoesNotGrowWithUnits(t *testing.T) {
	measure := func(units int) uint64 {
		var all [][]Series
		r := random(38)
		for i := range units {
			all = append(all, sampleUnit(r, fmt.Sprintf("sku-%06d", i%(units/4)*4+4*i/units), 8, 28))
		}
		m := store(t, all...)
		order, err := ReadOrder(t.Context(), m, runID, units)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		meter := &heapMeter{}
		if err := WriteCSV(t.Context(), m, order, runID, meter); err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(m)
		return meter.most - min(meter.most, before.HeapAlloc)
	}
	few, many := measure(40), measure(400)
	t.Logf("live heap above the store's: %d KiB for 40 units, %d KiB for 400", few>>10, many>>10)
	if many > few+4<<20 || many > 24<<20 {
		t.Errorf("live heap is %d bytes for 40 units and %d for 400: it grows with the run", few, many)
	}
}

func BenchmarkWriteCSV(b *testing.B) {
	var units [][]Series
	r := random(39)
	for i := range 64 {
		units = append(units, sampleUnit(r, fmt.Sprintf("HOBBIES_%d_%03d", i%8, i), 32, 28))
	}
	slices.SortFunc(units, func(a, b []Series) int { return a[0].Key.Compare(b[0].Key) })
	slices.Reverse(units[:32]) // some stretches
	m := store(b, units...)
	order, err := ReadOrder(b.Context(), m, runID, len(units))
	if err != nil {
		b.Fatal(err)
	}
	rows := 64 * 32 * 28
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteCSV(b.Context(), m, order, runID, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkSummarise(b *testing.B) {
	var units [][]Series
	for i := range 64 {
		units = append(units, sampleUnit(random(40), fmt.Sprintf("sku %03d", i), 32, 1))
	}
	m := store(b, units...)
	for b.Loop() {
		if _, err := Summarise(b.Context(), m, runID, len(units)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "units/s")
}
