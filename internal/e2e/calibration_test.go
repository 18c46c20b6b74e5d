package e2e

import (
	"encoding/csv"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// table reads a CSV into column → value per row, keyed by store, sku and date.
func table(t *testing.T, file string) map[[3]string]map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(read(t, file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[[3]string]map[string]string{}
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = r[i]
		}
		out[[3]string{m["store"], m["sku"], m["date"]}] = m
	}
	return out
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The generator knows the distribution of the future. The forecast's quantiles must be
// calibrated against what came to be, and its loss near that of the true quantiles.
func TestForecastAgainstTheKnownDistribution(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sales, truth := filepath.Join(dir, "sales.csv"), filepath.Join(dir, "truth.csv")
	if _, stderr, code := skucast(t, "generate", "--out", sales, "--truth", truth, "--seed", "11",
		"--skus", "60", "--stores", "4", "--days", "730"); code != 0 {
		t.Fatalf("generate: %s", stderr)
	}
	_, out := forecast(t, sales)
	want := table(t, truth)
	got := table(t, filepath.Join(out, "forecasts.csv"))
	below, atOrBelow := map[string]float64{}, map[string]float64{}
	var n, loss, trueLoss float64
	quantiles := []string{"q0.025", "q0.05", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9", "q0.95", "q0.975", "q0.99"}
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			t.Fatalf("no forecast of %v", key)
		}
		n++
		y := number(t, w["units"])
		for _, q := range quantiles {
			p, f := number(t, q[1:]), number(t, g[q])
			if y < f {
				below[q]++
			}
			if y <= f {
				atOrBelow[q]++
			}
			loss += pinball(p, y, f)
			trueLoss += pinball(p, y, number(t, w[q]))
		}
	}
	for _, q := range []string{"q0.025", "q0.1", "q0.9", "q0.975"} {
		p := number(t, q[1:])
		if lo, hi := below[q]/n, atOrBelow[q]/n; lo > p+0.03 || hi < p-0.03 {
			t.Errorf("%s: %.3f of what came to be below, %.3f at or below", q, lo, hi)
		}
	}
	// The true quantiles know tomorrow's level exactly; nobody who learns it from sales can
	// reach their loss.
	if ratio := loss / trueLoss; ratio > 1.25 {
		t.Errorf("pinball loss is %.3f times that of the true quantiles", ratio)
	} else {
		t.Logf("%.0f periods: pinball loss %.3f times that of the true quantiles", n, ratio)
	}
}

func pinball(p, y, q float64) float64 {
	if y < q {
		return (1 - p) * (q - y)
	}
	return p * (y - q)
}
