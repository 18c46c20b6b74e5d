package duckdb

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// till is one generated line, in integers so that the expectation is exact.
type till struct {
	sku, store string
	day        retail.Date
	milli      int64 // quantity in thousandths
	cents      int64 // price, 0 unknown
	promo      int
	open       int
	stock      int64
}

func generate(n int) []till {
	rng := rand.New(rand.NewPCG(1, 2))
	first := retail.NewDate(2025, 1, 1)
	lines := make([]till, n)
	for i := range lines {
		l := till{
			sku: fmt.Sprintf("S%03d", rng.IntN(60)), store: []string{"10", "9", "Ä-Markt", "b"}[rng.IntN(4)],
			day: first + retail.Date(rng.IntN(90)), milli: rng.Int64N(50_000), cents: rng.Int64N(2_000),
			promo: rng.IntN(2), open: 1, stock: rng.Int64N(100),
		}
		switch rng.IntN(20) {
		case 0:
			l.milli = -l.milli
		case 1:
			l.milli = 0
		case 2:
			l.cents = 0
		}
		lines[i] = l
	}
	return lines
}

// expected computes the sales rows by themselves, without SQL and without floats.
func expected(lines []till) []saleRow {
	type key struct {
		sku, store string
		day        retail.Date
	}
	type sums struct{ sold, returned, amount, priced, prices, n, promo, open, stock int64 }
	groups := map[key]*sums{}
	for _, l := range lines {
		k := key{l.sku, l.store, l.day}
		g := groups[k]
		if g == nil {
			g = &sums{}
			groups[k] = g
		}
		g.sold += max(l.milli, 0)
		g.returned += max(-l.milli, 0)
		if l.cents > 0 {
			g.prices += l.cents
			g.n++
			if l.milli > 0 {
				g.amount += l.milli * l.cents
				g.priced += l.milli
			}
		}
		g.promo, g.open, g.stock = max(g.promo, int64(l.promo)), max(g.open, int64(l.open)), max(g.stock, l.stock)
	}
	var out []saleRow
	for k, g := range groups {
		r := saleRow{SKU: k.sku, Store: k.store, Date: int32(k.day)}
		sold, returned, stock := float64(g.sold)/1000, float64(g.returned)/1000, float64(g.stock)
		promo, open := int32(g.promo), int32(g.open)
		r.Units, r.Returned, r.Stock, r.Promo, r.Open = &sold, &returned, &stock, &promo, &open
		var price float64
		switch {
		case g.priced > 0:
			price = float64(g.amount) / float64(g.priced) / 100
		case g.n > 0:
			price = float64(g.prices) / float64(g.n) / 100
		}
		if price > 0 {
			r.Price = &price
		}
		out = append(out, r)
	}
	slices.SortFunc(out, compareRows)
	return out
}

func compareRows(a, b saleRow) int {
	return cmp.Or(strings.Compare(a.SKU, b.SKU), strings.Compare(a.Store, b.Store), cmp.Compare(a.Date, b.Date))
}

// TestValues compares every value with a computation in Go, over several buckets.
func TestValues(t *testing.T) {
	lines := generate(20_000)
	var b strings.Builder
	b.WriteString("date,store,sku,units,price,promo,open,stock\n")
	for _, l := range lines {
		price := ""
		if l.cents > 0 {
			price = fmt.Sprintf("%d.%02d", l.cents/100, l.cents%100)
		}
		sign := ""
		if l.milli < 0 {
			sign, l.milli = "-", -l.milli
		}
		fmt.Fprintf(&b, "%v,%s,%s,%s%d.%03d,%s,%d,%d,%d\n", l.day, l.store, l.sku, sign, l.milli/1000, l.milli%1000, price, l.promo, l.open, l.stock)
	}
	job := drop(t, openStore(t, arrived), "a.csv", strings.NewReader(b.String()), run.Options{})
	job.Buckets = 8
	m, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	got := verify(t, m, job)
	slices.SortFunc(got, compareRows)
	want := expected(lines)
	if len(got) != len(want) || m.Rows.Accepted != int64(len(lines)) || m.Frequency != retail.Daily || m.Origin != retail.NewDate(2025, 3, 31) || m.SKUs != 60 {
		t.Fatalf("%d rows, want %d; manifest %+v", len(got), len(want), m)
	}
	same := func(what string, i int, a, b *float64, tolerance float64) {
		if (a == nil) != (b == nil) || a != nil && math.Abs(*a-*b) > tolerance {
			t.Errorf("row %d (%s %s %v): %s %v, want %v", i, want[i].SKU, want[i].Store, retail.Date(want[i].Date), what, show(a), show(b))
		}
	}
	for i := range want {
		if compareRows(got[i], want[i]) != 0 {
			t.Fatalf("row %d is %s %s %v", i, got[i].SKU, got[i].Store, retail.Date(got[i].Date))
		}
		same("units", i, got[i].Units, want[i].Units, 0)
		same("returned", i, got[i].Returned, want[i].Returned, 0)
		same("price", i, got[i].Price, want[i].Price, 0.5e-4+1e-9) // 4 decimals
		same("stock", i, got[i].Stock, want[i].Stock, 0)
		if *got[i].Promo != *want[i].Promo || *got[i].Open != *want[i].Open || got[i].InStock != nil {
			t.Errorf("row %d: flags %v %v %v", i, *got[i].Promo, *got[i].Open, got[i].InStock)
		}
	}
	checkCalendar(t, job, want)
}

func checkCalendar(t *testing.T, job Job, sales []saleRow) {
	t.Helper()
	type at struct {
		store string
		day   int32
	}
	units := map[at]float64{}
	lines := map[at]int64{}
	for _, r := range sales {
		units[at{r.Store, r.Date}] += *r.Units
		lines[at{r.Store, r.Date}]++
	}
	rows := readParquet[calendarRow](t, job, CalendarFile)
	if len(rows) != len(lines) {
		t.Errorf("calendar has %d rows, want %d", len(rows), len(lines))
	}
	for _, r := range rows {
		k := at{r.Store, r.Date}
		if r.Lines != lines[k] || math.Abs(*r.Units-units[k]) > 1e-6 || *r.Open != 1 {
			t.Errorf("calendar %+v, want %d lines, %v units", r, lines[k], units[k])
		}
	}
}

func show(f *float64) string {
	if f == nil {
		return "null"
	}
	return fmt.Sprint(*f)
}

// TestSpellings saves one extract in several ways; the output must be the same, byte for
// byte.
func TestSpellings(t *testing.T) {
	lines := generate(400)
	spell := func(sep string, day func(retail.Date) string, mark, store string) string {
		var b strings.Builder
		b.WriteString(strings.Join([]string{"InvoiceDate", "Store", "StockCode", "Quantity", "UnitPrice"}, sep) + "\n")
		for _, l := range lines {
			price := fmt.Sprintf("%d%s%02d", l.cents/100, mark, l.cents%100)
			b.WriteString(strings.Join([]string{day(l.day), strings.ReplaceAll(l.store, "Ä", store), l.sku, fmt.Sprint(l.milli / 1000), price}, sep) + "\n")
		}
		return b.String()
	}
	layout := func(s string) func(retail.Date) string {
		return func(d retail.Date) string { return d.Time().Format(s) }
	}
	files := map[string]string{
		"iso":             spell(",", layout("2006-01-02"), ".", "Ä"),
		"semicolons":      strings.ReplaceAll(spell(";", layout("02/01/2006 15:04"), ",", "\xc4"), "\n", "\r\n"),
		"us dates":        "\xef\xbb\xbf" + spell(",", layout("1/2/2006 3:04 PM"), ".", "Ä"),
		"tabs":            spell("\t", layout("2006-01-02 15:04:05"), ".", "Ä"),
		"points in dates": spell(";", layout("2.1.2006"), ",", "Ä"),
		"compact":         spell(",", layout("20060102"), ".", "Ä"),
		"gzip":            gz(t, spell(",", layout("2006-01-02T15:04:05Z"), ".", "Ä")),
		"quoted":          strings.ReplaceAll(spell("\",\"", layout("2006/01/02"), ".", "Ä"), "\n", "\"\n\""),
	}
	files["quoted"] = `"` + strings.TrimSuffix(files["quoted"], `"`)
	var want run.Manifest
	for i, name := range slices.Sorted(maps.Keys(files)) {
		m, job := runCSV(t, files[name], run.Options{})
		verify(t, m, job)
		if m.Rows.Rejected > 0 {
			t.Errorf("%s: rejects\n%.500s", name, readBlob(t, job, RejectsFile))
		}
		if i == 0 {
			want = m
			continue
		}
		for k, f := range m.Files {
			if f.Path != QualityFile && f != want.Files[k] {
				t.Errorf("%s: %+v, want %+v", name, f, want.Files[k])
			}
		}
	}
}

// TestSameBytes: threads, memory and the job run's id change no content.
func TestSameBytes(t *testing.T) {
	var b strings.Builder
	b.WriteString("date,store,sku,units,price\n")
	for _, l := range generate(60_000) {
		fmt.Fprintf(&b, "%v,%s,%s,%d,%d\n", l.day, l.store, l.sku, l.milli, l.cents)
	}
	var want run.Manifest
	for i, change := range []func(*Job){
		func(*Job) {},
		func(j *Job) { j.Threads = 1 },
		func(j *Job) { j.MemoryLimit = "200MB" },
		func(j *Job) { j.JobRunID = "another" },
	} {
		job := drop(t, openStore(t, arrived), "a.csv", strings.NewReader(b.String()), run.Options{})
		job.Buckets = 4
		change(&job)
		m, err := Run(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = m
		}
		if !slices.Equal(m.Files, want.Files) {
			t.Errorf("variant %d: files %+v, want %+v", i, m.Files, want.Files)
		}
	}
}
