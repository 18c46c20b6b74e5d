// Package salestest writes the output of an ETL as formats.md describes it, for the tests
// of those who read it: any row group size, with or without a page index.
package salestest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" // the bucket function of formats.md
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// ETL says how to write.
type ETL struct {
	ID          string // 64 hex digits; empty takes a fixed one
	Grid        retail.Grid
	Buckets     int      // 0 is 1
	GroupRows   int64    // rows per row group; 0 is 20,480, as DuckDB writes
	PageBytes   int      // 0 is the library's default
	NoPageIndex bool     // as DuckDB writes
	Regressors  []string // at most two; the columns are called r1 and r2
}

type salesRow struct {
	SKU      string      `parquet:"sku,dict"`
	Store    string      `parquet:"store,dict"`
	Date     retail.Date `parquet:"date,date"`
	Units    *float64    `parquet:"units,optional"`
	Returned *float64    `parquet:"returned,optional"`
	Price    *float64    `parquet:"price,optional"`
	Promo    *int32      `parquet:"promo,optional"`
	Open     *int32      `parquet:"open,optional"`
	InStock  *int32      `parquet:"in_stock,optional"`
	Stock    *float64    `parquet:"stock,optional"`
}

type oneRegressor struct {
	salesRow
	R1 *float64 `parquet:"r1,optional"`
}

type twoRegressors struct {
	oneRegressor
	R2 *float64 `parquet:"r2,optional"`
}

type indexRow struct {
	SKU       string      `parquet:"sku"`
	Store     string      `parquet:"store"`
	File      string      `parquet:"file,dict"`
	FirstRow  int64       `parquet:"first_row"`
	Rows      int64       `parquet:"rows"`
	FirstDate retail.Date `parquet:"first_date,date"`
	LastDate  retail.Date `parquet:"last_date,date"`
	Units     *float64    `parquet:"units,optional"`
	Hash      string      `parquet:"hash"`
}

type calendarRow struct {
	Store string      `parquet:"store,dict"`
	Date  retail.Date `parquet:"date,date"`
	Lines int64       `parquet:"lines"`
	Units *float64    `parquet:"units,optional"`
	Open  *int32      `parquet:"open,optional"`
}

// Write stores the output of an ETL that found the given series, in any order, and
// returns its manifest, which it stores too.
func Write(tb testing.TB, store blobstore.Store, e ETL, series []sales.Series) *run.Manifest {
	tb.Helper()
	e.ID = cmp.Or(e.ID, strings.Repeat("e", 64))
	e.Buckets, e.GroupRows = max(e.Buckets, 1), cmp.Or(e.GroupRows, 20_480)
	m := &run.Manifest{
		V: run.Version, ETLID: e.ID, Frequency: e.Grid.Frequency, Origin: e.Grid.Origin, MonthEnd: e.Grid.MonthEnd,
		Series: int64(len(series)), Buckets: e.Buckets, Engine: "test", Options: run.ETLOptions{Regressors: e.Regressors},
	}
	sorted := slices.SortedFunc(slices.Values(series), func(a, b sales.Series) int {
		return cmp.Or(cmp.Compare(e.bucket(a.Key), e.bucket(b.Key)), a.Key.Compare(b.Key))
	})
	var index []indexRow
	calendar := map[calendarKey]*calendarRow{}
	skus := map[retail.SKU]bool{}
	for b := range e.Buckets {
		var rows []twoRegressors
		path := fmt.Sprintf("sales/bucket=%02d/part-0.parquet", b)
		for _, s := range sorted {
			if e.bucket(s.Key) != b {
				continue
			}
			skus[s.Key.SKU] = true
			index = append(index, indexOf(s, path, len(rows)))
			for i := range s.Rows {
				rows = append(rows, e.toFile(s.Key, &s.Rows[i]))
				note(calendar, s.Key.Store, &s.Rows[i])
			}
		}
		if len(rows) > 0 {
			m.Rows.Read += int64(len(rows))
			e.put(tb, store, m, path, e.encodeSales(tb, rows), len(rows))
		}
	}
	m.Rows.Accepted, m.SKUs = m.Rows.Read, int64(len(skus))
	e.put(tb, store, m, sales.IndexPath, encode(tb, e, index), len(index))
	days := make([]calendarRow, 0, len(calendar))
	for _, r := range calendar {
		days = append(days, *r)
	}
	slices.SortFunc(days, func(a, b calendarRow) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Date, b.Date))
	})
	e.put(tb, store, m, sales.CalendarPath, encode(tb, e, days), len(days))
	if _, err := store.Put(tb.Context(), run.ManifestPlace(e.ID), bytes.NewReader(run.Canonical(m)), blobstore.Condition{}); err != nil {
		tb.Fatal(err)
	}
	return m
}

func (e *ETL) bucket(k retail.SeriesKey) int {
	sum := md5.Sum([]byte(k.SKU))
	return int(binary.BigEndian.Uint32(sum[:]) % uint32(e.Buckets))
}

func (e *ETL) put(tb testing.TB, store blobstore.Store, m *run.Manifest, path string, data []byte, rows int) {
	tb.Helper()
	if _, err := store.Put(context.Background(), run.ETLDir(e.ID)+path, bytes.NewReader(data), blobstore.Condition{}); err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(data)
	m.Files = append(m.Files, run.File{Path: path, Rows: int64(rows), Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
}

// encodeSales writes as many regressor columns as there are.
func (e *ETL) encodeSales(tb testing.TB, rows []twoRegressors) []byte {
	tb.Helper()
	switch len(e.Regressors) {
	case 0:
		return encode(tb, *e, convert(rows, func(r *twoRegressors) salesRow { return r.salesRow }))
	case 1:
		return encode(tb, *e, convert(rows, func(r *twoRegressors) oneRegressor { return r.oneRegressor }))
	default:
		return encode(tb, *e, rows)
	}
}

func convert[A, B any](in []A, f func(*A) B) []B {
	out := make([]B, len(in))
	for i := range in {
		out[i] = f(&in[i])
	}
	return out
}

func encode[T any](tb testing.TB, e ETL, rows []T) []byte {
	tb.Helper()
	var out bytes.Buffer
	options := []parquet.WriterOption{parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(e.GroupRows)}
	if e.PageBytes > 0 {
		options = append(options, parquet.PageBufferSize(e.PageBytes))
	}
	w := parquet.NewGenericWriter[T](&out, options...)
	for from := 0; from < len(rows); from += 10_000 {
		if _, err := w.Write(rows[from:min(from+10_000, len(rows))]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if e.NoPageIndex {
		return StripPageIndex(tb, out.Bytes())
	}
	return out.Bytes()
}

// StripPageIndex rewrites a file's footer so that it names no page index.
func StripPageIndex(tb testing.TB, data []byte) []byte {
	tb.Helper()
	size := int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	start := len(data) - 8 - size
	var md format.FileMetaData
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), data[start:len(data)-8], &md); err != nil {
		tb.Fatal(err)
	}
	for g := range md.RowGroups {
		for c := range md.RowGroups[g].Columns {
			chunk := &md.RowGroups[g].Columns[c]
			chunk.OffsetIndexOffset, chunk.OffsetIndexLength = 0, 0
			chunk.ColumnIndexOffset, chunk.ColumnIndexLength = 0, 0
		}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &md)
	if err != nil {
		tb.Fatal(err)
	}
	out := append(slices.Clone(data[:start]), footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

func indexOf(s sales.Series, path string, at int) indexRow {
	r := indexRow{
		SKU: string(s.Key.SKU), Store: string(s.Key.Store), File: path, FirstRow: int64(at), Rows: int64(len(s.Rows)),
		FirstDate: s.Rows[0].Date, LastDate: s.Rows[len(s.Rows)-1].Date, Hash: fmt.Sprintf("%x", at),
	}
	total, known := 0.0, false
	for i := range s.Rows {
		if !math.IsNaN(s.Rows[i].Units) {
			total, known = total+s.Rows[i].Units, true
		}
	}
	if known {
		r.Units = &total
	}
	return r
}

type calendarKey struct {
	store retail.Store
	date  retail.Date
}

func note(calendar map[calendarKey]*calendarRow, store retail.Store, r *sales.Row) {
	k := calendarKey{store, r.Date}
	c := calendar[k]
	if c == nil {
		c = &calendarRow{Store: string(store), Date: r.Date}
		calendar[k] = c
	}
	c.Lines++
	if !math.IsNaN(r.Units) {
		c.Units = pointer(r.Units)
	}
	if f := flagOf(r.Open); f != nil && (c.Open == nil || *f > *c.Open) {
		c.Open = f
	}
}

func (e *ETL) toFile(k retail.SeriesKey, r *sales.Row) twoRegressors {
	var out twoRegressors
	out.salesRow = salesRow{
		SKU: string(k.SKU), Store: string(k.Store), Date: r.Date,
		Units: pointer(r.Units), Price: pointer(r.Price), Stock: pointer(r.Stock),
		Promo: flagOf(r.Promo), Open: flagOf(r.Open), InStock: flagOf(r.InStock),
	}
	for i, to := range []**float64{&out.R1, &out.R2} {
		if i < min(len(e.Regressors), len(r.Regressors)) {
			*to = pointer(r.Regressors[i])
		}
	}
	return out
}

// Row is a row of which only the quantity is known.
func Row(d retail.Date, units float64) sales.Row {
	return sales.Row{Date: d, Units: units, Price: math.NaN(), Stock: math.NaN()}
}

func pointer(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}

func flagOf(f sales.Flag) *int32 {
	var v int32
	switch f {
	case sales.No:
	case sales.Yes:
		v = 1
	default:
		return nil
	}
	return &v
}
