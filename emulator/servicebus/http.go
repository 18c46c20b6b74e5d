package servicebus

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/websocket"
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
	c.leave()
	return c.Conn.Close()
}

// leave ends the connection for HTTP.
func (c *httpConn) leave() { c.once.Do(func() { close(c.done) }) }

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

// pathWebsocket is where the clients of Service Bus find AMQP over a websocket.
const pathWebsocket = "/$servicebus/websocket"

// administer serves the requests of a connection to its end, or until it becomes a
// websocket.
func (s *Server) administer(nc net.Conn, r *bufio.Reader) {
	_ = nc.SetDeadline(time.Time{})
	c := &httpConn{Conn: nc, r: r, done: make(chan struct{})}
	handle := func(w http.ResponseWriter, r *http.Request) {
		if websocket.Is(r) && strings.EqualFold(r.URL.Path, pathWebsocket) {
			s.upgrade(w, r)
			return
		}
		s.handleHTTP(w, r)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(handle), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateHijacked {
				c.leave()
			}
		},
	}
	_ = server.Serve(&oneConn{c: c})
}

// upgrade goes on with AMQP over a websocket, as a connection like any other: AMQP has its own
// way to show a token.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Upgrade(w, r, "amqp", "AMQPWSB10")
	if err != nil {
		s.log.Debug("websocket refused", "remote", r.RemoteAddr, "cause", err)
		return
	}
	s.start(ws)
}
