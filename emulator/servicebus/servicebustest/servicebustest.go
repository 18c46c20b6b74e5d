// Package servicebustest runs a broker for a test.
package servicebustest

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
)

// Server is a broker on a free port of the loopback interface, closed when its test ends.
type Server struct {
	*servicebus.Server
	Addr  net.Addr
	Clock *Clock
}

// ConnectionString is what a client needs to talk to the server.
func (s *Server) ConnectionString() string { return s.Server.ConnectionString(s.Addr) }

// Start runs a broker with the given queues.
func Start(t testing.TB, queues ...servicebus.Queue) *Server {
	t.Helper()
	return StartConfig(t, servicebus.Config{Queues: queues})
}

// StartConfig runs a broker. Its clock is the test's unless the configuration has one.
func StartConfig(t testing.TB, cfg servicebus.Config) *Server {
	t.Helper()
	clock := &Clock{}
	if cfg.Now == nil {
		cfg.Now = clock.Now
	}
	srv, err := servicebus.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-served; !errors.Is(err, servicebus.ErrClosed) {
			t.Errorf("broker: %v", err)
		}
	})
	clock.tick = srv.Tick
	return &Server{Server: srv, Addr: ln.Addr(), Clock: clock}
}

// Clock is the real clock plus what a test added.
type Clock struct {
	mu   sync.Mutex
	skew time.Duration
	tick func()
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skew) //nolint:forbidigo // clients under test live in real time
}

// Advance moves the clock, and everything that then expires has expired when it returns.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.skew += d
	c.mu.Unlock()
	c.tick()
}
