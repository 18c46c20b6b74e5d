package training

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

// BenchmarkTinyUnits trains units of 28 series of five rows over a year, like those of raw
// till data: all of it, and with the numerical library taken out.
func BenchmarkTinyUnits(b *testing.B) {
	w := newWorld(b, 0, salestest.ETL{NoPageIndex: true}, tinySeries()...)
	units := w.units(28)
	for _, name := range []string{"all", "overhead"} {
		b.Run(name, func(b *testing.B) {
			tr := w.trainer()
			if name == "overhead" {
				r := auto.Result{Status: auto.Rejected, Reason: auto.ReasonNoObservation}
				tr.forecast = func(*auto.Engine, auto.Input, auto.Settings) auto.Result { return r }
			}
			benchmarkUnits(b, tr, w, units)
		})
	}
}

// BenchmarkDailyUnits trains units of ten series of three years.
func BenchmarkDailyUnits(b *testing.B) {
	w := newWorld(b, 0, salestest.ETL{NoPageIndex: true}, dailySeries(60)...)
	benchmarkUnits(b, w.trainer(), w, w.units(10))
}

func benchmarkUnits(b *testing.B, tr *Trainer, w *world, units []event.TrainMessage) {
	b.Helper()
	b.ReportAllocs()
	i, series := 0, 0
	for b.Loop() {
		r, err := tr.TrainUnit(b.Context(), w.input(units[i%len(units)]))
		if err != nil {
			b.Fatal(err)
		}
		series += len(r)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(series), "µs/series")
}

func tinySeries() []sales.Series {
	origin := retail.NewDate(2024, 6, 30)
	var out []sales.Series
	for sku := range 570 {
		for store := range 28 {
			s := sales.Series{Key: retail.SeriesKey{SKU: retail.SKU(fmt.Sprint(10_000 + sku)), Store: retail.Store(fmt.Sprint(2_500 + store))}}
			for i := range 5 {
				s.Rows = append(s.Rows, salestest.Row(origin-retail.Date(300-70*i-(sku+store)%50), float64(1+i)))
			}
			out = append(out, s)
		}
	}
	return out
}

func dailySeries(n int) []sales.Series {
	w := newRand()
	var out []sales.Series
	for i := range n {
		out = append(out, history(w, retail.SeriesKey{SKU: "daily", Store: retail.Store(fmt.Sprintf("%03d", i))}, retail.NewDate(2024, 6, 30), 1096))
	}
	return out
}
