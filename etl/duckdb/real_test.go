package duckdb

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// TestRealFiles runs the ETL on real data, which is not part of the repository.
func TestRealFiles(t *testing.T) {
	for _, tt := range []struct {
		file         string
		freq         retail.Frequency
		origin       string
		rows, series int64
	}{
		{"carparts_monthly_train.csv.gz", "M", "2001-03-01", 100_144, 2_674},
		{"iowa_statewide_weekly_train.csv.gz", "W", "2022-07-25", 164_047, 300},
		{"iowa_store_item_train.csv.gz", "D", "2022-07-29", 128_469, 1_403},
		{"online_retail_demo_train.csv.gz", "D", "2011-11-10", 12_326, 189},
		{"rossmann_120_train.csv.gz", "D", "2015-06-19", 104_320, 120},
	} {
		t.Run(tt.file, func(t *testing.T) {
			job := drop(t, openStore(t, arrived), tt.file, dataFile(t, tt.file), run.Options{})
			m, err := Run(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			if m.Frequency != tt.freq || m.Origin.String() != tt.origin || m.Rows.Accepted != tt.rows || m.Rows.Rejected != 0 || m.Series != tt.series {
				t.Errorf("frequency %s, origin %v, rows %+v, %d series; want %s, %s, %d, %d",
					m.Frequency, m.Origin, m.Rows, m.Series, tt.freq, tt.origin, tt.rows, tt.series)
			}
			if rows := verify(t, m, job); int64(len(rows)) != tt.rows {
				t.Errorf("%d sales rows, want %d", len(rows), tt.rows)
			}
		})
	}
}

// TestRealSpellings: one extract saved with semicolons in windows-1252, with US dates and
// a byte order mark, and with tabs gives the same files, byte for byte.
func TestRealSpellings(t *testing.T) {
	var want []run.File
	for _, name := range []string{"week_2011-11-28.tsv", "eu_semicolon_cp1252.csv", "us_dates_utf8_bom.csv"} {
		job := drop(t, openStore(t, arrived), "week.csv", dataFile(t, "dirty/"+name), run.Options{})
		m, err := Run(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, m, job)
		var files []run.File
		for _, f := range m.Files {
			if f.Path != QualityFile {
				files = append(files, f)
			}
		}
		if want == nil {
			want = files
		}
		if fmt.Sprint(files) != fmt.Sprint(want) || m.Rows.Rejected > 0 || m.Rows.Accepted != 16_910 {
			t.Errorf("%s: %+v, %v; want %v", name, m.Rows, files, want)
		}
	}
}

// BenchmarkSmall is the fixed price of a run: 1,000 rows.
func BenchmarkSmall(b *testing.B) {
	var text strings.Builder
	text.WriteString("date,store,sku,units\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "%v,1,%03d,%d\n", retail.NewDate(2025, 1, 1+i/10), i%10, i)
	}
	store := openStore(b, arrived)
	for i := 0; b.Loop(); i++ {
		job := drop(b, store, fmt.Sprintf("%d.csv", i), strings.NewReader(text.String()), run.Options{})
		if _, err := Run(b.Context(), job); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIowaRaw is 2.6 million order lines in 563,000 series, from the real data.
func BenchmarkIowaRaw(b *testing.B) {
	var rows int64
	for b.Loop() {
		o := run.Options{Map: map[string]string{"sku": "item", "units": "bottles"}}
		job := drop(b, openStore(b, arrived), "iowa.csv.gz", dataFile(b, "iowa_raw_2021.csv.gz"), o)
		m, err := Run(b.Context(), job)
		if err != nil {
			b.Fatal(err)
		}
		rows = m.Rows.Accepted
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkTenMillion is the budget's size: 10 million generated lines with a price.
func BenchmarkTenMillion(b *testing.B) {
	for b.Loop() {
		job := drop(b, openStore(b, arrived), "big.csv", &generated{n: 10_000_000}, run.Options{})
		if _, err := Run(b.Context(), job); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1e7*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// generated is a CSV of n lines: 2,000 SKUs in 10 stores, day by day.
type generated struct {
	n, i int
	buf  []byte
}

func (g *generated) Read(p []byte) (int, error) {
	for len(g.buf) < len(p) && g.i < g.n {
		if g.i == 0 {
			g.buf = append(g.buf, "date,store,sku,units,price,promo\n"...)
		}
		g.buf = fmt.Appendf(g.buf, "%v,store-%d,SKU%06d,%d,%d.%02d,%d\n", retail.NewDate(2024, 1, 1)+retail.Date(g.i/20_000),
			g.i/2_000%10, g.i%2_000, g.i*7%13, g.i%40, g.i*3%100, g.i%29/28)
		g.i++
	}
	if len(g.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, g.buf)
	g.buf = append(g.buf[:0], g.buf[n:]...)
	return n, nil
}
