package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// Complete writes _complete.json; the first one counts.
func (l Ledger) Complete(ctx context.Context, c run.Complete) error {
	return l.once(ctx, run.CompletePlace(c.RunID), c)
}

// Completed reads _complete.json; nil if there is none.
func (l Ledger) Completed(ctx context.Context, id string) (*run.Complete, error) {
	var c run.Complete
	_, err := run.Read(ctx, l.Store, run.CompletePlace(id), &c)
	if errors.Is(err, blobstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// Failure reads _failed.json; nil if there is none.
func (l Ledger) Failure(ctx context.Context, id string) (*run.Failed, error) {
	var f run.Failed
	_, err := run.Read(ctx, l.Store, run.FailedPlace(id), &f)
	if errors.Is(err, blobstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// Timings tells how long each phase took, from the times of the records that end it.
// Work that was interrupted counts with the wait.
func (l Ledger) Timings(ctx context.Context, rec run.Record, now time.Time) (run.Timings, error) {
	var t run.Timings
	at := func(place string) (time.Time, error) {
		info, err := l.Store.Head(ctx, place)
		return info.LastModified, err
	}
	claimed, err := at(run.RunPlace(rec.RunID))
	if err != nil {
		return t, err
	}
	ready, err := at(run.ManifestPlace(rec.ETLID))
	if err != nil {
		return t, err
	}
	if ready.Before(claimed) { // a retraining on an earlier ETL
		ready = claimed
	}
	planned, err := at(run.PlanPlace(rec.RunID))
	if err != nil {
		return t, err
	}
	trained := planned
	for info, err := range l.Store.List(ctx, run.SeriesDir(rec.RunID)) {
		if err != nil {
			return t, err
		}
		trained = later(trained, info.LastModified)
	}
	seconds := func(from, to time.Time) float64 {
		return max(0, to.Sub(from).Round(time.Millisecond).Seconds())
	}
	return run.Timings{
		ETL: seconds(claimed, ready), Plan: seconds(ready, planned), Train: seconds(planned, trained),
		Publish: seconds(trained, now), Total: seconds(claimed, now),
	}, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
