package functionshost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/skucast/skucast/internal/azfunc"
)

// The test binary plays the worker when controlVariable names the test's control server, and
// the whole host when hostVariable is set.
const (
	controlVariable = "FUNCTIONSHOST_TEST_CONTROL"
	initVariable    = "FUNCTIONSHOST_TEST_INIT"
	hostVariable    = "FUNCTIONSHOST_TEST_HOST"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(hostVariable) != "":
		os.Exit(hostMain())
	case os.Getenv(controlVariable) != "":
		os.Exit(azfunc.ExitCode(fakeWorker()))
	}
	os.Exit(m.Run())
}

// app is a function app with one function of every kind.
func app(hostJSON string) fstest.MapFS {
	queue := func(name, more string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"bindings":[{"type":"serviceBusTrigger","direction":"in","name":"in","queueName":"` + name +
			`","connection":"SERVICEBUS","dataType":"binary"` + more + `}]}`)}
	}
	if hostJSON == "" {
		hostJSON = `{"version":"2.0","functionTimeout":"00:10:00","customHandler":{"description":{"defaultExecutablePath":"worker"},"enableProxyingHttpRequest":true},` +
			`"extensions":{"serviceBus":{"maxConcurrentCalls":2,"maxMessageBatchSize":100,"maxAutoLockRenewalDuration":"00:10:00"}}}`
	}
	return fstest.MapFS{
		"host.json":           {Data: []byte(hostJSON)},
		"event/function.json": {Data: []byte(`{"bindings":[{"type":"eventGridTrigger","direction":"in","name":"in"}]}`)},
		"one/function.json":   queue("one", ""),
		"many/function.json":  queue("many", `,"cardinality":"many"`),
		"tick/function.json":  {Data: []byte(`{"bindings":[{"type":"timerTrigger","direction":"in","name":"in","schedule":"0 0 0 1 1 *"}]}`)},
		"api/function.json": {Data: []byte(`{"bindings":[{"type":"httpTrigger","direction":"in","name":"in","route":"{*path}","authLevel":"anonymous","methods":["get","post"]},` +
			`{"type":"http","direction":"out","name":"out"}]}`)},
	}
}

// call is what a worker tells about an invocation before it does as it is told.
type call struct {
	PID      int
	Port     string
	WorkerID string
	Function string
	IDs      []string
	Count    int

	answer chan string
	gone   <-chan struct{} // the worker died
}

// fakeWorker asks the control server what to do with every invocation: ok, fail, hang,
// "exit N", or empty (a success without a body).
func fakeWorker() error {
	switch os.Getenv(initVariable) {
	case "crash":
		fmt.Fprintln(os.Stderr, "no model store")
		fmt.Fprintln(os.Stderr, "giving up")
		os.Exit(5)
	case "never":
		select {}
	}
	ask := func(ctx context.Context, function string, count int, ids ...string) error {
		body, err := json.Marshal(call{
			PID: os.Getpid(), Port: os.Getenv(azfunc.PortVariable), WorkerID: os.Getenv("FUNCTIONS_CUSTOMHANDLER_WORKER_ID"),
			Function: function, IDs: ids, Count: count,
		})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv(controlVariable), bytes.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		told, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		verb, arg, _ := strings.Cut(string(told), " ")
		switch verb {
		case "ok":
			return nil
		case "hang":
			select {}
		case "exit":
			code, err := strconv.Atoi(arg)
			if err != nil {
				return err
			}
			fmt.Fprintln(os.Stderr, "told to exit with", code)
			os.Exit(code)
		case "empty":
			return errEmpty
		}
		return errors.New(string(told))
	}
	a := azfunc.New(slog.New(slog.DiscardHandler))
	a.Wait = func(context.Context, time.Duration) {}
	a.EventGrid("event", func(ctx context.Context, raw json.RawMessage) error {
		var e struct{ ID string }
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		return ask(ctx, "event", 0, e.ID)
	})
	a.Queue("one", func(ctx context.Context, d azfunc.Delivery) error { return ask(ctx, "one", d.Count, d.ID) })
	a.Batch("many", func(ctx context.Context, batch []azfunc.Delivery) error {
		var ids []string
		for _, d := range batch {
			ids = append(ids, d.ID)
		}
		return ask(ctx, "many", batch[0].Count, ids...)
	})
	a.Timer("tick", func(ctx context.Context, t azfunc.Timer) error { return ask(ctx, "tick", 0, t.Next.String()) })
	a.HTTP("api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := ask(r.Context(), "api", 0, r.Method+" "+r.URL.RequestURI()); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	ln, err := azfunc.Listen(os.Getenv(azfunc.PortVariable))
	if err != nil {
		return err
	}
	fmt.Println("listening")
	fmt.Fprintln(os.Stderr, "warning: fake")
	srv := &http.Server{Handler: emptyAnswers(a.Handler()), ReadHeaderTimeout: time.Second}
	return srv.Serve(ln)
}

var errEmpty = errors.New("answer with nothing")

// emptyAnswers breaks the protocol when the control server says so: azfunc never would.
func emptyAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/event" {
			next.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(`"id":"empty"`)) {
			w.WriteHeader(http.StatusOK)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// control receives the calls of all workers of a test.
type control struct {
	url   string
	calls chan *call
}

func newControl(t *testing.T) *control {
	t.Helper()
	c := &control{calls: make(chan *call)}
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got call
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
			return
		}
		got.answer, got.gone = make(chan string, 1), r.Context().Done()
		select {
		case c.calls <- &got:
		case <-r.Context().Done():
			return
		case <-stop:
			return
		}
		select {
		case told := <-got.answer:
			_, _ = io.WriteString(w, told)
		case <-r.Context().Done():
		case <-stop:
		}
	}))
	c.url = srv.URL
	t.Cleanup(func() { close(stop); srv.CloseClientConnections(); srv.Close() })
	return c
}

// patience bounds every wait for another process.
const patience = 20 * time.Second

// next waits for an invocation to reach a worker.
func (c *control) next(t *testing.T) *call {
	t.Helper()
	select {
	case got := <-c.calls:
		return got
	case <-time.After(patience):
		t.Fatal("no invocation reached a worker")
		return nil
	}
}

// always answers every call the same way until the test ends, and notes the calls.
func (c *control) always(t *testing.T, answer func(*call) string) func() []*call {
	t.Helper()
	var mu sync.Mutex
	var seen []*call
	done := make(chan struct{})
	go func() {
		for {
			select {
			case got := <-c.calls:
				mu.Lock()
				seen = append(seen, got)
				mu.Unlock()
				got.answer <- answer(got)
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() { close(done) })
	return func() []*call {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

// start runs a host of fake workers and stops it at the end of the test.
func start(t *testing.T, c *control, change func(*Config)) *Host {
	t.Helper()
	h, err := Start(t.Context(), config(t, c, change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
		if pids := h.WorkerPIDs(); len(pids) != 0 {
			t.Errorf("workers %v outlived Stop", pids)
		}
	})
	return h
}

func config(t *testing.T, c *control, change func(*Config)) Config {
	t.Helper()
	cfg := Config{
		App: app(""), Command: []string{os.Args[0]}, Env: append(os.Environ(), controlVariable+"="+c.url),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), ReplaceDelay: time.Millisecond, TimeoutGrace: time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// eventually waits for a state of another process.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// logLines collects a log that several goroutines write.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logLines) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(s))
}
