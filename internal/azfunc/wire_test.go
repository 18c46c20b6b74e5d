package azfunc

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func envelopeOf(t *testing.T, body string) envelope {
	t.Helper()
	e, err := decodeEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEveryRecordingDecodes: each request that the real host was seen to send is readable.
func TestEveryRecordingDecodes(t *testing.T) {
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) < 19 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	notEnvelopes := map[string]bool{
		"responses": true, "eventgrid-webhook": true, // answers, not requests to a handler
		"http-forwarded": true, "http-proxied": true, // the client's own body, see TestTriggersCannotBeReachedThroughTheProxy
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if notEnvelopes[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e := envelopeOf(t, load(t, name).Body)
			var sys struct{ MethodName, UtcNow, RandGUID string }
			if err := json.Unmarshal(e.Metadata["sys"], &sys); err != nil || sys.MethodName == "" {
				t.Errorf("sys: %+v, %v", sys, err)
			}
			switch kind, _, _ := strings.Cut(name, "-"); kind {
			case "timer":
				if _, err := e.timer(); err != nil {
					t.Error(err)
				}
			case "eventgrid":
				events, err := e.events()
				if err != nil || len(events) != 1 {
					t.Fatalf("%d events, %v", len(events), err)
				}
				var event struct{ ID string }
				if err := json.Unmarshal(events[0], &event); err != nil || event.ID == "" {
					t.Errorf("event %s: %v", events[0], err)
				}
			case "http": // envelope mode, which this app does not use
				if !json.Valid(e.trigger()) || e.trigger()[0] != '{' {
					t.Errorf("request: %s", e.trigger())
				}
			default:
				t.Errorf("no rule for recordings of %q", kind)
			}
		})
	}
}

func TestTimerStatus(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       Timer
	}{
		{
			"first tick of a monitored schedule: year 1 with an offset", load(t, "timer-monitored-first").Body,
			Timer{Next: time.Date(2026, 11, 23, 19, 36, 0, 0, time.UTC)},
		},
		{"no status under a minute", load(t, "timer-unmonitored").Body, Timer{}},
		{
			"local offset and fraction",
			`{"Data":{"timer":{"ScheduleStatus":{"Last":"2026-11-23T11:00:00.0174+01:00","Next":"2026-11-23T10:05:00Z"},"IsPastDue":true}}}`,
			Timer{
				PastDue: true, Last: time.Date(2026, 11, 23, 10, 0, 0, 17400000, time.UTC),
				Next: time.Date(2026, 11, 23, 10, 5, 0, 0, time.UTC),
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := envelopeOf(t, c.body).timer()
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
			if c.want.Last.IsZero() != got.Last.IsZero() {
				t.Errorf("year 1 is not the zero time: %v", got.Last)
			}
		})
	}
}

func TestDelivery(t *testing.T) {
	got, err := envelopeOf(t, singleMessage).delivery()
	if err != nil {
		t.Fatal(err)
	}
	want := Delivery{
		ID: "0a0b/00000007", Count: 3, Body: []byte(`{"jobId":"j-1"}`),
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", RunID: "0123456789ab",
		EnqueuedTime:   time.Date(2026, 11, 23, 10, 4, 5, 0, time.UTC),
		SequenceNumber: 4503599627370497, LockToken: "22222222-3333-4444-8555-666666666666",
		Subject: "train", CorrelationID: "corr-7", ContentType: "application/json",
		Properties: map[string]any{
			"run_id": "0123456789ab", "n": 2.0,
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestDeliveries(t *testing.T) {
	got, err := envelopeOf(t, batchMessage).deliveries()
	if err != nil {
		t.Fatal(err)
	}
	at := func(ms int) time.Time { return time.Date(2026, 11, 23, 10, 4, 5, ms*1e6, time.UTC) }
	want := []Delivery{
		{
			ID: "m1", Count: 1, Body: []byte("a"), LockToken: "t1", SequenceNumber: 11, EnqueuedTime: at(123),
			RunID: "r1", Properties: map[string]any{"run_id": "r1"},
		},
		{ID: "m2", Count: 3, Body: []byte("b"), LockToken: "t2", SequenceNumber: 12, EnqueuedTime: at(130), Properties: map[string]any{}},
		{
			Count: 2, Body: []byte("c"), LockToken: "t3", SequenceNumber: 13, EnqueuedTime: at(1000),
			RunID: "r3", Properties: map[string]any{"run_id": "r3"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestDecodersRefuse(t *testing.T) {
	single := func(e envelope) error { _, err := e.delivery(); return err }
	batch := func(e envelope) error { _, err := e.deliveries(); return err }
	events := func(e envelope) error { _, err := e.events(); return err }
	timer := func(e envelope) error { _, err := e.timer(); return err }
	for _, c := range []struct {
		name, body, want string
		decode           func(envelope) error
	}{
		{"not JSON", `{"Data":`, "request body", nil},
		{"text after it", `{"Data":{"a":1}}{}`, "text after", nil},
		{"no data", `{"Metadata":{}}`, "0 members", nil},
		{"two bindings", `{"Data":{"a":1,"b":2}}`, "2 members", nil},
		{"message is an object", `{"Data":{"m":{}},"Metadata":{"DeliveryCount":"1"}}`, "not a string", single},
		{"message without count", `{"Data":{"m":"YQ=="},"Metadata":{}}`, "DeliveryCount", single},
		{"count is not a number", `{"Data":{"m":"YQ=="},"Metadata":{"DeliveryCount":"\"x\""}}`, "DeliveryCount", single},
		{"count encoded once", `{"Data":{"m":"YQ=="},"Metadata":{"DeliveryCount":1}}`, "DeliveryCount", single},
		{"bad date", `{"Data":{"m":"YQ=="},"Metadata":{"DeliveryCount":"1","EnqueuedTimeUtc":"yesterday"}}`, "yesterday", single},
		{"empty batch", `{"Data":{"m":"[]"},"Metadata":{}}`, "empty batch", batch},
		{"batch of objects", `{"Data":{"m":"[{\"a\":1}]"},"Metadata":{"DeliveryCountArray":"[1]"}}`, "messages", batch},
		{"batch of texts", `{"Data":{"m":"[\"{}\"]"},"Metadata":{"DeliveryCountArray":"[1]"}}`, "dataType", batch},
		{"fewer ids than messages", strings.Replace(batchMessage, `[\"m1\",\"m2\",null]`, `[\"m1\",\"m2\"]`, 1), "MessageIdArray has 2 entries for 3", batch},
		{"batch without counts", `{"Data":{"m":"[\"YQ==\"]"},"Metadata":{}}`, "delivery count", batch},
		{"event is a number", `{"Data":{"e":1}}`, "event", events},
		{"event is text", `{"Data":{"e":"hello"}}`, "event", events},
		{"timer is text", `{"Data":{"t":"x"}}`, "timer", timer},
		{"timer with a bad time", `{"Data":{"t":{"ScheduleStatus":{"Last":"x","Next":"y"}}}}`, "last", timer},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := decodeEnvelope([]byte(c.body))
			if err == nil && c.decode != nil {
				err = c.decode(e)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func addSeeds(f *testing.F) {
	f.Helper()
	f.Add([]byte(singleMessage))
	f.Add([]byte(batchMessage))
	f.Add([]byte(`{"Data":{"timer":{"ScheduleStatus":{"Last":"0001-01-01T00:00:00+00:00","Next":"2026-11-23T19:36:00"},"IsPastDue":false}}}`))
	f.Add([]byte(`{"Data":{"events":"[{\"id\":\"1\"},{\"id\":\"2\"}]"}}`))
	f.Add([]byte(`{"Data":{"event":{"id":"1"}},"Metadata":null}`))
}

// FuzzDecoders: whatever a request holds, decoding ends without a panic and what it accepts
// is whole.
func FuzzDecoders(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeEnvelope(body)
		if err != nil {
			return
		}
		if d, err := e.delivery(); err == nil && d.Count < 1 {
			t.Errorf("accepted a message without a delivery count: %s", body)
		}
		if batch, err := e.deliveries(); err == nil {
			for _, d := range batch {
				if d.Count < 1 {
					t.Errorf("accepted a batch without delivery counts: %s", body)
				}
			}
		}
		if events, err := e.events(); err == nil {
			for _, event := range events {
				if !json.Valid(event) {
					t.Errorf("event is not JSON: %q", event)
				}
			}
		}
		_, _ = e.timer()
	})
}
