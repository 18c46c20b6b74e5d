package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// look gathers what the blobs of one open run say, no more than the next step needs.
func (h Reconcile) look(ctx context.Context, rec run.Record, older time.Time) (run.Found, error) {
	f := run.Found{
		Now: h.Now(), ResendAfter: h.ResendAfter, BrokerSince: h.BrokerSince, OlderResult: older,
	}
	id := rec.RunID
	see := func(place string) (bool, error) {
		info, err := h.Ledger.Store.Head(ctx, place)
		if errors.Is(err, blobstore.ErrNotFound) {
			return false, nil
		}
		if info.LastModified.After(f.Result) {
			f.Result = info.LastModified
		}
		return err == nil, err
	}
	var err error
	if _, err = see(run.RunPlace(id)); err != nil {
		return f, err
	}
	if f.Failed, err = see(run.FailedPlace(id)); err != nil || f.Failed {
		return f, err
	}
	if f.Complete, err = see(run.CompletePlace(id)); err != nil {
		return f, err
	}
	var stateAt blobstore.Info
	if f.State, stateAt, _, err = h.Ledger.State(ctx, id); err != nil {
		return f, err
	}
	if f.HasManifest, err = h.lookETL(ctx, rec, &f, see); err != nil || !f.HasManifest || f.Complete {
		return f, err
	}
	if f.Waiting, err = h.lookContent(ctx, rec); err != nil || f.Waiting {
		return f, err
	}
	var planned time.Time
	if f.Plan, planned, err = h.Ledger.Plan(ctx, id); err != nil {
		return f, err
	}
	if f.Plan == nil {
		return f, h.lookPool(ctx, id, &f)
	}
	for _, t := range []time.Time{planned, stateAt.LastModified} {
		if t.After(f.Result) {
			f.Result = t
		}
	}
	if f.Now.Sub(f.Result) < f.ResendAfter && !f.Result.Before(f.BrokerSince) && !f.State.AllDone() {
		return f, nil // units came in lately: nothing to list for
	}
	counted, err := h.Ledger.Recount(ctx, id, f.Plan.Units, &f.State)
	if counted.After(f.Result) {
		f.Result = counted
	}
	return f, err
}

// lookPool counts the slices of a pool that is being made: planning a large run takes
// longer than a message may stay without any result.
func (h Reconcile) lookPool(ctx context.Context, id string, f *run.Found) error {
	for info, err := range h.Ledger.Store.List(ctx, run.PoolDir(id)) {
		if err != nil {
			return err
		}
		f.Slices++
		if info.LastModified.After(f.Result) {
			f.Result = info.LastModified
		}
	}
	return nil
}

// lookETL asks the jobs service first and looks for the manifest afterwards: a job that
// ends in between has then written it.
func (h Reconcile) lookETL(ctx context.Context, rec run.Record, f *run.Found, see func(string) (bool, error)) (bool, error) {
	place := run.ManifestPlace(rec.ETLID)
	if there, err := see(place); there || err != nil {
		return there, err
	}
	var etl run.ETLRecord
	_, err := run.Read(ctx, h.Ledger.Store, run.ETLPlace(rec.RunID), &etl)
	if errors.Is(err, blobstore.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.HasETL = true
	if f.Job, err = h.Jobs.Status(ctx, etl.JobRunID); err != nil {
		return false, err
	}
	return see(place)
}

// lookContent reports whether another run computes the same content. When that run has
// completed, this one completes with it; when it has failed, this one takes the claim.
func (h Reconcile) lookContent(ctx context.Context, rec run.Record) (waiting bool, err error) {
	if rec.Reason != run.ReasonDrop {
		return false, nil
	}
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return false, err
	}
	key := run.ContentKey(m.Source.SHA256, rec.Options, rec.CodeVersion)
	claimed, err := h.Ledger.Exists(ctx, run.ContentPlace(key))
	if err != nil || !claimed {
		return false, err
	}
	holder, err := h.Ledger.ClaimContent(ctx, key, rec.RunID)
	if err != nil || holder == rec.RunID {
		return false, err
	}
	return true, h.Plans.repeat(ctx, rec, m, holder)
}
