package databricks

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"time"
)

// Life-cycle states of a run, as the service names them.
const (
	stateQueued      = "QUEUED"
	statePending     = "PENDING"
	stateRunning     = "RUNNING"
	stateTerminating = "TERMINATING"
	stateTerminated  = "TERMINATED"
)

// Termination codes.
const (
	codeSuccess   = "SUCCESS"
	codeFailed    = "RUN_EXECUTION_ERROR"
	codeCancelled = "USER_CANCELED"
	codeInternal  = "INTERNAL_ERROR"
	codeSkipped   = "MAX_CONCURRENT_RUNS_EXCEEDED"
)

// run is one run of the job, guarded by the server's mutex.
type run struct {
	id, taskID int64
	number     int64
	token      string
	params     map[string]string
	state      string
	code       string // once terminated
	errText    string
	trace      string
	stage      string
	fraction   float64
	queued     time.Time
	started    time.Time
	ended      time.Time
	cancel     context.CancelFunc
	cancelled  bool
	done       chan struct{} // closed once terminated
}

// RunView is a run as people see it.
type RunView struct {
	RunID    int64
	Token    string
	Params   map[string]string
	State    string // QUEUED, PENDING, RUNNING, TERMINATING, TERMINATED
	Code     string // SUCCESS, RUN_EXECUTION_ERROR, USER_CANCELED, … once terminated
	Error    string
	Stage    string
	Fraction float64
	Queued   time.Time
	Started  time.Time
	Ended    time.Time
}

// Runs lists all runs, oldest first.
func (s *Server) Runs() []RunView {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := make([]RunView, 0, len(s.order))
	for _, r := range s.order {
		views = append(views, RunView{
			RunID: r.id, Token: r.token, Params: maps.Clone(r.params), State: r.state, Code: r.code, Error: r.errText,
			Stage: r.stage, Fraction: r.fraction, Queued: r.queued, Started: r.started, Ended: r.ended,
		})
	}
	return views
}

// Wait returns when a run has ended; a run that is unknown is an error.
func (s *Server) Wait(ctx context.Context, id int64) error {
	s.mu.Lock()
	r := s.runs[id]
	s.mu.Unlock()
	if r == nil {
		return fmt.Errorf("databricks emulator: run %d is unknown", id)
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Forget loses a run, as the service does after its retention: it is unknown from now on,
// and so is its token. Its task is cancelled. It reports whether there was such a run.
func (s *Server) Forget(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runs[id]
	if r == nil {
		return false
	}
	delete(s.runs, r.id)
	delete(s.runs, r.taskID)
	delete(s.tokens, r.token)
	for i, o := range s.order {
		if o == r {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
	r.cancel()
	return true
}

// submit starts a run, or returns the one that has the token. Without queueing a run
// beyond the slots is skipped, as on the service. It is nil once the server closes.
func (s *Server) submit(token string, params map[string]string, queue bool) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if r := s.tokens[token]; token != "" && r != nil {
		return r
	}
	ctx, cancel := context.WithCancel(s.ctx)
	r := &run{
		id: s.nextID + 1, taskID: s.nextID + 2, number: int64(len(s.order) + 1),
		token: token, params: params, state: stateQueued, queued: s.cfg.Now(), cancel: cancel,
		done: make(chan struct{}),
	}
	s.nextID += 2
	s.runs[r.id], s.runs[r.taskID] = r, r
	s.order = append(s.order, r)
	if token != "" {
		s.tokens[token] = r
	}
	select {
	case s.slots <- struct{}{}:
		r.state = statePending
		s.tasks.Go(func() { s.execute(ctx, r) })
	default:
		if !queue {
			r.cancel()
			s.end(r, codeSkipped, "", "")
			return r
		}
		s.tasks.Go(func() { s.await(ctx, r) })
	}
	return r
}

// await queues a run for a slot.
func (s *Server) await(ctx context.Context, r *run) {
	select {
	case <-ctx.Done():
		s.mu.Lock()
		s.end(r, codeCancelled, "", "")
		s.mu.Unlock()
		r.cancel()
	case s.slots <- struct{}{}:
		s.mu.Lock()
		if r.state == stateQueued {
			r.state = statePending
		}
		s.mu.Unlock()
		s.execute(ctx, r)
	}
}

// execute runs the task in the slot that it holds.
func (s *Server) execute(ctx context.Context, r *run) {
	defer func() { <-s.slots }()
	defer r.cancel()
	if d := s.cfg.StartDelay; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	s.mu.Lock()
	if r.state == statePending && ctx.Err() == nil {
		r.state, r.started = stateRunning, s.cfg.Now()
	}
	params := maps.Clone(r.params)
	s.mu.Unlock()
	code, text, trace := s.call(ctx, r, params)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(r, code, text, trace)
}

func (s *Server) call(ctx context.Context, r *run, params map[string]string) (code, text, trace string) {
	defer func() {
		if p := recover(); p != nil {
			code, text, trace = codeInternal, fmt.Sprintf("the task panicked: %v", p), string(debug.Stack())
		}
	}()
	if ctx.Err() != nil {
		return codeCancelled, "", ""
	}
	err := s.cfg.Run(ctx, params, func(stage string, fraction float64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.stage, r.fraction = stage, min(max(fraction, 0), 1)
	})
	switch {
	case err == nil:
		return codeSuccess, "", ""
	case ctx.Err() != nil:
		return codeCancelled, "", ""
	default:
		return codeFailed, err.Error(), "Traceback of the task\n" + err.Error()
	}
}

// end writes a run's outcome; the caller holds the mutex. A task that succeeds although it
// was asked to stop is still cancelled.
func (s *Server) end(r *run, code, text, trace string) {
	if r.cancelled {
		code, text, trace = codeCancelled, "", ""
	}
	r.state, r.code, r.errText, r.trace, r.ended = stateTerminated, code, text, trace, s.cfg.Now()
	close(r.done)
	s.cfg.Log.Info("databricks run ended", "job_run_id", r.id, "code", code)
}

// stopRun cancels a run that has not ended.
func (s *Server) stopRun(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.state == stateTerminated {
		return
	}
	r.state, r.cancelled = stateTerminating, true
	r.cancel()
}
