// Package functionshost does on a laptop what the Azure Functions host does for a custom
// handler: it reads host.json and the function.json files, starts real worker processes,
// and posts triggers to them in the host's own encoding, with the host's concurrency, lock
// renewal, time-outs, restarts and verdicts. Where the host is unkind, so is this: an empty
// answer hangs, exit code 0 is final, and one invocation's time-out kills all others.
//
// The behaviour is that of host 4.1045.200, as recorded from a running host; what the
// platform does around it, replacing a host that stopped, is done here too.
package functionshost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skucast/skucast/functions"
)

// Config says what to run. The durations are for tests and the local stack; zero takes what
// host.json or the real host has.
type Config struct {
	App       fs.FS    // host.json and */function.json
	Dir       string   // the app root on disk: working directory of workers; may be empty
	Command   []string // argv of a worker; empty starts what host.json names, from Dir
	Env       []string // the whole environment of a worker; nil inherits ours
	Instances int      // host instances, each with one worker; 0 is 1

	ServiceBus string // connection string; empty leaves queue functions without a trigger

	// Timers overrides schedules by function name with an interval.
	Timers map[string]time.Duration
	// TimersAtStart fires every timer once when the host is up, as the local stack wants it.
	TimersAtStart bool

	Faults Faults // of Service Bus deliveries, for tests of what depends on them

	Logger *slog.Logger
	// Output receives every line that a worker writes; nil logs it as the host does.
	Output func(Line)

	FunctionTimeout time.Duration    // host.json: functionTimeout
	InitTimeout     time.Duration    // host.json: initializationTimeout, 30 s
	TimeoutGrace    time.Duration    // between time-out and kill; 2 s
	ReplaceDelay    time.Duration    // until the platform replaces a stopped host; 1 s
	Now             func() time.Time // clock of the crash window and of payloads; time.Now
}

// Line is one line of a worker's output.
type Line struct {
	Instance int
	PID      int
	Stderr   bool
	Text     string
}

// Host is a running set of host instances.
type Host struct {
	cfg       Config
	set       settings
	functions map[string]functions.Function
	httpName  string

	slots   []slot
	next    atomic.Uint64
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start starts every instance and returns when all workers are ready. The host runs until
// ctx ends or Stop is called. A worker that crashes three times before it was ever ready
// makes Start fail with the last lines of its stderr.
func Start(ctx context.Context, cfg Config) (*Host, error) {
	h, err := newHost(cfg)
	if err != nil {
		return nil, err
	}
	ctx, h.cancel = context.WithCancel(ctx)
	started := make(chan error, len(h.slots))
	for n := range h.slots {
		h.running.Go(func() { h.keep(ctx, n, started) })
	}
	for range h.slots {
		select {
		case err = <-started:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			h.cancel()
			h.running.Wait()
			return nil, fmt.Errorf("start functions host: %w", err)
		}
	}
	for _, f := range h.functions {
		if f.Trigger.Type == functions.Timer {
			h.running.Go(func() { h.tick(ctx, f) })
		}
	}
	return h, nil
}

func newHost(cfg Config) (*Host, error) {
	set, err := readSettings(cfg.App)
	if err != nil {
		return nil, err
	}
	all, err := functions.Load(cfg.App)
	if err != nil {
		return nil, err
	}
	set.override(cfg)
	if cfg.Logger == nil {
		return nil, errors.New("functions host: no logger")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the clock of a real host; tests inject their own
	}
	if cfg.ReplaceDelay == 0 {
		cfg.ReplaceDelay = time.Second
	}
	if len(cfg.Command) == 0 {
		if cfg.Command, err = set.command(cfg.Dir); err != nil {
			return nil, err
		}
	}
	h := &Host{
		cfg: cfg, set: set, functions: map[string]functions.Function{},
		slots: make([]slot, max(cfg.Instances, 1)),
	}
	for n := range h.slots {
		h.slots[n].changed = make(chan struct{})
	}
	for _, f := range all {
		h.functions[f.Name] = f
		if err := h.check(f); err != nil {
			return nil, err
		}
	}
	for name := range cfg.Timers {
		if h.functions[name].Trigger.Type != functions.Timer {
			return nil, fmt.Errorf("timer override %q names no timer function", name)
		}
	}
	return h, nil
}

// check refuses what this host would have to ignore.
func (h *Host) check(f functions.Function) error {
	t := f.Trigger
	switch t.Type {
	case functions.HTTP:
		switch {
		case h.httpName != "":
			return fmt.Errorf("functions %s and %s are both HTTP; a catch-all route swallows the other", h.httpName, f.Name)
		case !catchAll(t.Route):
			return fmt.Errorf("%s/function.json: route %q; only a catch-all {*path} is proxied", f.Name, t.Route)
		case t.AuthLevel != "anonymous":
			return fmt.Errorf("%s/function.json: authLevel %q; only anonymous is known locally", f.Name, t.AuthLevel)
		case !h.set.Proxying:
			return errors.New("host.json: customHandler.enableProxyingHttpRequest must be true; HTTP in envelopes is not supported")
		}
		h.httpName = f.Name
	case functions.Timer:
		if _, err := parseSchedule(t.Schedule); err != nil {
			return fmt.Errorf("%s/function.json: %w", f.Name, err)
		}
	case functions.ServiceBus:
		if h.cfg.ServiceBus == "" {
			h.cfg.Logger.Warn("queue function has no connection and will not be triggered", "function", f.Name, "connection", t.Connection)
		}
	}
	return nil
}

// keep runs instance n and plays the platform: a host that stopped is replaced by a new
// one, with a new port and a clean record, until ctx ends.
func (h *Host) keep(ctx context.Context, n int, started chan<- error) {
	for first := true; ctx.Err() == nil; first = false {
		up := func() {}
		if first {
			up = func() {
				h.listen(ctx, n)
				started <- nil
			}
		}
		ready, err := h.one(ctx, n, up)
		if first && !ready {
			started <- err
			return
		}
		if ctx.Err() != nil {
			return
		}
		h.cfg.Logger.ErrorContext(ctx, "host instance stopped and will be replaced", "instance", n, "error", err.Error())
		pause(ctx, h.cfg.ReplaceDelay)
	}
}

// one runs one host instance to its end and reports whether it was ever ready.
func (h *Host) one(ctx context.Context, n int, up func()) (ready bool, err error) {
	i, err := newInstance(h, n)
	if err != nil {
		return false, err
	}
	h.slots[n].put(i)
	err = i.run(ctx, up)
	return i.wasReady, err
}

// Stop kills every worker and waits until all are gone or ctx ends. Messages in flight are
// abandoned.
func (h *Host) Stop(ctx context.Context) error {
	h.cancel()
	done := make(chan struct{})
	go func() { h.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop functions host: %w", ctx.Err())
	}
}

// WorkerPIDs returns the processes that run now.
func (h *Host) WorkerPIDs() []int {
	var pids []int
	for n := range h.slots {
		if i := h.slots[n].now(); i != nil {
			if pid := i.pid(); pid != 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// DeliverEvent posts one event to an Event Grid function, each time to the next instance.
// An error is what the host answers with 500. When ctx ends, as after Event Grid's 30 s, the
// caller gives up but the invocation goes on, as in the real host.
func (h *Host) DeliverEvent(ctx context.Context, function string, cloudEvent json.RawMessage) error {
	f, ok := h.functions[function]
	if !ok || f.Trigger.Type != functions.EventGrid {
		return fmt.Errorf("cannot find Event Grid function %q", function)
	}
	body, err := eventPayload(f, cloudEvent, h.cfg.Now())
	if err != nil {
		return fmt.Errorf("deliver event to %s: %w", function, err)
	}
	i := h.pick()
	done := make(chan error, 1)
	if i == nil || !i.begin(func() { done <- i.invoke(f, body) }) {
		return fmt.Errorf("deliver event to %s: %w", function, errNoWorker)
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("deliver event to %s: %w", function, err)
	}
	return nil
}

// pick takes the next instance in turn, preferring one whose worker is ready.
func (h *Host) pick() *instance {
	start := int(h.next.Add(1) % uint64(len(h.slots)))
	var fallback *instance
	for k := range h.slots {
		i := h.slots[(start+k)%len(h.slots)].now()
		if i == nil || i.ended() {
			continue
		}
		if i.isReady() {
			return i
		}
		if fallback == nil {
			fallback = i
		}
	}
	return fallback
}

// ServeHTTP proxies /api/... to the HTTP function of the next instance.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.httpName == "" || !h.routed(r) {
		http.NotFound(w, r)
		return
	}
	i := h.pick()
	if i == nil {
		http.Error(w, "no host instance is up", http.StatusServiceUnavailable)
		return
	}
	i.proxy(w, r, h.functions[h.httpName])
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
