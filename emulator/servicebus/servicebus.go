// Package servicebus is a Service Bus that runs anywhere: a broker that speaks AMQP 1.0 in
// the dialect of Azure Service Bus, so that its client libraries talk to it unmodified,
// given the connection string of the server.
//
// It has queues, sessions, topics with filters, and what docs/servicebus.md lists. By
// default it keeps messages in memory and accepts every token: that is for loopback, for
// development and tests. Config.Dir makes messages durable, Config.Keys has tokens checked.
//
// Time is Config.Now's, so that an hour of lock expiry takes a test no time; see
// Server.Tick.
package servicebus

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/journal"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// Server is a broker. Create it with New, run it with Serve.
type Server struct {
	log   *slog.Logger
	now   func() time.Time
	space *queue.Space

	started time.Time

	keys    map[string]string // by policy name; none = no token is checked
	limited map[string]Right  // of policies that may not do everything
	anyJWT  bool
	tls     *tls.Config // nil = none
	create  bool        // queues that clients name

	journal *journal.Journal // nil = in memory only

	ruleMu sync.Mutex // held while rules change

	emu      sync.RWMutex
	entities map[string]*entity // by address in lower case; guarded by emu
	created  int                // queues that clients have named; guarded by emu

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	done      chan struct{} // closed by Close
	wg        sync.WaitGroup
}

// maxConnections is how many clients may be connected, as in the service.
const maxConnections = 5000

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("servicebus: server closed")

// New returns a server with empty queues. The error names every wrong setting.
func New(cfg Config) (*Server, error) {
	s := &Server{
		log:       cfg.Logger,
		now:       cfg.Now,
		keys:      maps.Clone(cfg.Keys),
		limited:   maps.Clone(cfg.Rights),
		anyJWT:    cfg.AnyJWT,
		tls:       cfg.TLS,
		create:    cfg.AutoCreate,
		entities:  map[string]*entity{},
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
		done:      make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	s.started = s.now()
	s.space = queue.NewSpace(s.now, seed)
	if err := s.addAll(cfg); err != nil {
		return nil, err
	}
	if cfg.Dir != "" {
		if err := s.recover(cfg.Dir); err != nil {
			return nil, err
		}
	}
	if err := s.connect(); err != nil {
		return nil, errors.Join(err, s.closeJournal())
	}
	return s, nil
}

// Tick makes the server look at its clock at once: what has expired by then has expired,
// and what is due is there, before it returns. A test that moves Config.Now calls it;
// without it the server looks every 50 ms.
func (s *Server) Tick() {
	s.space.Expire()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.wakeAccepting()
		c.expireClaims()
	}
}

// tickInterval is how late a lock may be seen to have expired while nobody touches its
// queue.
const tickInterval = 50 * time.Millisecond

// ConnectionString is what a client needs to talk to a server without Keys and TLS at that
// address.
func ConnectionString(addr net.Addr) string {
	return connectionString(addr.String(), "RootManageSharedAccessKey", "bG9jYWw=") + ";UseDevelopmentEmulator=true"
}

// ConnectionString is what a client needs to talk to this server at that address, with the
// first of its Keys in the order of their names. With TLS, clients of most languages look
// for a certificate of the host, and some of them only at the standard port, 5671.
func (s *Server) ConnectionString(addr net.Addr) string {
	policy, key := "RootManageSharedAccessKey", "bG9jYWw="
	if names := slices.Sorted(maps.Keys(s.keys)); len(names) > 0 {
		policy, key = names[0], s.keys[names[0]]
	}
	if s.tls == nil {
		return connectionString(addr.String(), policy, key) + ";UseDevelopmentEmulator=true"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	if port == "5671" {
		return connectionString(host+"/", policy, key)
	}
	return connectionString(net.JoinHostPort(host, port)+"/", policy, key)
}

func connectionString(host, policy, key string) string {
	return "Endpoint=sb://" + host + ";SharedAccessKeyName=" + policy + ";SharedAccessKey=" + key
}

// Serve accepts connections until Close, and then returns ErrClosed. A server whose disk
// fails confirms nothing more and ends by itself, and Serve says why. It may be called for
// several listeners, which it closes.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = ln.Close()
		return s.why()
	}
	first := len(s.listeners) == 0
	s.listeners[ln] = struct{}{}
	if first {
		s.wg.Go(s.tick)
	}
	s.mu.Unlock()
	for {
		nc, err := ln.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			delete(s.listeners, ln)
			s.mu.Unlock()
			if closed {
				return s.why()
			}
			_ = ln.Close()
			return fmt.Errorf("servicebus: accept on %s: %w", ln.Addr(), err)
		}
		if s.tls != nil {
			nc = tls.Server(nc, s.tls) // shakes hands at the first read
		}
		s.start(nc)
	}
}

func (s *Server) start(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		_ = nc.Close()
		return
	}
	c := newConn(s, nc)
	s.conns[c] = struct{}{}
	s.wg.Go(func() {
		err := c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.log.LogAttrs(context.Background(), slog.LevelDebug, "connection ended",
			slog.String("remote", nc.RemoteAddr().String()), slog.Any("cause", err))
	})
}

// tick runs on real time: it only prompts a look at the server's clock.
func (s *Server) tick() {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	var failed <-chan struct{}
	if s.journal != nil {
		failed = s.journal.Failed()
	}
	for {
		select {
		case <-s.done:
			return
		case <-failed:
			s.abort()
			return
		case <-t.C:
			s.Tick()
		}
	}
}

// DropConnections cuts every connection without a word, as a failing network does. The
// server goes on.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.nc.Close()
	}
}

// Close tells every client that the server ends, and waits for its goroutines. The queues
// stay readable through Stats.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return s.closeJournal()
	}
	s.closed = true
	close(s.done)
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for c := range s.conns {
		c.shutDown()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return s.closeJournal()
}
