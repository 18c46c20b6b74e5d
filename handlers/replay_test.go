package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

func (b *bench) replay() handlers.Replay {
	return handlers.Replay{
		Ledger: b.ledger, Jobs: b, Sender: b, Plans: handlers.PlanTraining{Ledger: b.ledger, Sender: b, Log: b.log}, Log: b.log,
	}
}

// failedDrop is a drop whose ETL has failed.
func (b *bench) failedDrop(blob string) ledger.View {
	b.t.Helper()
	if err := b.submitETL().Handle(b.t.Context(), b.drop(blob)); err != nil {
		b.t.Fatal(err)
	}
	b.job = run.Job{State: run.JobFailed, Reason: "missing_column", Message: "no date"}
	b.tick()
	b.job = run.Job{State: run.JobRunning}
	return b.only()
}

func TestReplayOfAFailedETLReadsTheFileAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.failedDrop("incoming/a.csv")
	for n := 1; n <= 2; n++ {
		w, err := b.replay().Look(t.Context(), base.RunID, handlers.Scope{})
		if err != nil || !w.ReadETL || w.Attempt != n {
			t.Fatalf("work %+v (%v), want attempt %d of the ETL", w, err, n)
		}
		rec, err := b.replay().Start(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Reason != run.ReasonReplay(n) || rec.ReplayOf != base.RunID || rec.Ordinal != n || rec.ETLAttempt != n {
			t.Errorf("record %+v of replay %d", rec, n)
		}
		if len(b.tokens) != n+1 || slices.Contains(b.tokens[:n], b.tokens[n]) || b.tokens[n] != rec.ETLID {
			t.Errorf("jobs %q, want a token of its own", b.tokens)
		}
		b.job = run.Job{State: run.JobFailed, Reason: "missing_column", Message: "still no date"}
		b.tick()
		b.job = run.Job{State: run.JobRunning}
		v, err := b.ledger.View(t.Context(), rec.RunID)
		if err != nil || v.Status != ledger.StatusFailed || v.ReplayOf != base.RunID {
			t.Errorf("run %+v (%v), want failed", v, err)
		}
	}
	if views, err := b.ledger.Views(t.Context(), 0); err != nil || len(views) != 3 {
		t.Errorf("%d runs are listed (%v), want 3", len(views), err)
	}
}

func TestReplayRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(b *bench, base ledger.View)
		scope  handlers.Scope
		want   error
	}{
		"a changed file": {func(b *bench, _ ledger.View) { b.put("raw-data/incoming/a.csv", "other\n") }, handlers.Scope{}, handlers.ErrSourceChanged},
		"a deleted file": {func(b *bench, _ ledger.View) {
			if err := b.ledger.Store.Delete(b.t.Context(), "raw-data/incoming/a.csv"); err != nil {
				b.t.Fatal(err)
			}
		}, handlers.Scope{}, handlers.ErrSourceChanged},
		"SKUs of a file that was never read": {nil, handlers.Scope{SKUs: []retail.SKU{"x"}}, handlers.ErrNoUnits},
		"what failed of a complete run": {func(b *bench, base ledger.View) {
			if err := b.ledger.Complete(b.t.Context(), run.Complete{V: run.Version, RunID: base.RunID}); err != nil {
				b.t.Fatal(err)
			}
		}, handlers.Scope{Failed: true}, handlers.ErrNothingFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			base := b.failedDrop("incoming/a.csv")
			if c.change != nil {
				c.change(b, base)
			}
			if _, err := b.replay().Look(t.Context(), base.RunID, c.scope); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if len(b.tokens) != 1 {
				t.Error("looking has submitted a job")
			}
		})
	}
}

func TestReplayRefusesARunThatHasNotEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.submitETL().Handle(t.Context(), b.drop("incoming/a.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.replay().Look(t.Context(), b.only().RunID, handlers.Scope{}); !errors.Is(err, handlers.ErrRunning) {
		t.Errorf("error %v", err)
	}
}

func TestReplaysAtOnceGetRunsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.failedDrop("incoming/a.csv")
	rec, err := b.ledger.Run(t.Context(), base.RunID)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	ids := map[string]bool{}
	for range 8 {
		all.Go(func() {
			r, err := b.ledger.ClaimReplay(t.Context(), rec, rec.ETLID, 0)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			ids[r.RunID+r.Reason] = true
			mu.Unlock()
		})
	}
	all.Wait()
	if len(ids) != 8 {
		t.Errorf("%d runs for 8 replays", len(ids))
	}
}

// cut is a store that dies at its n-th write, as a killed process does.
type cut struct {
	blobstore.Store
	left int
}

var errCut = errors.New("killed")

func (c *cut) Put(ctx context.Context, name string, r io.Reader, cond blobstore.Condition) (blobstore.Info, error) {
	if c.left == 0 {
		return blobstore.Info{}, errCut
	}
	c.left--
	return c.Store.Put(ctx, name, r, cond)
}

// Killed after any of its writes, a replay is either unknown to everybody, and the next
// one starts afresh, or reconcile goes on with it.
func TestReplayKilledAtEveryWrite(t *testing.T) {
	t.Parallel()
	for writes := range 5 {
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			base := b.failedDrop("incoming/a.csv")
			w, err := b.replay().Look(t.Context(), base.RunID, handlers.Scope{})
			if err != nil {
				t.Fatal(err)
			}
			h := b.replay()
			h.Ledger.Store = &cut{b.ledger.Store, writes}
			rec, err := h.Start(t.Context(), w)
			if finished := writes >= 4; finished != (err == nil) {
				t.Fatalf("start with %d writes: %v", writes, err)
			}
			b.tick()
			b.tick()
			open, err := b.ledger.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if announced := writes >= 2; announced != slices.Contains(open, rec.RunID) {
				t.Errorf("open runs %q after %d writes", open, writes)
			}
			if announced := writes >= 2; announced {
				if len(b.tokens) < 2 || strings.Count(strings.Join(b.tokens, " "), rec.ETLID) < 1 {
					t.Errorf("jobs %q: nobody reads the file of %s", b.tokens, rec.RunID)
				}
			}
			if _, err := b.replay().Look(t.Context(), base.RunID, handlers.Scope{}); err != nil {
				t.Errorf("the next replay: %v", err)
			}
		})
	}
}
