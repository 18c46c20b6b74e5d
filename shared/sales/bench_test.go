package sales_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
)

// tinySeries resembles raw till data: 28 stores to a SKU, five rows to a series over a
// year, one file of about 80,000 rows.
func tinySeries() []sales.Series {
	var out []sales.Series
	for sku := range 570 {
		for store := range 28 {
			s := sales.Series{Key: retail.SeriesKey{SKU: retail.SKU(fmt.Sprint(10_000 + sku)), Store: retail.Store(fmt.Sprint(2_500 + store))}}
			for i := range 5 {
				r := salestest.Row(origin-retail.Date(300-70*i-(sku+store)%50), float64(1+i))
				r.Price = 9.99
				s.Rows = append(s.Rows, r)
			}
			out = append(out, s)
		}
	}
	return out
}

const tinyUnitRows = 28 * 5

// One unit after the other, as a worker meets them.
func BenchmarkReadTinyUnits(b *testing.B) {
	store := newStore(b)
	m := salestest.Write(b, store, salestest.ETL{Grid: daily, NoPageIndex: true}, tinySeries())
	file := m.Files[0]
	r := sales.NewReader(store)
	b.ReportAllocs()
	at, units := int64(0), 0
	for b.Loop() {
		if at >= file.Rows {
			at = 0
		}
		for _, err := range r.ReadUnit(b.Context(), m, file, at, tinyUnitRows) {
			if err != nil {
				b.Fatal(err)
			}
		}
		at += tinyUnitRows
		units++
	}
	b.ReportMetric(float64(len(store.Take()))/float64(units), "requests/unit")
}

// A unit in a row group that is not held: footer known, one request, 20,480 rows decoded.
func BenchmarkReadColdUnit(b *testing.B) {
	store := newStore(b)
	m := salestest.Write(b, store, salestest.ETL{Grid: daily, NoPageIndex: true}, tinySeries())
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range sales.NewReader(store).ReadUnit(b.Context(), m, m.Files[0], 41_020, tinyUnitRows) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A unit in the one large row group that Spark writes, cold.
func BenchmarkReadColdUnitOfOneLargeGroup(b *testing.B) {
	for name, noIndex := range map[string]bool{"index": false, "noindex": true} {
		b.Run(name, func(b *testing.B) {
			store := newStore(b)
			m := salestest.Write(b, store, salestest.ETL{Grid: daily, GroupRows: 1 << 20, PageBytes: 64 << 10, NoPageIndex: noIndex}, tinySeries())
			for b.Loop() {
				for _, err := range sales.NewReader(store).ReadUnit(b.Context(), m, m.Files[0], 41_020, tinyUnitRows) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(len(store.Take()))/float64(b.N), "requests/unit")
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	store := newStore(b)
	for name, series := range map[string][]sales.Series{"tiny": tinySeries()[:28], "dense": denseSeries(28, 1096)} {
		b.Run(name, func(b *testing.B) {
			m := salestest.Write(b, store, salestest.ETL{ID: fmt.Sprintf("%064x", len(name)), Grid: daily}, series)
			c, err := sales.LoadCalendar(b.Context(), store, m)
			if err != nil {
				b.Fatal(err)
			}
			p := sales.NewPreparer(m.Grid(), 28, "", nil)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s := series[i%len(series)]
				if _, err := p.Prepare(s, c.Store(s.Key.Store)); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

func denseSeries(n, days int) []sales.Series {
	var out []sales.Series
	for i := range n {
		s := sales.Series{Key: retail.SeriesKey{SKU: "dense", Store: retail.Store(fmt.Sprint(i))}}
		for d := range days {
			s.Rows = append(s.Rows, salestest.Row(origin-retail.Date(days-1-d), float64(d%9)))
		}
		out = append(out, s)
	}
	return out
}

func BenchmarkIndex(b *testing.B) {
	store := newStore(b)
	var series []sales.Series
	for _, s := range tinySeries() {
		s.Rows = s.Rows[:1]
		series = append(series, s)
	}
	m := salestest.Write(b, store, salestest.ETL{Grid: daily}, series)
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		for _, err := range sales.Index(b.Context(), store, m) {
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}

func BenchmarkLoadCalendar(b *testing.B) {
	store := newStore(b)
	m := salestest.Write(b, store, salestest.ETL{Grid: daily}, denseSeries(100, 1096))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sales.LoadCalendar(b.Context(), store, m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(calendarRows(m)), "ns/row")
}

func calendarRows(m *run.Manifest) int64 { return entry(m, sales.CalendarPath).Rows }
