package sales

import (
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/skucast/skucast/shared/retail"
)

// loadCSV reads a clean daily file of ../shared/data as an ETL would give it.
func loadCSV(t *testing.T, name string) ([]Series, *Calendar) {
	t.Helper()
	dir := cmp.Or(os.Getenv("SKUCAST_DATA"), filepath.Join("..", "..", "..", "shared", "data"))
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("no real data to measure on (set SKUCAST_DATA): %v", err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(z)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, h := range header {
		at[h] = i
	}
	rows := map[retail.SeriesKey][]Row{}
	type storeDay struct {
		store retail.Store
		date  retail.Date
	}
	openOn := map[storeDay]Flag{}
	origin := retail.Date(math.MinInt32)
	for {
		v, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		d, err := retail.ParseDate(v[at["date"]])
		if err != nil {
			t.Fatal(err)
		}
		units, err := strconv.ParseFloat(v[at["units"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		row := Row{Date: d, Units: units, Price: nan, Stock: nan}
		if i, ok := at["open"]; ok {
			row.Open = map[string]Flag{"0": No, "1": Yes}[v[i]]
		}
		key := retail.SeriesKey{SKU: retail.SKU(v[at["sku"]]), Store: retail.Store(v[at["store"]])}
		rows[key] = append(rows[key], row)
		day := storeDay{key.Store, d}
		openOn[day] = max(openOn[day], row.Open)
		origin = max(origin, d)
	}
	b := calendarBuilder{grid: retail.Grid{Frequency: retail.Daily, Origin: origin}, periods: map[retail.Store][]period{}}
	for day, flag := range openOn {
		if err := b.add(day.store, day.date, flag); err != nil {
			t.Fatal(err)
		}
	}
	calendar, err := b.build()
	if err != nil {
		t.Fatal(err)
	}
	var series []Series
	for key, r := range rows {
		slices.SortFunc(r, func(a, b Row) int { return cmp.Compare(a.Date, b.Date) })
		series = append(series, Series{Key: key, Rows: r})
	}
	slices.SortFunc(series, func(a, b Series) int { return a.Key.Compare(b.Key) })
	return series, calendar
}

// inflation is Σ over series of (mean of the non-missing open periods since the first
// sale × open periods since then) ÷ total quantity − 1: what a forecaster who believes
// the demand vector would expect too much.
func inflation(t *testing.T, series []Series, c *Calendar, missing string) float64 {
	t.Helper()
	p := NewPreparer(c.grid, 1, missing, nil)
	expected, total := 0.0, 0.0
	for _, s := range series {
		store := c.Store(s.Key.Store)
		got, err := p.Prepare(s, store)
		if err != nil {
			t.Fatal(err)
		}
		first := 1 - len(got.Input.Y)
		sum, known, openPeriods, sold := 0.0, 0, 0, false
		for i, v := range got.Input.Y {
			if v > 0 {
				sold = true
				total += v
			}
			if !sold || math.IsNaN(v) && !store.Open(first+i) { // an observed sale shows that it was open
				continue
			}
			openPeriods++
			if !math.IsNaN(v) {
				sum += v
				known++
			}
		}
		if known > 0 {
			expected += sum / float64(known) * float64(openPeriods)
		}
	}
	return expected/total - 1
}

func TestAbsentRowsDoNotInflateDemand(t *testing.T) {
	for _, name := range []string{"iowa_store_item_train.csv.gz", "online_retail_demo_train.csv.gz"} {
		t.Run(name, func(t *testing.T) {
			series, calendar := loadCSV(t, name)
			got := inflation(t, series, calendar, "")
			naive := inflation(t, series, calendar, MissingGap)
			t.Logf("%d series: demand inflated by %.2f %%; %.0f %% if every absence were missing", len(series), 100*got, 100*naive)
			if got < 0 || got >= .05 {
				t.Errorf("demand inflated by %.2f %%, want under 5 %%", 100*got)
			}
			if naive < .5 {
				t.Errorf("taking every absence as missing inflates by %.2f %% only; the measure is not what it was", 100*naive)
			}
		})
	}
}

func TestHolesOfAClosedStoreAreMissing(t *testing.T) {
	series, calendar := loadCSV(t, "rossmann_120_train.csv.gz")
	p := NewPreparer(calendar.grid, 1, "", nil)
	holes := 0
	for _, s := range series {
		for i := 1; i < len(s.Rows); i++ {
			from, to := s.Rows[i-1].Date, s.Rows[i].Date
			if to-from != 185 { // 184 days without a row
				continue
			}
			holes++
			got, err := p.Prepare(s, calendar.Store(s.Key.Store))
			if err != nil {
				t.Fatal(err)
			}
			for d := from + 1; d < to; d++ {
				if v := got.Input.Y[d-got.First]; !math.IsNaN(v) {
					t.Fatalf("%v, %v in a hole of 184 days: demand %v, want missing", s.Key, d, v)
				}
			}
		}
	}
	t.Logf("%d holes of 184 days in %d series", holes, len(series))
	if holes != 20 {
		t.Errorf("%d holes of 184 days, want 20", holes)
	}
}
