package duckdb

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/run"
)

// arrived is when test drops arrive, unless a test says otherwise.
var arrived = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func openStore(t testing.TB, at time.Time) *dirblob.Store {
	t.Helper()
	s, err := dirblob.Open(t.TempDir(), dirblob.WithoutSync(), dirblob.WithClock(func() time.Time { return at }))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drop puts a file as a retailer would and freezes it as submit-etl does.
func drop(t testing.TB, s blobstore.Store, blob string, body io.Reader, o run.Options) Job {
	t.Helper()
	d := run.Drop{Container: blobstore.RawData, Blob: run.Incoming + blob}
	info, err := s.Put(t.Context(), d.Place(), body, blobstore.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	d.ETag = info.ETag
	etlID := run.ETLID(d, o.ETL(), 0)
	return Job{
		Store: s, ETLID: etlID, JobRunID: "101", TempDir: t.TempDir(), Threads: 2,
		Drop: run.DropRecord{
			V: run.Version, Container: d.Container, Blob: d.Blob, ETag: d.ETag, LastModified: info.LastModified,
			Bytes: info.Size, Feed: run.DefaultFeed, Options: o, ETLID: etlID,
		},
	}
}

// runCSV runs the ETL on a text.
func runCSV(t testing.TB, text string, o run.Options) (run.Manifest, Job) {
	t.Helper()
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(text), o)
	m, err := Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(job.TempDir); len(left) > 0 {
		t.Errorf("temporary files stay behind: %v", left)
	}
	return m, job
}

// readBlob reads a file of the output.
func readBlob(t testing.TB, job Job, path string) []byte {
	t.Helper()
	r, _, err := job.Store.Open(t.Context(), run.ETLDir(job.ETLID)+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type saleRow struct {
	SKU      string   `parquet:"sku,optional"`
	Store    string   `parquet:"store,optional"`
	Date     int32    `parquet:"date,optional,date"`
	Units    *float64 `parquet:"units,optional"`
	Returned *float64 `parquet:"returned,optional"`
	Price    *float64 `parquet:"price,optional"`
	Promo    *int32   `parquet:"promo,optional"`
	Open     *int32   `parquet:"open,optional"`
	InStock  *int32   `parquet:"in_stock,optional"`
	Stock    *float64 `parquet:"stock,optional"`
}

type indexRow struct {
	SKU       string   `parquet:"sku,optional"`
	Store     string   `parquet:"store,optional"`
	File      string   `parquet:"file,optional"`
	FirstRow  int64    `parquet:"first_row,optional"`
	Rows      int64    `parquet:"rows,optional"`
	FirstDate int32    `parquet:"first_date,optional,date"`
	LastDate  int32    `parquet:"last_date,optional,date"`
	Units     *float64 `parquet:"units,optional"`
	Hash      string   `parquet:"hash,optional"`
}

type calendarRow struct {
	Store string   `parquet:"store,optional"`
	Date  int32    `parquet:"date,optional,date"`
	Lines int64    `parquet:"lines,optional"`
	Units *float64 `parquet:"units,optional"`
	Open  *int32   `parquet:"open,optional"`
}

func readParquet[T any](t testing.TB, job Job, path string) []T {
	t.Helper()
	b := readBlob(t, job, path)
	rows, err := parquet.Read[T](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rows
}

// dataFile opens a file of the real data, which is not part of the repository.
func dataFile(t testing.TB, name string) *os.File {
	t.Helper()
	dir := os.Getenv("SKUCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		t.Skipf("real data not here: set SKUCAST_DATA to the folder that holds %s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// verify checks what must hold for every output: the files are those of the manifest, each
// sales file is sorted, the index says where its series are, and the counts add up.
func verify(t testing.TB, m run.Manifest, job Job) []saleRow {
	t.Helper()
	for _, f := range m.Files {
		b := readBlob(t, job, f.Path)
		sum := sha256.Sum256(b)
		if int64(len(b)) != f.Bytes || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s is not the file of the manifest", f.Path)
		}
	}
	if m.Rows.Read != m.Rows.Accepted+m.Rows.Rejected {
		t.Errorf("rows do not add up: %+v", m.Rows)
	}
	var sales []saleRow
	skus := map[string]bool{}
	index := readParquet[indexRow](t, job, IndexFile)
	for _, f := range m.Files {
		if !strings.HasPrefix(f.Path, "sales/") {
			continue
		}
		rows := readParquet[saleRow](t, job, f.Path)
		if int64(len(rows)) != f.Rows {
			t.Errorf("%s has %d rows, the manifest says %d", f.Path, len(rows), f.Rows)
		}
		for next := int64(0); next < int64(len(rows)); {
			if len(index) == 0 {
				t.Fatalf("%s row %d: the index ends", f.Path, next)
			}
			x := index[0]
			index = index[1:]
			if x.File != f.Path || x.FirstRow != next {
				t.Fatalf("index %+v, want %s from row %d", x, f.Path, next)
			}
			series := rows[x.FirstRow : x.FirstRow+x.Rows]
			for i, r := range series {
				if r.SKU != x.SKU || r.Store != x.Store || i > 0 && r.Date <= series[i-1].Date {
					t.Fatalf("%s row %d is %s in %s on day %d; the index says %+v", f.Path, next+int64(i), r.SKU, r.Store, r.Date, x)
				}
			}
			if series[0].Date != x.FirstDate || series[len(series)-1].Date != x.LastDate {
				t.Errorf("%+v has dates %d to %d", x, series[0].Date, series[len(series)-1].Date)
			}
			next += x.Rows
			skus[x.SKU] = true
		}
		if !slices.IsSortedFunc(rows, func(a, b saleRow) int {
			return cmp.Or(strings.Compare(a.SKU, b.SKU), strings.Compare(a.Store, b.Store), cmp.Compare(a.Date, b.Date))
		}) {
			t.Errorf("%s is not sorted", f.Path)
		}
		sales = append(sales, rows...)
	}
	if len(index) > 0 || int64(len(skus)) != m.SKUs {
		t.Errorf("%d index rows too many; %d SKUs, the manifest says %d", len(index), len(skus), m.SKUs)
	}
	return sales
}

func gz(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
