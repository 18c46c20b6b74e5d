package eventgrid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a destination that remembers what came and when, and fails as told.
type recorder struct {
	mu     sync.Mutex
	start  time.Time
	events []Event
	at     []time.Duration // since start
	fail   func(n int) error
}

func newRecorder() *recorder { return &recorder{start: time.Now()} }

func (r *recorder) deliver(_ context.Context, e Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.at = append(r.at, time.Since(r.start))
	if r.fail != nil {
		return r.fail(len(r.events))
	}
	return nil
}

func (r *recorder) blobs() []string {
	var names []string
	for _, e := range r.events {
		_, name, _ := strings.Cut(e.Subject, "/blobs/")
		names = append(names, name)
	}
	return names
}

func topic(t *testing.T, opt Options, subs ...Subscription) *SystemTopic {
	t.Helper()
	top, err := NewSystemTopic(t.Context(), "skucastlocal", subs, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(top.Close)
	return top
}

func raise(t *testing.T, top *SystemTopic, b BlobEvent) string {
	t.Helper()
	id, err := top.Raise(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func waitFor(t *testing.T, top *SystemTopic) {
	t.Helper()
	if err := top.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var errBusy = errors.New("busy")

func TestRetrySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.fail = func(n int) error {
			if n < 5 {
				return errBusy
			}
			return nil
		}
		top := topic(t, Options{}, Subscription{Name: "s", Destination: r.deliver})
		id := raise(t, top, BlobEvent{Container: "c", Blob: "b", ETag: "1"})
		waitFor(t, top)
		want := []time.Duration{0, 10 * time.Second, 40 * time.Second, 100 * time.Second, 400 * time.Second}
		if !slices.Equal(r.at, want) {
			t.Errorf("attempts at %v, want %v", r.at, want)
		}
		for _, e := range r.events {
			if e.ID != id || string(e.Raw) != string(r.events[0].Raw) {
				t.Errorf("a redelivery differs: %s", e.Raw)
			}
		}
	})
}

func TestDeadLetter(t *testing.T) {
	hour := func(int) time.Duration { return time.Hour }
	tests := []struct {
		name     string
		sub      Subscription
		backoff  func(int) time.Duration
		attempts int
		reason   string
	}{
		{"attempts", Subscription{MaxAttempts: 3}, hour, 3, ReasonMaxAttempts},
		{"age", Subscription{TTL: 4 * time.Hour}, hour, 4, ReasonTTL},
		{"default attempts", Subscription{}, func(int) time.Duration { return time.Minute }, DefaultMaxAttempts, ReasonMaxAttempts},
		{"default age", Subscription{}, nil, 11, ReasonTTL}, // the eleventh after 22 h 47 min; a twelfth would be 12 h later
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder()
				r.fail = func(int) error { return errBusy }
				var letters []DeadLetter
				tt.sub.Name, tt.sub.Destination = "s", r.deliver
				top := topic(t, Options{Backoff: tt.backoff, DeadLetter: func(_ context.Context, d DeadLetter) error {
					letters = append(letters, d)
					return nil
				}}, tt.sub)
				id := raise(t, top, BlobEvent{Container: "c", Blob: "b"})
				waitFor(t, top)
				if len(letters) != 1 {
					t.Fatalf("%d dead letters", len(letters))
				}
				d := letters[0]
				if d.Event.ID != id || d.Reason != tt.reason || d.Result != "busy" || d.Subscription != "s" {
					t.Errorf("dead letter %+v", d)
				}
				if d.Attempts != len(r.events) || d.Attempts != tt.attempts {
					t.Errorf("%d attempts (%d seen), want %d", d.Attempts, len(r.events), tt.attempts)
				}
			})
		})
	}
}

func TestDeadLetterIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.fail = func(int) error { return errBusy }
		tries := 0
		top := topic(t, Options{DeadLetter: func(context.Context, DeadLetter) error {
			if tries++; tries < 3 {
				return errBusy
			}
			return nil
		}}, Subscription{Name: "s", Destination: r.deliver, MaxAttempts: 1})
		raise(t, top, BlobEvent{Container: "c", Blob: "b"})
		waitFor(t, top)
		if tries != 3 {
			t.Errorf("dead letter was tried %d times, want 3", tries)
		}
	})
}

func TestPanicAndTimeoutAreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var timedOut error
		top := topic(t, Options{}, Subscription{Name: "s", Destination: func(ctx context.Context, _ Event) error {
			switch n++; n {
			case 1:
				panic("nil map")
			case 2:
				<-ctx.Done() // a destination that never answers
				timedOut = ctx.Err()
				return ctx.Err()
			}
			return nil
		}})
		begin := time.Now()
		raise(t, top, BlobEvent{Container: "c", Blob: "b"})
		waitFor(t, top)
		if n != 3 || !errors.Is(timedOut, context.DeadlineExceeded) || time.Since(begin) != 70*time.Second {
			t.Errorf("%d attempts in %v, time-out %v; want 3 in 10 s + 30 s time-out + 30 s", n, time.Since(begin), timedOut)
		}
	})
}

func TestFilters(t *testing.T) {
	tests := []struct {
		name                 string
		event                BlobEvent
		drops, plans, others int
	}{
		{"a drop", BlobEvent{Container: "raw-data", Blob: "incoming/acme/sales.csv"}, 1, 0, 1},
		{"outside incoming", BlobEvent{Container: "raw-data", Blob: "archive/sales.csv"}, 0, 0, 1},
		{"other container", BlobEvent{Container: "forecasts", Blob: "incoming/sales.csv"}, 0, 0, 1},
		{"case does not matter", BlobEvent{Container: "raw-data", Blob: "Incoming/sales.csv"}, 1, 0, 1},
		{"manifest", BlobEvent{Container: "processed-data", Blob: "etl/abc/_manifest.json", API: APIFlushWithClose}, 0, 1, 1},
		{"part", BlobEvent{Container: "processed-data", Blob: "etl/abc/sales/x.parquet"}, 0, 0, 1},
		{"manifest elsewhere", BlobEvent{Container: "processed-data", Blob: "tmp/_manifest.json"}, 0, 0, 1},
		{"not complete yet", BlobEvent{Container: "raw-data", Blob: "incoming/sales.csv", API: APICreateFile}, 0, 0, 1},
		{"block list", BlobEvent{Container: "raw-data", Blob: "incoming/sales.csv", API: APIPutBlockList}, 1, 0, 1},
		{"copied", BlobEvent{Container: "raw-data", Blob: "incoming/sales.csv", API: APICopyBlob}, 1, 0, 1},
		{"by SFTP", BlobEvent{Container: "raw-data", Blob: "incoming/sales.csv", API: APISFTPCommit}, 1, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				drops, plans, others := newRecorder(), newRecorder(), newRecorder()
				subs := append(Subscriptions(drops.deliver, plans.deliver), Subscription{Name: "all", Destination: others.deliver})
				top := topic(t, Options{}, subs...)
				raise(t, top, tt.event)
				waitFor(t, top)
				if len(drops.events) != tt.drops || len(plans.events) != tt.plans || len(others.events) != tt.others {
					t.Errorf("submit-etl %d, plan-training %d, all %d; want %d, %d, %d",
						len(drops.events), len(plans.events), len(others.events), tt.drops, tt.plans, tt.others)
				}
			})
		})
	}
	f := Filter{Types: []string{"A"}}
	if f.match(Event{Type: "B"}) || !f.match(Event{Type: "A"}) {
		t.Error("the filter on types does not tell A from B")
	}
}

func TestParallelIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		top := topic(t, Options{Parallel: 3}, Subscription{Name: "s", Destination: func(context.Context, Event) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble's clock
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}})
		for i := range 10 {
			raise(t, top, BlobEvent{Container: "c", Blob: strconv.Itoa(i)})
		}
		waitFor(t, top)
		if most != 3 {
			t.Errorf("%d deliveries at a time, want 3", most)
		}
	})
}

func TestCloseEndsPendingDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.fail = func(int) error { return errBusy }
		top := topic(t, Options{}, Subscription{Name: "s", Destination: r.deliver})
		raise(t, top, BlobEvent{Container: "c", Blob: "b"})
		synctest.Wait() // in its first backoff
		top.Close()
		if _, err := top.Raise(t.Context(), BlobEvent{Container: "c", Blob: "b"}); err == nil {
			t.Error("a closed topic took an event")
		}
		if len(r.events) != 1 {
			t.Errorf("%d attempts", len(r.events))
		}
		waitFor(t, top)
	})
}

func TestChaos(t *testing.T) {
	const n = 400
	deliver := func(t *testing.T, c Chaos) []string {
		t.Helper()
		r := newRecorder()
		synctest.Test(t, func(t *testing.T) {
			r.start = time.Now()
			top := topic(t, Options{Chaos: c}, Subscription{Name: "s", Destination: r.deliver})
			for i := range n {
				raise(t, top, BlobEvent{Container: "c", Blob: fmt.Sprintf("%03d", i)})
			}
			waitFor(t, top)
			if last := slices.Max(r.at); last >= max(c.MaxDelay, 1) {
				t.Errorf("a delivery came after %v, at most %v", last, c.MaxDelay)
			}
		})
		return r.blobs()
	}
	sorted := func(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

	tripled := deliver(t, Chaos{Duplicate: 2})
	if len(tripled) != 3*n || len(slices.Compact(sorted(tripled))) != n {
		t.Errorf("%d deliveries of %d events, want each three times", len(tripled), n)
	}
	lossy := deliver(t, Chaos{Seed: 1, DropShare: 0.25})
	if got := len(lossy); got < n*65/100 || got > n*85/100 {
		t.Errorf("%d of %d events arrived, want about three quarters", got, n)
	}
	if !slices.Equal(sorted(lossy), sorted(deliver(t, Chaos{Seed: 1, DropShare: 0.25}))) {
		t.Error("the same seed lost other events")
	}
	if slices.Equal(sorted(lossy), sorted(deliver(t, Chaos{Seed: 2, DropShare: 0.25}))) {
		t.Error("another seed lost the same events")
	}
	shuffled := deliver(t, Chaos{Seed: 1, MaxDelay: time.Minute})
	if slices.IsSorted(shuffled) || len(slices.Compact(sorted(shuffled))) != n {
		t.Error("events came in order, or not all")
	}
	if !slices.Equal(shuffled, deliver(t, Chaos{Seed: 1, MaxDelay: time.Minute})) {
		t.Error("the same seed gave another order")
	}
}

func TestSubscriptionsAreChecked(t *testing.T) {
	for _, s := range []Subscription{{Name: "s"}, {Destination: newRecorder().deliver}} {
		if _, err := NewSystemTopic(t.Context(), "a", []Subscription{s}, Options{}); err == nil {
			t.Errorf("subscription %+v was taken", s.Name)
		}
	}
	if _, err := NewSystemTopic(t.Context(), "", nil, Options{}); err == nil {
		t.Error("an account without a name was taken")
	}
}

func TestBackoffs(t *testing.T) {
	if Backoff(1) != 10*time.Second || Backoff(9) != 6*time.Hour || Backoff(10) != 12*time.Hour || Backoff(0) != 12*time.Hour {
		t.Error("the schedule is not the service's")
	}
	if got := CompressedBackoff(100)(2); got != 300*time.Millisecond {
		t.Errorf("30 s compressed by 100 is %v", got)
	}
}
