package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// weights are those of a series' combination, by model.
type weights = map[string]float64

// champions reads what the champion run of the plan combined for the series of a unit. A
// unit that is gone, or cannot be read, has no champions: they are a preference, and no
// forecast waits for them.
func (t *Trainer) champions(ctx context.Context, in UnitInput) (map[retail.SeriesKey]weights, error) {
	of := in.Unit.Champion
	if of == nil || in.Plan.ChampionRunID == nil {
		return nil, nil
	}
	first, err := run.UnitOrdinal(of.First)
	if err != nil {
		return nil, in.wrong("names champion unit %q", of.First)
	}
	out := map[retail.SeriesKey]weights{}
	for i := range of.Units {
		sum, err := products.ReadSummary(ctx, t.store, run.SeriesPlace(*in.Plan.ChampionRunID, run.UnitName(first+i)))
		switch {
		case errors.Is(err, blobstore.ErrNotFound), errors.Is(err, products.ErrCorrupt), event.IsPermanent(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("champions: %w", err)
		}
		for _, row := range sum.Series {
			var w weights
			if json.Unmarshal([]byte(row.Weights), &w) == nil && len(w) > 0 {
				out[row.Key()] = w
			}
		}
	}
	return out, nil
}
