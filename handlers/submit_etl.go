package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// SubmitETL claims a dropped file and submits its ETL. Event Grid allows thirty seconds
// and may not deliver again, so it does no more than that; reconcile claims what it missed.
type SubmitETL struct {
	Ledger ledger.Ledger
	Jobs   Jobs
	Log    *slog.Logger
}

// Handle takes one BlobCreated event of the raw-data container. The event says where to
// look; everything else is read from the blob.
func (h SubmitETL) Handle(ctx context.Context, raw json.RawMessage) error {
	e, err := event.DecodeBlobCreated(raw)
	if err == nil && e.Container != blobstore.RawData {
		err = event.Permanent(event.ReasonInvalidEvent,
			fmt.Errorf("event %.80q is about container %.80q; drops are made in %s", e.ID, e.Container, blobstore.RawData))
	}
	if event.IsPermanent(err) {
		if keep := h.Ledger.Refuse(ctx, "submit-etl", e.ID, raw, err); keep != nil {
			return keep
		}
		return err
	}
	if err != nil {
		return err
	}
	if _, isDrop := run.Feed(e.Blob); !isDrop {
		h.Log.InfoContext(ctx, "not a drop", "blob", e.Blob)
		return nil
	}
	drop, err := h.Ledger.Claim(ctx, e.Container, e.Blob, e.ETag, e.Time, "submit-etl")
	if err != nil {
		return fmt.Errorf("claim %s/%s: %w", e.Container, e.Blob, err)
	}
	h.Log.InfoContext(ctx, "drop claimed", "blob", drop.Blob, "run_id", run.Short(drop.RunID))
	return begin(ctx, h.Ledger, h.Jobs, drop, "submit-etl")
}
