package functionshost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// worker is one process of the handler.
type worker struct {
	pid    int
	exited chan struct{} // closed when the process is gone and code is set
	code   int           // exit code; -1 when a signal ended it
	out    *lineWriter
	errs   *lineWriter
}

// startWorker starts argv with its output cut into lines.
func startWorker(argv, env []string, dir string, output func(pid int, stderr bool, line string)) (*worker, error) {
	w := &worker{exited: make(chan struct{})}
	w.out = &lineWriter{emit: func(line string) { output(w.pid, false, line) }}
	w.errs = &lineWriter{emit: func(line string) { output(w.pid, true, line) }}
	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the thread that started the child
		// ends, so this goroutine keeps its thread as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // killed with its group, see kill
		cmd.Dir = dir
		cmd.Env = env
		cmd.Stdout, cmd.Stderr = w.out, w.errs
		cmd.SysProcAttr = procAttr()
		cmd.WaitDelay = time.Second // a grandchild may hold the pipes
		w.out.mu.Lock()
		w.errs.mu.Lock() // no line before the pid is known
		err := cmd.Start()
		if err == nil {
			w.pid = cmd.Process.Pid
		}
		w.out.mu.Unlock()
		w.errs.mu.Unlock()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		w.out.flush()
		w.errs.flush()
		w.code = cmd.ProcessState.ExitCode()
		close(w.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return w, nil
}

// kill ends the worker as the host does, without a warning, and waits until it is gone.
func (w *worker) kill() {
	select {
	case <-w.exited:
		return // its pid may belong to somebody else by now
	default:
	}
	_ = killGroup(w.pid) // the only failure is that it is gone
	<-w.exited
}

// errNeverReady is the end of the time that a worker has to open its port.
var errNeverReady = errors.New("worker did not open its port in time")

// probeInterval is the host's.
const probeInterval = 25 * time.Millisecond

// probe waits until anything answers on the worker's port. Only a socket error means that
// the worker is not ready; any answer, 404 included, means that it is.
func (w *worker) probe(ctx context.Context, url string, limit time.Duration) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	deadline, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(deadline, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("probe worker: %w", err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close() // that it answered is all that counts
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, socket := errors.AsType[*net.OpError](err); !socket && deadline.Err() == nil {
			return nil
		}
		select {
		case <-w.exited:
			return errors.New("worker ended before it opened its port")
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.Done():
			return errNeverReady
		case <-time.After(probeInterval):
		}
	}
}

// ending tells how the worker ended, with the last lines of its stderr.
func (w *worker) ending() error {
	how := fmt.Sprintf("exit code %d", w.code)
	if w.code < 0 {
		how = "a signal"
	}
	if tail := w.errs.tail(); tail != "" {
		return fmt.Errorf("worker %d ended with %s: %s", w.pid, how, tail)
	}
	return fmt.Errorf("worker %d ended with %s", w.pid, how)
}

// lineWriter cuts a stream into lines and remembers the last three.
type lineWriter struct {
	emit func(string)
	mu   sync.Mutex
	rest []byte
	last []string
}

// longestLine bounds what a worker that never ends its line can make us keep.
const longestLine = 64 << 10

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range p {
		if c != '\n' {
			l.rest = append(l.rest, c)
		}
		if c == '\n' || len(l.rest) >= longestLine {
			l.line()
		}
	}
	return len(p), nil
}

func (l *lineWriter) line() {
	text := strings.TrimSuffix(string(l.rest), "\r")
	l.rest = l.rest[:0]
	if len(l.last) == 3 {
		l.last = l.last[1:]
	}
	l.last = append(l.last, text)
	l.emit(text)
}

func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.line()
	}
}

func (l *lineWriter) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, " | ")
}

// freePort draws a port as the host does: bound once, then left to the worker.
func freePort() (int, error) {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("draw a port for the worker: %w", err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	if err := ln.Close(); err != nil {
		return 0, fmt.Errorf("draw a port for the worker: %w", err)
	}
	return port, nil
}

// childEnv adds the host's variables to env; nil inherits this process's.
func childEnv(env []string, dir string, port int, id string) []string {
	// exec resolves nil to the parent's environment.
	env = (&exec.Cmd{Env: env}).Environ()
	env = append(env,
		fmt.Sprintf("FUNCTIONS_CUSTOMHANDLER_PORT=%d", port),
		fmt.Sprintf("FUNCTIONS_HTTPWORKER_PORT=%d", port),
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID="+id,
		"FUNCTIONS_HTTPWORKER_ID="+id,
	)
	if dir != "" {
		env = append(env, "FUNCTIONS_APP_ROOT_PATH="+dir)
	}
	return env
}
