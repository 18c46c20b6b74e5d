package azfunc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/shared/event"
)

var (
	errMoment = errors.New("storage is busy")
	errInput  = event.Permanent("bad_unit", errors.New("unit is not in the plan"))
)

const oneEvent = `{"Data":{"event":{"id":"1"}},"Metadata":{}}`

func TestVerdicts(t *testing.T) {
	record := func(context.Context, string, Delivery, error) error { return nil }
	refuse := func(context.Context, string, Delivery, error) error {
		return event.Permanent("x", errors.New("container is gone")) // a mark here must not turn into success
	}
	crash := func(context.Context, string, Delivery, error) error { panic("recorder") }
	for _, c := range []struct {
		name, body  string
		onPermanent func(context.Context, string, Delivery, error) error
		err         error
		panics      bool
		status      int
		outcome     string
		waits       []time.Duration
	}{
		{name: "message ok", body: singleMessage, status: 200, outcome: "ok"},
		{name: "message transient", body: singleMessage, err: errMoment, status: 500, outcome: "transient", waits: []time.Duration{8 * time.Second}},
		{name: "message permanent", body: singleMessage, err: errInput, onPermanent: record, status: 200, outcome: "permanent"},
		{name: "message permanent, no hook", body: singleMessage, err: errInput, status: 500, outcome: "transient", waits: []time.Duration{8 * time.Second}},
		{name: "message permanent, hook fails", body: singleMessage, err: errInput, onPermanent: refuse, status: 500, outcome: "transient", waits: []time.Duration{8 * time.Second}},
		{name: "message permanent, hook panics", body: singleMessage, err: errInput, onPermanent: crash, status: 500, outcome: "transient", waits: []time.Duration{8 * time.Second}},
		{name: "message panics", body: singleMessage, panics: true, status: 500, outcome: "transient", waits: []time.Duration{8 * time.Second}},
		{name: "message undecodable", body: `{"Data":{"m":"x y"},"Metadata":{}}`, status: 500, outcome: "undecodable"},
		{name: "event ok", body: oneEvent, status: 200, outcome: "ok"},
		{name: "event transient", body: oneEvent, err: errMoment, status: 500, outcome: "transient"},
		{name: "event permanent", body: oneEvent, err: errInput, status: 200, outcome: "permanent"},
		{name: "event panics", body: oneEvent, panics: true, status: 500, outcome: "transient"},
		{name: "event undecodable", body: `{"Data":{"event":7}}`, status: 500, outcome: "undecodable"},
		{name: "timer ok", body: `{"Data":{"timer":{}}}`, status: 200, outcome: "ok"},
		{name: "timer transient", body: `{"Data":{"timer":{}}}`, err: errMoment, status: 500, outcome: "transient"},
		{name: "timer permanent", body: `{"Data":{"timer":{}}}`, err: errInput, status: 500, outcome: "transient"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, lines := testApp(t)
			a.OnPermanent = c.onPermanent
			var waits []time.Duration
			a.Wait = func(_ context.Context, d time.Duration) { waits = append(waits, d) }
			verdict := func() error {
				if c.panics {
					panic("boom")
				}
				return c.err
			}
			a.EventGrid("event", func(context.Context, json.RawMessage) error { return verdict() })
			a.Queue("message", func(context.Context, Delivery) error { return verdict() })
			a.Timer("timer", func(context.Context, Timer) error { return verdict() })
			kind, _, _ := strings.Cut(c.name, " ")
			if got := post(t, a, kind, c.body); got.Code != c.status {
				t.Errorf("status %d, want %d", got.Code, c.status)
			}
			if got := lines.last(t, "invocation ended"); got["outcome"] != c.outcome {
				t.Errorf("outcome %v, want %s", got["outcome"], c.outcome)
			}
			if !slices.Equal(waits, c.waits) {
				t.Errorf("waited %v, want %v", waits, c.waits)
			}
		})
	}
}

func TestBatchIsolatesWhatFailsPermanently(t *testing.T) {
	for _, c := range []struct {
		name      string
		bad       string // bodies that fail permanently
		transient string // bodies that fail for now
		recorded  []string
		status    int
	}{
		{"none", "", "", nil, 200},
		{"one of three", "b", "", []string{"b"}, 200},
		{"all", "abc", "", []string{"a", "b", "c"}, 200},
		{"one bad, one busy", "a", "c", []string{"a"}, 500},
		{"busy", "", "b", nil, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := testApp(t)
			var waits []time.Duration
			a.Wait = func(_ context.Context, d time.Duration) { waits = append(waits, d) }
			var recorded []string
			a.OnPermanent = func(_ context.Context, function string, d Delivery, err error) error {
				if function != "finish-run" || event.ReasonOf(err) != "bad_unit" {
					t.Errorf("recorded %s, %v", function, err)
				}
				recorded = append(recorded, string(d.Body))
				return nil
			}
			a.Batch("finish-run", func(_ context.Context, batch []Delivery) error {
				for _, d := range batch {
					if strings.Contains(c.transient, string(d.Body)) && len(batch) == 1 {
						return errMoment
					}
					if strings.Contains(c.bad, string(d.Body)) {
						return errInput
					}
				}
				for _, d := range batch {
					if strings.Contains(c.transient, string(d.Body)) {
						return errMoment
					}
				}
				return nil
			})
			if got := post(t, a, "finish-run", batchMessage); got.Code != c.status {
				t.Errorf("status %d, want %d", got.Code, c.status)
			}
			if !slices.Equal(recorded, c.recorded) {
				t.Errorf("recorded %v, want %v", recorded, c.recorded)
			}
			if want := 8 * time.Second; c.status == 500 && !slices.Equal(waits, []time.Duration{want}) {
				t.Errorf("waited %v, want %v for the message delivered three times", waits, want)
			}
		})
	}
}

func TestRetryWait(t *testing.T) {
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 6: time.Minute, 10: time.Minute, 1 << 30: time.Minute,
	} {
		if got := RetryWait(n); got != want {
			t.Errorf("RetryWait(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestHoldBackEndsWith(t *testing.T) {
	for _, c := range []struct {
		name string
		stop time.Duration // 0: never
		want time.Duration
	}{
		{"its own time", 0, 8 * time.Second},
		{"the process", 3 * time.Second, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := testApp(t)
				a.Wait = wait
				stopping := make(chan struct{})
				if c.stop > 0 {
					time.AfterFunc(c.stop, func() { close(stopping) })
				}
				start := time.Now()
				a.holdBack(t.Context(), stopping, 3)
				if got := time.Since(start); got != c.want {
					t.Errorf("held for %v, want %v", got, c.want)
				}
			})
		})
	}
	t.Run("the deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, _ := testApp(t)
			a.Wait = wait
			a.Deadlines.Queue = 5 * time.Second
			a.Queue("f", func(context.Context, Delivery) error { return errMoment })
			start := time.Now()
			if got := post(t, a, "f", singleMessage); got.Code != 500 || time.Since(start) != 5*time.Second {
				t.Errorf("status %d after %v, want 500 after 5s", got.Code, time.Since(start))
			}
		})
	})
}

func TestCorrelation(t *testing.T) {
	const header = "00-11111111111111111111111111111111-2222222222222222-01"
	const property = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	a, lines := testApp(t)
	var seen []string
	a.Queue("train-sku", func(ctx context.Context, _ Delivery) error {
		seen = append(seen, event.TraceParent(ctx))
		a.Log.InfoContext(ctx, "unit trained")
		return nil
	})
	a.EventGrid("submit-etl", func(ctx context.Context, _ json.RawMessage) error {
		seen = append(seen, event.TraceParent(ctx))
		return nil
	})
	post(t, a, "train-sku", singleMessage)
	post(t, a, "train-sku", strings.Replace(singleMessage, property, `x\"forged`, 1))
	request := load(t, "eventgrid-cloudevent").http(t)
	request.Header.Set("traceparent", header)
	serve(a, request)
	if want := []string{property, "", header}; !slices.Equal(seen, want) {
		t.Errorf("traces %q, want %q", seen, want)
	}
	want := map[string]any{
		"function": "train-sku", "invocation_id": "7a1c0de0-0000-4000-8000-000000000001",
		"message_id": "0a0b/00000007", "run_id": "0123456789ab", "delivery_count": 3.0,
	}
	for _, msg := range []string{"unit trained"} {
		got := lines.last(t, msg)
		for key, v := range want {
			if got[key] != v {
				t.Errorf("%s: %s = %v, want %v", msg, key, got[key], v)
			}
		}
	}
}

func TestCheckComparesHandlersWithFunctionJSON(t *testing.T) {
	all, err := functions.All()
	if err != nil {
		t.Fatal(err)
	}
	complete := func() *App {
		a, _ := testApp(t)
		queue := func(context.Context, Delivery) error { return nil }
		a.EventGrid("submit-etl", func(context.Context, json.RawMessage) error { return nil })
		a.Queue("plan-training", queue)
		a.Queue("train-sku", queue)
		a.Queue("publish-run", queue)
		a.Batch("finish-run", func(context.Context, []Delivery) error { return nil })
		a.Timer("reconcile", func(context.Context, Timer) error { return nil })
		a.HTTP("api", http.NotFoundHandler())
		return a
	}
	for _, c := range []struct {
		name   string
		change func(*App)
		want   string // "" is no error
	}{
		{"complete", func(*App) {}, ""},
		{"missing", func(a *App) { delete(a.functions, "train-sku") }, "train-sku/function.json: no handler"},
		{"extra", func(a *App) { a.Queue("retire-sku", nil) }, "retire-sku has no function.json"},
		{"other trigger", func(a *App) { a.functions["reconcile"] = a.functions["train-sku"] }, "reconcile/function.json: trigger timerTrigger"},
		{"batch for a single", func(a *App) { a.functions["train-sku"] = a.functions["finish-run"] }, "train-sku/function.json: cardinality"},
		{"no api", func(a *App) { a.http, a.httpName = nil, "" }, "api/function.json: no HTTP handler"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := complete()
			c.change(a)
			err := a.Check(all)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
