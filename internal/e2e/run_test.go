package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/run"
)

// One file, from CSV to products: everything promised is there and adds up.
func TestRunDeliversEveryProduct(t *testing.T) {
	t.Parallel()
	c, out := forecast(t, salesFile(t, 1), "--horizon", "14")
	for _, name := range []string{
		"forecasts.csv", "forecasts", "series", "report.html", "quality.json", "rejects.csv", "sales",
		"series_index.parquet", "calendar.parquet", "_manifest.json", "_complete.json",
	} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Errorf("product is missing: %v", err)
		}
	}
	if s := c.Series; s.Total == 0 || s.Fitted+s.Fallback+s.Rejected != s.Total {
		t.Errorf("series do not add up: %+v", s)
	}
	if r := c.Rows; r.Read == 0 || r.Accepted+r.Rejected != r.Read {
		t.Errorf("rows do not add up: %+v", r)
	}
	var m run.Manifest
	if err := json.Unmarshal([]byte(read(t, out, "_manifest.json")), &m); err != nil || m.Series != c.Series.Total {
		t.Errorf("manifest has %d series, the run %d (%v)", m.Series, c.Series.Total, err)
	}
	csv := lines(read(t, out, "forecasts.csv"))
	if want := 1 + int(c.Series.Total-c.Series.Rejected)*14; len(csv) != want {
		t.Errorf("forecasts.csv has %d lines, want %d", len(csv), want)
	}
	if !slices.IsSortedFunc(csv[1:], compareRows) {
		t.Error("forecasts.csv is not sorted by sku, store, date")
	}
	if strings.Contains(read(t, out, "report.html"), "http://") {
		t.Error("the report fetches something")
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// A file whose name marks settings is still a file when a person names it.
func TestNamesThatMarkSettings(t *testing.T) {
	t.Parallel()
	file := salesFile(t, 13)
	want, _ := forecast(t, file)
	for _, name := range []string{"sales.options.json", "_feed.json", "sales.csv.part", ".sales"} {
		as := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(as, []byte(read(t, file)), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, _ := forecast(t, as); got.Digest != want.Digest {
			t.Errorf("%s: digest %s, want %s", name, got.Digest, want.Digest)
		}
	}
}

// compareRows orders lines of forecasts.csv by sku, store, date.
func compareRows(a, b string) int {
	key := func(line string) []string {
		f := strings.SplitN(line, ",", 4)
		return []string{f[1], f[0], f[2]}
	}
	return slices.Compare(key(a), key(b))
}

// The staged function app, as it is deployed, computes what the built-in worker does.
func TestStagedAppIsTheSame(t *testing.T) {
	t.Parallel()
	app := os.Getenv("SKUCAST_APP")
	if app == "" {
		app = filepath.Join("..", "..", "dist")
	}
	if _, err := os.Stat(filepath.Join(app, "host.json")); err != nil {
		t.Skipf("no staged app in %s: make app stages it, make test does so", app)
	}
	file := salesFile(t, 2)
	built, _ := forecast(t, file)
	staged, _ := forecast(t, file, "--app", app)
	if built.Digest != staged.Digest {
		t.Errorf("digest %s staged, %s built in", staged.Digest, built.Digest)
	}
}
