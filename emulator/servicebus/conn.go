package servicebus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/internal/websocket"
)

const (
	maxFrameSize = 65536 // bytes; also go-amqp's
	channelMax   = 4095  // the Go client uses two sessions for each sender or receiver
	idleTimeout  = 60 * time.Second
	// outSoft is how much may wait to be written before deliveries stop, outHard before
	// the server stops reading requests: a client that does not read costs this and no more.
	outSoft = 256 << 10
	outHard = 4 << 20
	// lastWords bounds how long Close waits for a client to take its close frame.
	lastWords = 200 * time.Millisecond
	// minLife is the shortest interval of signs of life.
	minLife = 100 * time.Millisecond
	// maxIncoming bounds what a connection has sent of messages whose ends are still to come,
	// beyond the largest that one of its links may send.
	maxIncoming = 8 << 20
)

// conn is one connection: a reader, which handles every frame it reads, and a writer,
// which also fetches messages for the receivers of the connection as far as there is room
// to write them. So nobody waits for a slow reader but itself.
type conn struct {
	srv *Server
	nc  net.Conn

	wake chan struct{} // there is something to do for the writer
	quit chan struct{} // the reader has ended

	accepting atomic.Int32 // links that wait for a session
	http      atomic.Bool  // the client speaks HTTP

	readyMu sync.Mutex
	ready   []*link // receivers to look after; guarded by readyMu

	mu     sync.Mutex
	room   *sync.Cond // out has shrunk below outHard, or failed
	out    []byte
	owed   int  // bytes of responses that wait for credit
	failed bool // nothing more can be written

	links     int // of all sessions
	unsettled int // deliveries of all sessions
	incoming  int // bytes of deliveries of which more is to come

	sessions map[uint16]*session
	claims   map[string]claim // what tokens allow, by address; used only if the server has keys
	peerMax  int              // the peer's frame size
	peerIdle time.Duration    // within which the peer wants to hear something; 0 = never
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		srv: s, nc: nc, sessions: map[uint16]*session{}, peerMax: 512,
		wake: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	c.room = sync.NewCond(&c.mu)
	return c
}

// run serves the connection to its end and returns why it ended; nil or io.EOF is normal.
func (c *conn) run() error {
	r := bufio.NewReaderSize(c.nc, 64<<10)
	if err := c.nc.SetReadDeadline(in(2 * idleTimeout)); err != nil {
		return err
	}
	ws, overWebsocket := c.nc.(*websocket.Conn)
	if begin, err := r.Peek(4); err == nil && isHTTP(begin) && !overWebsocket {
		c.http.Store(true)
		c.srv.administer(c.nc, r)
		return nil
	}
	var writer sync.WaitGroup
	writer.Go(c.write)
	err := c.read(r)
	c.mu.Lock()
	for _, s := range c.sessions {
		c.endSession(s)
	}
	c.mu.Unlock()
	_ = c.nc.SetWriteDeadline(in(lastWords))
	close(c.quit)
	writer.Wait()
	if overWebsocket {
		ws.Goodbye()
	}
	_ = c.nc.Close()
	return err
}

// read runs the protocol: an optional SASL layer, open, and frames until close.
func (c *conn) read(r *bufio.Reader) error {
	frames := amqp.NewFrameReader(r, maxFrameSize)
	if err := c.handshake(r, frames); err != nil {
		return err
	}
	for {
		f, err := c.readFrame(frames)
		if err != nil {
			return c.refuse(err)
		}
		if len(f.Body) == 0 {
			continue
		}
		if done, err := c.handle(f); done || err != nil {
			return c.refuse(err)
		}
	}
}

// in is a moment for the deadlines of the network, which know the real clock only; Config.Now
// is about messages.
func in(d time.Duration) time.Time {
	return time.Now().Add(d) //nolint:forbidigo // see above
}

// readFrame waits for a frame at most twice the agreed idle time.
func (c *conn) readFrame(frames *amqp.FrameReader) (amqp.Frame, error) {
	if err := c.nc.SetReadDeadline(in(2 * idleTimeout)); err != nil {
		return amqp.Frame{}, err
	}
	return frames.ReadFrame()
}

// refuse tells the peer of its violation of the protocol.
func (c *conn) refuse(err error) error {
	var e *amqp.Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		c.send(amqp.FrameAMQP, func(b []byte) []byte { return amqp.AppendClose(b, e) })
	case errors.Is(err, amqp.ErrMalformed):
		e = &amqp.Error{Condition: "amqp:decode-error", Description: err.Error()}
		c.send(amqp.FrameAMQP, func(b []byte) []byte { return amqp.AppendClose(b, e) })
	}
	return err
}

func (c *conn) handshake(r *bufio.Reader, frames *amqp.FrameReader) error {
	header, err := c.readHeader(r)
	if err != nil {
		return err
	}
	if header == amqp.HeaderSASL {
		c.sendHeader(amqp.HeaderSASL)
		c.send(amqp.FrameSASL, func(b []byte) []byte {
			return amqp.AppendSASLMechanisms(b, "MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL")
		})
		f, err := c.readFrame(frames)
		if err != nil {
			return err
		}
		code, _, err := amqp.NewDecoder(f.Body).Composite()
		if err != nil {
			return err
		}
		if f.Type != amqp.FrameSASL || code != amqp.CodeSASLInit {
			return fmt.Errorf("sasl-init expected: frame type %d, performative 0x%02x", f.Type, code)
		}
		c.send(amqp.FrameSASL, func(b []byte) []byte { return amqp.AppendSASLOutcome(b, 0) })
		if header, err = c.readHeader(r); err != nil {
			return err
		}
	}
	if header != amqp.HeaderAMQP {
		c.sendHeader(amqp.HeaderAMQP) // what the server does speak
		return fmt.Errorf("protocol header %q", header)
	}
	c.sendHeader(amqp.HeaderAMQP)
	return nil
}

func (c *conn) readHeader(r *bufio.Reader) (string, error) {
	if err := c.nc.SetReadDeadline(in(2 * idleTimeout)); err != nil {
		return "", err
	}
	var h [8]byte
	_, err := io.ReadFull(r, h[:])
	return string(h[:]), err
}

// open answers the peer's open and learns its limits.
func (c *conn) open(f *amqp.Fields) error {
	var o amqp.Open
	if err := o.Read(f); err != nil {
		return err
	}
	c.mu.Lock()
	c.peerMax = int(min(max(o.MaxFrameSize, 512), maxFrameSize))
	c.peerIdle = time.Duration(o.IdleTimeout) * time.Millisecond
	c.mu.Unlock()
	reply := amqp.Open{
		ContainerID: "servicebus-emulator", MaxFrameSize: maxFrameSize,
		ChannelMax: channelMax, IdleTimeout: uint32(idleTimeout / time.Millisecond),
	}
	c.send(amqp.FrameAMQP, reply.Append)
	c.signal() // the writer learns of peerIdle
	return nil
}

func (c *conn) sendHeader(h string) {
	c.mu.Lock()
	c.out = append(c.out, h...)
	c.mu.Unlock()
	c.signal()
}

// send queues a frame of the connection itself, which is on channel 0, for the writer. Callers must not hold mu; see frame.
func (c *conn) send(typ byte, body func([]byte) []byte) {
	c.mu.Lock()
	b, at := amqp.BeginFrame(c.out, typ, 0)
	c.out = amqp.EndFrame(body(b), at)
	c.mu.Unlock()
	c.signal()
}

// frame queues a frame for the writer; mu is held.
func (c *conn) frame(channel uint16, body func([]byte) []byte) {
	b, at := amqp.BeginFrame(c.out, amqp.FrameAMQP, channel)
	c.out = amqp.EndFrame(body(b), at)
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // already pending
	}
}

// write writes what is queued until the reader has ended and everything is out, or the
// network fails.
func (c *conn) write() {
	var buf []byte
	life := time.NewTimer(idleTimeout) // for the frame that keeps the peer from thinking the connection dead
	defer life.Stop()
	ending := false
	for {
		var position int64
		buf, position = c.fill(buf[:0], ending)
		if len(buf) > 0 {
			err := c.srv.confirmable(position)
			if err == nil {
				_, err = c.nc.Write(buf)
			}
			if err != nil {
				c.fail()
				return
			}
			continue
		}
		if ending {
			return
		}
		c.mu.Lock()
		idle := c.peerIdle
		c.mu.Unlock()
		if idle == 0 {
			idle = 4 * idleTimeout // an empty frame does no harm
		}
		life.Reset(max(idle/4, minLife))
		select {
		case <-c.wake:
		case <-c.quit:
			ending = true
		case <-life.C:
			c.send(amqp.FrameAMQP, func(b []byte) []byte { return b })
		}
	}
}

// fill serves the receivers that are ready and swaps the empty buffer for the full one. It
// also returns the position in the journal of everything that the buffer tells of.
func (c *conn) fill(empty []byte, ending bool) ([]byte, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ending {
		c.pump()
	}
	full := c.out
	if cap(empty) > outHard {
		empty = nil // after a large message
	}
	c.out = empty
	c.room.Broadcast()
	return full, c.srv.position()
}

func (c *conn) fail() {
	_ = c.nc.Close() // ends the reader
	c.mu.Lock()
	c.failed = true
	c.room.Broadcast()
	c.mu.Unlock()
}

// waitForRoom holds the reader while the peer does not read; mu is held.
func (c *conn) waitForRoom() {
	for len(c.out) > outHard && !c.failed {
		c.room.Wait()
	}
	if c.failed {
		c.out = c.out[:0]
	}
}

// shutDown ends the connection from the server's side.
func (c *conn) shutDown() {
	if c.http.Load() {
		_ = c.nc.Close()
		return
	}
	e := &amqp.Error{Condition: "amqp:connection:forced", Description: "the server is shutting down"}
	_ = c.nc.SetWriteDeadline(in(lastWords))
	c.send(amqp.FrameAMQP, func(b []byte) []byte { return amqp.AppendClose(b, e) })
	_ = c.nc.SetReadDeadline(in(0)) // ends the reader; the writer writes the rest
}
