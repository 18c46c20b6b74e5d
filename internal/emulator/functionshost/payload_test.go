package functionshost

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/internal/azfunc"
)

// recording is one request of the real host.
type recording struct {
	FunctionJSON struct {
		Bindings []functions.Trigger `json:"bindings"`
	} `json:"functionJson"`
	Request struct {
		Line    string      `json:"line"`
		Headers [][2]string `json:"headers"`
		Framing string      `json:"framing"`
	} `json:"request"`
	Body string `json:"body"`
}

func load(t *testing.T, name string) recording {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "azfunc", "testdata", "payloads", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// function is the recorded function: its binding, and its name from the request line.
func (r recording) function() functions.Function {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.Request.Line, "POST /"), " ")
	return functions.Function{Name: name, Trigger: r.FunctionJSON.Bindings[0]}
}

// masked hides what is drawn anew in every request.
func masked(body string) string {
	body = regexp.MustCompile(`"RandGuid":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`).ReplaceAllString(body, `"RandGuid":"*"`)
	return regexp.MustCompile(`"UtcNow":"[0-9-]{10}T[0-9:]{8}(\.[0-9]{0,6}[1-9])?Z"`).ReplaceAllString(body, `"UtcNow":"*"`)
}

var now = time.Date(2026, 11, 23, 10, 4, 6, 123450000, time.UTC)

// TestPayloadsEqualTheRecordings: byte for byte, apart from the masks.
func TestPayloadsEqualTheRecordings(t *testing.T) {
	for _, name := range []string{"eventgrid-single", "eventgrid-cloudevent", "eventgrid-offset-time", "eventgrid-many"} {
		t.Run(name, func(t *testing.T) {
			r := load(t, name)
			f := r.function()
			var sent struct{ Data map[string]json.RawMessage }
			if err := json.Unmarshal([]byte(r.Body), &sent); err != nil {
				t.Fatal(err)
			}
			event := sent.Data[f.Trigger.Binding]
			if f.Trigger.Many() {
				var text string
				var many []json.RawMessage
				if err := json.Unmarshal(event, &text); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal([]byte(text), &many); err != nil {
					t.Fatal(err)
				}
				event = many[0]
			}
			got, err := eventPayload(f, event, now)
			if err != nil || masked(string(got)) != masked(r.Body) {
				t.Errorf("%v\ngot  %s\nwant %s", err, masked(string(got)), masked(r.Body))
			}
		})
	}
	for name, status := range map[string]*scheduleStatus{
		"timer-monitored-first": {next: at("2026-11-23 19:36:00")},
		"timer-unmonitored":     nil,
		"timer-func-start":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := load(t, name)
			if got := string(timerPayload(r.function(), status, false, now)); masked(got) != masked(r.Body) {
				t.Errorf("\ngot  %s\nwant %s", masked(got), masked(r.Body))
			}
		})
	}
}

func TestEventPayloadRefuses(t *testing.T) {
	for _, bad := range []string{"", "null", "[]", "[{}]", `"x"`, "{", "{} {}"} {
		if got, err := eventPayload(functions.Function{Name: "f"}, json.RawMessage(bad), now); err == nil {
			t.Errorf("%q was accepted as %s", bad, got)
		}
	}
}

func message() *azservicebus.ReceivedMessage {
	return &azservicebus.ReceivedMessage{
		Body: []byte(`{"jobId":"j-1"}`), MessageID: "fc-2026-11-23-0001", DeliveryCount: 1,
		ContentType: new("application/json"), Subject: new("forecast.requested"), CorrelationID: new("corr-7"),
		LockToken:      [16]byte{0x22, 0x22, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x85, 0x55, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66},
		EnqueuedTime:   new(time.Date(2026, 11, 23, 10, 4, 5, 123000000, time.UTC)),
		ExpiresAt:      new(time.Date(2026, 12, 7, 10, 4, 5, 123000000, time.UTC)),
		SequenceNumber: new(int64(4503599627370497)),
		ApplicationProperties: map[string]any{
			"at": time.Date(2026, 11, 23, 10, 4, 5, 123000000, time.UTC), "attempt": int64(2), "schema": "v1",
		},
	}
}

// TestSingleMessagePayload is the reference's computed body with dataType binary.
func TestSingleMessagePayload(t *testing.T) {
	f := functions.Function{Name: "ForecastRequested", Trigger: functions.Trigger{Binding: "msg"}}
	ns := namespace{"contoso.servicebus.windows.net", "contoso.servicebus.windows.net-5b6a3f1e-0000-0000-0000-000000000000"}
	const want = `{"Data":{"msg":"eyJqb2JJZCI6ImotMSJ9"},"Metadata":{"MessageReceiver":{},"MessageActions":{},"ReceiveActions":{},` +
		`"Client":{"FullyQualifiedNamespace":"contoso.servicebus.windows.net","IsClosed":false,"TransportType":0,"Identifier":"contoso.servicebus.windows.net-5b6a3f1e-0000-0000-0000-000000000000"},` +
		`"DeliveryCount":"1","LockToken":"\"22222222-3333-4444-8555-666666666666\"","ExpiresAtUtc":"2026-12-07T10:04:05","ExpiresAt":"2026-12-07T10:04:05+00:00",` +
		`"EnqueuedTimeUtc":"2026-11-23T10:04:05","EnqueuedTime":"2026-11-23T10:04:05+00:00","MessageId":"\"fc-2026-11-23-0001\"","ContentType":"\"application/json\"",` +
		`"SequenceNumber":"4503599627370497","Subject":"\"forecast.requested\"","Label":"\"forecast.requested\"","CorrelationId":"\"corr-7\"",` +
		`"ApplicationProperties":{"at":"2026-11-23T10:04:05.123Z","attempt":2,"schema":"v1"},"UserProperties":{"at":"2026-11-23T10:04:05.123Z","attempt":2,"schema":"v1"},` +
		`"sys":{"MethodName":"ForecastRequested","UtcNow":"*","RandGuid":"*"}}}`
	if got := masked(string(messagePayload(f, message(), ns, now))); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

func TestBatchPayload(t *testing.T) {
	f := functions.Function{Name: "ForecastBatch", Trigger: functions.Trigger{Binding: "msgs"}}
	second := &azservicebus.ReceivedMessage{Body: []byte("b"), MessageID: "m2", DeliveryCount: 3}
	got := string(batchPayload(f, []*azservicebus.ReceivedMessage{message(), second}, namespace{"h", "h-1"}, now))
	for _, want := range []string{
		`{"Data":{"msgs":"[\"eyJqb2JJZCI6ImotMSJ9\",\"Yg==\"]"},"Metadata":{"MessageReceiver":{},`,
		`"MessageIdArray":"[\"fc-2026-11-23-0001\",\"m2\"]","DeliveryCountArray":"[1,3]","DeadLetterSourceArray":"[null,null]",`,
		`"ExpiresAtUtcArray":"[\"2026-12-07T10:04:05.123\",\"9999-12-31T23:59:59.9999999\"]"`,
		`"EnqueuedTimeArray":"[\"2026-11-23T10:04:05.123+00:00\",`,
		`"SequenceNumberArray":"[4503599627370497,0]"`,
		`"ApplicationPropertiesArray":"[{\"at\":\"2026-11-23T10:04:05.123Z\",\"attempt\":2,\"schema\":\"v1\"},{}]"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, `"MessageId":`) {
		t.Error("a batch has single-valued keys")
	}
}

// TestPayloadsReachAHandlerWhole: what this host encodes, the function app decodes.
func TestPayloadsReachAHandlerWhole(t *testing.T) {
	var got []azfunc.Delivery
	var tick azfunc.Timer
	a := azfunc.New(slog.New(slog.DiscardHandler))
	a.Queue("one", func(_ context.Context, d azfunc.Delivery) error { got = append(got, d); return nil })
	a.Batch("many", func(_ context.Context, batch []azfunc.Delivery) error { got = append(got, batch...); return nil })
	a.Timer("tick", func(_ context.Context, t azfunc.Timer) error { tick = t; return nil })
	srv := httptest.NewServer(a.Handler())
	defer srv.Close()
	send := func(name string, body func(functions.Function) []byte) {
		f := functions.Function{Name: name, Trigger: functions.Trigger{Binding: "in"}}
		if err := post(t.Context(), srv.Client(), srv.URL+"/"+name, body(f)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := message()
	send("one", func(f functions.Function) []byte { return messagePayload(f, m, namespace{}, now) })
	send("many", func(f functions.Function) []byte {
		return batchPayload(f, []*azservicebus.ReceivedMessage{m, m}, namespace{}, now)
	})
	want := azfunc.Delivery{
		ID: m.MessageID, Count: 1, Body: m.Body, EnqueuedTime: m.EnqueuedTime.Truncate(time.Second),
		SequenceNumber: *m.SequenceNumber, LockToken: "22222222-3333-4444-8555-666666666666",
		Subject: *m.Subject, CorrelationID: *m.CorrelationID, ContentType: *m.ContentType,
		Properties: map[string]any{"at": "2026-11-23T10:04:05.123Z", "attempt": 2.0, "schema": "v1"},
	}
	exact := want
	exact.EnqueuedTime = *m.EnqueuedTime // a batch keeps the fraction
	if !reflect.DeepEqual(got, []azfunc.Delivery{want, exact, exact}) {
		t.Errorf("got %+v\nwant %+v", got, []azfunc.Delivery{want, exact, exact})
	}
	status := scheduleStatus{last: at("2026-11-23 10:00:00"), next: at("2026-11-23 10:05:00")}
	send("tick", func(f functions.Function) []byte { return timerPayload(f, &status, true, now) })
	if tick != (azfunc.Timer{PastDue: true, Last: status.last, Next: status.next}) {
		t.Errorf("got %+v", tick)
	}
}

// wire is a request as it came over the connection.
type wire struct {
	line    string
	header  http.Header // with Host
	chunked bool
	body    string
}

func recorderOf(t *testing.T, got *wire) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(strings.Builder)
		if _, err := copyBody(body, r); err != nil {
			t.Error(err)
		}
		*got = wire{r.Method + " " + r.RequestURI + " " + r.Proto, r.Header.Clone(), len(r.TransferEncoding) == 1, body.String()}
		got.header.Set("Host", r.Host)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(srv.Close)
	return srv
}

// compareHeaders compares names and values, ids and ports masked.
func compareHeaders(t *testing.T, got http.Header, want [][2]string, skip ...string) {
	t.Helper()
	mask := func(v string) string {
		v = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).ReplaceAllString(v, "*")
		return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(v, "127.0.0.1:*")
	}
	seen := map[string]bool{}
	for _, s := range skip {
		seen[http.CanonicalHeaderKey(s)] = true
	}
	for _, h := range want {
		key := http.CanonicalHeaderKey(h[0])
		if seen[key] {
			continue
		}
		seen[key] = true
		if v := got.Values(key); len(v) != 1 || mask(v[0]) != mask(h[1]) {
			t.Errorf("header %s: got %q, want %q", h[0], v, h[1])
		}
	}
	for key := range got {
		if !seen[key] {
			t.Errorf("header %s is not in the recording", key)
		}
	}
}

func TestTriggerRequestEqualsTheRecording(t *testing.T) {
	want := load(t, "eventgrid-cloudevent")
	var got wire
	srv := recorderOf(t, &got)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	if err := post(t.Context(), client, srv.URL+"/submit-etl", []byte(want.Body)); err != nil {
		t.Fatal(err)
	}
	if got.line != want.Request.Line || got.chunked != (want.Request.Framing == "chunked") || got.body != want.Body {
		t.Errorf("got %s chunked %t\nwant %s %s", got.line, got.chunked, want.Request.Line, want.Request.Framing)
	}
	compareHeaders(t, got.header, want.Request.Headers, "Transfer-Encoding") // Go's server takes it off
}
