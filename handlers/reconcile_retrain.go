package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// startDue starts a run on the newest completed ETL of every feed whose retraining
// schedule has come due since.
func (h Reconcile) startDue(ctx context.Context) error {
	var errs []error
	for info, err := range h.Ledger.Store.List(ctx, run.LatestDir) {
		if err != nil {
			return err
		}
		feed, ok := strings.CutSuffix(strings.TrimPrefix(info.Name, run.LatestDir), ".json")
		if !ok {
			continue
		}
		if err := h.retrain(ctx, feed); err != nil {
			errs = append(errs, fmt.Errorf("retraining of feed %s: %w", feed, err))
		}
	}
	return errors.Join(errs...)
}

func (h Reconcile) retrain(ctx context.Context, feed string) error {
	opts, err := h.Ledger.FeedOptions(ctx, feed)
	if errors.Is(err, blobstore.ErrNotFound) || err == nil && opts.Retrain == "" {
		return nil
	}
	if err != nil {
		return err
	}
	var latest run.Latest
	if _, err := run.Read(ctx, h.Ledger.Store, run.LatestPlace(feed), &latest); err != nil {
		return err
	}
	due, ok := run.RetrainDue(opts.Retrain, h.Now(), retail.DateOf(latest.LastModified))
	if !ok {
		return nil
	}
	base, err := h.Ledger.Run(ctx, latest.RunID)
	if err != nil {
		return err
	}
	reason := run.ReasonSchedule(due.String())
	id := run.ID(base.ETLID, base.Options.Run(), reason)
	if claimed, err := h.Ledger.Exists(ctx, run.RunPlace(id)); claimed || err != nil {
		return err
	}
	earlier, _, err := h.Ledger.RunsOfDrop(ctx, base.Drop)
	if err != nil {
		return err
	}
	drop := base.Drop
	drop.ETLID = base.ETLID // of a later attempt, where the first one failed
	if _, _, err := h.Ledger.Start(ctx, drop, reason, len(earlier)); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "retraining", "feed", feed, "due", due.String(), "run_id", run.Short(id))
	return sendRun(ctx, h.Sender, run.PhasePlan, id, 0)
}
