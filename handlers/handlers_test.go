package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// bench is a pipeline without transport: what is sent and submitted is kept.
type bench struct {
	t      *testing.T
	ledger ledger.Ledger
	sent   []event.Message
	tokens []string // of submitted jobs
	job    run.Job
	refuse error // of the jobs service
	now    time.Time
	log    *slog.Logger
}

func newBench(t *testing.T) *bench {
	t.Helper()
	store, err := dirblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		t: t, ledger: ledger.Ledger{Store: store, Version: "test"}, job: run.Job{State: run.JobRunning},
		now: time.Now().Add(5 * time.Second), log: slog.New(slog.DiscardHandler),
	}
}

func (b *bench) Send(_ context.Context, queue string, messages iter.Seq[event.Message]) error {
	for m := range messages {
		if m.Function != queue {
			b.t.Errorf("message of %s sent to %s", m.Function, queue)
		}
		b.sent = append(b.sent, m)
	}
	return nil
}

func (b *bench) Submit(_ context.Context, etlID, dropPlace string) (int64, error) {
	if b.refuse != nil {
		return 0, b.refuse
	}
	var rec run.DropRecord
	if _, err := run.Read(b.t.Context(), b.ledger.Store, dropPlace, &rec); err != nil {
		b.t.Errorf("job submitted before its drop record: %v", err)
	}
	b.tokens = append(b.tokens, etlID)
	return int64(len(b.tokens)), nil
}

func (b *bench) Status(context.Context, int64) (run.Job, error) { return b.job, b.refuse }

func (b *bench) put(place, body string) string {
	b.t.Helper()
	info, err := b.ledger.Store.Put(b.t.Context(), place, strings.NewReader(body), blobstore.Condition{})
	if err != nil {
		b.t.Fatal(err)
	}
	return info.ETag
}

// drop puts a file and returns its BlobCreated event.
func (b *bench) drop(blob string) json.RawMessage {
	b.t.Helper()
	etag := b.put("raw-data/"+blob, "date,sku,units\n")
	return json.RawMessage(fmt.Sprintf(`{"specversion":"1.0","id":"e","source":"/s","type":%q,"subject":%q,"data":{"api":"PutBlob","eTag":%q}}`,
		event.BlobCreatedType, "/blobServices/default/containers/raw-data/blobs/"+blob, etag))
}

func (b *bench) submitETL() handlers.SubmitETL {
	return handlers.SubmitETL{Ledger: b.ledger, Jobs: b, Log: b.log}
}

func (b *bench) finishRun() handlers.FinishRun {
	return handlers.FinishRun{Ledger: b.ledger, Sender: b, Log: b.log}
}

func (b *bench) reconcile() handlers.Reconcile {
	return handlers.Reconcile{
		Ledger: b.ledger, Jobs: b, Sender: b, Plans: handlers.PlanTraining{Ledger: b.ledger, Sender: b, Log: b.log},
		WayOut: func(string) string { return "do something" }, ResendAfter: time.Minute, DropRest: time.Second, DropWindow: 24 * time.Hour,
		Now: func() time.Time { return b.now }, Log: b.log,
	}
}

func (b *bench) tick() {
	b.t.Helper()
	if err := b.reconcile().Handle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// only returns the single run there is.
func (b *bench) only() ledger.View {
	b.t.Helper()
	views, err := b.ledger.Views(b.t.Context(), 0)
	if err != nil || len(views) != 1 {
		b.t.Fatalf("%d runs (%v), want 1", len(views), err)
	}
	return views[0]
}

func (b *bench) ids() []string {
	ids := []string{}
	for _, m := range b.sent {
		_, after, _ := strings.Cut(m.ID, "/")
		ids = append(ids, m.Function+" "+after)
	}
	return ids
}

func TestSubmitETLOfOneDropIsOneRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.drop("incoming/a.csv")
	for range 3 {
		if err := b.submitETL().Handle(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	b.tick() // the event and reconcile claim the same
	if v := b.only(); v.Status != ledger.StatusRunning || len(b.tokens) != 1 {
		t.Errorf("run %+v, %d jobs", v, len(b.tokens))
	}
}

func TestSubmitETLIgnoresSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, blob := range []string{"incoming/_feed.json", "incoming/a.csv.options.json"} {
		if err := b.submitETL().Handle(t.Context(), b.drop(blob)); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.tokens) != 0 {
		t.Error("a settings file became a run")
	}
}

func TestSubmitETLRefusesForeignEvents(t *testing.T) {
	t.Parallel()
	good := string(newBench(t).drop("incoming/a.csv"))
	for name, raw := range map[string]string{
		"container": strings.ReplaceAll(good, "raw-data", "other"),
		"schema":    strings.Replace(good, `"specversion":"1.0",`, "", 1),
		"malformed": good[:20],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := b.submitETL().Handle(t.Context(), json.RawMessage(raw)); !event.IsPermanent(err) {
				t.Errorf("error %v, want a permanent one", err)
			}
			refused, err := handlers.API{Ledger: b.ledger}.Refused(t.Context())
			if err != nil || len(refused) != 1 || refused[0].Reason != event.ReasonInvalidEvent {
				t.Errorf("refused %+v (%v)", refused, err)
			}
		})
	}
}

func TestDropThatCannotBeProcessedFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.drop("incoming/a.csv")
	if err := b.ledger.Store.Delete(t.Context(), "raw-data/incoming/a.csv"); err != nil {
		t.Fatal(err)
	}
	if err := b.submitETL().Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if v := b.only(); v.Status != ledger.StatusFailed || v.Failed.Reason != ledger.ReasonSourceGone || len(b.tokens) != 0 {
		t.Errorf("run %+v, %d jobs", v, len(b.tokens))
	}
}

func TestReconcileClaimsWhatNoEventNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.drop("incoming/a.csv")
	then := b.now
	b.now = time.Now()
	b.tick()
	if views, err := b.ledger.Views(t.Context(), 0); err != nil || len(views) != 0 {
		t.Errorf("a file that may still be growing was claimed: %+v (%v)", views, err)
	}
	b.now = then
	b.refuse = errors.New("jobs service is down")
	if err := b.reconcile().Handle(t.Context()); err == nil {
		t.Error("the failed submission was not reported")
	}
	b.refuse = nil
	b.tick()
	b.tick()
	if v := b.only(); v.Status != ledger.StatusRunning || len(b.tokens) != 1 {
		t.Errorf("run %+v, %d jobs", v, len(b.tokens))
	}
}

func TestReconcileOfJobs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.submitETL().Handle(t.Context(), b.drop("incoming/a.csv")); err != nil {
		t.Fatal(err)
	}
	b.job = run.Job{State: run.JobUnknown}
	b.tick()
	if len(b.tokens) != 2 || b.tokens[0] != b.tokens[1] {
		t.Errorf("tokens %v, want the same one twice", b.tokens)
	}
	b.job = run.Job{State: run.JobFailed, Reason: "missing_column", Message: "no SKU"}
	b.tick()
	if v := b.only(); v.Status != ledger.StatusFailed || v.Failed.Reason != "missing_column" || v.Failed.WayOut == "" {
		t.Errorf("run %+v", v)
	}
	b.tick()
	if open, err := b.ledger.Open(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open runs %v (%v)", open, err)
	}
}

func TestReconcileResendsALostManifestEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.submitETL().Handle(t.Context(), b.drop("incoming/a.csv")); err != nil {
		t.Fatal(err)
	}
	rec, err := b.ledger.Run(t.Context(), b.only().RunID)
	if err != nil {
		t.Fatal(err)
	}
	b.put(run.ManifestPlace(rec.ETLID), `{"v":1,"origin":"2026-01-01","source":{"last_modified":"2026-01-01T00:00:00Z"}}`)
	b.tick()
	if len(b.sent) != 0 {
		t.Errorf("sent %v while the event may still come", b.ids())
	}
	b.now = b.now.Add(2 * time.Minute)
	b.tick()
	b.tick()
	if want := []string{"plan-training plan~1"}; !slices.Equal(b.ids(), want) {
		t.Errorf("sent %v, want %v", b.ids(), want)
	}
}

// planned makes a run that waits for units.
func (b *bench) planned(units int) string {
	b.t.Helper()
	if err := b.submitETL().Handle(b.t.Context(), b.drop("incoming/a.csv")); err != nil {
		b.t.Fatal(err)
	}
	id := b.only().RunID
	if _, err := b.ledger.PutPlan(b.t.Context(), run.Plan{V: run.Version, RunID: id, Units: units}); err != nil {
		b.t.Fatal(err)
	}
	return id
}

func finish(id string, unit int) []byte {
	return event.Encode(event.FinishMessage{V: event.Version, RunID: id, Unit: run.UnitName(unit)})
}

func TestFinishRunPublishesWhenAllAreIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.planned(3)
	for _, batch := range [][][]byte{{finish(id, 2), finish(id, 0), finish(id, 2)}, {finish(id, 0)}} {
		if err := b.finishRun().Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.sent) != 0 {
		t.Fatalf("sent %v with a unit missing", b.ids())
	}
	if err := b.finishRun().Handle(t.Context(), [][]byte{finish(id, 1)}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"publish-run publish"}; !slices.Equal(b.ids(), want) {
		t.Errorf("sent %v, want %v", b.ids(), want)
	}
}

func TestFinishRunRefusesWhatIsNotOfTheRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.planned(3)
	for name, body := range map[string][]byte{
		"a unit beyond the plan": finish(id, 3),
		"a unit in the padding":  finish(id, 7),
		"an unknown run":         finish(strings.Repeat("0", 64), 0),
		"no message at all":      []byte("hello"),
	} {
		if err := b.finishRun().Handle(t.Context(), [][]byte{body}); !event.IsPermanent(err) {
			t.Errorf("%s: error %v, want a permanent one", name, err)
		}
	}
	if len(b.sent) != 0 {
		t.Errorf("sent %v", b.ids())
	}
}

func TestMessagesForUnknownRunsArePermanentlyRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	unknown := event.Encode(event.RunMessage{V: event.Version, RunID: strings.Repeat("0", 64)})
	plans := handlers.PlanTraining{Ledger: b.ledger, Sender: b, Log: b.log}
	publish := handlers.PublishRun{Ledger: b.ledger, Now: func() time.Time { return b.now }, Log: b.log}
	for name, err := range map[string]error{
		"plan-training": plans.Handle(t.Context(), unknown), "publish-run": publish.Handle(t.Context(), unknown),
	} {
		if event.ReasonOf(err) != training.ReasonUnknownRun {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAPIFindsNothingPolitely(t *testing.T) {
	t.Parallel()
	api := handlers.API{Ledger: newBench(t).ledger}
	if _, err := api.Forecast(t.Context(), "shop", "a", ""); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("forecast: %v", err)
	}
	if _, err := api.Run(t.Context(), "abcdef"); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("run: %v", err)
	}
}
