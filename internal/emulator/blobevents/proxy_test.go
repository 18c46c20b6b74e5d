package blobevents

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
)

// world is a proxy before a service that a test plays.
type world struct {
	*Proxy
	events chan eventgrid.BlobEvent
}

const testKey = "a2V5"

func start(t *testing.T, backend http.HandlerFunc, adjust ...func(*Config)) world {
	t.Helper()
	srv := httptest.NewServer(backend)
	t.Cleanup(srv.Close)
	return before(t, srv.URL, adjust...)
}

func before(t *testing.T, service string, adjust ...func(*Config)) world {
	t.Helper()
	account, err := ParseAccount("AccountName=acc;AccountKey=" + testKey + ";BlobEndpoint=" + service + "/acc")
	if err != nil {
		t.Fatal(err)
	}
	w := world{events: make(chan eventgrid.BlobEvent, 1000)}
	cfg := Config{Backend: account, LookEvery: time.Millisecond, Raise: func(_ context.Context, e eventgrid.BlobEvent) error {
		w.events <- e
		return nil
	}}
	for _, a := range adjust {
		a(&cfg)
	}
	if w.Proxy, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// raised are the events so far.
func (w world) raised() []eventgrid.BlobEvent {
	var all []eventgrid.BlobEvent
	for {
		select {
		case e := <-w.events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// reply is an answer as far as it came.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func (w world) do(t *testing.T, method, path string, body io.Reader, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.url.Host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b, err}
}

// What is signed arrives as it was sent: the path and the query as they were written, every
// header, and a length where there was one.
func TestRequestsPassAsTheyAre(t *testing.T) {
	t.Parallel()
	type seen struct{ uri, length, body, header, host string }
	got := make(chan seen, 1)
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h := r.Header
		got <- seen{
			r.RequestURI, fmt.Sprint(r.ContentLength), string(b),
			h.Get("Authorization") + "|" + h.Get("x-ms-date") + "|" + h.Get("Range") + "|" + h.Get("X-Forwarded-For") + "|" + h.Get("Accept-Encoding") + "|" + h.Get("User-Agent"), r.Host,
		}
		w.Header().Set("x-ms-request-id", "7")
		w.WriteHeader(http.StatusPartialContent)
	})
	for _, uri := range []string{
		"/acc/c/a%2Fb%20c%25?comp=metadata&x=a%2Bb;c&y", "/acc/c/%C3%BC.csv?prefix=a%2F&marker=%21", "/acc/c/a//b", "/acc/c?restype=container&comp=list",
	} {
		resp := w.do(t, http.MethodPut, uri, strings.NewReader("body"), "Authorization", "SharedKey acc:sig", "x-ms-date", "d", "Range", "bytes=1-2", "Accept-Encoding", "identity", "User-Agent", "ua")
		want := seen{uri, "4", "body", "SharedKey acc:sig|d|bytes=1-2||identity|ua", w.cfg.Backend.blob.Host}
		if s := <-got; s != want {
			t.Errorf("arrived\n%+v, sent\n%+v", s, want)
		}
		if resp.status != http.StatusPartialContent || resp.header.Get("x-ms-request-id") != "7" {
			t.Errorf("answer %+v", resp)
		}
	}
	w.do(t, http.MethodPut, "/acc/c/empty", nil)
	if s := <-got; s.length != "0" {
		t.Errorf("an empty body has length %s", s.length)
	}
	w.do(t, http.MethodPut, "/acc/c/chunked?comp=block", struct{ io.Reader }{strings.NewReader("body")})
	if s := <-got; s.length != "-1" || s.body != "body" {
		t.Errorf("a chunked body: %+v", s)
	}
}

// An event for what the service has taken, with what it said; none for what it refused.
func TestEventsOnlyForSuccess(t *testing.T) {
	t.Parallel()
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"0x1"`)
		w.Header().Set("Last-Modified", "Mon, 06 Jan 2025 10:00:00 GMT")
		w.WriteHeader(map[string]int{"201": 201, "409": 409, "412": 412, "500": 500, "304": 304, "403": 403}[r.Header.Get("x-status")])
	})
	for _, status := range []string{"409", "412", "500", "304", "403"} {
		w.do(t, http.MethodPut, "/acc/c/a", strings.NewReader("x"), "x-status", status)
	}
	if got := w.raised(); len(got) != 0 {
		t.Errorf("refused, and raised %+v", got)
	}
	w.do(t, http.MethodPut, "/acc/raw-data/incoming%2Fa.csv", strings.NewReader("1234567"), "x-status", "201", "Content-Type", "text/csv")
	want := eventgrid.BlobEvent{
		Container: "raw-data", Blob: "incoming/a.csv", ETag: "0x1", Size: 7, ContentType: "text/csv", API: "PutBlob", BlobType: "BlockBlob",
		Time: time.Date(2025, 1, 6, 10, 0, 0, 0, time.UTC),
	}
	if got := w.raised(); len(got) != 1 || got[0] != want {
		t.Errorf("raised %+v, want %+v", got, want)
	}
}

// The size of a block list is the service's to tell, for the version that was written.
func TestSizeOfABlockList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		size   int64
	}{"there": {200, 99}, "replaced": {412, 0}, "deleted": {404, 0}, "forbidden": {403, 0}} {
		w := start(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				if r.Header.Get("If-Match") != `"0x5"` || !strings.HasPrefix(r.Header.Get("Authorization"), "SharedKey acc:") {
					t.Errorf("%s: asked with %v", name, r.Header)
				}
				w.Header().Set("Content-Length", "99")
				w.Header().Set("Content-Type", "text/csv")
				w.Header().Set("x-ms-blob-type", "BlockBlob")
				w.Header().Set("x-ms-error-code", map[int]string{412: "ConditionNotMet", 404: "BlobNotFound", 403: "AuthenticationFailed"}[c.status])
				w.WriteHeader(c.status)
				return
			}
			w.Header().Set("ETag", `"0x5"`)
			w.WriteHeader(http.StatusCreated)
		})
		w.do(t, http.MethodPut, "/acc/c/a?comp=blocklist", strings.NewReader("<BlockList/>"))
		got := w.raised()
		if len(got) != 1 || got[0].Size != c.size || got[0].API != "PutBlockList" || got[0].ETag != "0x5" {
			t.Errorf("%s: raised %+v", name, got)
		}
	}
}

// A copy that goes on in the background is told of when it has ended, and only if it has
// ended well.
func TestCopyThatIsPending(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states []string // of the copy as it is looked at, with the copy's id
		events int
	}{
		"success":  {[]string{"pending 1", "pending 1", "success 1"}, 1},
		"aborted":  {[]string{"pending 1", "aborted 1"}, 0},
		"failed":   {[]string{"failed 1"}, 0},
		"replaced": {[]string{"pending 1", "success 2"}, 0},
		"deleted":  {[]string{"pending 1", ""}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			looks, over := 0, make(chan struct{})
			w := start(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodHead {
					w.Header().Set("ETag", `"0x5"`)
					w.Header().Set("x-ms-copy-status", "pending")
					w.Header().Set("x-ms-copy-id", "1")
					w.WriteHeader(http.StatusAccepted)
					return
				}
				state := c.states[min(looks, len(c.states)-1)]
				if looks++; looks == len(c.states) {
					close(over)
				}
				status, id, _ := strings.Cut(state, " ")
				if status == "" {
					w.Header().Set("x-ms-error-code", "BlobNotFound")
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.Header().Set("x-ms-copy-status", status)
				w.Header().Set("x-ms-copy-id", id)
				w.Header().Set("ETag", `"0x6"`)
				w.Header().Set("Content-Length", "12")
			})
			w.do(t, http.MethodPut, "/acc/c/a", nil, "x-ms-copy-source", "https://x/y")
			<-over
			if c.events == 1 {
				if e := <-w.events; e.API != "CopyBlob" || e.ETag != "0x6" || e.Size != 12 {
					t.Errorf("raised %+v", e)
				}
			}
			w.Close() // waits for whoever looks
			if got := w.raised(); len(got) != 0 {
				t.Errorf("raised %+v", got)
			}
		})
	}
}

// An upload that breaks off is not written and raises nothing; the service sees it broken.
func TestHalfAnUpload(t *testing.T) {
	t.Parallel()
	broken := make(chan error, 1)
	begun := make(chan struct{})
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadFull(r.Body, make([]byte, 5))
		close(begun)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		broken <- err
		w.WriteHeader(http.StatusCreated)
	})
	c, err := net.Dial("tcp", w.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT /acc/c/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nx-ms-blob-type: BlockBlob\r\n\r\nhello")
	<-begun
	_ = c.Close()
	if err := <-broken; err == nil {
		t.Error("the service took half an upload for a whole one")
	}
	w.Close()
	if got := w.raised(); len(got) != 0 {
		t.Errorf("raised %+v", got)
	}
}

// A client that has sent everything and goes away has written.
func TestClientThatDoesNotWait(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}), make(chan struct{})
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-gone
		w.Header().Set("ETag", `"0x1"`)
		w.WriteHeader(http.StatusCreated)
	})
	c, err := net.Dial("tcp", w.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT /acc/c/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nx-ms-blob-type: BlockBlob\r\n\r\nhello")
	<-arrived
	_ = c.Close()
	close(gone)
	if e := <-w.events; e.ETag != "0x1" || e.Size != 5 {
		t.Errorf("raised %+v", e)
	}
}

// Services that are away, hang up or never answer are a 502 with a reason that clients try
// again, and no key or signature in it.
func TestServiceThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}
	for name, w := range map[string]world{
		"away":     before(t, "http://"+ln.Addr().String()),
		"hangs up": start(t, hangUp),
		"silent":   start(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(c *Config) { c.AnswerWithin = 20 * time.Millisecond }),
	} {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			resp := w.do(t, method, "/acc/c/a?sig=hunter2", nil)
			text := string(resp.body)
			if resp.status != http.StatusBadGateway || resp.header.Get("x-ms-error-code") != CodeUnavailable ||
				!strings.Contains(text, "does not answer") || strings.Contains(text, "hunter2") || strings.Contains(text, testKey) {
				t.Errorf("%s: %d\n%s", name, resp.status, text)
			}
		}
		if got := w.raised(); len(got) != 0 {
			t.Errorf("%s: raised %+v", name, got)
		}
	}
}

// A download that breaks off is seen as broken, not as short.
func TestHalfADownload(t *testing.T) {
	t.Parallel()
	w := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(make([]byte, 500_000))
	})
	resp := w.do(t, http.MethodGet, "/acc/c/a", nil)
	if !errors.Is(resp.err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v", len(resp.body), resp.err)
	}
}

// Bodies flow in both directions before they have ended: nothing is kept.
func TestBodiesAreStreamed(t *testing.T) {
	t.Parallel()
	arrived := make(chan string)
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("first\n"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		line, _ := bufio.NewReader(r.Body).ReadString('\n')
		arrived <- line
		_, _ = io.Copy(io.Discard, r.Body)
	})
	body, send := io.Pipe()
	go func() {
		_, _ = send.Write([]byte("first\n"))
		if line := <-arrived; line != "first\n" {
			t.Errorf("up: %q", line)
		}
		_ = send.Close() // not before the first line has arrived
	}()
	w.do(t, http.MethodPut, "/acc/c/a?comp=block", body)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.url.Host+"/acc/c/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "first\n" {
		t.Errorf("down: %q, %v", line, err)
	}
}

// Many at once: one event for each write, and each body where it belongs.
func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	stored := map[string]string{}
	w := start(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		_, _ = io.Copy(sum, r.Body)
		tag := base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
		mu.Lock()
		stored[strings.TrimPrefix(r.URL.Path, "/acc/c/")] = tag
		mu.Unlock()
		w.Header().Set("ETag", `"`+tag+`"`)
		w.WriteHeader(http.StatusCreated)
	})
	const writers = 200
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			w.do(t, http.MethodPut, fmt.Sprintf("/acc/c/%d", i), strings.NewReader(strings.Repeat(fmt.Sprint(i), 10_000)))
		})
	}
	wg.Wait()
	got := map[string]bool{}
	for _, e := range w.raised() {
		if got[e.Blob] || e.ETag != stored[e.Blob] {
			t.Errorf("event %+v, stored %s", e, stored[e.Blob])
		}
		got[e.Blob] = true
	}
	if len(got) != writers {
		t.Errorf("%d events for %d writes", len(got), writers)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	raise := func(context.Context, eventgrid.BlobEvent) error { return nil }
	for name, cfg := range map[string]Config{
		"no account":    {Raise: raise},
		"no raise":      {Backend: Account{Name: "x", blob: &url.URL{Scheme: "http", Host: "h"}, key: "a2V5"}},
		"key not a key": {Raise: raise, Backend: Account{Name: "x", blob: &url.URL{Scheme: "http", Host: "h"}, key: "§"}},
	} {
		if p, err := Start(t.Context(), cfg); err == nil {
			p.Close()
			t.Errorf("%s: started", name)
		}
	}
}
