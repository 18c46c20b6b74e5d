package main

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

type calendarRow struct {
	Store string      `parquet:"store,dict"`
	Date  retail.Date `parquet:"date,date"`
	Open  *int32      `parquet:"open,optional"`
}

// calendar says when each store traded, as a worker would learn it: from calendar.parquet.
func (h history) calendar(ctx context.Context) (*sales.Calendar, error) {
	type day struct {
		store retail.Store
		date  retail.Date
	}
	open := map[day]sales.Flag{}
	for _, s := range h.series {
		for _, r := range s.Rows {
			k := day{s.Key.Store, r.Date}
			open[k] = max(open[k], r.Open)
		}
	}
	rows := make([]calendarRow, 0, len(open))
	for k, flag := range open {
		row := calendarRow{Store: string(k.store), Date: k.date}
		if flag != sales.Unknown {
			v := int32(flag - sales.No)
			row.Open = &v
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b calendarRow) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Date, b.Date))
	})
	var file bytes.Buffer
	w := parquet.NewGenericWriter[calendarRow](&file)
	if _, err := w.Write(rows); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "skucast-accuracy-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left of it is the system's to clean
	store, err := dirblob.Open(dir)
	if err != nil {
		return nil, err
	}
	m := &run.Manifest{V: run.Version, ETLID: strings.Repeat("0", 64), Frequency: h.grid.Frequency, Origin: h.grid.Origin}
	m.Files = []run.File{{Path: sales.CalendarPath, Rows: int64(len(rows)), Bytes: int64(file.Len())}}
	if _, err := store.Put(ctx, run.ETLDir(m.ETLID)+sales.CalendarPath, &file, blobstore.Condition{}); err != nil {
		return nil, err
	}
	return sales.LoadCalendar(ctx, store, m)
}
