package exact_test

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/exact"
	"github.com/skucast/skucast/forecast/prophet/internal/stan"
)

// m5 reads the daily sales of 280 items from their first sale on.
func m5(t *testing.T) (names []string, units map[string][]float64) {
	t.Helper()
	folder := os.Getenv("SKUCAST_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "..", "shared", "data")
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
	units = map[string][]float64{}
	lines := bufio.NewScanner(raw)
	lines.Scan() // date, store, sku, units, price
	for lines.Scan() {
		f := strings.Split(lines.Text(), ",")
		y, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			t.Fatalf("line %q", lines.Text())
		}
		key := f[1] + " " + f[2]
		if len(units[key]) == 0 {
			if y == 0 {
				continue
			}
			names = append(names, key)
		}
		units[key] = append(units[key], y)
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return names, units
}

// TestM5 fits every series of a sample of real sales, and holds it against
// Stan's L-BFGS, which Prophet uses for them.
func TestM5(t *testing.T) {
	names, units := m5(t)
	if len(names) < 200 {
		t.Fatalf("%d series", len(names))
	}
	for _, name := range names {
		d := shop(units[name], nil)
		p, c, err := exact.Fit(d, start(d), exact.Options{})
		kkt, _ := evidence(d, &p, c.SigmaFloored)
		if err != nil || !(kkt <= 1e-6) || !(c.Gap <= 1e-9*math.Abs(c.LogPosterior)) {
			t.Errorf("%s: %v, violation %v, %+v", name, err, kkt, c)
		}
		_, rep, _ := stan.Fit(d, start(d), stan.LBFGS)
		if !(c.LogPosterior >= rep.LogPosterior-1e-9*math.Abs(rep.LogPosterior)) {
			t.Errorf("%s: %v below Stan's %v", name, c.LogPosterior, rep.LogPosterior)
		}
	}
}
