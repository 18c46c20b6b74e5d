package generate_test

import (
	"io"
	"testing"

	"github.com/skucast/skucast/internal/generate"
)

// BenchmarkWrite reports rows a second on one core; 10 million in a minute are 167,000.
func BenchmarkWrite(b *testing.B) {
	c := generate.Default()
	c.Stores, c.SKUs, c.Days = 10, 100, 365
	c.Dirt = generate.Uniform(0.001)
	var lines int64
	b.ReportAllocs()
	for b.Loop() {
		sum, err := generate.Write(generate.Files{Sales: io.Discard}, c)
		if err != nil {
			b.Fatal(err)
		}
		lines += sum.Lines
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "rows/s")
}
