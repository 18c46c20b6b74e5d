package prophet_test

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// commonSales are the daily sales of a sample of real articles on common dates,
// NaN before the first sale.
func commonSales(t testing.TB) (dates []time.Time, series [][]float64) {
	t.Helper()
	folder := os.Getenv("SKUCAST_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	file, err := os.Open(filepath.Join(folder, "m5_sample_train.csv.gz"))
	if err != nil {
		t.Skipf("without the retail data (SKUCAST_DATA): %v", err)
	}
	defer file.Close()
	raw, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	type sale struct {
		at    time.Time
		units float64
	}
	var names []string
	sold := map[string][]sale{}
	var first, last time.Time
	lines := bufio.NewScanner(raw)
	lines.Scan() // date, store, sku, units, price
	for lines.Scan() {
		f := strings.Split(lines.Text(), ",")
		units, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			t.Fatalf("line %q", lines.Text())
		}
		at, err := time.Parse(time.DateOnly, f[0])
		if err != nil {
			t.Fatalf("line %q", lines.Text())
		}
		key := f[1] + " " + f[2]
		if len(sold[key]) == 0 {
			if units == 0 {
				continue
			}
			names = append(names, key)
		}
		sold[key] = append(sold[key], sale{at, units})
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	for at := first; !at.After(last); at = at.AddDate(0, 0, 1) {
		dates = append(dates, at)
	}
	for _, name := range names {
		y := constantSeries(len(dates), math.NaN())
		for _, s := range sold[name] {
			y[int(s.at.Sub(first)/day)] = s.units
		}
		series = append(series, y)
	}
	return dates, series
}

// Every article of a sample of real sales has the optimum that Model.Fit finds.
func TestSharedRealSales(t *testing.T) {
	dates, series := commonSales(t)
	if len(series) < 200 {
		t.Fatalf("%d series", len(series))
	}
	w := share(t, prophet.Model{}, prophet.Future{Time: dates}).Fitter()
	var e prophet.Estimate
	for k, y := range series {
		if err := w.Fit(&e, y, nil); err != nil {
			t.Fatal(err)
		}
		d := &e.Diagnostics
		if e.Path == prophet.Separate || d.Status != prophet.Converged || d.KKT > 1e-6 || d.Gap > 1e-9*math.Abs(d.LogPosterior) {
			t.Errorf("series %d, %v: %+v", k, e.Path, *d)
		}
		if k%10 > 0 {
			continue
		}
		want := fit(t, prophet.Model{}, prophet.History{Time: dates, Y: y})
		closeTo(t, "log posterior", d.LogPosterior, want.Diagnostics.LogPosterior, 1e-9*math.Abs(want.Diagnostics.LogPosterior))
		closeTo(t, "k", e.Params.K, want.Params.K, 1e-7)
		closeTo(t, "sigma", e.Params.Sigma, want.Params.Sigma, 1e-9)
	}
}

// Real sales, each article from its first sale on: most begin on a date of
// their own.
func BenchmarkSharedRealSales(b *testing.B) {
	dates, series := commonSales(b)
	s := share(b, prophet.Model{}, prophet.Future{Time: dates})
	w := s.Fitter()
	var e prophet.Estimate
	for b.Loop() {
		for _, y := range series {
			if err := w.Fit(&e, y, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportSeries(b, len(series))
}
