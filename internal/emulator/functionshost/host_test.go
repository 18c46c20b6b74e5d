package functionshost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deliver sends an event in the background.
func deliver(t *testing.T, h *Host, id string) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- h.DeliverEvent(context.WithoutCancel(t.Context()), "event", json.RawMessage(`{"id":"`+id+`"}`))
	}()
	return done
}

func result(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("the delivery never ended")
		return nil
	}
}

func TestEventsGoRoundAllInstances(t *testing.T) {
	c := newControl(t)
	h := start(t, c, func(cfg *Config) { cfg.Instances = 3 })
	pids := h.WorkerPIDs()
	if len(pids) != 3 {
		t.Fatalf("workers %v, want 3", pids)
	}
	var called []int
	for n := range 6 {
		done := deliver(t, h, fmt.Sprint(n))
		got := c.next(t)
		called = append(called, got.PID)
		told := []string{"ok", "fail"}[n%2]
		got.answer <- told
		if err := result(t, done); (err == nil) != (told == "ok") {
			t.Errorf("told %s, got %v", told, err)
		}
	}
	if !slices.Equal(called[:3], called[3:]) || len(slices.Compact(slices.Sorted(slices.Values(called)))) != 3 {
		t.Errorf("called %v", called)
	}
	if err := h.DeliverEvent(t.Context(), "one", nil); err == nil {
		t.Error("an event was delivered to a queue function")
	}
}

func TestDelivererGivesUpButTheInvocationGoesOn(t *testing.T) {
	c := newControl(t)
	h := start(t, c, nil)
	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.DeliverEvent(ctx, "event", json.RawMessage(`{"id":"1"}`)) }()
	got := c.next(t)
	giveUp()
	if err := result(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-got.gone:
		t.Error("the handler saw its request cancelled; the host never does that")
	default:
		got.answer <- "ok"
	}
}

func TestTrap10TimeoutKillsEveryInvocation(t *testing.T) {
	c := newControl(t)
	h := start(t, c, func(cfg *Config) { cfg.FunctionTimeout = 400 * time.Millisecond })
	slow := deliver(t, h, "slow")
	first := c.next(t)
	healthy := deliver(t, h, "healthy")
	second := c.next(t)
	first.answer <- "hang"
	if err := result(t, slow); !errors.Is(err, errTimeout) {
		t.Errorf("the slow one ended with %v", err)
	}
	if err := result(t, healthy); err == nil {
		t.Error("the healthy one survived the kill of its process")
	}
	<-second.gone
	// The kill is not counted: five of them leave the same host instance.
	for n := range 4 {
		done := deliver(t, h, "again")
		got := c.next(t)
		if got.PID == first.PID || got.WorkerID != first.WorkerID || got.Port != first.Port {
			t.Errorf("round %d: worker %d %s on port %s; want a new process of host %s on port %s", n, got.PID, got.WorkerID, got.Port, first.WorkerID, first.Port)
		}
		got.answer <- "hang"
		if err := result(t, done); !errors.Is(err, errTimeout) {
			t.Errorf("round %d: %v", n, err)
		}
	}
}

func TestTrap04EmptySuccessNeverCompletes(t *testing.T) {
	c := newControl(t)
	h := start(t, c, func(cfg *Config) { cfg.FunctionTimeout = 300 * time.Millisecond })
	before := h.WorkerPIDs()
	sent := time.Now()
	if err := result(t, deliver(t, h, "empty")); !errors.Is(err, errTimeout) || time.Since(sent) < 300*time.Millisecond {
		t.Errorf("got %v after %v", err, time.Since(sent))
	}
	eventually(t, "a new worker", func() bool {
		pids := h.WorkerPIDs()
		return len(pids) == 1 && pids[0] != before[0]
	})
}

func TestTrap07ExitCode0IsFinal(t *testing.T) {
	c := newControl(t)
	h := start(t, c, nil)
	done := deliver(t, h, "1")
	c.next(t).answer <- "exit 0"
	if err := result(t, done); err == nil {
		t.Error("the invocation of a worker that exited succeeded")
	}
	eventually(t, "no worker", func() bool { return len(h.WorkerPIDs()) == 0 })
	for range 3 {
		if err := result(t, deliver(t, h, "2")); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("got %v, want connection refused", err)
		}
	}
	if pids := h.WorkerPIDs(); len(pids) != 0 {
		t.Errorf("worker %v was started", pids)
	}
}

// crash has the worker exit and returns its call.
func crash(t *testing.T, c *control, h *Host, code int) *call {
	t.Helper()
	done := deliver(t, h, "x")
	got := c.next(t)
	got.answer <- fmt.Sprint("exit ", code)
	if err := result(t, done); err == nil {
		t.Error("the invocation of a worker that exited succeeded")
	}
	eventually(t, "another worker is ready", func() bool {
		pids := h.WorkerPIDs()
		return len(pids) == 1 && pids[0] != got.PID && h.pick() != nil && h.pick().isReady()
	})
	return got
}

func TestExitCode200IsARestartFreeOfCharge(t *testing.T) {
	c := newControl(t)
	h := start(t, c, nil)
	first := crash(t, c, h, 200)
	for range 4 {
		if got := crash(t, c, h, 200); got.WorkerID != first.WorkerID || got.Port != first.Port || got.PID == first.PID {
			t.Errorf("got %+v after %+v; want a new process of the same host", got, first)
		}
	}
}

func TestTrap08ThirdCrashStopsTheHostAndThePlatformReplacesIt(t *testing.T) {
	c := newControl(t)
	h := start(t, c, nil)
	var ids []string
	for range 6 {
		ids = append(ids, crash(t, c, h, 3).WorkerID)
	}
	if ids[0] != ids[1] || ids[1] != ids[2] || ids[2] == ids[3] || ids[3] != ids[5] {
		t.Errorf("hosts %v; want a new one after each third crash", ids)
	}
}

func TestCrashesAreForgottenAfterHalfAnHour(t *testing.T) {
	start := at("2026-11-23 10:00:00")
	for _, c := range []struct {
		name    string
		minutes []int
		want    int
	}{
		{"three at once", []int{0, 0, 0}, 3},
		{"gaps within the window add up beyond it", []int{0, 29, 58}, 3},
		{"a longer gap clears", []int{0, 10, 41}, 1},
		{"exactly the window does not", []int{0, 30, 60}, 3},
	} {
		var r crashRecord
		got := 0
		for _, m := range c.minutes {
			got = r.add(start.Add(time.Duration(m) * time.Minute))
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestInvocationWaitsForARestart(t *testing.T) {
	c := newControl(t)
	h := start(t, c, nil)
	i := h.slots[0].now()
	// As between two workers: no invocation may be sent.
	i.mu.Lock()
	ready := i.ready
	i.ready = make(chan struct{})
	i.mu.Unlock()
	done := deliver(t, h, "early")
	select {
	case <-c.calls:
		t.Fatal("sent before the worker was ready")
	case err := <-done:
		t.Fatalf("ended with %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	i.mu.Lock()
	close(i.ready)
	i.ready = ready
	i.mu.Unlock()
	c.next(t).answer <- "ok"
	if err := result(t, done); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	c := newControl(t)
	for _, tc := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"with the worker's last words", "giving up", func(cfg *Config) { cfg.Env = append(cfg.Env, initVariable+"=crash") }},
		{"on a port that never opens", "did not open its port", func(cfg *Config) {
			cfg.Env, cfg.InitTimeout = append(cfg.Env, initVariable+"=never"), 100*time.Millisecond
		}},
		{"without the program", "start worker", func(cfg *Config) { cfg.Command = []string{"/nonexistent/functionapp"} }},
		{"without host.json", "host.json", func(cfg *Config) {
			files := app("")
			delete(files, "host.json")
			cfg.App = files
		}},
		{"without proxying", "enableProxyingHttpRequest", func(cfg *Config) {
			cfg.App = app(`{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}`)
		}},
		{"with an override of nothing", "timer override", func(cfg *Config) { cfg.Timers = map[string]time.Duration{"event": time.Second} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, err := Start(t.Context(), config(t, c, tc.change))
			if err == nil {
				_ = h.Stop(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestTimerIsOneForAllInstances(t *testing.T) {
	c := newControl(t)
	start(t, c, func(cfg *Config) {
		cfg.Instances, cfg.TimersAtStart = 2, true
		cfg.Timers = map[string]time.Duration{"tick": 30 * time.Millisecond}
	})
	first := c.next(t)
	if first.Function != "tick" {
		t.Fatalf("got %+v", first)
	}
	select {
	case got := <-c.calls:
		t.Errorf("a second tick, %+v, while the first runs", got)
	case <-time.After(100 * time.Millisecond):
	}
	first.answer <- "fail" // the schedule goes on
	second := c.next(t)
	second.answer <- "ok"
	if second.PID == first.PID {
		t.Error("ticks do not go round the instances")
	}
}

func TestOutputIsCutIntoLines(t *testing.T) {
	c := newControl(t)
	var mu sync.Mutex
	var got []Line
	h := start(t, c, func(cfg *Config) {
		cfg.Output = func(l Line) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, l)
		}
	})
	pid := h.WorkerPIDs()[0]
	eventually(t, "both lines", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(got, Line{0, pid, false, "listening"}) && slices.Contains(got, Line{0, pid, true, "warning: fake"})
	})
}

func TestAPIIsProxied(t *testing.T) {
	c := newControl(t)
	seen := c.always(t, func(got *call) string {
		if strings.Contains(got.IDs[0], "teapot") {
			return "short and stout"
		}
		return "ok"
	})
	srv := httptest.NewServer(start(t, c, nil))
	defer srv.Close()
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/api/runs?sku=A&sku=B;&x=%C3%A9", 200},
		{http.MethodPost, "/api/", 200},
		{http.MethodGet, "/api/teapot", 418},
		{http.MethodDelete, "/api/runs", 404}, // no such method in function.json
		{http.MethodPost, "/event", 404},
		{http.MethodGet, "/", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, srv.URL+tc.path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		before := len(seen())
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tc.status || tc.status == 200 && string(body) != "body" {
			t.Errorf("%s %s: %d %q, want %d", tc.method, tc.path, resp.StatusCode, body, tc.status)
		}
		switch calls := seen(); {
		case tc.status == 404 && len(calls) != before:
			t.Errorf("%s %s reached the worker", tc.method, tc.path)
		case tc.status != 404 && calls[len(calls)-1].IDs[0] != tc.method+" "+tc.path:
			t.Errorf("%s %s arrived as %v", tc.method, tc.path, calls[len(calls)-1].IDs)
		}
	}
}

// TestProxiedRequestEqualsTheRecording sends what was sent to the real host.
func TestProxiedRequestEqualsTheRecording(t *testing.T) {
	want := load(t, "http-proxied")
	var got wire
	worker := recorderOf(t, &got)
	h, err := newHost(config(t, &control{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	i, err := newInstance(h, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer i.end()
	if _, err := fmt.Sscanf(worker.URL, "http://127.0.0.1:%d", &i.port); err != nil {
		t.Fatal(err)
	}
	i.set(nil, true)
	h.slots[0].put(i)
	srv := httptest.NewServer(h)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/api/runs/R?sku=A&sku=B&x=%C3%A9", strings.NewReader("a\x00\xffb"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Accept": {"*/*"}, "User-Agent": {"curl/7.88.1"}, "X-Custom": {"a", "b"},
		"Content-Type":    {"application/octet-stream", "application/json"},
		"X-Forwarded-For": {"6.6.6.6"}, "X-Ms-Invocation-Id": {"forged"}, headerOfInvocation: {"forged"},
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got.line != want.Request.Line || got.chunked || got.body != "a\x00\xffb" {
		t.Errorf("got %q chunked %t %q, want %q with a length", got.line, got.chunked, got.body, want.Request.Line)
	}
	compareHeaders(t, got.header, want.Request.Headers)
}

const headerOfInvocation = "X-Azure-Functions-Invocationid"

// hostMain is a host in a process of its own, for the test that kills it.
func hostMain() int {
	h, err := Start(context.Background(), Config{
		App: app(""), Command: []string{os.Args[0]}, Env: append(os.Environ(), hostVariable+"=", controlVariable+"=http://127.0.0.1:1"),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(h.WorkerPIDs()[0])
	select {}
}

func TestWorkersDieWithAKilledHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ties a child's life to its parent's")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(cmd.Environ(), hostVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatalf("host says %q", line)
	}
	if !alive(pid) {
		t.Fatal("no worker to begin with")
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the worker is gone", func() bool { return !alive(pid) })
}

// alive reports whether a process runs; a zombie that nobody has reaped yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
