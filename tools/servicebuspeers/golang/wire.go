package main

import (
	"context"
	"net"
	"sync"
	"time"
)

// wireSpeed is how many bytes a second a wire carries each way, that of a line of 100 Mbit/s:
// one test measures that a receiver which waits longer gets more, so that messages must not
// arrive all at once.
const wireSpeed = 100e6 / 8

// wirePiece is how much goes over a wire at once.
const wirePiece = 16 << 10

// wire is a slow way to a broker.
type wire struct {
	ln   net.Listener
	dial string
	wg   sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

func newWire(ctx context.Context, listen, dial string) (*wire, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	w := &wire{ln: ln, dial: dial, conns: map[net.Conn]struct{}{}}
	w.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.connect(ctx, c) })
		}
	})
	return w, nil
}

func (w *wire) connect(ctx context.Context, c net.Conn) {
	if !w.keep(c) {
		return
	}
	defer w.drop(c)
	var d net.Dialer
	u, err := d.DialContext(ctx, "tcp", w.dial)
	if err != nil || !w.keep(u) {
		return
	}
	defer w.drop(u)
	var both sync.WaitGroup
	both.Go(func() { carry(u, c, pace) })
	both.Go(func() { carry(c, u, pace) })
	both.Wait()
}

// carry copies to the end, and passes the end on.
func carry(to, from net.Conn, pace func(bytes int)) {
	buf := make([]byte, wirePiece)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				break
			}
			pace(n)
		}
		if err != nil {
			break
		}
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// pace takes the time that so many bytes take.
func pace(bytes int) {
	<-time.After(time.Duration(float64(bytes) / wireSpeed * float64(time.Second)))
}

func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = c.Close()
		return false
	}
	w.conns[c] = struct{}{}
	return true
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close()
}

func (w *wire) close() {
	_ = w.ln.Close()
	w.mu.Lock()
	w.closed = true
	for c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// tryListen reports whether an address can be listened on.
func tryListen(ctx context.Context, address string) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}
