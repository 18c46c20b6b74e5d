package sales

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
)

// batch is how many values are decoded at a time.
const batch = 1024

// column streams the values of one flat column, from any row of a row group on.
type column struct {
	pages  *parquet.FilePages
	page   parquet.Page
	values parquet.ValueReader
	buf    [batch]parquet.Value
}

// open positions c at a row of a row group; src serves the file's bytes.
func (c *column) open(t *table, src io.ReaderAt, group, id int, row int64) error {
	chunk, ok := t.file.RowGroups()[group].ColumnChunks()[id].(*parquet.FileColumnChunk)
	if !ok {
		return fmt.Errorf("column %d is no leaf", id)
	}
	c.pages = chunk.PagesFrom(src)
	if row == 0 {
		return nil
	}
	return c.pages.SeekToRow(row)
}

func (c *column) close() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page, c.values = nil, nil
	}
	if c.pages != nil {
		_ = c.pages.Close() // gives buffers back; there is nothing to flush
		c.pages = nil
	}
}

// next returns up to n ≤ batch values, at least one; io.EOF at the chunk's end. They are
// valid until the following call.
func (c *column) next(n int) ([]parquet.Value, error) {
	for {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return nil, err
			}
			c.page, c.values = page, page.Values()
		}
		got, err := c.values.ReadValues(c.buf[:n])
		if got > 0 {
			return c.buf[:got], nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		parquet.Release(c.page)
		c.page, c.values = nil, nil
	}
}

// each calls f with n values, in batches, and the position of each batch's first.
func (c *column) each(n int, f func(at int, v []parquet.Value) error) error {
	for at := 0; at < n; {
		v, err := c.next(min(batch, n-at))
		if err != nil {
			return fmt.Errorf("after %d of %d values: %w", at, n, err)
		}
		if err := f(at, v); err != nil {
			return err
		}
		at += len(v)
	}
	return nil
}

// number reads any numeric value; null is NaN.
func number(v *parquet.Value) float64 {
	if v.IsNull() {
		return math.NaN()
	}
	switch v.Kind() {
	case parquet.Double:
		return v.Double()
	case parquet.Float:
		return float64(v.Float())
	case parquet.Int32:
		return float64(v.Int32())
	case parquet.Int64:
		return float64(v.Int64())
	case parquet.Boolean:
		if v.Boolean() {
			return 1
		}
		return 0
	default:
		return math.NaN()
	}
}

// integer reads a count or a DATE.
func integer(v *parquet.Value) (int64, error) {
	if !v.IsNull() {
		switch v.Kind() {
		case parquet.Int32:
			return int64(v.Int32()), nil
		case parquet.Int64:
			return v.Int64(), nil
		default:
		}
	}
	return 0, fmt.Errorf("value %v is not a whole number", v)
}

// flag reads a 0/1 value; null is unknown.
func flag(v *parquet.Value) Flag {
	switch x := number(v); {
	case math.IsNaN(x):
		return Unknown
	case x == 0:
		return No
	default:
		return Yes
	}
}

// text reads a string and allocates only when it differs from the one before: files are
// sorted, so most do not.
func text(v *parquet.Value, before string) (string, error) {
	if v.IsNull() || (v.Kind() != parquet.ByteArray && v.Kind() != parquet.FixedLenByteArray) {
		return "", fmt.Errorf("value %v is not text", v)
	}
	if b := v.ByteArray(); string(b) != before {
		return string(b), nil
	}
	return before, nil
}
