package sales

import (
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/retail"
)

func TestAnIndexRowFollowsTheOneBeforeIt(t *testing.T) {
	before := IndexRow{Key: retail.SeriesKey{SKU: "b", Store: "b"}, File: "sales/b", FirstRow: 10, Rows: 5}
	values := func(sku, store, file any, first, rows int64) []parquet.Value {
		v := []parquet.Value{
			parquet.ValueOf(sku), parquet.ValueOf(store), parquet.ValueOf(file), parquet.ValueOf(first), parquet.ValueOf(rows),
			parquet.ValueOf(int32(1)), parquet.ValueOf(int32(2)), parquet.ValueOf(3.5), parquet.ValueOf("hash"),
		}
		return v
	}
	for name, tt := range map[string]struct {
		v    []parquet.Value
		want string // part of the error; empty is none
	}{
		"next store":            {values("b", "c", "sales/b", 15, 1), ""},
		"next SKU":              {values("c", "a", "sales/b", 15, 1), ""},
		"next file":             {values("a", "a", "sales/c", 0, 1), ""},
		"same series":           {values("b", "b", "sales/b", 15, 1), "sorted"},
		"earlier store":         {values("b", "a", "sales/b", 15, 1), "sorted"},
		"earlier file":          {values("c", "a", "sales/a", 0, 1), "sorted"},
		"rows are left out":     {values("b", "c", "sales/b", 16, 1), "ends at row 15"},
		"rows overlap":          {values("b", "c", "sales/b", 14, 1), "ends at row 15"},
		"file begins elsewhere": {values("a", "a", "sales/c", 1, 1), "begins at row 1"},
		"no rows":               {values("b", "c", "sales/b", 15, 0), "has 0 rows"},
		"SKU is null":           {values(nil, "c", "sales/b", 15, 1), "not text"},
		"SKU is a number":       {values(int64(4711), "c", "sales/b", 15, 1), "not text"},
	} {
		r := before
		err := r.follow(tt.v)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
	var r IndexRow
	if err := r.follow(values("", "", "sales/a", 0, 2)); err != nil || r.Rows != 2 || r.First != 1 || r.Last != 2 || r.Units != 3.5 || r.Hash != "hash" {
		t.Errorf("first row of an index: %+v, %v", r, err)
	}
}
