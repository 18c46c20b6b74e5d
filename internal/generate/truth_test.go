package generate_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/internal/generate"
)

// The future that came is a draw from the stated distributions: over many series the share
// of draws at or below each quantile is what the integer quantile promises, and the mean of
// the draws is the stated mean.
func TestTruthIsCalibrated(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Stores, c.SKUs, c.Days, c.Horizon = 10, 100, 200, 28
	f, _ := write(t, c)
	var n, off, squares float64
	probabilities := generate.Probabilities()
	names := []string{"q0.025", "q0.05", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9", "q0.95", "q0.975", "q0.99"}
	below, atOrBelow := make([]float64, len(names)), make([]float64, len(names))
	for _, r := range records(t, &f.truth) {
		m := number(t, r["mean"])
		if m == 0 {
			if r["units"] != "0" || r["q0.99"] != "0" {
				t.Fatalf("closed or gone, and yet %v", r)
			}
			continue
		}
		y := number(t, r["units"])
		e := (y - m) / (m + 1) // so that large series do not drown the others
		n, off, squares = n+1, off+e, squares+e*e
		last := 0.0
		for i, name := range names {
			q := number(t, r[name])
			if q < last {
				t.Fatalf("quantiles cross: %v", r)
			}
			last = q
			if y < q {
				below[i]++
			}
			if y <= q {
				atOrBelow[i]++
			}
		}
	}
	for i, p := range probabilities {
		margin := 4 * math.Sqrt(p*(1-p)/n)
		if below[i]/n > p+margin || atOrBelow[i]/n < p-margin {
			t.Errorf("p = %v: share below %.4f, at or below %.4f of %.0f", p, below[i]/n, atOrBelow[i]/n, n)
		}
	}
	if z := off / math.Sqrt(squares); math.Abs(z) > 4 {
		t.Errorf("the draws are %.1f standard errors above their means", z)
	}
}

// The history shows what the model says it has.
func TestHistoryLooksLikeRetail(t *testing.T) {
	t.Parallel()
	c := generate.Default()
	c.Stores, c.SKUs = 4, 150
	f, _ := write(t, c)
	var weekday [7]float64
	var days [7]float64
	type shelf struct{ n, units float64 }
	promo := map[string]*[2]shelf{}
	var dense, slow int
	perSeries := map[string]*shelf{}
	for _, r := range records(t, &f.clean) {
		if r["units"] == "" || r["open"] == "0" || r["in_stock"] == "0" {
			continue
		}
		u := number(t, r["units"])
		if r["store"][4:] == "001" { // never closed on a weekday
			d := date(t, r["date"]).Weekday()
			weekday[d] += u
			days[d]++
		}
		key := r["store"] + r["sku"]
		if promo[key] == nil {
			promo[key], perSeries[key] = new([2]shelf), new(shelf)
		}
		i := 0
		if r["promo"] == "1" {
			i = 1
		}
		promo[key][i].n++
		promo[key][i].units += u
		perSeries[key].n++
		perSeries[key].units += u
	}
	if saturday, monday := weekday[5]/days[5], weekday[0]/days[0]; saturday < 1.2*monday {
		t.Errorf("saturday sells %.2f, monday %.2f", saturday, monday)
	}
	var lift, with float64
	for _, key := range slices.Sorted(maps.Keys(promo)) {
		p := promo[key]
		if p[0].units > 500 && p[1].n > 20 {
			lift += p[1].units / p[1].n / (p[0].units / p[0].n)
			with++
		}
		if s := perSeries[key]; s.units/s.n < 1/1.32 { // a sale every 1.32 days: intermittent
			slow++
		} else {
			dense++
		}
	}
	if lift /= with; lift < 1.3 || lift > 4 {
		t.Errorf("promotions multiply sales by %.2f on average", lift)
	}
	if share := float64(slow) / float64(slow+dense); share < 0.2 || share > 0.6 {
		t.Errorf("%.0f %% of the series are slow", 100*share)
	}
}
