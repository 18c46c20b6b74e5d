package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Look finds out what doing a run again would take.
func (h Replay) Look(ctx context.Context, id string, s Scope) (Work, error) {
	base, err := h.Ledger.Run(ctx, id)
	if err != nil {
		return Work{}, err
	}
	complete, err := h.Ledger.Completed(ctx, id)
	if err != nil {
		return Work{}, err
	}
	failed, err := h.Ledger.Failure(ctx, id)
	switch {
	case err != nil:
		return Work{}, err
	case complete == nil && failed == nil:
		return Work{}, fmt.Errorf("run %s: %w: wait for it, or see skucast status %s", run.Short(id), ErrRunning, run.Short(id))
	case complete != nil && s.Failed:
		return Work{}, fmt.Errorf("run %s: %w", run.Short(id), ErrNothingFailed)
	}
	w := Work{Base: base, ETLID: base.ETLID, Attempt: base.ETLAttempt}
	ready, err := h.Ledger.Exists(ctx, run.ManifestPlace(base.ETLID))
	if err != nil {
		return w, err
	}
	if s.ETL || !ready {
		if len(s.SKUs) > 0 {
			return w, fmt.Errorf("run %s: %w: the file has to be read again, which concerns every SKU; replay the whole run", run.Short(id), ErrNoUnits)
		}
		return w, h.lookETL(ctx, &w)
	}
	return w, h.lookUnits(ctx, &w, s, complete)
}

// lookETL prepares to read the file again, which must still be there.
func (h Replay) lookETL(ctx context.Context, w *Work) error {
	drop := w.Base.Drop.Drop()
	info, err := h.Ledger.Store.Head(ctx, drop.Place())
	if errors.Is(err, blobstore.ErrNotFound) || err == nil && info.ETag != drop.ETag {
		return fmt.Errorf("%s: %w: it was deleted or overwritten since; drop it again instead", drop.Place(), ErrSourceChanged)
	}
	if err != nil {
		return err
	}
	_, etls, err := h.Ledger.RunsOfDrop(ctx, w.Base.Drop)
	w.ReadETL, w.Attempt = true, etls
	w.ETLID = run.ETLID(drop, w.Base.Drop.Options.ETL(), etls)
	return err
}

// lookUnits divides the base's units into those that are trained and those that are kept.
func (h Replay) lookUnits(ctx context.Context, w *Work, s Scope, complete *run.Complete) error {
	source := w.Base.RunID // of the units
	if complete != nil && complete.DuplicateOf != nil {
		source = *complete.DuplicateOf
	}
	plan, _, err := h.Ledger.Plan(ctx, source)
	if err != nil {
		return err
	}
	if plan == nil {
		if len(s.SKUs) > 0 {
			return fmt.Errorf("run %s: %w: it was never planned; replay the whole run", run.Short(source), ErrNoUnits)
		}
		return nil // everything is still to do
	}
	w.Units = plan.Units
	var again run.Bitset
	switch {
	case s.Failed:
		var done run.State
		if _, err := h.Ledger.Recount(ctx, source, plan.Units, &done); err != nil {
			return err
		}
		again = run.NewBitset(plan.Units)
		for _, u := range done.Done.Missing(plan.Units) {
			again.Set(u)
		}
	case len(s.SKUs) > 0:
		if again, err = h.withSKUs(ctx, w.Base, plan, s.SKUs); err != nil {
			return err
		}
	default: // all of them, with a pool of its own
		w.Train = run.NewBitset(plan.Units).Missing(plan.Units)
		return nil
	}
	w.plan, w.Keep, w.Train = plan, again.Missing(plan.Units), again.Members(plan.Units)
	return nil
}

// withSKUs finds the units that hold any of the SKUs, all of which must be there.
func (h Replay) withSKUs(ctx context.Context, rec run.Record, plan *run.Plan, skus []retail.SKU) (run.Bitset, error) {
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return nil, err
	}
	units, unknown, err := holding(ctx, h.Ledger.Store, &m, plan, skus)
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("run %s: %w: %q", run.Short(rec.RunID), ErrUnknownSKU, unknown)
	}
	return units, err
}

// Messages counts what the work sends, by queue: as many as the functions themselves will
// send, too.
func (w Work) Messages() map[string]int {
	n := map[string]int{event.QueuePublishRun: 1}
	if w.plan == nil {
		n[event.QueuePlanTraining] = 1
	}
	if len(w.Train) > 0 {
		n[event.QueueTrainSKU], n[event.QueueFinishRun] = len(w.Train), len(w.Train)
	}
	return n
}
