// Package servicebus is a Service Bus that runs anywhere: a broker in memory that speaks
// AMQP 1.0 in the dialect of Azure Service Bus, so that its client libraries talk to it
// unmodified, given the connection string of the server.
//
// It has queues with peek-lock and receive-and-delete, batches, every settlement, lock
// renewal and expiry, delivery counts, dead-letter queues, duplicate detection, deferral
// and peeking. It has no sessions, no scheduled messages, no topics, no expiry of messages
// and no durability, and refuses what it does not have instead of ignoring it, except a
// message's time to live, which it passes on. Tokens are accepted unread: it is meant for
// loopback, for development and tests.
//
// Time is Config.Now's, so that an hour of lock expiry takes a test no time; see
// Server.Tick.
package servicebus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// Defaults and limits of Service Bus, Standard tier.
const (
	DefaultLockDuration     = time.Minute
	MaxLockDuration         = 5 * time.Minute
	DefaultMaxDeliveryCount = 10
	DefaultMaxMessageSize   = 256 << 10 // bytes
	DefaultMaxSize          = 1 << 30   // bytes
	MaxMessageSizeLimit     = 100 << 20 // bytes, Premium tier
	maxNameLength           = 260
)

// Queue describes a queue. The zero values of its settings are those of the service.
type Queue struct {
	Name             string
	LockDuration     time.Duration // how long a received message is locked; 0 = 1 minute, at most 5
	MaxDeliveryCount int           // deliveries before the dead-letter queue; 0 = 10
	DuplicateWindow  time.Duration // for which message ids are remembered; 0 = no duplicate detection
	MaxMessageSize   int           // bytes; 0 = 256 KiB, at most 100 MiB
	MaxSize          int64         // bytes of all messages; 0 = 1 GiB
}

// Config describes a server.
type Config struct {
	Queues []Queue
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// Server is a broker. Create it with New, run it with Serve.
type Server struct {
	log      *slog.Logger
	now      func() time.Time
	entities map[string]*entity // by address in lower case

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	done      chan struct{} // closed by Close
	wg        sync.WaitGroup
}

// entity is an address that messages are sent to or received from.
type entity struct {
	name       string
	q          *queue.Queue
	maxMessage int
	deadLetter bool // receive only
}

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("servicebus: server closed")

// New returns a server with empty queues. The error names every wrong setting.
func New(cfg Config) (*Server, error) {
	s := &Server{
		log:       cfg.Logger,
		now:       cfg.Now,
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
	var errs []error
	for _, q := range cfg.Queues {
		errs = append(errs, s.add(q))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) add(q Queue) error {
	setDefault(&q.LockDuration, DefaultLockDuration)
	setDefault(&q.MaxDeliveryCount, DefaultMaxDeliveryCount)
	setDefault(&q.MaxMessageSize, DefaultMaxMessageSize)
	setDefault(&q.MaxSize, DefaultMaxSize)
	address := amqp.Entity(q.Name)
	switch {
	case q.Name == "" || len(q.Name) > maxNameLength || strings.ContainsAny(q.Name, "$\\?#:") || address != strings.ToLower(q.Name):
		return fmt.Errorf("queue name %.300q: 1 to %d characters, none of $\\?#:, no slash at an end", q.Name, maxNameLength)
	case s.entities[address] != nil:
		return fmt.Errorf("queue %s is configured twice; names differ in more than case", q.Name)
	case q.LockDuration < 0 || q.LockDuration > MaxLockDuration:
		return fmt.Errorf("queue %s: lock duration %v, at most %v", q.Name, q.LockDuration, MaxLockDuration)
	case q.MaxDeliveryCount < 0:
		return fmt.Errorf("queue %s: max delivery count %d, at least 1", q.Name, q.MaxDeliveryCount)
	case q.DuplicateWindow < 0:
		return fmt.Errorf("queue %s: duplicate window %v, at least 0", q.Name, q.DuplicateWindow)
	case q.MaxMessageSize < 0 || q.MaxMessageSize > MaxMessageSizeLimit:
		return fmt.Errorf("queue %s: max message size %d bytes, at most %d", q.Name, q.MaxMessageSize, MaxMessageSizeLimit)
	case q.MaxSize < 0:
		return fmt.Errorf("queue %s: max size %d bytes, at least 1", q.Name, q.MaxSize)
	}
	c := queue.Config{
		LockDuration: q.LockDuration, MaxDeliveryCount: q.MaxDeliveryCount,
		DuplicateWindow: q.DuplicateWindow, MaxBytes: q.MaxSize, Now: s.now,
	}
	_, _ = rand.Read(c.Seed[:]) // never fails
	e := &entity{name: q.Name, q: queue.New(c), maxMessage: q.MaxMessageSize}
	s.entities[address] = e
	s.entities[address+"/$deadletterqueue"] = &entity{
		name: q.Name + "/$DeadLetterQueue", q: e.q.DeadLetter(), maxMessage: q.MaxMessageSize, deadLetter: true,
	}
	return nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// lookup finds an entity by its address in any form and case, or nil.
func (s *Server) lookup(address string) *entity { return s.entities[amqp.Entity(address)] }

// Queues returns the names of the queues in order.
func (s *Server) Queues() []string {
	var names []string
	for _, e := range s.entities {
		if !e.deadLetter {
			names = append(names, e.name)
		}
	}
	sort.Strings(names)
	return names
}

// QueueStats counts the messages in a queue and those that have passed.
type QueueStats struct {
	Active, Locked, Deferred int   // messages present, by state
	DeadLettered             int   // messages present in the dead-letter queue
	Bytes                    int64 // of the messages present, dead letters excluded

	Sent, Duplicates     int64 // messages taken in, and those of them that were dropped as duplicates
	Delivered, Completed int64 // deliveries, repeats included; messages that left for good
	Abandoned, Released  int64 // settlements
	LocksExpired, Buried int64 // locks that ran out; messages moved to the dead-letter queue
}

// Stats returns the counts of a queue, which may be a dead-letter queue
// (name/$DeadLetterQueue); false if there is none of that name.
func (s *Server) Stats(name string) (QueueStats, bool) {
	e := s.lookup(name)
	if e == nil {
		return QueueStats{}, false
	}
	t := e.q.Stats()
	return QueueStats{
		Active: t.Active, Locked: t.Locked, Deferred: t.Deferred, DeadLettered: t.DeadLettered, Bytes: t.Bytes,
		Sent: t.Sent, Duplicates: t.Duplicates, Delivered: t.Delivered, Completed: t.Completed,
		Abandoned: t.Abandoned, Released: t.Released, LocksExpired: t.Expired, Buried: t.Dead,
	}, true
}

// Tick makes the server look at its clock at once: expired locks are given back and
// waiting receivers served before it returns to them. A test that moves Config.Now calls
// it; without it the server looks every 50 ms.
func (s *Server) Tick() {
	for _, e := range s.entities {
		if !e.deadLetter {
			e.q.Expire() // with its dead-letter queue
		}
	}
}

// tickInterval is how late a lock may be seen to have expired while nobody touches its
// queue.
const tickInterval = 50 * time.Millisecond

// ConnectionString is what a client needs to talk to the server at that address.
func ConnectionString(addr net.Addr) string {
	return "Endpoint=sb://" + addr.String() + ";SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=bG9jYWw=;UseDevelopmentEmulator=true"
}

// Serve accepts connections until Close, and then returns ErrClosed. It may be called for
// several listeners, which it closes.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = ln.Close()
		return ErrClosed
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
				return ErrClosed
			}
			_ = ln.Close()
			return fmt.Errorf("servicebus: accept on %s: %w", ln.Addr(), err)
		}
		s.start(nc)
	}
}

func (s *Server) start(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
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
	for {
		select {
		case <-s.done:
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
		return nil
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
	return nil
}
