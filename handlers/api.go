package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// API answers questions about runs and forecasts from storage alone. Its not-found
// errors wrap blobstore.ErrNotFound.
type API struct {
	Ledger ledger.Ledger
}

// MaxRuns is the number of runs that Runs returns at most.
const MaxRuns = 200

// Runs lists the newest runs.
func (h API) Runs(ctx context.Context) ([]ledger.View, error) { return h.Ledger.Views(ctx, MaxRuns) }

// Run describes the run whose id starts with prefix.
func (h API) Run(ctx context.Context, prefix string) (ledger.View, error) {
	id, err := h.Ledger.Find(ctx, prefix)
	if err != nil {
		return ledger.View{}, err
	}
	return h.Ledger.View(ctx, id)
}

// Refused lists the deliveries that were dead-lettered.
func (h API) Refused(ctx context.Context) ([]event.DeadLetter, error) {
	all := []event.DeadLetter{}
	for d, err := range h.Ledger.DeadLetters(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// Forecast is what will sell of one SKU.
type Forecast struct {
	RunID string
	Rows  []products.ForecastRow
}

// Forecast returns the feed's latest forecasts of a SKU, in one store or, if store is
// empty, in all.
func (h API) Forecast(ctx context.Context, feed string, sku retail.SKU, store retail.Store) (Forecast, error) {
	var latest run.Latest
	if _, err := run.Read(ctx, h.Ledger.Store, run.LatestPlace(feed), &latest); err != nil {
		if errors.Is(err, blobstore.ErrNotFound) {
			return Forecast{}, fmt.Errorf("feed %s has no completed run: %w", feed, err)
		}
		return Forecast{}, err
	}
	id := latest.RunID
	complete, err := h.Ledger.Completed(ctx, id)
	if err != nil || complete == nil {
		return Forecast{}, errors.Join(err, fmt.Errorf("the latest run %s of feed %s is not complete", run.Short(id), feed))
	}
	if complete.DuplicateOf != nil {
		id = *complete.DuplicateOf
	}
	rec, err := h.Ledger.Run(ctx, id)
	if err != nil {
		return Forecast{}, err
	}
	units, err := h.unitsOf(ctx, rec, sku)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{RunID: id}
	for _, u := range units {
		if err := h.read(ctx, id, u, sku, store, &f); err != nil {
			return Forecast{}, err
		}
	}
	if len(f.Rows) == 0 {
		return Forecast{}, fmt.Errorf("run %s has no forecast of SKU %s%s: %w", run.Short(id), sku, inStore(store), blobstore.ErrNotFound)
	}
	return f, nil
}

func inStore(s retail.Store) string {
	if s == "" {
		return ""
	}
	return " in store " + string(s)
}

// unitsOf finds the units that hold a SKU by cutting the index again.
func (h API) unitsOf(ctx context.Context, rec run.Record, sku retail.SKU) ([]int, error) {
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return nil, err
	}
	plan, _, err := h.Ledger.Plan(ctx, rec.RunID)
	if err != nil || plan == nil {
		return nil, errors.Join(err, fmt.Errorf("run %s has no plan", run.Short(rec.RunID)))
	}
	units, _, err := holding(ctx, h.Ledger.Store, &m, plan, []retail.SKU{sku})
	return units.Members(plan.Units), err
}

func (h API) read(ctx context.Context, id string, unit int, sku retail.SKU, store retail.Store, f *Forecast) error {
	sum, err := products.ReadSummary(ctx, h.Ledger.Store, run.SeriesPlace(id, run.UnitName(unit)))
	if err != nil {
		return err
	}
	rows, err := products.ReadForecast(ctx, h.Ledger.Store, run.Dir(id)+sum.Forecasts.Path)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if k := r.Key(); k.SKU == sku && (store == "" || k.Store == store) {
			f.Rows = append(f.Rows, r)
		}
	}
	return nil
}
