package prophet_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// load reads one of Prophet's own files, which are not part of this
// repository: the folder prophet below SKUCAST_DATA, or below shared/data beside
// the repository.
func load(t testing.TB, name string) prophet.History {
	t.Helper()
	dir := os.Getenv("SKUCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "prophet", name))
	if err != nil {
		t.Skipf("without Prophet's data files (SKUCAST_DATA): %v", err)
	}
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")) // one file has old line ends
	records, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var h prophet.History
	for _, r := range records[1:] {
		at, err := time.Parse(time.DateTime, r[0])
		if err != nil {
			if at, err = time.Parse(time.DateOnly, r[0]); err != nil {
				t.Fatal(err)
			}
		}
		y, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			y = math.NaN()
		}
		h.Time, h.Y = append(h.Time, at), append(h.Y, y)
	}
	return h
}

func head(h prophet.History, n int) prophet.History {
	h.Time, h.Y = h.Time[:n], h.Y[:n]
	return h
}

func fit(t testing.TB, m prophet.Model, h prophet.History) *prophet.Fitted {
	t.Helper()
	f, err := m.Fit(h)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func predict(t testing.TB, f *prophet.Fitted, future prophet.Future) *prophet.Forecast {
	t.Helper()
	out, err := f.Predict(future)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func closeTo(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v (tolerance %v)", what, got, want, tolerance)
	}
}

// days are n daily times from 2021-01-04, a Monday.
func days(n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = time.Date(2021, 1, 4+i, 0, 0, 0, 0, time.UTC)
	}
	return out
}
