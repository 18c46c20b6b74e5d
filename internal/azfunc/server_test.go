package azfunc

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serve(a *App, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

func TestReadinessIsAnsweredAtOnce(t *testing.T) {
	a, _ := testApp(t)
	got := serve(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if got.Code != 200 || got.Body.Len() == 0 {
		t.Errorf("GET / answers %d %q", got.Code, got.Body)
	}
}

func TestListenNamesTheVariable(t *testing.T) {
	for _, port := range []string{"", "http", "70000", "-1"} {
		if ln, err := Listen(port); err == nil || !strings.Contains(err.Error(), PortVariable) {
			t.Errorf("Listen(%q) = %v, %v", port, ln, err)
		}
	}
	ln, err := Listen("0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if addr := ln.Addr().(*net.TCPAddr); !addr.IP.IsLoopback() {
		t.Errorf("listens on %v", addr)
	}
}

// TestTriggersCannotBeReachedThroughTheProxy: a client chooses path, query, body and most
// headers of a proxied request, the invocation id included.
func TestTriggersCannotBeReachedThroughTheProxy(t *testing.T) {
	a, _ := testApp(t)
	a.Queue("train-sku", func(context.Context, Delivery) error {
		t.Error("a proxied request reached the trigger")
		return nil
	})
	var served []string
	a.HTTP("api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served = append(served, r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
	}))
	for _, path := range []string{
		"/api", "/api/", "/api/train-sku", "/api//train-sku", "/api/../train-sku", "/api/%2e%2e/train-sku",
		"/api/..%2ftrain-sku", "/api/./../train-sku", "/api/x/../../train-sku",
		"/train-sku", "//train-sku", "/./train-sku", "/train-sku/", "/TRAIN-SKU", "/x/../train-sku", "/%74rain-sku",
	} {
		r := load(t, "http-proxied").http(t)
		target := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
		r.URL, r.RequestURI = target.URL, path
		r.Body = io.NopCloser(strings.NewReader(singleMessage))
		before := len(served)
		got := serve(a, r)
		if api := strings.HasPrefix(path, "/api"); api && (got.Code != http.StatusTeapot || len(served) != before+1) {
			t.Errorf("%s: status %d; everything under /api belongs to the HTTP function", path, got.Code)
		} else if !api && (got.Code < 400 || len(served) != before) {
			t.Errorf("%s: status %d, want a refusal", path, got.Code)
		}
	}
}

func TestOnlyTheHostsOwnRequestIsATrigger(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"as the host sends it", func(*http.Request) {}, 200},
		{"sized instead of chunked, as func start sends it", func(r *http.Request) {
			r.ContentLength, r.TransferEncoding = int64(len(singleMessage)), nil
		}, 200},
		{"no invocation id", func(r *http.Request) { r.Header.Del(headerInvocation) }, 404},
		{"forwarded for", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.1") }, 404},
		{"forwarded", func(r *http.Request) { r.Header.Set("Forwarded", "for=10.0.0.1") }, 404},
		{"proxied by the host", func(r *http.Request) { r.Header.Set("x-ms-invocation-id", "1") }, 404},
		{"original url", func(r *http.Request) { r.Header.Set("X-Original-URL", "/api/x") }, 404},
		{"other method", func(r *http.Request) { r.Method = http.MethodPut }, 405},
		{"unknown function", func(r *http.Request) { r.URL.Path = "/drop-tables" }, 404},
		{"the HTTP function's own name", func(r *http.Request) { r.URL.Path = "/web" }, 404},
		{"body over the limit", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", 4096))) }, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := testApp(t)
			a.MaxBody = 2048
			calls := 0
			a.Queue("train-sku", func(context.Context, Delivery) error { calls++; return nil })
			a.HTTP("web", http.NotFoundHandler())
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/train-sku", strings.NewReader(singleMessage))
			r.Header.Set(headerInvocation, "1")
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
			c.change(r)
			got := serve(a, r)
			if got.Code != c.want || (calls == 1) != (c.want == 200) {
				t.Errorf("status %d after %d calls, want %d", got.Code, calls, c.want)
			}
		})
	}
}

func TestHTTPFunction(t *testing.T) {
	a, lines := testApp(t)
	a.HTTP("api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("no deadline")
		}
		switch r.URL.Path {
		case "/api/panic":
			panic("boom")
		case "/api/half":
			w.WriteHeader(http.StatusOK)
			panic("boom")
		case "/api/none":
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.WriteString(w, r.URL.RawQuery)
			w.(http.Flusher).Flush()
		}
	}))
	srv := httptest.NewServer(a.Handler())
	defer srv.Close()
	get := func(path string) (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	if status, body, err := get("/api/runs?sku=A&sku=B"); status != 200 || body != "sku=A&sku=B" || err != nil {
		t.Errorf("got %d %q %v", status, body, err)
	}
	if got := lines.last(t, "invocation ended"); got["outcome"] != "answered" || got["function"] != "api" || got["status"] != 200.0 {
		t.Errorf("logged %v", got)
	}
	if status, body, err := get("/api/none"); status != 204 || body != "" || err != nil {
		t.Errorf("got %d %q %v", status, body, err)
	}
	if status, _, err := get("/api/panic"); status != 500 || err != nil {
		t.Errorf("a panic is answered %d, %v", status, err)
	}
	if _, _, err := get("/api/half"); err == nil {
		t.Error("an answer cut short by a panic looks whole")
	}
	if !strings.Contains(lines.String(), "invocation panicked") {
		t.Error("the panic is not logged")
	}
}

func TestServeDrains(t *testing.T) {
	for _, c := range []struct {
		name   string
		drain  time.Duration
		cutOff bool
	}{
		{"waits for what is in flight", time.Minute, false},
		{"but not for ever", time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := testApp(t)
			a.Drain = c.drain
			started, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			a.EventGrid("submit-etl", func(ctx context.Context, _ json.RawMessage) error {
				close(started)
				select {
				case <-release:
				case <-ctx.Done():
				}
				ended <- ctx.Err()
				return ctx.Err()
			})
			ln, err := Listen("0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- a.Serve(ctx, ln) }()
			answered := make(chan int, 1)
			go func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ln.Addr().String()+"/submit-etl", strings.NewReader(oneEvent))
				req.Header.Set(headerInvocation, "1")
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					answered <- 0
					return
				}
				resp.Body.Close()
				answered <- resp.StatusCode
			}()
			<-started
			stop()
			if !c.cutOff {
				close(release)
			}
			if err := <-ended; (err != nil) != c.cutOff {
				t.Errorf("the handler's context ended with %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if status := <-answered; (status == 200) == c.cutOff {
				t.Errorf("answered %d", status)
			}
		})
	}
}

func TestServeReportsALostListener(t *testing.T) {
	a, _ := testApp(t)
	ln, err := Listen("0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := a.Serve(t.Context(), ln); err == nil || ExitCode(err) != 1 {
		t.Errorf("got %v, exit code %d", err, ExitCode(err))
	}
}
