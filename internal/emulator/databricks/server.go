// Package databricks plays the Jobs service of a Databricks workspace: one job whose task
// is a Go function, behind the HTTP API as databricks-sdk-go calls it. Everything is in
// memory, so a restart forgets all runs, as the pipeline must bear anyway: an unknown run
// is submitted again under its token.
package databricks

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Task is the code of the job. report says how far it is (0 to 1), for people. Its
// error's text becomes the task's error output as it is.
type Task func(ctx context.Context, params map[string]string, report func(stage string, fraction float64)) error

// Config of a Server. Run is needed; everything else has a default.
type Config struct {
	Run   Task
	Slots int              // runs at the same time; 0 is 1. Later ones are queued
	Addr  string           // default 127.0.0.1:0
	Token string           // bearer token to ask for; default a random one
	JobID int64            // default 1
	Log   *slog.Logger     // default discards
	Now   func() time.Time // default time.Now: start and end times are shown to people
	// StartDelay keeps each run in PENDING, as a cluster that starts does.
	StartDelay time.Duration
}

// Server is a running emulator.
type Server struct {
	cfg    Config
	url    string
	http   *http.Server
	faults faults

	stop    context.CancelFunc // ends every task
	ctx     context.Context    // of all tasks; ended by stop
	tasks   sync.WaitGroup
	serving sync.WaitGroup
	slots   chan struct{}

	mu     sync.Mutex
	nextID int64
	runs   map[int64]*run // by run id and by task run id
	order  []*run
	tokens map[string]*run
	closed bool // no task starts any more
}

// Start listens and serves until Close, or until ctx ends.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("databricks emulator: %w", err)
	}
	tasks, stop := context.WithCancel(ctx)
	s := &Server{
		cfg: cfg, url: "http://" + ln.Addr().String(), ctx: tasks, stop: stop,
		slots: make(chan struct{}, cfg.Slots), runs: map[int64]*run{}, tokens: map[string]*run{},
		// A run id from before a restart must stay unknown: ids begin at the clock.
		nextID: cfg.Now().UnixMilli() * 1000,
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)}
	s.serving.Go(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("databricks emulator stopped", "error", err)
		}
	})
	context.AfterFunc(tasks, func() { _ = s.http.Close() })
	return s, nil
}

func (c *Config) setDefaults() error {
	if c.Run == nil {
		return errors.New("databricks emulator: the job has no task (Config.Run)")
	}
	c.Slots = max(c.Slots, 1)
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.JobID == 0 {
		c.JobID = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the real clock is the default
	}
	if c.Token == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		c.Token = "dapi" + hex.EncodeToString(b[:])
	}
	return nil
}

// URL is the workspace's host for a client.
func (s *Server) URL() string { return s.url }

// Token is what clients must send.
func (s *Server) Token() string { return s.cfg.Token }

// JobID is the id of the only job.
func (s *Server) JobID() int64 { return s.cfg.JobID }

// Close stops serving, cancels the tasks and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	_ = s.http.Close()
	s.serving.Wait()
	s.tasks.Wait()
}
