package sales

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Files of an ETL's output besides the sales.
const (
	IndexPath    = "series_index.parquet"
	CalendarPath = "calendar.parquet"
)

// IndexRow says where the rows of one series are.
type IndexRow struct {
	Key      retail.SeriesKey
	File     string // path in the manifest
	FirstRow int64
	Rows     int64
	First    retail.Date
	Last     retail.Date
	Units    float64 // total, NaN if no row has a quantity
	Hash     string  // of the content
}

// Index streams series_index.parquet in its order: file, SKU, store. Memory does not grow
// with the number of series. A file that is not in this order, or whose rows do not
// follow each other, is an error, because units are cut by it.
func Index(ctx context.Context, store blobstore.Store, m *run.Manifest) iter.Seq2[IndexRow, error] {
	return func(yield func(IndexRow, error) bool) {
		t, err := openListed(ctx, store, m, IndexPath)
		if err != nil {
			yield(IndexRow{}, err)
			return
		}
		var last IndexRow
		stopped := false
		err = t.scan(ctx, []string{"sku", "store", "file", "first_row", "rows", "first_date", "last_date", "units"}, []string{"hash"},
			func(v []parquet.Value) (bool, error) {
				if err := last.follow(v); err != nil {
					return false, err
				}
				stopped = !yield(last, nil)
				return !stopped, nil
			})
		if err != nil && !stopped {
			yield(IndexRow{}, err)
		}
	}
}

// follow turns r into the row after it.
func (r *IndexRow) follow(v []parquet.Value) error {
	before := *r
	var sku, store string
	var first, last int64
	var errs [8]error
	sku, errs[0] = text(&v[0], string(before.Key.SKU))
	store, errs[1] = text(&v[1], string(before.Key.Store))
	r.File, errs[2] = text(&v[2], before.File)
	r.FirstRow, errs[3] = integer(&v[3])
	r.Rows, errs[4] = integer(&v[4])
	first, errs[5] = integer(&v[5])
	last, errs[6] = integer(&v[6])
	if !v[8].IsNull() {
		r.Hash, errs[7] = text(&v[8], before.Hash)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	r.Key = retail.SeriesKey{SKU: retail.SKU(sku), Store: retail.Store(store)}
	r.First, r.Last = retail.Date(first), retail.Date(last) // DATE is an INT32
	r.Units = number(&v[7])
	switch {
	case r.Rows <= 0:
		return fmt.Errorf("%v has %d rows", r.Key, r.Rows)
	case r.File < before.File, r.File == before.File && before.Rows > 0 && before.Key.Compare(r.Key) >= 0:
		return fmt.Errorf("%v of %s comes after %v of %s; the index must be sorted by file, sku, store", r.Key, r.File, before.Key, before.File)
	case r.File != before.File && r.FirstRow != 0, r.File == before.File && r.FirstRow != before.FirstRow+before.Rows:
		return fmt.Errorf("%v begins at row %d of %s; the series before it ends at row %d", r.Key, r.FirstRow, r.File, before.FirstRow+before.Rows)
	}
	return nil
}

// openListed opens a file of the output, checked against the manifest's entry.
func openListed(ctx context.Context, store blobstore.Store, m *run.Manifest, path string) (*table, error) {
	bytes := int64(-1)
	for _, f := range m.Files {
		if f.Path == path {
			bytes = f.Bytes
		}
	}
	return openTable(ctx, store, run.ETLDir(m.ETLID)+path, bytes)
}
