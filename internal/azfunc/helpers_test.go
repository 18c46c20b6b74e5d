package azfunc

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// recording is one request of the real host, see testdata/payloads.
type recording struct {
	About   string `json:"about"`
	Request struct {
		Line    string      `json:"line"`
		Headers [][2]string `json:"headers"`
		Framing string      `json:"framing"`
	} `json:"request"`
	Body string `json:"body"`
}

func load(t *testing.T, name string) recording {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// http rebuilds the recorded request, framing included.
func (r recording) http(t *testing.T) *http.Request {
	t.Helper()
	method, rest, _ := strings.Cut(r.Request.Line, " ")
	target, _, _ := strings.Cut(rest, " ")
	req := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(r.Body))
	for _, h := range r.Request.Headers {
		switch h[0] {
		case "Host":
			req.Host = h[1]
		case "Content-Length":
		case "Transfer-Encoding":
			req.ContentLength, req.TransferEncoding = -1, []string{"chunked"}
		default:
			req.Header.Add(h[0], h[1])
		}
	}
	return req
}

// testApp returns an app that never waits and the lines that it logs.
func testApp(t *testing.T) (*App, *logLines) {
	t.Helper()
	lines := &logLines{}
	a := New(slog.New(LogHandler(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	a.Wait = func(context.Context, time.Duration) {}
	return a, lines
}

// logLines collects a log that several goroutines write.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// last returns the last record with the given message.
func (l *logLines) last(t *testing.T, msg string) map[string]any {
	t.Helper()
	var found map[string]any
	dec := json.NewDecoder(strings.NewReader(l.String()))
	for {
		var record map[string]any
		if err := dec.Decode(&record); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if record["msg"] == msg {
			found = record
		}
	}
	if found == nil {
		t.Fatalf("no log record %q in\n%s", msg, l)
	}
	return found
}

// post sends body as the host does.
func post(t *testing.T, a *App, function, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+function, strings.NewReader(body))
	req.Header.Set(headerInvocation, "7a1c0de0-0000-4000-8000-000000000001")
	req.ContentLength, req.TransferEncoding = -1, []string{"chunked"}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, req)
	return w
}

// Bodies as computed from the serializer's rules; dataType binary.
const (
	// The message's body is {"jobId":"j-1"}.
	singleMessage = `{"Data":{"message":"eyJqb2JJZCI6ImotMSJ9"},"Metadata":{"MessageReceiver":{},"MessageActions":{},"ReceiveActions":{},` +
		`"Client":{"FullyQualifiedNamespace":"contoso.servicebus.windows.net","IsClosed":false,"TransportType":0,"Identifier":"i"},` +
		`"DeliveryCount":"3","LockToken":"\"22222222-3333-4444-8555-666666666666\"","ExpiresAtUtc":"2026-12-07T10:04:05",` +
		`"ExpiresAt":"2026-12-07T10:04:05+00:00","EnqueuedTimeUtc":"2026-11-23T10:04:05","EnqueuedTime":"2026-11-23T10:04:05+00:00",` +
		`"MessageId":"\"0a0b/00000007\"","ContentType":"\"application/json\"","SequenceNumber":"4503599627370497",` +
		`"Subject":"\"train\"","Label":"\"train\"","CorrelationId":"\"corr-7\"",` +
		`"ApplicationProperties":{"run_id":"0123456789ab","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","n":2},` +
		`"UserProperties":{},"sys":{"MethodName":"train-sku","UtcNow":"2026-11-23T10:04:06.12345Z","RandGuid":"11111111-2222-4333-8444-555555555555"}}}`

	// The bodies are a, b, c.
	batchMessage = `{"Data":{"messages":"[\"YQ==\",\"Yg==\",\"Yw==\"]"},"Metadata":{"MessageReceiver":{},"Client":{},` +
		`"MessageIdArray":"[\"m1\",\"m2\",null]","DeliveryCountArray":"[1,3,2]","DeadLetterSourceArray":"[null,null,null]",` +
		`"LockTokenArray":"[\"t1\",\"t2\",\"t3\"]","EnqueuedTimeUtcArray":"[\"2026-11-23T10:04:05.123\",\"2026-11-23T10:04:05.13\",\"2026-11-23T10:04:06\"]",` +
		`"SequenceNumberArray":"[11,12,13]","ApplicationPropertiesArray":"[{\"run_id\":\"r1\"},{},{\"run_id\":\"r3\"}]",` +
		`"sys":{"MethodName":"finish-run","UtcNow":"2026-11-23T10:04:06Z","RandGuid":"11111111-2222-4333-8444-555555555555"}}}`
)
