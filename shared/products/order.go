package products

import (
	"context"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Order is how a run's units lie with respect to the order of forecasts.csv. Units are
// numbered along the series index (file, sku, store), and which file a unit came from is
// not recorded in its products. But within a file keys ascend, so the sequence of all units falls
// into stretches of ascending keys, at most one per file; merging those gives the order,
// whatever the files were and however the units were cut.
type Order struct {
	dir    string   // of the run
	parts  []string // forecast part of each unit, relative to dir
	starts []int    // first unit of each stretch
	last   retail.SeriesKey
}

// ReadOrder reads it from the units' summaries; Summarise gives it for nothing.
func ReadOrder(ctx context.Context, s blobstore.Store, runID string, units int) (Order, error) {
	o := Order{dir: run.Dir(runID)}
	err := inOrder(ctx, units, func(ctx context.Context, i int) (UnitSummary, error) {
		return ReadSummary(ctx, s, run.SeriesPlace(runID, run.UnitName(i)))
	}, func(i int, u UnitSummary) error {
		o.add(i, &u)
		return nil
	})
	return o, err
}

// add appends unit i.
func (o *Order) add(i int, u *UnitSummary) {
	if i == 0 || u.Series[0].Key().Compare(o.last) <= 0 {
		o.starts = append(o.starts, i)
	}
	o.last = u.Series[len(u.Series)-1].Key()
	o.parts = append(o.parts, u.Forecasts.Path)
}

// stretch returns the parts of stretch i.
func (o *Order) stretch(i int) []string {
	end := len(o.parts)
	if i+1 < len(o.starts) {
		end = o.starts[i+1]
	}
	return o.parts[o.starts[i]:end]
}
