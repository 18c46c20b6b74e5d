package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// ClaimContent claims what a run computes. It returns the run that holds the claim: id
// itself, or one that computes the same. The claim of a run that failed is taken over.
func (l Ledger) ClaimContent(ctx context.Context, key, id string) (holder string, err error) {
	mine := run.Canonical(run.ContentClaim{V: run.Version, RunID: id})
	place := run.ContentPlace(key)
	for range maxSwaps {
		_, err := l.Store.Put(ctx, place, bytes.NewReader(mine), blobstore.Once)
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, blobstore.ErrExists) {
			return "", err
		}
		var claim run.ContentClaim
		info, err := run.Read(ctx, l.Store, place, &claim)
		if err != nil {
			return "", err
		}
		if claim.RunID == id {
			return id, nil
		}
		if free, err := l.failedOnly(ctx, claim.RunID); err != nil || !free {
			return claim.RunID, err
		}
		_, err = l.Store.Put(ctx, place, bytes.NewReader(mine), blobstore.Condition{IfMatch: info.ETag})
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, blobstore.ErrChanged) {
			return "", err
		}
	}
	return "", fmt.Errorf("content claim %s changed %d times in a row", run.Short(key), maxSwaps)
}

func (l Ledger) failedOnly(ctx context.Context, id string) (bool, error) {
	complete, err := l.Exists(ctx, run.CompletePlace(id))
	if err != nil || complete {
		return false, err
	}
	return l.Exists(ctx, run.FailedPlace(id))
}

// MoveLatest points a feed at its newest forecasts. It never moves backwards.
func (l Ledger) MoveLatest(ctx context.Context, feed string, to run.Latest) error {
	to.V = run.Version
	body := run.Canonical(to)
	for range maxSwaps {
		var now run.Latest
		cond := blobstore.Once
		info, err := run.Read(ctx, l.Store, run.LatestPlace(feed), &now)
		switch {
		case err == nil && !to.Newer(now):
			return nil
		case err == nil:
			cond = blobstore.Condition{IfMatch: info.ETag}
		case !errors.Is(err, blobstore.ErrNotFound):
			return err
		}
		_, err = l.Store.Put(ctx, run.LatestPlace(feed), bytes.NewReader(body), cond)
		if err == nil {
			return nil
		}
		if !errors.Is(err, blobstore.ErrChanged) && !errors.Is(err, blobstore.ErrExists) {
			return err
		}
	}
	return fmt.Errorf("latest of feed %s changed %d times in a row", feed, maxSwaps)
}
