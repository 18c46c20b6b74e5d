package servicebus

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTimeout bounds how long a client may take to say what it wants over HTTP.
const headerTimeout = 10 * time.Second

// isHTTP reports whether a client begins as HTTP does; AMQP begins with "AMQP".
func isHTTP(begin []byte) bool {
	switch string(begin) {
	case "GET ", "PUT ", "DELE", "POST", "HEAD", "PATC", "OPTI":
		return true
	}
	return false
}

// httpConn is a connection of which the first bytes have been read ahead.
type httpConn struct {
	net.Conn
	r    *bufio.Reader
	once sync.Once
	done chan struct{}
}

func (c *httpConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func (c *httpConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// oneConn is a listener with a single connection.
type oneConn struct {
	c     *httpConn
	taken bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.taken {
		l.taken = true
		return l.c, nil
	}
	<-l.c.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.c.LocalAddr() }

// administer serves the requests of a connection to its end.
func (s *Server) administer(nc net.Conn, r *bufio.Reader) {
	_ = nc.SetDeadline(time.Time{})
	server := &http.Server{Handler: http.HandlerFunc(s.handleHTTP), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	_ = server.Serve(&oneConn{c: &httpConn{Conn: nc, r: r, done: make(chan struct{})}})
}
