// Package stack runs on one machine what Azure runs in the cloud: a folder or Azurite for
// the storage account, and emulators of Service Bus, Event Grid, Databricks Jobs and the
// Functions host. The function app in the middle is the real one, in processes of its own,
// and talks to all of them through the SDKs that it uses in Azure.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast"
	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/functions"
	"github.com/skucast/skucast/internal/emulator/databricks"
	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/internal/emulator/functionshost"
	"github.com/skucast/skucast/shared/blobstore"
)

// Config of a local stack.
type Config struct {
	Dir         string        // the storage account, one folder per container; with another Storage what belongs to this machine
	Storage     Storage       // of blobs, if not Dir
	Instances   int           // workers; 0 is one per core
	Worker      []string      // argv that starts the function app; empty starts the staged app in App
	App         string        // folder with host.json, as `make app` stages it; empty is the embedded one
	ETL         []string      // argv that runs one ETL job
	Addr        string        // of the API; 127.0.0.1:0 by default
	Tick        time.Duration // of reconcile
	ResendAfter time.Duration // see run.Found
	Faults      Faults
	Logger      *slog.Logger
}

// Defaults of the local stack: a person is waiting, and a lost message is rare.
const (
	DefaultTick        = time.Second
	DefaultResendAfter = 2 * time.Minute
	maxInstances       = 64
)

// Stack is a running local stack.
type Stack struct {
	Store blobstore.Store
	Bus   string // connection string of the broker: loopback only, and gone with the stack

	cfg      Config
	blobs    blobs
	settings map[string]string // of the workers
	started  time.Time
	jobs     *databricks.Server
	host     *functionshost.Host
	api      net.Listener
	closers  []func() // in the order of starting
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// Start brings the stack up; it stops with ctx or Close.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	if cfg.Instances <= 0 {
		cfg.Instances = runtime.NumCPU()
	}
	if cfg.Instances > maxInstances {
		return nil, fmt.Errorf("%d instances; one machine takes at most %d", cfg.Instances, maxInstances)
	}
	if cfg.Tick <= 0 {
		cfg.Tick = DefaultTick
	}
	if cfg.ResendAfter <= 0 {
		cfg.ResendAfter = DefaultResendAfter
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	s := &Stack{cfg: cfg, started: time.Now()}
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err = s.openStorage(); err != nil {
		return nil, err
	}
	if s.api, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr); err != nil {
		return nil, fmt.Errorf("listen for the API: %w", err)
	}
	s.closers = append(s.closers, func() { _ = s.api.Close() })
	if host, _, _ := net.SplitHostPort(s.api.Addr().String()); !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("address %s is not a loopback address; the local API has no authentication", cfg.Addr)
	}
	return s, s.startParts()
}

// startParts starts the emulators from the bottom up.
func (s *Stack) startParts() error {
	bus, err := s.startBus()
	if err != nil {
		return err
	}
	s.Bus = bus
	if s.jobs, err = databricks.Start(s.ctx, databricks.Config{Run: s.runETL, Slots: 2, Log: s.cfg.Logger}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.jobs.Close)
	topic, err := eventgrid.StartCustomTopic(s.ctx, eventgrid.CustomConfig{})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, topic.Close)
	ca := filepath.Join(s.cfg.Dir, ".eventgrid-ca.pem")
	if err := os.WriteFile(ca, topic.CAPEM(), 0o600); err != nil {
		return fmt.Errorf("write the local topic's certificate: %w", err)
	}
	if err := s.startHost(bus, topic, ca); err != nil {
		return err
	}
	return s.startEvents(bus)
}

// startBus starts the broker, with one queue per function that a queue feeds.
func (s *Stack) startBus() (connection string, err error) {
	all, err := functions.All()
	if err != nil {
		return "", err
	}
	cfg := servicebus.Config{Logger: s.cfg.Logger}
	for _, f := range all {
		if f.Trigger.Type == functions.ServiceBus {
			cfg.Queues = append(cfg.Queues, servicebus.Queue{
				Name: f.Trigger.QueueName, LockDuration: 5 * time.Minute, MaxDeliveryCount: 10, DuplicateWindow: time.Hour,
			})
		}
	}
	broker, err := servicebus.New(cfg)
	if err != nil {
		return "", err
	}
	ln, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for Service Bus: %w", err)
	}
	s.closers = append(s.closers, func() { _ = broker.Close() })
	s.running.Go(func() {
		if err := broker.Serve(ln); err != nil && !errors.Is(err, servicebus.ErrClosed) {
			s.cfg.Logger.Error("the local Service Bus has stopped", "error", err)
		}
	})
	return servicebus.ConnectionString(ln.Addr()), nil
}

// startHost starts the Functions host with its workers and serves the API.
func (s *Stack) startHost(bus string, topic *eventgrid.CustomTopic, ca string) error {
	app, err := functions.App(skucast.HostJSON)
	if err != nil {
		return err
	}
	s.settings = s.workerSettings(bus, topic, ca)
	cfg := functionshost.Config{
		App: app, Command: s.cfg.Worker, Instances: s.cfg.Instances, ServiceBus: bus,
		Env:    s.workerEnv(),
		Timers: map[string]time.Duration{"reconcile": s.cfg.Tick}, TimersAtStart: true,
		Faults: s.cfg.Faults.messages(), Logger: s.cfg.Logger, Output: s.workerLine,
	}
	if s.cfg.App != "" {
		cfg.App, cfg.Dir, cfg.Command = os.DirFS(s.cfg.App), s.cfg.App, nil
	}
	if s.host, err = functionshost.Start(s.ctx, cfg); err != nil {
		return err
	}
	s.closers = append(s.closers, func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
		defer cancel()
		_ = s.host.Stop(stop) // what does not stop in time dies with this process
	})
	server := &http.Server{Handler: loopbackOnly(s.host), ReadHeaderTimeout: 10 * time.Second}
	s.closers = append(s.closers, func() { _ = server.Close() })
	s.running.Go(func() { _ = server.Serve(s.api) })
	return nil
}

// loopbackOnly refuses requests that name another host: the local API has no
// authentication, and a page in the user's browser must not reach it under a name of its
// own.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && !ip.IsLoopback() {
			http.Error(w, "this API answers to localhost only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// workerLine passes on what a worker logs; a worker's own records are JSON already.
func (s *Stack) workerLine(l functionshost.Line) {
	s.cfg.Logger.Info("worker", "instance", l.Instance, "pid", l.PID, "line", strings.TrimSpace(l.Text))
}

// URL is where the API answers.
func (s *Stack) URL() string { return "http://" + s.api.Addr().String() }

// Close stops everything, last started first.
func (s *Stack) Close() {
	s.cancel()
	for _, closer := range slices.Backward(s.closers) {
		closer()
	}
	s.closers = nil
	s.running.Wait()
}
