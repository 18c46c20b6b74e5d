package generate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/skucast/skucast/internal/generate"
)

// files are the three outputs of one Write.
type files struct{ sales, clean, truth bytes.Buffer }

func write(t *testing.T, c generate.Config) (*files, generate.Summary) {
	t.Helper()
	var f files
	sum, err := generate.Write(generate.Files{Sales: &f.sales, Clean: &f.clean, Truth: &f.truth}, c)
	if err != nil {
		t.Fatal(err)
	}
	return &f, sum
}

func records(t *testing.T, b *bytes.Buffer) []map[string]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(b.Bytes()))
	r.FieldsPerRecord = -1
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, rec := range all[1:] {
		m := map[string]string{"fields": strconv.Itoa(len(rec))}
		for i, name := range all[0] {
			if i < len(rec) {
				m[name] = rec[i]
			}
		}
		out = append(out, m)
	}
	return out
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The bytes are pinned: other bytes are another data set under the same seed, which makes
// every published figure stale, and a difference between machines shows here.
func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Dirt = generate.Uniform(0.01)
	f, _ := write(t, c)
	h := sha256.New()
	for _, b := range []*bytes.Buffer{&f.sales, &f.clean, &f.truth} {
		_, _ = h.Write(b.Bytes())
	}
	const want = "bbe765a3daa9699a"
	if got := hex.EncodeToString(h.Sum(nil))[:16]; got != want {
		t.Errorf("bytes of seed 1 hash to %s, want %s", got, want)
	}
	again, _ := write(t, c)
	if !bytes.Equal(again.sales.Bytes(), f.sales.Bytes()) || !bytes.Equal(again.truth.Bytes(), f.truth.Bytes()) {
		t.Error("the second time other bytes")
	}
	c.Seed++
	other, _ := write(t, c)
	if bytes.Equal(other.clean.Bytes(), f.clean.Bytes()) {
		t.Error("another seed makes the same sales")
	}
}

// Streams belong to series: more SKUs do not change the sales of those that were there.
func TestSeriesDoNotDependOnOthers(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Stores, c.SKUs, c.Days = 1, 5, 100
	small, _ := write(t, c)
	c.SKUs = 9
	large, _ := write(t, c)
	kept := map[string]bool{}
	for _, r := range records(t, &small.clean) {
		kept[r["sku"]] = true
	}
	var got strings.Builder
	for line := range strings.Lines(large.clean.String()) {
		fields := strings.Split(line, ",")
		if fields[0] == "date" || kept[fields[2]] {
			got.WriteString(line)
		}
	}
	if got.String() != small.clean.String() {
		t.Error("five of nine SKUs sell otherwise than five alone")
	}
}

// What the summary counts is what is in the files.
func TestSummary(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.SKUs = 60
	c.Dirt = generate.Uniform(0.002)
	f, sum := write(t, c)

	var units float64
	var closed, stockouts, zeros, future int64
	series, last := map[string]bool{}, ""
	clean := records(t, &f.clean)
	for _, r := range clean {
		key := r["store"] + " " + r["sku"]
		if r["units"] == "" {
			future++
			if r["in_stock"] != "" || r["date"] <= sum.Origin.String() || !series[key] {
				t.Fatalf("future line %v", r)
			}
			continue
		}
		series[key] = true
		last = r["date"]
		units += number(t, r["units"])
		switch {
		case r["open"] == "0":
			closed++
		case r["in_stock"] == "0":
			stockouts++
			if r["units"] != "0" {
				t.Fatalf("sold without stock: %v", r)
			}
		case r["units"] == "0":
			zeros++
		}
	}
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"clean lines", sum.CleanLines, int64(len(clean))},
		{"future lines", sum.FutureLines, future},
		{"units", sum.Units, int64(units)},
		{"closed lines", sum.ClosedLines, closed},
		{"stockout days", sum.StockoutDays, stockouts},
		{"zero days", sum.ZeroDays, zeros},
		{"series", int64(sum.Series), int64(len(series))},
		{"lines", sum.Lines, int64(strings.Count(f.sales.String(), "\n") - 1)},
		{"truth", int64(len(records(t, &f.truth))), int64(len(series) * 28)},
	} {
		if c.got != c.want || c.got == 0 {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	if sum.Origin.String() != last || last != "2025-06-29" {
		t.Errorf("origin %s, last quantity %s", sum.Origin, last)
	}
	if sum.New == 0 || sum.Discontinued == 0 {
		t.Errorf("%d new and %d discontinued SKUs of 60", sum.New, sum.Discontinued)
	}
}

// Reading the dirty file with care gives the clean one back.
func TestDirt(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Dirt = generate.Uniform(0.01)
	f, sum := write(t, c)
	d := sum.Dirt
	var got generate.Counts
	got.BlankLine = int64(strings.Count(f.sales.String(), "\n\n"))
	got.Quoted = int64(strings.Count(f.sales.String(), `,"`)) / 2
	type key struct{ date, store, sku string }
	dirty, lines := map[key]float64{}, map[key]int64{}
	for _, r := range records(t, &f.sales) {
		u, err := strconv.ParseFloat(r["units"], 64)
		switch {
		case r["fields"] != "8":
			got.FieldCount++
		case strings.Trim(r["date"], "0123456789-") != "" || r["date"] == "0000-00-00" || r["date"] == "2025-02-30":
			got.BadDate++
		case r["sku"] == "":
			got.NoSKU++
		case r["units"] == "": // the future
		case err != nil:
			got.BadUnits++
		default:
			k := key{r["date"], r["store"], r["sku"]}
			dirty[k] += u
			lines[k]++
		}
	}
	var extra float64
	var more int64
	for _, r := range records(t, &f.clean) {
		k := key{r["date"], r["store"], r["sku"]}
		if r["units"] == "" {
			continue
		}
		u := number(t, r["units"])
		if dirty[k] != u && (dirty[k] != 2*u || lines[k] != 2) {
			t.Fatalf("%v: dirty %v on %d lines, clean %v", k, dirty[k], lines[k], u)
		}
		extra += dirty[k] - u
		more += lines[k] - 1
	}
	got.DuplicateUnits = int64(extra)
	got.Duplicate = d.Duplicate
	got.Split = more - d.Duplicate
	if got != d {
		t.Errorf("file has\n%+v, summary says\n%+v", got, d)
	}
	n := float64(sum.CleanLines - sum.FutureLines)
	for _, c := range []struct {
		what string
		got  int64
	}{
		{"bad dates", d.BadDate},
		{"bad units", d.BadUnits},
		{"field counts", d.FieldCount},
		{"no SKU", d.NoSKU},
		{"blank lines", d.BlankLine},
		{"quoted", d.Quoted},
		{"duplicates", d.Duplicate},
	} {
		if want := 0.01 * n; math.Abs(float64(c.got)-want) > 5*math.Sqrt(want) {
			t.Errorf("%d %s, want about %.0f", c.got, c.what, want)
		}
	}
	if sum.Lines != sum.CleanLines+d.Rejected()+d.BlankLine+d.Split+d.Duplicate {
		t.Errorf("%d lines do not add up: %+v", sum.Lines, sum)
	}
}

func TestWithoutDirtSalesAreClean(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Days = 60
	f, sum := write(t, c)
	if !bytes.Equal(f.sales.Bytes(), f.clean.Bytes()) || sum.Dirt != (generate.Counts{}) {
		t.Errorf("sales and clean differ, %+v", sum.Dirt)
	}
	c.Dirt = generate.Uniform(0.1)
	dirty, _ := write(t, c)
	if !bytes.Equal(dirty.clean.Bytes(), f.clean.Bytes()) || !bytes.Equal(dirty.truth.Bytes(), f.truth.Bytes()) {
		t.Error("dirt changes the clean file or the truth")
	}
}

func TestSkipZeros(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	f, sum := write(t, c)
	c.SkipZeros = true
	sparse, got := write(t, c)
	if got.CleanLines != sum.CleanLines-sum.ZeroDays || got.Units != sum.Units || got.StockoutDays != sum.StockoutDays {
		t.Errorf("sparse %+v, dense %+v", got, sum)
	}
	if sparse.truth.Len() > f.truth.Len() {
		t.Error("more truth from fewer lines")
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]generate.Config{
		"nothing":       {},
		"too many":      {Stores: 100_000, SKUs: 10_000, Days: 1},
		"negative":      {Stores: 1, SKUs: 1, Days: 1, Horizon: -1},
		"dirt above 1":  {Stores: 1, SKUs: 1, Days: 1, Dirt: generate.Uniform(0.2)},
		"dirt not real": {Stores: 1, SKUs: 1, Days: 1, Dirt: generate.Dirt{Split: math.NaN()}},
	} {
		if _, err := generate.Write(generate.Files{Sales: io.Discard}, c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for days := range 40 {
		if _, err := generate.Write(generate.Files{Sales: io.Discard}, generate.Config{Stores: 3, SKUs: 20, Days: days + 1}); err != nil {
			t.Errorf("%d days: %v", days+1, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	for _, to := range []generate.Files{
		{Sales: failing{full}}, {Sales: io.Discard, Clean: failing{full}}, {Sales: io.Discard, Truth: failing{full}},
	} {
		if _, err := generate.Write(to, generate.Default()); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
