package training

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

func indexOf(n int, rows func(i int) int64) []sales.IndexRow {
	var out []sales.IndexRow
	at := int64(0)
	for i := range n {
		r := sales.IndexRow{
			Key:  retail.SeriesKey{SKU: retail.SKU(fmt.Sprintf("%06d", i/2)), Store: retail.Store(fmt.Sprint(i % 2))},
			File: "sales/a.parquet", FirstRow: at, Rows: rows(i),
		}
		at += r.Rows
		out = append(out, r)
	}
	return out
}

func stream(rows []sales.IndexRow) iter.Seq2[sales.IndexRow, error] {
	return func(yield func(sales.IndexRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// byDefinition is the sample as the design words it, with everything in memory.
func byDefinition(index []sales.IndexRow, horizon int) map[retail.SeriesKey]bool {
	sorted := slices.Clone(index)
	slices.SortFunc(sorted, func(a, b sales.IndexRow) int {
		x := sha256.Sum256([]byte(string(a.Key.SKU) + "\x00" + string(a.Key.Store)))
		y := sha256.Sum256([]byte(string(b.Key.SKU) + "\x00" + string(b.Key.Store)))
		return bytes.Compare(x[:], y[:])
	})
	chosen := map[retail.SeriesKey]bool{}
	for _, r := range sorted[:min(256, len(sorted))] {
		chosen[r.Key] = true
	}
	more := 256
	for _, r := range sorted {
		if more > 0 && !chosen[r.Key] && r.Rows >= int64(max(24, 2*horizon)) {
			chosen[r.Key] = true
			more--
		}
	}
	return chosen
}

func TestPoolSampleIsTheOneOfTheDesign(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, index := range map[string][]sales.IndexRow{
		"few series":       indexOf(40, func(int) int64 { return 100 }),
		"fewer than 512":   indexOf(400, func(int) int64 { return 100 }),
		"a tenth is long":  indexOf(6000, func(int) int64 { return 1 + r.Int64N(62) }),
		"all are long":     indexOf(6000, func(int) int64 { return 56 }),
		"all are short":    indexOf(6000, func(int) int64 { return 55 }),
		"exactly 24 count": indexOf(2000, func(i int) int64 { return 23 + int64(i%2) }),
		"none":             nil,
	} {
		t.Run(name, func(t *testing.T) {
			horizon := 28
			if name == "exactly 24 count" {
				horizon = 3
			}
			got, err := PoolSample(stream(index), horizon)
			if err != nil {
				t.Fatal(err)
			}
			want := byDefinition(index, horizon)
			if len(got) != len(want) {
				t.Errorf("%d series, want %d", len(got), len(want))
			}
			for i, r := range got {
				if !want[r.Key] {
					t.Errorf("%v is not in the sample by definition", r.Key)
				}
				if i > 0 && got[i-1].FirstRow >= r.FirstRow {
					t.Errorf("%v is not in the order of the index", r.Key)
				}
			}
			if n := Slices(len(got)); n > 0 && (len(Slice(got, n-1)) == 0 || len(Slice(got, 0)) > SliceSize) {
				t.Errorf("%d slices; the first has %d series, the last %d", n, len(Slice(got, 0)), len(Slice(got, n-1)))
			}
			shuffled := slices.Clone(index)
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if again, _ := PoolSample(stream(shuffled), horizon); !slices.Equal(again, got) {
				t.Error("another order of the index gives another sample")
			}
		})
	}
}

func TestPoolSamplePassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	_, err := PoolSample(func(yield func(sales.IndexRow, error) bool) { yield(sales.IndexRow{}, broken) }, 1)
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestSlicesAreTheSameBytesAndLoad(t *testing.T) {
	w := newWorld(t, 90, salestest.ETL{Buckets: 2, GroupRows: 500})
	rows, err := PoolSample(stream(w.index), testHorizon)
	if err != nil {
		t.Fatal(err)
	}
	if w.plan.PoolSlices != 3 {
		t.Fatalf("%d slices of 90 series, want 3", w.plan.PoolSlices)
	}
	a, err := w.trainer().BuildSlice(t.Context(), w.manifest, w.record.Options, Slice(rows, 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.trainer().BuildSlice(t.Context(), w.manifest, w.record.Options, Slice(rows, 1))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("the same slice twice differs (%v)", err)
	}
	samples, err := decodeSlice(a, nil)
	if err != nil || len(samples) != SliceSize {
		t.Errorf("%d samples (%v), want %d", len(samples), err, SliceSize)
	}
	if p, err := LoadPool(t.Context(), w.store, w.plan, retail.Daily); err != nil || p == nil {
		t.Errorf("pool %v, %v", p, err)
	}
	w.plan.PoolSlices++
	if _, err := LoadPool(t.Context(), w.store, w.plan, retail.Daily); err == nil {
		t.Error("a missing slice went unnoticed")
	}
}

func TestASeriesThatFailsIsLeftOutOfThePool(t *testing.T) {
	w := newWorld(t, 6, salestest.ETL{})
	tr := w.trainer()
	calls := 0
	tr.sample = func(e *auto.Engine, in auto.Input, h int) auto.Sample {
		s := e.Sample(in, h)
		switch calls++; calls {
		case 2:
			panic("index out of range")
		case 4:
			s.Views = []auto.View{{Rate: math.NaN()}} // JSON has no NaN
		}
		return s
	}
	slice, err := tr.BuildSlice(t.Context(), w.manifest, w.record.Options, w.index)
	if err != nil {
		t.Fatal(err)
	}
	if samples, err := decodeSlice(slice, nil); err != nil || len(samples) != 4 {
		t.Errorf("%d samples (%v), want 4", len(samples), err)
	}
}

func TestBuildSliceRefusesAnIndexThatContradictsTheSales(t *testing.T) {
	w := newWorld(t, 6, salestest.ETL{})
	for name, change := range map[string]func(*sales.IndexRow){
		"other series":  func(r *sales.IndexRow) { r.Key.SKU = "other" },
		"no such file":  func(r *sales.IndexRow) { r.File = "sales/x.parquet" },
		"no such rows":  func(r *sales.IndexRow) { r.FirstRow = 1 << 40 },
		"rows of twice": func(r *sales.IndexRow) { r.Rows *= 2 },
	} {
		row := w.index[0]
		change(&row)
		if _, err := w.trainer().BuildSlice(t.Context(), w.manifest, w.record.Options, []sales.IndexRow{row}); !event.IsPermanent(err) {
			t.Errorf("%s: error %v, want a permanent one", name, err)
		}
	}
}

func TestDecodeSlice(t *testing.T) {
	for name, tt := range map[string]struct{ in, reason string }{
		"no samples":    {`{"samples":[],"v":1}`, ""},
		"other version": {`{"samples":[],"v":2}`, "unknown_version"},
		"no JSON":       {`{"samples":`, "invalid_pool"},
	} {
		if _, err := decodeSlice([]byte(tt.in), nil); event.ReasonOf(err) != tt.reason || (err == nil) != (tt.reason == "") {
			t.Errorf("%s: error %v with reason %q, want %q", name, err, event.ReasonOf(err), tt.reason)
		}
	}
}

func FuzzDecodeSlice(f *testing.F) {
	f.Add([]byte(`{"samples":[],"v":1}`))
	f.Add([]byte(`{"samples":[{"v":1,"class":"smooth","views":[{"lag":3,"key":"smooth","gram":[1,2,3]}]}],"v":1}`))
	f.Add([]byte(`{"samples":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		samples, err := decodeSlice(raw, nil)
		if err != nil {
			if !event.IsPermanent(err) || strings.Contains(err.Error(), "%!") {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := json.Marshal(samples); err != nil {
			t.Error(err)
		}
	})
}
