// Package ledger keeps the records of runs in storage: claims, open markers, state and
// terminal records. Every write is a conditional put or a compare-and-swap under a name
// that follows from content, so that doing a step twice, or by two processes at once,
// leaves what doing it once leaves.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// Ledger reads and writes run records.
type Ledger struct {
	Store   blobstore.Store
	Version string // of the code, recorded in every run
}

// once puts a record unless it is there already; either way it is there afterwards.
func (l Ledger) once(ctx context.Context, place string, record any) error {
	_, err := l.Store.Put(ctx, place, bytes.NewReader(run.Canonical(record)), blobstore.Once)
	if errors.Is(err, blobstore.ErrExists) {
		return nil
	}
	return err
}

// mark puts an empty blob whose name is the information.
func (l Ledger) mark(ctx context.Context, place string) error {
	_, err := l.Store.Put(ctx, place, bytes.NewReader(nil), blobstore.Once)
	if errors.Is(err, blobstore.ErrExists) {
		return nil
	}
	return err
}

// Exists reports whether there is a blob at place.
func (l Ledger) Exists(ctx context.Context, place string) (bool, error) {
	_, err := l.Store.Head(ctx, place)
	if errors.Is(err, blobstore.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Start opens a run of a claimed drop: its marker, its record and its entry under the
// ETL, in this order, so that whatever exists is enough to go on from.
//
// A run that has ended is left as it is; open is then false.
func (l Ledger) Start(ctx context.Context, drop run.DropRecord, reason string, ordinal int) (rec run.Record, open bool, err error) {
	id := run.ID(drop.ETLID, drop.Options.Run(), reason)
	rec = run.Record{
		V: run.Version, RunID: id, ETLID: drop.ETLID, Reason: reason, Ordinal: ordinal,
		Drop: drop, Options: drop.Options, CodeVersion: l.Version,
	}
	ended, err := l.Ended(ctx, id)
	if err != nil || ended {
		return rec, false, err
	}
	if err := l.mark(ctx, run.OpenMarker(id)); err != nil {
		return rec, false, err
	}
	if err := l.once(ctx, run.RunPlace(id), rec); err != nil {
		return rec, false, err
	}
	return rec, true, l.mark(ctx, run.ETLRun(drop.ETLID, id))
}

// Run reads run.json.
func (l Ledger) Run(ctx context.Context, id string) (run.Record, error) {
	var rec run.Record
	_, err := run.Read(ctx, l.Store, run.RunPlace(id), &rec)
	return rec, err
}

// RunsOf lists the runs of an ETL.
func (l Ledger) RunsOf(ctx context.Context, etlID string) ([]string, error) {
	return l.ids(ctx, run.ETLRunsDir(etlID))
}

// Open lists the runs that have no terminal record yet.
func (l Ledger) Open(ctx context.Context) ([]string, error) { return l.ids(ctx, run.OpenDir) }

func (l Ledger) ids(ctx context.Context, dir string) ([]string, error) {
	var ids []string
	for info, err := range l.Store.List(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if id := path.Base(info.Name); run.IsID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Ended reports whether a run has a terminal record.
func (l Ledger) Ended(ctx context.Context, id string) (bool, error) {
	for _, place := range []string{run.CompletePlace(id), run.FailedPlace(id)} {
		if there, err := l.Exists(ctx, place); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// Fail writes _failed.json, the first one counts, and closes the run.
func (l Ledger) Fail(ctx context.Context, f run.Failed) error {
	f.V = run.Version
	if f.Units == nil {
		f.Units = []string{}
	}
	if err := l.once(ctx, run.FailedPlace(f.RunID), f); err != nil {
		return err
	}
	return l.Close(ctx, f.RunID)
}

// Close deletes the open marker of a run that has its terminal record.
func (l Ledger) Close(ctx context.Context, id string) error {
	return l.Store.Delete(ctx, run.OpenMarker(id))
}

// PutETL records which job run computes a run's ETL; a resubmission overwrites it.
func (l Ledger) PutETL(ctx context.Context, runID string, rec run.ETLRecord) error {
	rec.V = run.Version
	_, err := l.Store.Put(ctx, run.ETLPlace(runID), bytes.NewReader(run.Canonical(rec)), blobstore.Condition{})
	return err
}

// PutPlan records the plan; the first one counts and is returned.
func (l Ledger) PutPlan(ctx context.Context, p run.Plan) (run.Plan, error) {
	if err := l.once(ctx, run.PlanPlace(p.RunID), p); err != nil {
		return run.Plan{}, err
	}
	var stored run.Plan
	_, err := run.Read(ctx, l.Store, run.PlanPlace(p.RunID), &stored)
	return stored, err
}

// Plan reads plan.json; nil if there is none.
func (l Ledger) Plan(ctx context.Context, id string) (*run.Plan, time.Time, error) {
	var p run.Plan
	info, err := run.Read(ctx, l.Store, run.PlanPlace(id), &p)
	if errors.Is(err, blobstore.ErrNotFound) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return &p, info.LastModified, nil
}

// Recount replaces what s says is done by the listing of series/, which is the truth. It
// returns the time of the newest summary.
func (l Ledger) Recount(ctx context.Context, id string, units int, s *run.State) (newest time.Time, err error) {
	s.Units, s.Done = units, run.NewBitset(units)
	for info, err := range l.Store.List(ctx, run.SeriesDir(id)) {
		if err != nil {
			return time.Time{}, err
		}
		if n, ok := run.UnitOfSeries(info.Name); ok && n < units {
			if err := s.Finish(n); err != nil {
				return time.Time{}, err
			}
		}
		if info.LastModified.After(newest) {
			newest = info.LastModified
		}
	}
	return newest, nil
}

// Drops yields the claim records of all drops.
func (l Ledger) Drops(ctx context.Context) iter.Seq2[run.DropRecord, error] {
	return func(yield func(run.DropRecord, error) bool) {
		for info, err := range l.Store.List(ctx, blobstore.Forecasts+"/drops/") {
			if err != nil {
				yield(run.DropRecord{}, err)
				return
			}
			if !strings.HasSuffix(info.Name, ".json") {
				continue
			}
			var d run.DropRecord
			if _, err := run.Read(ctx, l.Store, info.Name, &d); err != nil {
				yield(run.DropRecord{}, fmt.Errorf("drop record: %w", err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
