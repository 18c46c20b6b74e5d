package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// sample is a report of plausible size and shape.
func sample() Data {
	r := rand.New(rand.NewPCG(1, 2))
	grid := retail.Grid{Frequency: retail.Daily, Origin: retail.NewDate(2024, 6, 2)}
	acc := func(series int64, rmsse, naive, wape float64) products.Accuracy {
		a := products.Accuracy{Series: series, Scored: series * 9 / 10}
		a.Scaled = a.Scored
		a.NScored = a.Scored * 28
		a.AbsActual = float64(a.NScored) * 3.7
		a.AbsError = a.AbsActual * wape
		a.SumRMSSE, a.SumSNaive = rmsse*float64(a.Scaled), naive*float64(a.Scaled)
		for i, p := range forecast.Probabilities() {
			a.Below[i] = int64(max(0, p-.04) * float64(a.NScored))
			a.AtOrBelow[i] = int64(min(1, p+.1*(1-p)+.01) * float64(a.NScored))
		}
		return a
	}
	group := func(series int64, rmsse, naive, wape float64) *products.Accuracy {
		a := acc(series, rmsse, naive, wape)
		return &a
	}
	sum := &products.Summary{
		RunID:        strings.Repeat("ab", 32),
		Series:       run.SeriesCounts{Total: 30490, Fitted: 29111, Fallback: 1370, Rejected: 9},
		ForecastRows: 853468,
		Fallbacks:    map[string]int64{"class_profile": 1200, "seasonal_naive": 170},
		Rejections:   map[string]int64{"no_observed_value": 9},
		Total:        acc(30481, .782, .961, .47),
		ByClass: map[string]*products.Accuracy{
			"smooth": group(12000, .71, .93, .28), "erratic": group(5000, .84, .99, .44), "intermittent": group(9000, .8, .97, .72),
			"lumpy": group(3800, .95, .91, .9), "dead": {Series: 681},
		},
		ByModel: map[string]*products.Accuracy{
			"combination": group(21000, .74, .95, .4), "tsb": group(8000, .88, .98, .8), "seasonal_naive": group(1481, 1, 1, .9),
		},
	}
	for i, n := range []int64{120, 3000, 14000, 11000, 2300, 61} {
		sum.ByVolume[i] = acc(n, .9-.05*float64(i), .97, 1-.13*float64(i))
	}
	d := Data{
		ETLID: strings.Repeat("cd", 32), Reason: "drop", Grid: grid, Summary: sum,
		Run: run.Complete{
			V: 1, RunID: sum.RunID, Feed: "north-shops",
			Source: run.Source{
				Container: "raw-data", Blob: "incoming/north-shops/sales-2024-06-02.csv.gz", ETag: "0x8DC8343F8C3A2B1",
				LastModified: time.Date(2024, 6, 3, 2, 11, 9, 0, time.UTC), Bytes: 412_345_678, SHA256: strings.Repeat("ef", 32),
			},
			Rows: run.Rows{Read: 58_327_370, Accepted: 58_326_201, Rejected: 1169}, SKUs: 3049, Series: sum.Series,
			Frequency: retail.Daily, Origin: grid.Origin, Horizon: 28, Digest: strings.Repeat("0123456789abcdef", 4),
			Timings:     run.Timings{ETL: 96.4, Plan: 6.1, Train: 188.2, Publish: 9.9, Total: 301},
			Files:       []run.File{{Path: "forecasts/00000000-0123456789ab.parquet", Bytes: 52_000_000}, {Path: "report.html", Bytes: 98_000}},
			CodeVersion: "v0.1.0-12-gabcdef0",
		},
		Quality: []Rule{
			{"date_unreadable", "rejected", "the date is none in the file's order of day and month", 1021},
			{"sku_missing", "rejected", "the SKU is empty", 148},
			{"off_grid", "rejected", "not on the weekday of the rows", 0},
			{"summed", "repaired", "a further line of the same SKU, store and period, summed into one row", 48_120},
			{"quantity_missing", "counted", "an empty quantity at or before the origin", 902},
		},
	}
	for i := range 12 {
		d.Fans = append(d.Fans, sampleFan(r, grid, i))
	}
	for i := range 20 {
		rm, rn := 9.5-.3*float64(i), 7.1-.1*float64(i)
		sum.Worst = append(sum.Worst, products.Found{Unit: "00000001", Row: products.SeriesRow{
			SKU: fmt.Sprintf("HOUSEHOLD_1_%03d", 7*i), Store: "WI_2", Class: "lumpy", Model: "seasonal_naive", AbsActual: 312.5, AbsError: 290.1, RMSSE: &rm, RMSSESNaive: &rn,
		}})
	}
	return d
}

func sampleFan(r *rand.Rand, grid retail.Grid, i int) Fan {
	level := math.Exp(float64(i%6) - 1)
	f := Fan{Series: products.Found{Row: products.SeriesRow{
		SKU: fmt.Sprintf("FOODS_3_%03d", 90+i), Store: fmt.Sprintf("CA_%d", 1+i%4),
		Class: []string{"smooth", "erratic", "intermittent", "lumpy"}[i%4], Model: "combination", Status: []string{"fitted", "fallback"}[i/11],
	}}}
	mean := func(k int) float64 { return level * (1 + .5*math.Sin(float64(k)*2*math.Pi/7)) }
	for k := -55; k <= 0; k++ {
		v := math.Max(0, math.Round(mean(k)+math.Sqrt(mean(k))*r.NormFloat64()))
		if i%5 == 2 && (k == -20 || k == -19 || k == -17) {
			v = math.NaN()
		}
		f.History = append(f.History, Point{grid.At(k), v})
	}
	for k := 1; k <= 28; k++ {
		m := mean(k)
		q := func(z float64) float64 { return math.Max(0, math.Round(m+z*math.Sqrt(m))) }
		f.Forecast = append(f.Forecast, products.ForecastRow{
			Date: grid.At(k), Mean: m, Q025: q(-2), Q05: q(-1.6), Q10: q(-1.3), Q25: q(-.7), Q50: q(0), Q75: q(.7), Q90: q(1.3), Q95: q(1.6), Q975: q(2), Q99: q(2.3),
		})
	}
	return f
}

func render(t testing.TB, d Data) string {
	t.Helper()
	var out bytes.Buffer
	if err := Render(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
