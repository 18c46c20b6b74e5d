package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// PublishRun turns the units of a run into its products, writes the terminal record and
// announces it.
type PublishRun struct {
	Ledger    ledger.Ledger
	Publisher Publisher         // nil where no custom topic is configured
	Trainer   *training.Trainer // for the past of the series that the report draws
	Now       Clock
	Log       *slog.Logger
}

// Handle publishes one run. Products that are there already are kept; _complete.json
// comes after all of them, the announcement after it.
func (h PublishRun) Handle(ctx context.Context, body []byte) error {
	m, err := event.DecodeRun(body)
	if err != nil {
		return err
	}
	rec, err := knownRun(ctx, h.Ledger, m.RunID)
	if err != nil {
		return err
	}
	complete, err := h.Ledger.Completed(ctx, rec.RunID)
	if err != nil {
		return err
	}
	if complete == nil {
		if complete, err = h.produce(ctx, rec); err != nil || complete == nil {
			return err
		}
	}
	return h.announce(ctx, rec, *complete)
}

// produce writes the products and the terminal record. It returns nil if units are
// missing after all; the state then says so and reconcile resends them.
func (h PublishRun) produce(ctx context.Context, rec run.Record) (*run.Complete, error) {
	plan, _, err := h.Ledger.Plan(ctx, rec.RunID)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		return nil, event.Permanent(training.ReasonUnknownRun, fmt.Errorf("run %s has no plan to publish", run.Short(rec.RunID)))
	}
	state, err := h.Ledger.UpdateState(ctx, rec.RunID, plan.Units, func(s *run.State) error {
		_, err := h.Ledger.Recount(ctx, rec.RunID, plan.Units, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	if missing := state.Done.Missing(plan.Units); len(missing) > 0 {
		h.Log.WarnContext(ctx, "units are missing", "run_id", run.Short(rec.RunID), "units", len(missing))
		return nil, nil
	}
	sum, err := products.Summarise(ctx, h.Ledger.Store, rec.RunID, plan.Units)
	if errors.Is(err, products.ErrCorrupt) {
		return nil, h.discardCorrupt(ctx, rec.RunID, *plan)
	}
	if err != nil {
		return nil, err
	}
	return h.complete(ctx, rec, *plan, sum)
}

// discardCorrupt deletes units that a crash left unreadable, so that they count as
// missing and are trained again.
func (h PublishRun) discardCorrupt(ctx context.Context, id string, plan run.Plan) error {
	places, err := products.Corrupt(ctx, h.Ledger.Store, id, plan.Units)
	for _, place := range places {
		h.Log.WarnContext(ctx, "deleting an unreadable unit", "run_id", run.Short(id), "place", place)
		err = errors.Join(err, h.Ledger.Store.Delete(ctx, place))
	}
	return errors.Join(err, fmt.Errorf("run %s: %d unreadable units were deleted and will be trained again", run.Short(id), len(places)))
}

func (h PublishRun) complete(ctx context.Context, rec run.Record, plan run.Plan, sum *products.Summary) (*run.Complete, error) {
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return nil, err
	}
	times, err := h.Ledger.Timings(ctx, rec, h.Now())
	if err != nil {
		return nil, err
	}
	var files []run.File
	if sum.ForecastRows <= products.MaxPublishedCSVRows {
		csv, err := h.write(ctx, rec.RunID, "forecasts.csv", sum.ForecastRows, func(w io.Writer) error {
			return products.WriteCSV(ctx, h.Ledger.Store, sum.Order, rec.RunID, w)
		})
		if err != nil {
			return nil, err
		}
		files = append(files, csv)
	}
	c, err := products.Complete(rec, m, plan, sum, times, files...)
	if err != nil {
		return nil, err
	}
	report, err := h.write(ctx, rec.RunID, "report.html", 0, func(w io.Writer) error {
		return h.report(ctx, w, rec, m, c, sum)
	})
	if err != nil {
		return nil, err
	}
	c.Files = append(c.Files, report)
	if err := h.Ledger.Complete(ctx, c); err != nil {
		return nil, err
	}
	h.Log.InfoContext(ctx, "run complete", "run_id", run.Short(rec.RunID), "series", c.Series.Total, "digest", c.Digest)
	return h.Ledger.Completed(ctx, rec.RunID)
}

// write streams one product into its place, overwriting what an interrupted attempt left.
func (h PublishRun) write(ctx context.Context, id, name string, rows int64, fill func(io.Writer) error) (run.File, error) {
	r, w := io.Pipe()
	sum := sha256.New()
	size := counter{}
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		_ = w.CloseWithError(fill(io.MultiWriter(w, sum, &size))) // the reader gets the error
	}()
	_, err := h.Ledger.Store.Put(ctx, run.Dir(id)+name, r, blobstore.Condition{})
	_ = r.Close()
	<-filled
	if err != nil {
		return run.File{}, fmt.Errorf("write %s of run %s: %w", name, run.Short(id), err)
	}
	return run.File{Path: name, Rows: rows, Bytes: size.n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// announce does what follows the terminal record: the feed's latest forecasts, the
// event, and the end of the open marker.
func (h PublishRun) announce(ctx context.Context, rec run.Record, c run.Complete) error {
	err := h.Ledger.MoveLatest(ctx, rec.Drop.Feed, run.Latest{
		RunID: rec.RunID, Origin: c.Origin, LastModified: rec.Drop.LastModified, Ordinal: rec.Ordinal,
	})
	if err != nil {
		return err
	}
	if h.Publisher != nil {
		if err := h.Publisher.Publish(ctx, rec.RunID+"/published", c.Announcement()); err != nil {
			return fmt.Errorf("announce run %s: %w", run.Short(rec.RunID), err)
		}
	}
	return h.Ledger.Close(ctx, rec.RunID)
}
