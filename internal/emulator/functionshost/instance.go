package functionshost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The host's supervision: a crash counts for half an hour, and the third in that time stops
// the host.
const (
	crashWindow  = 30 * time.Minute
	crashesToEnd = 3
)

// exitRestart is the exit code by which a worker asks to be restarted.
const exitRestart = 200

// instance is one functions host: a worker and its record of crashes. It lives until its
// third crash.
type instance struct {
	host   *Host
	n      int
	id     string
	port   int
	client *http.Client
	log    *slog.Logger

	calls    sync.WaitGroup
	restart  chan *worker // a worker that must be replaced because an invocation timed out
	done     chan struct{}
	wasReady bool // owned by run

	mu     sync.Mutex
	worker *worker
	ready  chan struct{} // closed while invocations may be sent
	ctx    context.Context
	cancel context.CancelFunc
}

func newInstance(h *Host, n int) (*instance, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	i := &instance{
		host: h, n: n, id: newGUID(), port: port,
		// No automatic gzip: the host sends no Accept-Encoding. Its own time limit is above
		// functionTimeout, so only that one matters.
		client:  &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}},
		log:     h.cfg.Logger.With("instance", n),
		restart: make(chan *worker),
		done:    make(chan struct{}),
		ready:   make(chan struct{}),
	}
	i.ctx, i.cancel = context.WithCancel(context.Background()) // bounds invocations; ended by run
	return i, nil
}

func (i *instance) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", i.port, path) }

func (i *instance) pid() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.worker == nil {
		return 0
	}
	select {
	case <-i.worker.exited:
		return 0
	default:
		return i.worker.pid
	}
}

func (i *instance) isReady() bool { return isClosed(i.readiness()) }

func (i *instance) ended() bool { return isClosed(i.done) }

func (i *instance) readiness() chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ready
}

func (i *instance) current() *worker {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.worker
}

// set publishes the worker and whether invocations may be sent to it.
func (i *instance) set(w *worker, ready bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.worker = w
	switch open := isClosed(i.ready); {
	case ready && !open:
		close(i.ready)
	case !ready && open:
		i.ready = make(chan struct{})
	}
}

// begin runs an invocation that nobody else waits for; false when the instance has ended.
func (i *instance) begin(call func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if isClosed(i.done) {
		return false
	}
	i.calls.Go(call)
	return true
}

// end fails every invocation, waiting or sent.
func (i *instance) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.done)
	i.cancel()
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// run supervises workers until ctx ends or the third crash stops the host; the error says
// why. It calls up when the first worker is ready and leaves nothing behind.
func (i *instance) run(ctx context.Context, up func()) error {
	defer func() {
		i.end()
		if w := i.current(); w != nil {
			w.kill()
		}
		i.calls.Wait()
	}()
	var crashes crashRecord
	for {
		err := i.once(ctx, func() {
			if !i.wasReady {
				i.wasReady = true
				up()
			}
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			continue // a restart that does not count
		case crashes.add(i.host.cfg.Now()) >= crashesToEnd:
			return fmt.Errorf("exceeded worker restart count: %w", err)
		}
		i.log.WarnContext(ctx, "worker crashed and is restarted", "error", err.Error())
	}
}

// once runs one worker to its end. A nil error is a restart that is not counted.
func (i *instance) once(ctx context.Context, ready func()) error {
	w, err := i.startWorker()
	if err != nil {
		return err
	}
	i.set(w, false)
	defer func() {
		i.set(w, false)
		w.kill()
		i.client.CloseIdleConnections()
	}()
	if err := w.probe(ctx, i.url("/"), i.host.set.InitTimeout); err != nil {
		w.kill()
		return errors.Join(err, w.ending())
	}
	i.set(w, true)
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case late := <-i.restart:
			if late == w {
				i.log.WarnContext(ctx, "an invocation timed out; its worker is killed with every other invocation", "pid", w.pid)
				return nil
			}
		case <-w.exited:
			switch w.code {
			case 0:
				i.log.ErrorContext(ctx, "worker exited with 0 and will never be restarted; every later invocation fails", "pid", w.pid)
				i.hold(ctx)
				return ctx.Err()
			case exitRestart:
				i.log.InfoContext(ctx, "worker asked for a restart", "pid", w.pid)
				return nil
			default:
				return w.ending()
			}
		}
	}
}

// hold keeps the dead worker of exit code 0 in its place.
func (i *instance) hold(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.restart: // an empty answer of before timed out; nothing is left to kill
		}
	}
}

func (i *instance) startWorker() (*worker, error) {
	cfg := i.host.cfg
	return startWorker(cfg.Command, childEnv(cfg.Env, cfg.Dir, i.port, i.id), cfg.Dir, func(pid int, stderr bool, line string) {
		if cfg.Output != nil {
			cfg.Output(Line{Instance: i.n, PID: pid, Stderr: stderr, Text: line})
			return
		}
		// stderr is for errors only, unless a line says that it is a warning.
		level := slog.LevelInfo
		switch {
		case stderr && strings.Contains(strings.ToLower(line), "warn"):
			level = slog.LevelWarn
		case stderr:
			level = slog.LevelError
		}
		i.log.Log(context.Background(), level, "worker output", "pid", pid, "line", line)
	})
}

// crashRecord counts crashes as the host does: a pause of more than half an hour since the
// last one clears it.
type crashRecord struct {
	count int
	last  time.Time
}

func (c *crashRecord) add(now time.Time) int {
	if c.count > 0 && now.Sub(c.last) > crashWindow {
		c.count = 0
	}
	c.count++
	c.last = now
	return c.count
}
