package azfunc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/functions"
)

// The twelve traps of the custom-handler protocol, one test each. Number 9, the missing
// SIGTERM, and the host's side of 4, 7, 8 and 10 are tested with real processes in
// internal/emulator/functionshost.

func TestTrap01StringsAreEncodedTwice(t *testing.T) {
	d, err := envelopeOf(t, singleMessage).delivery()
	if err != nil || d.ID != "0a0b/00000007" || d.Count != 3 {
		t.Errorf("id %q, count %d, %v: quotes or digits were not unwrapped", d.ID, d.Count, err)
	}
	// What the documentation shows, encoded once, is not what the host sends.
	once := strings.Replace(singleMessage, `"\"0a0b/00000007\""`, `"0a0b/00000007"`, 1)
	if _, err := envelopeOf(t, once).delivery(); err == nil {
		t.Error("an id that was encoded once was accepted")
	}
}

func TestTrap02EventGridSingleIsAnObjectAndManyIsAString(t *testing.T) {
	single, err := envelopeOf(t, load(t, "eventgrid-single").Body).events()
	if err != nil {
		t.Fatal(err)
	}
	many, err := envelopeOf(t, load(t, "eventgrid-many").Body).events()
	if err != nil {
		t.Fatal(err)
	}
	if len(single) != 1 || len(many) != 1 || string(single[0]) != string(many[0]) {
		t.Errorf("the same event decodes to\n%s\n%s", single, many)
	}
}

func TestTrap03BodyCannotForgeMetadata(t *testing.T) {
	// Without dataType binary a body {"messageId":"spoof","deliverycount":99} arrives so:
	const promoted = `{"Data":{"message":"\"{\\\"messageId\\\":\\\"spoof\\\",\\\"deliverycount\\\":99}\""},` +
		`"Metadata":{"DeliveryCount":"\"99\"","MessageId":"\"spoof\""}}`
	if d, err := envelopeOf(t, promoted).delivery(); err == nil || !strings.Contains(err.Error(), "dataType") {
		t.Errorf("got %+v, %v; a body that is not binary must be refused, its metadata are not the broker's", d, err)
	}
	all, err := functions.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Trigger.Type == functions.ServiceBus && f.Trigger.DataType != "binary" {
			t.Errorf("%s has dataType %q", f.Name, f.Trigger.DataType)
		}
	}
}

// everyAnswer collects the answers to good, bad and impossible requests.
func everyAnswer(t *testing.T) map[string]*httptest.ResponseRecorder {
	t.Helper()
	a, _ := testApp(t)
	a.Queue("ok", func(context.Context, Delivery) error { return nil })
	a.Queue("busy", func(context.Context, Delivery) error { return errMoment })
	a.Queue("poison", func(context.Context, Delivery) error { return errInput })
	a.Queue("panic", func(context.Context, Delivery) error { panic("boom") })
	a.OnPermanent = func(context.Context, string, Delivery, error) error { return nil }
	a.EventGrid("event", func(context.Context, json.RawMessage) error { return errInput })
	return map[string]*httptest.ResponseRecorder{
		"ok": post(t, a, "ok", singleMessage), "busy": post(t, a, "busy", singleMessage),
		"poison": post(t, a, "poison", singleMessage), "panic": post(t, a, "panic", singleMessage),
		"event": post(t, a, "event", oneEvent), "undecodable": post(t, a, "ok", "{"),
		"unknown": post(t, a, "nobody", singleMessage),
		"ready":   serve(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)),
	}
}

func TestTrap04NoAnswerIsEmpty(t *testing.T) {
	for name, got := range everyAnswer(t) {
		var object map[string]any
		if err := json.Unmarshal(got.Body.Bytes(), &object); err != nil || object == nil {
			t.Errorf("%s: body %q is no JSON object; the invocation would hang: %v", name, got.Body, err)
		}
	}
}

func TestTrap05EveryAnswerHasTheJSONType(t *testing.T) {
	for name, got := range everyAnswer(t) {
		if ct := got.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("%s: Content-Type %q", name, ct)
		}
	}
}

func TestTrap06FailureIsNon2xxAndItsReasonIsInTheLog(t *testing.T) {
	for name, got := range everyAnswer(t) {
		success := name == "ok" || name == "poison" || name == "event" || name == "ready"
		if (got.Code/100 == 2) != success {
			t.Errorf("%s: status %d", name, got.Code)
		}
	}
	a, lines := testApp(t)
	a.Queue("busy", func(context.Context, Delivery) error { return errMoment })
	a.OnPermanent = func(context.Context, string, Delivery, error) error { return nil }
	a.Queue("poison", func(context.Context, Delivery) error { return errInput })
	post(t, a, "busy", singleMessage)
	if got := lines.last(t, "invocation ended"); got["error"] != errMoment.Error() || got["level"] != "WARN" {
		t.Errorf("logged %v", got)
	}
	post(t, a, "poison", singleMessage)
	if got := lines.last(t, "invocation ended"); got["error"] != errInput.Error() || got["level"] != "ERROR" || got["reason"] != "bad_unit" {
		t.Errorf("logged %v", got)
	}
}

func TestTrap07ExitCodeIsNever0Or200(t *testing.T) {
	for _, err := range []error{nil, errors.New("port taken"), context.Canceled} {
		if code := ExitCode(err); code == 0 || code == 200 {
			t.Errorf("ExitCode(%v) = %d", err, code)
		}
	}
}

func TestTrap08PanicDoesNotEndTheProcess(t *testing.T) {
	a, lines := testApp(t)
	a.Queue("panic", func(context.Context, Delivery) error { panic("boom") })
	a.Wait = func(context.Context, time.Duration) { panic("in a step around the handler") }
	for range 3 { // the third crash would stop the whole host
		if got := post(t, a, "panic", singleMessage); got.Code != 500 {
			t.Errorf("status %d", got.Code)
		}
	}
	if !strings.Contains(lines.String(), "traps_test.go") {
		t.Error("the log does not say where the panic was")
	}
}

func TestTrap10DeadlinesLieBelowTheHosts(t *testing.T) {
	data, err := os.ReadFile("../../host.json")
	if err != nil {
		t.Fatal(err)
	}
	var host struct {
		FunctionTimeout string `json:"functionTimeout"`
		Extensions      struct {
			ServiceBus struct {
				MaxAutoLockRenewalDuration string `json:"maxAutoLockRenewalDuration"`
			} `json:"serviceBus"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(data, &host); err != nil {
		t.Fatal(err)
	}
	span := func(text string) time.Duration {
		at, err := time.Parse("15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return at.Sub(at.Truncate(24 * time.Hour))
	}
	const lock, longestWait = 5 * time.Minute, time.Minute
	d := DefaultDeadlines()
	if limit := min(span(host.FunctionTimeout), span(host.Extensions.ServiceBus.MaxAutoLockRenewalDuration)); d.Queue+longestWait >= limit {
		t.Errorf("queue deadline %v with the wait reaches the host's %v", d.Queue, limit)
	}
	if d.Batch+longestWait >= lock {
		t.Errorf("batch deadline %v with the wait outlives the lock, which nobody renews", d.Batch)
	}
	a, _ := testApp(t)
	a.Deadlines.Queue = time.Nanosecond
	a.Queue("slow", func(ctx context.Context, _ Delivery) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if got := post(t, a, "slow", singleMessage); got.Code != 500 {
		t.Errorf("status %d after the deadline", got.Code)
	}
}

func TestTrap11NothingIsSentThroughOutputs(t *testing.T) {
	for name, got := range everyAnswer(t) {
		if body := got.Body.String(); body != "{}" {
			t.Errorf("%s: answer %q; strings in Outputs that look like base64 are decoded", name, body)
		}
	}
}

func TestTrap12EventGridIsAnsweredWithin30s(t *testing.T) {
	if d := DefaultDeadlines().EventGrid; d > 25*time.Second {
		t.Errorf("Event Grid deadline is %v; it gives up after 30 s", d)
	}
	a, _ := testApp(t)
	a.Wait = func(context.Context, time.Duration) {
		t.Error("an event was held back; Event Grid has its own schedule")
	}
	left := time.Duration(0)
	a.EventGrid("submit-etl", func(ctx context.Context, _ json.RawMessage) error {
		at, _ := ctx.Deadline()
		left = time.Until(at)
		return errMoment
	})
	post(t, a, "submit-etl", oneEvent)
	if left <= 0 || left > a.Deadlines.EventGrid {
		t.Errorf("the handler has %v, want up to %v", left, a.Deadlines.EventGrid)
	}
}
