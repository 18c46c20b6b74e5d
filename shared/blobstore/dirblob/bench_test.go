package dirblob_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
)

// One record of a unit: 1 KiB, put once.
func BenchmarkPutOnce(b *testing.B) {
	s, err := dirblob.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		name := "forecasts/runs/x/series/" + strconv.Itoa(i) + ".parquet"
		if _, err := s.Put(b.Context(), name, bytes.NewReader(body), blobstore.Once); err != nil {
			b.Fatal(err)
		}
	}
}

// A unit's rows: 64 KiB out of a large file.
func BenchmarkReadRange(b *testing.B) {
	s, err := dirblob.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	const name, n = "processed-data/etl/x/sales/bucket=00/a.parquet", 64 << 10
	in, err := s.Put(b.Context(), name, bytes.NewReader(make([]byte, 8<<20)), blobstore.Once)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(n)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.ReadRange(b.Context(), name, 1<<20, n, in.ETag); err != nil {
			b.Fatal(err)
		}
	}
}
