package handlers

import (
	"context"
	"iter"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// cut cuts a manifest's index into units. see, if not nil, is shown every series in the
// order of the index, those of a unit before the unit.
func cut(ctx context.Context, s blobstore.Store, m *run.Manifest, p run.Packing, see func(retail.SeriesKey)) iter.Seq2[run.Unit, error] {
	return run.Units(func(yield func(run.Series, error) bool) {
		for row, err := range sales.Index(ctx, s, m) {
			if see != nil && err == nil {
				see(row.Key)
			}
			if !yield(run.Series{File: row.File, SKU: string(row.Key.SKU), FirstRow: row.FirstRow, Rows: row.Rows}, err) {
				return
			}
		}
	}, m.SKUs, p)
}

// holding finds, in one pass, the units of a plan that hold any of the SKUs, and the SKUs
// that none holds.
func holding(ctx context.Context, s blobstore.Store, m *run.Manifest, plan *run.Plan, skus []retail.SKU) (units run.Bitset, unknown []retail.SKU, err error) {
	found := map[retail.SKU]bool{}
	for _, sku := range skus {
		found[sku] = false
	}
	var wanted []int64 // ordinals of series whose unit is still to come
	n := int64(0)
	see := func(k retail.SeriesKey) {
		if _, is := found[k.SKU]; is {
			found[k.SKU] = true
			wanted = append(wanted, n)
		}
		n++
	}
	units = run.NewBitset(plan.Units)
	for u, err := range cut(ctx, s, m, plan.Packing, see) {
		if err != nil {
			return nil, nil, err
		}
		for len(wanted) > 0 && wanted[0] < u.FirstSeries+u.NSeries {
			units.Set(u.Ordinal)
			wanted = wanted[1:]
		}
	}
	for _, sku := range skus {
		if !found[sku] {
			found[sku] = true // named once
			unknown = append(unknown, sku)
		}
	}
	return units, unknown, nil
}
