package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// Reconcile makes happen whatever should have happened and has not: it claims drops that
// nobody claimed, moves every open run on, and starts retraining that is due.
type Reconcile struct {
	Ledger      ledger.Ledger
	Jobs        Jobs
	Sender      Sender
	Plans       PlanTraining // for the units of a plan
	WayOut      func(reason string) string
	ResendAfter time.Duration
	BrokerSince time.Time     // see run.Found
	DropRest    time.Duration // how long a drop must have been as it is
	DropWindow  time.Duration // how old an unclaimed drop may be, besides each feed's newest
	Now         Clock
	Log         *slog.Logger
}

// Handle is one tick. A run or drop that cannot be moved on is reported at the end; it
// does not keep the tick from the others.
func (h Reconcile) Handle(ctx context.Context) error {
	errs := []error{h.claimDrops(ctx)}
	open, err := h.openRuns(ctx)
	errs = append(errs, err)
	var newest time.Time // of the runs before, which are served first
	for _, rec := range open {
		last, err := h.moveOn(ctx, rec, newest)
		if last.After(newest) {
			newest = last
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", run.Short(rec.RunID), err))
		}
	}
	return errors.Join(append(errs, h.startDue(ctx))...)
}

// claimDrops claims the drops whose events were lost.
func (h Reconcile) claimDrops(ctx context.Context) error {
	var blobs []blobstore.Info
	for info, err := range h.Ledger.Store.List(ctx, blobstore.RawData+"/"+run.Incoming) {
		if err != nil {
			return err
		}
		blobs = append(blobs, info)
	}
	var errs []error
	for _, b := range run.DropsToClaim(blobs, h.Now(), h.DropRest, h.DropWindow) {
		container, blob := blobstore.Split(b.Name)
		drop := run.Drop{Container: container, Blob: blob, ETag: b.ETag}
		claimed, err := h.Ledger.Exists(ctx, drop.Record())
		if err == nil && !claimed {
			h.Log.InfoContext(ctx, "claiming a drop that no event has named", "blob", blob)
			var rec run.DropRecord
			if rec, err = h.Ledger.Claim(ctx, container, blob, b.ETag, b.LastModified, "reconcile"); err == nil {
				err = begin(ctx, h.Ledger, h.Jobs, rec, "reconcile")
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// openRuns reads the records of the open runs, oldest drop first. A claim that was cut
// off before its record was written is taken up again through its drop.
func (h Reconcile) openRuns(ctx context.Context) ([]run.Record, error) {
	ids, err := h.Ledger.Open(ctx)
	if err != nil {
		return nil, err
	}
	var recs []run.Record
	var lost []string
	for _, id := range ids {
		rec, err := h.Ledger.Run(ctx, id)
		if errors.Is(err, blobstore.ErrNotFound) {
			lost = append(lost, id)
			continue
		}
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	if len(lost) > 0 {
		if err := h.beginAgain(ctx, lost); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(recs, func(a, b run.Record) int {
		return cmp.Or(a.Drop.LastModified.Compare(b.Drop.LastModified), cmp.Compare(a.RunID, b.RunID))
	})
	return recs, nil
}

// beginAgain finds the drops whose runs have a marker and no record.
func (h Reconcile) beginAgain(ctx context.Context, ids []string) error {
	for drop, err := range h.Ledger.Drops(ctx) {
		if err != nil {
			return err
		}
		if slices.Contains(ids, drop.RunID) {
			if err := begin(ctx, h.Ledger, h.Jobs, drop, "reconcile"); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveOn looks at one open run and takes the steps that run.Reconcile asks for. It
// returns the time of the run's newest result.
func (h Reconcile) moveOn(ctx context.Context, rec run.Record, older time.Time) (time.Time, error) {
	found, err := h.look(ctx, rec, older)
	if err != nil {
		return found.Result, err
	}
	for _, step := range run.Reconcile(found) {
		if err := h.take(ctx, rec, step); err != nil {
			return found.Result, err
		}
	}
	return found.Result, nil
}

func (h Reconcile) take(ctx context.Context, rec run.Record, s run.Step) error {
	log := h.Log.With("run_id", run.Short(rec.RunID), "phase", s.Phase)
	switch s.Kind {
	case run.StepSubmitETL:
		log.InfoContext(ctx, "submitting the etl again")
		return submit(ctx, h.Ledger, h.Jobs, rec)
	case run.StepFail:
		log.ErrorContext(ctx, "run failed", "reason", s.Reason)
		return h.fail(ctx, rec, s)
	case run.StepSend:
		log.WarnContext(ctx, "resending", "attempt", s.Attempt, "units", len(s.Units))
		return h.resend(ctx, rec, s)
	default:
		return h.Ledger.Close(ctx, rec.RunID)
	}
}

func (h Reconcile) fail(ctx context.Context, rec run.Record, s run.Step) error {
	var units []string
	for _, u := range s.Units {
		units = append(units, run.UnitName(u))
	}
	return h.Ledger.Fail(ctx, run.Failed{
		RunID: rec.RunID, Reason: s.Reason, Message: s.Message, Phase: s.Phase,
		Function: "reconcile", WayOut: h.WayOut(s.Reason), Units: units,
	})
}

// resend raises the attempt first, so that no two ticks send under the same ids.
func (h Reconcile) resend(ctx context.Context, rec run.Record, s run.Step) error {
	_, err := h.Ledger.UpdateState(ctx, rec.RunID, s.State.Units, func(now *run.State) error {
		if now.Attempts[s.Phase] >= s.Attempt {
			return errOvertaken
		}
		now.Attempts, now.Resent = s.State.Attempts, s.State.Resent
		if s.State.Units > 0 {
			now.Units, now.Done = s.State.Units, s.State.Done
		}
		return nil
	})
	if errors.Is(err, errOvertaken) {
		return nil // another tick has just done it
	}
	if err != nil {
		return err
	}
	if s.Phase == run.PhaseTrain {
		return h.Plans.sendUnits(ctx, rec, s.Units, s.Attempt)
	}
	return sendRun(ctx, h.Sender, s.Phase, rec.RunID, s.Attempt)
}

var errOvertaken = errors.New("overtaken by another tick")
