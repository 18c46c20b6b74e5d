package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/training"
)

// PlanTraining turns a finished ETL into training messages, one per unit, for every run
// that waits for it.
type PlanTraining struct {
	Ledger  ledger.Ledger
	Sender  Sender
	Trainer *training.Trainer
	Log     *slog.Logger
}

// Handle takes the manifest's BlobCreated event as Event Grid wrote it into the queue, or
// a message that names one run.
func (h PlanTraining) Handle(ctx context.Context, body []byte) error {
	ids, err := h.runs(ctx, body)
	if err != nil {
		return err
	}
	for _, id := range ids {
		rec, err := knownRun(ctx, h.Ledger, id)
		if err != nil {
			return err
		}
		ended, err := h.Ledger.Ended(ctx, id)
		if err != nil {
			return err
		}
		if ended {
			continue
		}
		if err := h.plan(ctx, rec); err != nil {
			return fmt.Errorf("plan run %s: %w", run.Short(id), err)
		}
	}
	return nil
}

// runs lists the runs that a message is about.
func (h PlanTraining) runs(ctx context.Context, body []byte) ([]string, error) {
	var form struct {
		SpecVersion string `json:"specversion"`
	}
	if json.Unmarshal(body, &form) != nil || form.SpecVersion == "" {
		m, err := event.DecodeRun(body)
		return []string{m.RunID}, err
	}
	e, err := event.DecodeBlobCreated(body)
	if err != nil {
		return nil, err
	}
	etlID, ok := run.ETLOfManifest(e.Blob)
	if !ok || e.Container != blobstore.ProcessedData {
		return nil, event.Permanent(event.ReasonInvalidEvent,
			fmt.Errorf("event %.80q is about %s/%.200s, which is no ETL manifest", e.ID, e.Container, e.Blob))
	}
	return h.Ledger.RunsOf(ctx, etlID)
}

// plan does what has not been done yet of: content claim, pool, plan.json, messages.
func (h PlanTraining) plan(ctx context.Context, rec run.Record) error {
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return err
	}
	if rec.Reason == run.ReasonDrop {
		holder, err := h.Ledger.ClaimContent(ctx, run.ContentKey(m.Source.SHA256, rec.Options, rec.CodeVersion), rec.RunID)
		if err != nil {
			return err
		}
		if holder != rec.RunID {
			h.Log.InfoContext(ctx, "another run computes the same", "run_id", run.Short(rec.RunID), "holder", run.Short(holder))
			return h.repeat(ctx, rec, m, holder)
		}
	}
	stored, _, err := h.Ledger.Plan(ctx, rec.RunID)
	if err != nil {
		return err
	}
	if stored == nil {
		if stored, err = h.decide(ctx, rec, m); err != nil {
			return err
		}
	}
	h.Log.InfoContext(ctx, "sending units", "run_id", run.Short(rec.RunID), "units", stored.Units)
	if stored.Units == 0 {
		return sendRun(ctx, h.Sender, run.PhasePublish, rec.RunID, 0)
	}
	return h.sendUnits(ctx, rec, nil, 0)
}

// decide writes the pool and, when it is whole, plan.json.
func (h PlanTraining) decide(ctx context.Context, rec run.Record, m run.Manifest) (*run.Plan, error) {
	p := run.Plan{
		V: run.Version, RunID: rec.RunID, Series: m.Series, Packing: run.DefaultPacking,
		Horizon: training.Horizon(&m, rec.Options),
	}
	var err error
	if p.ChampionRunID, err = pin(ctx, h.Ledger, rec, &m); err != nil {
		return nil, err
	}
	sample, err := training.PoolSample(sales.Index(ctx, h.Ledger.Store, &m), p.Horizon)
	if err != nil {
		return nil, err
	}
	p.PoolSlices = training.Slices(len(sample))
	for k := range p.PoolSlices {
		if err := h.slice(ctx, rec, m, k, training.Slice(sample, k)); err != nil {
			return nil, err
		}
	}
	for _, err := range cut(ctx, h.Ledger.Store, &m, p.Packing, nil) {
		if err != nil {
			return nil, err
		}
		p.Units++
	}
	stored, err := h.Ledger.PutPlan(ctx, p)
	return &stored, err
}

// slice backtests one slice of the sample, unless an earlier attempt has.
func (h PlanTraining) slice(ctx context.Context, rec run.Record, m run.Manifest, k int, rows []sales.IndexRow) error {
	place := training.SlicePlace(rec.RunID, k)
	if there, err := h.Ledger.Exists(ctx, place); there || err != nil {
		return err
	}
	b, err := h.Trainer.BuildSlice(ctx, &m, rec.Options, rows)
	if err != nil {
		return err
	}
	_, err = h.Ledger.Store.Put(ctx, place, bytes.NewReader(b), blobstore.Once)
	if errors.Is(err, blobstore.ErrExists) {
		return nil
	}
	return err
}

// sendUnits sends the training messages of a planned run: those of units, which is in
// ascending order, or all if it is nil.
func (h PlanTraining) sendUnits(ctx context.Context, rec run.Record, units []int, attempt int) error {
	p, _, err := h.Ledger.Plan(ctx, rec.RunID)
	if err != nil || p == nil {
		return err
	}
	var m run.Manifest
	if _, err := run.Read(ctx, h.Ledger.Store, run.ManifestPlace(rec.ETLID), &m); err != nil {
		return err
	}
	champion, stop, err := followChampion(ctx, h.Ledger, p.ChampionRunID, m.Buckets)
	if err != nil {
		return err
	}
	defer stop()
	var broken error
	err = h.Sender.Send(ctx, event.QueueTrainSKU, func(yield func(event.Message) bool) {
		for u, err := range spans(ctx, h.Ledger.Store, &m, p.Packing) {
			if err != nil {
				broken = err
				return
			}
			if units != nil {
				if len(units) == 0 {
					return
				}
				if u.Ordinal != units[0] {
					continue
				}
				units = units[1:]
			}
			of, err := champion.of(u)
			if err != nil {
				broken = err
				return
			}
			if !yield(trainMessage(rec.RunID, u.Unit, of, attempt)) {
				return
			}
		}
	})
	return errors.Join(err, broken)
}

func trainMessage(runID string, u run.Unit, champion *event.UnitRange, attempt int) event.Message {
	name := run.UnitName(u.Ordinal)
	return run.Message(event.QueueTrainSKU, runID, name, attempt, event.TrainMessage{
		V: event.Version, RunID: runID, Unit: name, File: u.File, FirstRow: u.FirstRow, Rows: u.Rows,
		FirstSeries: u.FirstSeries, NSeries: u.NSeries, Champion: champion,
	})
}

// repeat completes a run with what the holder of its content has computed, if that run
// has completed.
func (h PlanTraining) repeat(ctx context.Context, rec run.Record, m run.Manifest, holder string) error {
	c, err := h.Ledger.Completed(ctx, holder)
	if err != nil || c == nil {
		return err
	}
	c.RunID, c.Feed, c.Source, c.DuplicateOf = rec.RunID, rec.Drop.Feed, m.Source, &holder
	c.Timings = run.Timings{}
	if err := h.Ledger.Complete(ctx, *c); err != nil {
		return err
	}
	return sendRun(ctx, h.Sender, run.PhasePublish, rec.RunID, 0)
}
