package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// Errors of Replay that a caller can test.
var (
	ErrRunning       = errors.New("the run has not ended")
	ErrNothingFailed = errors.New("the run is complete; nothing of it failed")
	ErrSourceChanged = errors.New("the file is not what it was")
	ErrUnknownSKU    = errors.New("no such SKU in the run")
	ErrNoUnits       = errors.New("the run has no units to keep")
)

// Scope says how much of an ended run is done again. The zero value is all of the
// training, on the file as it was read.
type Scope struct {
	ETL    bool         // read the file again too
	Failed bool         // only what the run has not finished
	SKUs   []retail.SKU // only the units that hold these
}

// Work is what a replay would do, found without changing anything.
type Work struct {
	Base    run.Record
	ETLID   string
	Attempt int  // of the ETL
	ReadETL bool // the file is read again
	Units   int  // of the run; 0 while its plan is not known
	Train   []int
	Keep    []int // units that are carried over from the base
	plan    *run.Plan
}

// Replay does ended runs again, each time as a new run of the same drop with the same
// options. Reconcile moves it on like any other.
type Replay struct {
	Ledger ledger.Ledger
	Jobs   Jobs
	Sender Sender
	Plans  PlanTraining
	Log    *slog.Logger
}

// Start claims a run for the work and has it begin. What an interruption leaves undone
// after the run was announced, reconcile does; before, nobody knows of the run.
func (h Replay) Start(ctx context.Context, w Work) (run.Record, error) {
	rec, err := h.Ledger.ClaimReplay(ctx, w.Base, w.ETLID, w.Attempt)
	if err != nil {
		return rec, err
	}
	if w.plan != nil {
		if err := h.carryOver(ctx, rec, w); err != nil {
			return rec, fmt.Errorf("carry over from run %s: %w", run.Short(w.plan.RunID), err)
		}
	}
	if err := h.Ledger.Announce(ctx, rec); err != nil {
		return rec, err
	}
	h.Log.InfoContext(ctx, "replay", "run_id", run.Short(rec.RunID), "of", run.Short(rec.ReplayOf), "kept", len(w.Keep), "etl", w.ReadETL)
	switch {
	case w.ReadETL:
		return rec, submit(ctx, h.Ledger, h.Jobs, rec)
	case w.plan == nil:
		return rec, sendRun(ctx, h.Sender, run.PhasePlan, rec.RunID, 0)
	default:
		return rec, h.sendMissing(ctx, rec, w.plan.Units)
	}
}

// carryOver gives the new run the base's pool and the units that are kept, and a plan
// that cuts the same units.
func (h Replay) carryOver(ctx context.Context, rec run.Record, w Work) error {
	source, plan := w.plan.RunID, *w.plan
	for k := range plan.PoolSlices {
		r, _, err := h.Ledger.Store.Open(ctx, training.SlicePlace(source, k))
		if err != nil {
			return err
		}
		var slice bytes.Buffer
		_, err = slice.ReadFrom(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if _, err := h.Ledger.Store.Put(ctx, training.SlicePlace(rec.RunID, k), &slice, blobstore.Condition{}); err != nil {
			return err
		}
	}
	copied, err := products.CarryOver(ctx, h.Ledger.Store, source, rec.RunID, w.Keep)
	if err != nil {
		return err
	}
	if lost := len(w.Keep) - copied; lost > 0 {
		h.Log.WarnContext(ctx, "units cannot be read and will be trained again", "run_id", run.Short(rec.RunID), "units", lost)
	}
	plan.RunID = rec.RunID
	_, err = h.Ledger.PutPlan(ctx, plan)
	return err
}

// sendMissing sends the units that were not carried over, or has the run published if
// there are none.
func (h Replay) sendMissing(ctx context.Context, rec run.Record, units int) error {
	var s run.State
	if _, err := h.Ledger.Recount(ctx, rec.RunID, units, &s); err != nil {
		return err
	}
	missing := s.Done.Missing(units)
	if len(missing) == 0 {
		return sendRun(ctx, h.Sender, run.PhasePublish, rec.RunID, 0)
	}
	return h.Plans.sendUnits(ctx, rec, missing, 0)
}
