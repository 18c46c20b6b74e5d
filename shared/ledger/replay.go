package ledger

import (
	"bytes"
	"context"
	"errors"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// RunsOfDrop lists the runs of every ETL of a drop, and how many ETLs there have been.
func (l Ledger) RunsOfDrop(ctx context.Context, d run.DropRecord) (ids []string, etls int, err error) {
	for {
		runs, err := l.RunsOf(ctx, run.ETLID(d.Drop(), d.Options.ETL(), etls))
		if err != nil || len(runs) == 0 && etls > 0 {
			return ids, etls, err
		}
		ids = append(ids, runs...)
		etls++
	}
}

// ClaimReplay claims a new run that does base again, on the output of the ETL etlID. The
// record is the claim: of two that ask at once, each gets a run of its own. Nobody sees
// the run before Announce.
func (l Ledger) ClaimReplay(ctx context.Context, base run.Record, etlID string, attempt int) (run.Record, error) {
	runs, _, err := l.RunsOfDrop(ctx, base.Drop)
	if err != nil {
		return run.Record{}, err
	}
	for n := len(runs); ; n++ {
		rec := base
		rec.Reason, rec.Ordinal, rec.CodeVersion = run.ReasonReplay(n), n, l.Version
		rec.ETLID, rec.ETLAttempt, rec.ReplayOf = etlID, attempt, base.RunID
		rec.RunID = run.ID(etlID, rec.Options.Run(), rec.Reason)
		_, err := l.Store.Put(ctx, run.RunPlace(rec.RunID), bytes.NewReader(run.Canonical(rec)), blobstore.Once)
		if !errors.Is(err, blobstore.ErrExists) {
			return rec, err
		}
	}
}

// Announce makes a claimed run one that reconcile moves on and people see.
func (l Ledger) Announce(ctx context.Context, rec run.Record) error {
	if err := l.mark(ctx, run.OpenMarker(rec.RunID)); err != nil {
		return err
	}
	return l.mark(ctx, run.ETLRun(rec.ETLID, rec.RunID))
}
