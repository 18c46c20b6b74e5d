package sales

import (
	"context"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
)

// Reasons why no redelivery can make a file readable.
const (
	// ReasonUnreadable: the file is not the Parquet that formats.md describes.
	ReasonUnreadable = "sales_unreadable"
	// ReasonChanged: the file is not the one that the manifest lists.
	ReasonChanged = "sales_changed"
	// ReasonUnknownUnit: a unit that the manifest or its files do not have.
	ReasonUnknownUnit = "unknown_unit"
)

// tailBytes is what the first request reads from a file's end; nearly every footer lies
// in it (16 row groups of 12 columns take 20 KB).
const tailBytes = 64 << 10

// table is an opened Parquet file: its footer, parsed, and nothing else. It is immutable
// and shared.
type table struct {
	blob   blob
	file   *parquet.File
	starts []int64 // first row of each row group, and the number of rows at the end
}

// openTable reads a file's footer: a Head for its ETag, one range, and a second one if
// the footer is longer. bytes is the length the manifest promises, negative if unknown.
func openTable(ctx context.Context, store blobstore.Store, name string, bytes int64) (*table, error) {
	info, err := store.Head(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if bytes >= 0 && info.Size != bytes {
		return nil, event.Permanent(ReasonChanged, fmt.Errorf(
			"%s has %d bytes, its manifest says %d; replay the file to compute the ETL again", name, info.Size, bytes))
	}
	t := &table{blob: blob{store: store, name: name, etag: info.ETag, size: info.Size}}
	tail, err := t.blob.fetch(ctx, span{info.Size - tailBytes, info.Size})
	if err != nil {
		return nil, fmt.Errorf("read the end of %s: %w", name, err)
	}
	bytesAt := segments{tail}
	if n := len(tail.data); n >= 8 {
		footer := int64(tail.data[n-8]) | int64(tail.data[n-7])<<8 | int64(tail.data[n-6])<<16 | int64(tail.data[n-5])<<24
		if from := info.Size - 8 - footer; from < tail.from && from > 0 {
			head, err := t.blob.fetch(ctx, span{from, tail.from})
			if err != nil {
				return nil, fmt.Errorf("read the footer of %s: %w", name, err)
			}
			bytesAt = segments{{span: span{from, tail.to}, data: append(head.data, tail.data...)}}
		}
	}
	err = t.guard("footer", nil, func() error {
		t.file, err = parquet.OpenFile(bytesAt, info.Size, parquet.SkipPageIndex(true),
			parquet.SkipBloomFilters(true), parquet.SkipMagicBytes(true))
		return err
	})
	if err != nil {
		return nil, err
	}
	t.starts = append(t.starts, 0)
	for _, g := range t.file.RowGroups() {
		n := g.NumRows()
		if n < 0 {
			return nil, t.unreadable("footer", fmt.Errorf("a row group has %d rows", n))
		}
		t.starts = append(t.starts, t.starts[len(t.starts)-1]+n)
	}
	return t, nil
}

// rows is the number of rows in the file.
func (t *table) rows() int64 { return t.starts[len(t.starts)-1] }

// chunks is a measure of the footer's memory.
func (t *table) chunks() int64 {
	return int64(len(t.file.RowGroups())*len(t.file.Schema().Columns())) + 1
}

// column returns the ordinal of a top-level column, −1 if there is none.
func (t *table) column(name string) int {
	return slices.IndexFunc(t.file.Schema().Columns(), func(path []string) bool {
		return len(path) == 1 && path[0] == name
	})
}

// columns resolves names; a missing one is an error unless it is optional.
func (t *table) columns(required []string, optional ...string) ([]int, error) {
	ids := make([]int, 0, len(required)+len(optional))
	for i, name := range append(slices.Clone(required), optional...) {
		c := t.column(name)
		if c < 0 && i < len(required) {
			return nil, t.unreadable("schema", fmt.Errorf("no column %q", name))
		}
		ids = append(ids, c)
	}
	return ids, nil
}

// guard runs f, which decodes, and makes its errors permanent, also a panic of the
// decoder, which a corrupt file can cause. Only what the store itself reported to w (nil
// if every byte is in memory) stays transient.
func (t *table) guard(what string, w *windows, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.unreadable(what, fmt.Errorf("%v", p))
		}
		if w != nil && w.err != nil {
			err = fmt.Errorf("read %s: %w", t.blob.name, w.err)
		}
	}()
	if err := f(); err != nil {
		return t.unreadable(what, err)
	}
	return nil
}

func (t *table) unreadable(what string, err error) error {
	return event.Permanent(ReasonUnreadable, fmt.Errorf("%s: %s: %w", t.blob.name, what, err))
}
