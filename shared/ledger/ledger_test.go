package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

func open(t *testing.T) ledger.Ledger {
	t.Helper()
	store, err := dirblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Ledger{Store: store, Version: "test"}
}

func put(t *testing.T, l ledger.Ledger, place, body string) string {
	t.Helper()
	info, err := l.Store.Put(t.Context(), place, strings.NewReader(body), blobstore.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return info.ETag
}

func claim(t *testing.T, l ledger.Ledger, blob, etag string) run.DropRecord {
	t.Helper()
	rec, err := l.Claim(t.Context(), blobstore.RawData, blob, etag, time.Unix(0, 0), "test")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestClaimFreezesOptions(t *testing.T) {
	t.Parallel()
	l := open(t)
	put(t, l, "raw-data/incoming/shop/_feed.json", `{"horizon":14,"freq":"W"}`)
	put(t, l, "raw-data/incoming/shop/a.csv.options.json", `{"horizon":7}`)
	etag := put(t, l, "raw-data/incoming/shop/a.csv", "x")
	first := claim(t, l, "incoming/shop/a.csv", etag)
	if first.Feed != "shop" || first.Options.Horizon != 7 || first.Options.Freq != "W" || first.Failed != nil {
		t.Errorf("claimed %+v", first)
	}
	put(t, l, "raw-data/incoming/shop/a.csv.options.json", `{"horizon":99}`)
	if again := claim(t, l, "incoming/shop/a.csv", etag); again.RunID != first.RunID || again.Options.Horizon != 7 {
		t.Errorf("a later delivery got %+v", again)
	}
}

func TestClaimOfTheVersionThatIsThere(t *testing.T) {
	t.Parallel()
	l := open(t)
	old := put(t, l, "raw-data/incoming/a.csv", "x")
	now := put(t, l, "raw-data/incoming/a.csv", "y")
	if rec := claim(t, l, "incoming/a.csv", old); rec.ETag != now {
		t.Errorf("claimed version %s, stored is %s", rec.ETag, now)
	}
}

func TestClaimOfWhatCannotBeProcessed(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, blob, body, options, reason string }{
		{"gone", "incoming/gone.csv", "", "", ledger.ReasonSourceGone},
		{"empty", "incoming/empty.csv", "", "", ledger.ReasonEmptyFile},
		{"options are not JSON", "incoming/a.csv", "x", `horizon: 3`, run.ReasonInvalidOptions},
		{"options out of range", "incoming/b.csv", "x", `{"horizon":-3}`, run.ReasonInvalidOptions},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			etag := "0x1"
			if c.name != "gone" {
				etag = put(t, l, "raw-data/"+c.blob, c.body)
			}
			if c.options != "" {
				put(t, l, "raw-data/"+c.blob+".options.json", c.options)
			}
			rec := claim(t, l, c.blob, etag)
			if rec.Failed == nil || rec.Failed.Reason != c.reason || rec.Failed.WayOut == "" {
				t.Errorf("failure %+v, want %s with a way out", rec.Failed, c.reason)
			}
		})
	}
}

func TestConcurrentClaimsAgree(t *testing.T) {
	t.Parallel()
	l := open(t)
	etag := put(t, l, "raw-data/incoming/a.csv", "x")
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			put(t, l, "raw-data/incoming/a.csv.options.json", fmt.Sprintf(`{"horizon":%d}`, i+1))
			ids[i] = claim(t, l, "incoming/a.csv", etag).RunID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("claims disagree: %v", ids)
		}
	}
}

func started(t *testing.T, l ledger.Ledger) run.Record {
	t.Helper()
	rec, isOpen, err := l.Start(t.Context(), claim(t, l, "incoming/a.csv", put(t, l, "raw-data/incoming/a.csv", "x")), run.ReasonDrop, 0)
	if err != nil || !isOpen {
		t.Fatalf("start: open %t, %v", isOpen, err)
	}
	return rec
}

func TestStateCountsEveryUnitOnce(t *testing.T) {
	t.Parallel()
	l := open(t)
	rec := started(t, l)
	const units = 40
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for u := w; u < units; u += 2 { // every unit twice
				_, err := l.UpdateState(t.Context(), rec.RunID, units, func(s *run.State) error { return s.Finish(u) })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s, _, ok, err := l.State(t.Context(), rec.RunID)
	if err != nil || !ok || !s.AllDone() || s.Done.Count() != units {
		t.Errorf("state %+v (%v)", s, err)
	}
}

func TestStateStartsFromTheListing(t *testing.T) {
	t.Parallel()
	l := open(t)
	rec := started(t, l)
	put(t, l, run.SeriesPlace(rec.RunID, run.UnitName(2)), "x")
	s, err := l.UpdateState(t.Context(), rec.RunID, 3, func(s *run.State) error { return s.Finish(0) })
	if err != nil || s.Done.Has(1) || !s.Done.Has(2) || !s.Done.Has(0) {
		t.Errorf("state %+v (%v)", s, err)
	}
}

func TestContentIsClaimedOnce(t *testing.T) {
	t.Parallel()
	l := open(t)
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	holder := func(id string) string {
		h, err := l.ClaimContent(t.Context(), "key", id)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if holder(a) != a || holder(b) != a || holder(a) != a {
		t.Error("the first claim does not hold")
	}
	if err := l.Fail(t.Context(), run.Failed{RunID: a, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if holder(b) != b {
		t.Error("the claim of a failed run was not taken over")
	}
	if err := l.Complete(t.Context(), run.Complete{V: run.Version, RunID: b}); err != nil {
		t.Fatal(err)
	}
	if holder(a) != b {
		t.Error("the claim of a completed run was taken over")
	}
}

func TestLatestNeverMovesBack(t *testing.T) {
	t.Parallel()
	l := open(t)
	move := func(id string, origin int) {
		if err := l.MoveLatest(t.Context(), "shop", run.Latest{RunID: id, Origin: retail.Date(20000 + origin), LastModified: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	move("old", 1)
	move("new", 2)
	move("older", 0)
	var latest run.Latest
	if _, err := run.Read(t.Context(), l.Store, run.LatestPlace("shop"), &latest); err != nil || latest.RunID != "new" {
		t.Errorf("latest %+v (%v)", latest, err)
	}
}

func TestViewFollowsARun(t *testing.T) {
	t.Parallel()
	l := open(t)
	rec := started(t, l)
	view := func() ledger.View {
		v, err := l.View(t.Context(), rec.RunID)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := view(); v.Status != ledger.StatusRunning || v.Phase != run.PhaseETL {
		t.Errorf("after the claim: %+v", v)
	}
	put(t, l, run.ManifestPlace(rec.ETLID), `{"v":1}`)
	if v := view(); v.Phase != run.PhasePlan {
		t.Errorf("after the manifest: %+v", v)
	}
	if _, err := l.PutPlan(t.Context(), run.Plan{V: run.Version, RunID: rec.RunID, Units: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.UpdateState(t.Context(), rec.RunID, 2, func(s *run.State) error { return s.Finish(1) }); err != nil {
		t.Fatal(err)
	}
	if v := view(); v.Phase != run.PhaseTrain || v.UnitsDone != 1 || v.Units != 2 {
		t.Errorf("with one of two units: %+v", v)
	}
	if err := l.Fail(t.Context(), run.Failed{RunID: rec.RunID, Reason: "why", Phase: run.PhaseTrain}); err != nil {
		t.Fatal(err)
	}
	if v := view(); v.Status != ledger.StatusFailed || v.Failed.Reason != "why" {
		t.Errorf("after the failure: %+v", v)
	}
	if err := l.Complete(t.Context(), run.Complete{V: run.Version, RunID: rec.RunID}); err != nil {
		t.Fatal(err)
	}
	if v := view(); v.Status != ledger.StatusComplete {
		t.Errorf("completed after all: %+v", v)
	}
	if openRuns, err := l.Open(t.Context()); err != nil || len(openRuns) != 0 {
		t.Errorf("open runs %v (%v)", openRuns, err)
	}
	all, err := l.Views(t.Context(), 0)
	if err != nil || len(all) != 1 || all[0].RunID != rec.RunID {
		t.Errorf("views %+v (%v)", all, err)
	}
	for prefix, want := range map[string]error{rec.RunID[:6]: nil, "": blobstore.ErrNotFound, "ffffffffffffff": blobstore.ErrNotFound} {
		if _, err := l.Find(t.Context(), prefix); !errors.Is(err, want) {
			t.Errorf("find %q: %v", prefix, err)
		}
	}
}

func TestRefusedDeliveriesAreKept(t *testing.T) {
	t.Parallel()
	l := open(t)
	why := event.Permanent("why", errors.New("because"))
	for range 2 {
		if err := l.Refuse(t.Context(), "train-sku", "m1", []byte("body"), why); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for d, err := range l.DeadLetters(t.Context()) {
		n++
		if err != nil || d.Reason != "why" || string(d.Body) != "body" || d.Function != "train-sku" {
			t.Errorf("dead letter %+v (%v)", d, err)
		}
	}
	if n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
}
