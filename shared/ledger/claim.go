package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// Reasons of drops that cannot become a run with an ETL.
const (
	ReasonSourceGone = "source_gone"
	ReasonEmptyFile  = "empty_file"
)

// maxOptions bounds an options file, which people write by hand.
const maxOptions = 1 << 20

// Claim freezes a drop: its identity, its options and its ids. The first caller's record
// counts; every later one gets the same. A drop that cannot be processed is claimed too,
// with Failed saying why, so that it shows up as a failed run. seen is the time of the
// event, used only if the blob is gone already.
func (l Ledger) Claim(ctx context.Context, container, blob, etag string, seen time.Time, by string) (run.DropRecord, error) {
	drop := run.Drop{Container: container, Blob: blob, ETag: etag}
	info, err := l.Store.Head(ctx, drop.Place())
	gone := errors.Is(err, blobstore.ErrNotFound)
	if err != nil && !gone {
		return run.DropRecord{}, err
	}
	if !gone && info.ETag != etag {
		// Overwritten since the event: what counts is the version that can still be read.
		drop.ETag = info.ETag
	}
	if rec, found, err := l.claimed(ctx, drop); found || err != nil {
		return rec, err
	}
	rec := run.DropRecord{
		V: run.Version, Container: container, Blob: blob, ETag: drop.ETag,
		LastModified: info.LastModified.UTC(), Bytes: info.Size, ClaimedBy: by,
	}
	rec.Feed, _ = run.Feed(blob)
	switch {
	case gone:
		rec.LastModified = seen.UTC()
		rec.Failed = &run.Failure{
			Reason: ReasonSourceGone, Message: drop.Place() + " was deleted before it could be read",
			WayOut: "drop the file again and leave it in place until its run has ended",
		}
	case info.Size == 0:
		rec.Failed = &run.Failure{
			Reason: ReasonEmptyFile, Message: drop.Place() + " is empty (0 bytes)",
			WayOut: "drop a CSV with a header line and at least one row",
		}
	}
	if err := l.freezeOptions(ctx, drop, &rec); err != nil {
		return run.DropRecord{}, err
	}
	rec.ETLID = run.ETLID(drop, rec.Options.ETL(), 0)
	rec.RunID = run.ID(rec.ETLID, rec.Options.Run(), run.ReasonDrop)
	if err := l.once(ctx, drop.Record(), rec); err != nil {
		return run.DropRecord{}, err
	}
	stored, _, err := l.claimed(ctx, drop)
	return stored, err
}

// claimed reads a drop's record.
func (l Ledger) claimed(ctx context.Context, drop run.Drop) (run.DropRecord, bool, error) {
	var rec run.DropRecord
	_, err := run.Read(ctx, l.Store, drop.Record(), &rec)
	if errors.Is(err, blobstore.ErrNotFound) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

// freezeOptions merges the feed's and the file's options over the defaults. Options that
// cannot be used fail the drop, not the delivery.
func (l Ledger) freezeOptions(ctx context.Context, drop run.Drop, rec *run.DropRecord) error {
	for _, place := range []string{run.FeedOptions(rec.Feed), drop.FileOptions()} {
		layer, err := l.readSmall(ctx, place)
		if errors.Is(err, blobstore.ErrNotFound) || errors.Is(err, blobstore.ErrInvalidName) {
			continue // a name too long to have a sidecar has none
		}
		if err == nil {
			var merged run.Options
			if merged, err = rec.Options.Merge(place, layer); err == nil {
				rec.Options = merged
				continue
			}
		}
		if !event.IsPermanent(err) {
			return err
		}
		if rec.Failed == nil {
			rec.Failed = &run.Failure{
				Reason: event.ReasonOf(err), Message: err.Error(),
				WayOut: "correct " + place + ", then drop the file again",
			}
		}
	}
	return nil
}

// FeedOptions reads a feed's standing options; ErrNotFound if it has none.
func (l Ledger) FeedOptions(ctx context.Context, feed string) (run.Options, error) {
	place := run.FeedOptions(feed)
	b, err := l.readSmall(ctx, place)
	if err != nil {
		return run.Options{}, err
	}
	return run.Options{}.Merge(place, b)
}

func (l Ledger) readSmall(ctx context.Context, place string) ([]byte, error) {
	r, _, err := l.Store.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, maxOptions+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", place, err)
	}
	if len(b) > maxOptions {
		return nil, event.Permanent(run.ReasonInvalidOptions, fmt.Errorf("options in %s are larger than %d bytes", place, maxOptions))
	}
	return b, nil
}
