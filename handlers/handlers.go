// Package handlers is what the functions do, one file per function: an event comes in,
// the domain is called, messages go out. No SDK, no transport and no maths are here.
//
// A handler assumes at-least-once delivery in any order: it repeats every step until the
// step's own record exists. Its error is the verdict: nil completes the delivery, an
// ordinary error has it delivered again, event.Permanent refuses it for good.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// Sender sends messages to a queue, in batches, as the sequence yields them.
type Sender interface {
	Send(ctx context.Context, queue string, messages iter.Seq[event.Message]) error
}

// Jobs submits ETLs, idempotently under the ETL's id, and says how they are doing.
type Jobs interface {
	Submit(ctx context.Context, etlID, dropPlace string) (jobRunID int64, err error)
	Status(ctx context.Context, jobRunID int64) (run.Job, error)
}

// Publisher sends an event to the custom topic.
type Publisher interface {
	Publish(ctx context.Context, id string, data json.RawMessage) error
}

// Clock tells the time; tests turn it.
type Clock func() time.Time

// one is the sequence of one message.
func one(m event.Message) iter.Seq[event.Message] {
	return func(yield func(event.Message) bool) { yield(m) }
}

// sendRun asks plan-training or publish-run, the phase, to move a run on.
func sendRun(ctx context.Context, s Sender, phase, id string, attempt int) error {
	what := map[string]string{run.PhasePlan: "plan", run.PhasePublish: "publish"}[phase]
	return s.Send(ctx, phase, one(run.Message(phase, id, what, attempt, event.RunMessage{V: event.Version, RunID: id})))
}

// knownRun reads the record of a message's run; a run that does not exist makes the
// message useless for good.
func knownRun(ctx context.Context, l ledger.Ledger, id string) (run.Record, error) {
	rec, err := l.Run(ctx, id)
	if errors.Is(err, blobstore.ErrNotFound) {
		return rec, event.Permanent(training.ReasonUnknownRun, fmt.Errorf("no run %s has been claimed", run.Short(id)))
	}
	return rec, err
}

// begin opens the run of a claimed drop and submits its ETL, or ends it at once if the
// drop cannot be processed.
func begin(ctx context.Context, l ledger.Ledger, jobs Jobs, drop run.DropRecord, function string) error {
	rec, open, err := l.Start(ctx, drop, run.ReasonDrop, 0)
	if err != nil || !open {
		return err
	}
	if f := drop.Failed; f != nil {
		return l.Fail(ctx, run.Failed{
			RunID: rec.RunID, Reason: f.Reason, Message: f.Message, WayOut: f.WayOut,
			Phase: run.PhaseETL, Function: function,
		})
	}
	if submitted, err := l.Exists(ctx, run.ETLPlace(rec.RunID)); submitted || err != nil {
		return err
	}
	return submit(ctx, l, jobs, rec)
}

// submit asks for the run's ETL under its token and records which job run it is.
func submit(ctx context.Context, l ledger.Ledger, jobs Jobs, rec run.Record) error {
	id, err := jobs.Submit(ctx, rec.ETLID, rec.Drop.Drop().Record())
	if err != nil {
		return fmt.Errorf("submit the etl of run %s: %w", run.Short(rec.RunID), err)
	}
	return l.PutETL(ctx, rec.RunID, run.ETLRecord{ETLID: rec.ETLID, JobRunID: id})
}
