// Package websocket is the server's side of RFC 6455 for one use: a stream of bytes, such as
// AMQP, in binary frames. How a stream is cut into frames and messages means nothing.
package websocket

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// ErrProtocol is what errors.Is finds in the error of a client that violates the protocol.
var ErrProtocol = errors.New("websocket: protocol violation")

const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finalBit, maskBit = 0x80, 0x80
	maxControl        = 125 // bytes of a control frame
)

// Codes of close frames.
const (
	codeNormal      = 1000
	codeProtocol    = 1002
	codeUnsupported = 1003
)

// Is reports whether a request asks for a websocket.
func Is(r *http.Request) bool {
	return r.Method == http.MethodGet && hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

func hasToken(h http.Header, name, want string) bool {
	return slices.ContainsFunc(tokens(h, name), func(t string) bool { return strings.EqualFold(t, want) })
}

func tokens(h http.Header, name string) []string {
	var out []string
	for _, v := range h.Values(name) {
		for t := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(t))
		}
	}
	return out
}

// accept is the answer to the key of a handshake, RFC 6455 section 4.2.2.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Upgrade answers a request for which Is holds, and takes over its connection; the client
// has to speak one of the protocols. If it returns an error it has answered with that.
func Upgrade(w http.ResponseWriter, r *http.Request, protocols ...string) (*Conn, error) {
	refuse := func(code int, text string) (*Conn, error) {
		http.Error(w, text, code)
		return nil, fmt.Errorf("%w: %s", ErrProtocol, text)
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		return refuse(http.StatusUpgradeRequired, "only version 13 of websockets is spoken")
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 16 {
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key: 16 bytes in base64")
	}
	offered := tokens(r.Header, "Sec-WebSocket-Protocol")
	i := slices.IndexFunc(offered, func(p string) bool { return slices.Contains(protocols, p) })
	if i < 0 {
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Protocol: one of "+strings.Join(protocols, ", "))
	}
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		accept(key) + "\r\nSec-WebSocket-Protocol: " + offered[i] + "\r\n\r\n"
	if _, err := io.WriteString(nc, answer); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return &Conn{Conn: nc, r: buffered.Reader}, nil
}

// Conn is the stream inside a websocket. One goroutine may read while another writes.
type Conn struct {
	net.Conn // below; Close closes it without a word, see Goodbye
	r        *bufio.Reader

	left    uint64 // bytes of the frame being read that are still to come
	mask    [4]byte
	at      int  // in mask
	partial bool // a message of which more frames are to come
	err     error

	mu  sync.Mutex // held while writing
	buf []byte
	bye bool // a close frame is written, after which nothing may be
}

// Read reads what the client has sent in binary frames, and answers its control frames. A
// client that says good-bye ends the stream with io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for c.left == 0 && c.err == nil {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	if uint64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	for i := range p[:n] {
		p[i] ^= c.mask[c.at]
		c.at = (c.at + 1) % len(c.mask)
	}
	c.left -= uint64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the head of a frame, and all of it if it is a control frame.
func (c *Conn) next() error {
	var h [8]byte
	if _, err := io.ReadFull(c.r, h[:2]); err != nil {
		return err
	}
	final, op, length := h[0]&finalBit != 0, h[0]&0x0f, uint64(h[1]&^maskBit)
	if h[0]&0x70 != 0 || h[1]&maskBit == 0 {
		return c.violated("a frame with reserved bits, or without a mask")
	}
	if op >= opClose && (!final || length > maxControl) {
		return c.violated("a control frame that is cut up or longer than 125 bytes")
	}
	switch length {
	case 126:
		if _, err := io.ReadFull(c.r, h[:2]); err != nil {
			return cut(err)
		}
		length = uint64(binary.BigEndian.Uint16(h[:2]))
	case 127:
		if _, err := io.ReadFull(c.r, h[:8]); err != nil {
			return cut(err)
		}
		if length = binary.BigEndian.Uint64(h[:8]); length>>63 != 0 {
			return c.violated("a frame of more than 2^63 bytes")
		}
	}
	if _, err := io.ReadFull(c.r, c.mask[:]); err != nil {
		return cut(err)
	}
	c.at = 0
	switch {
	case op >= opClose:
		return c.control(op, int(length))
	case op == opText:
		return c.fail(codeUnsupported, "a text frame")
	case op > opBinary || (op == opContinuation) != c.partial:
		return c.violated("a frame out of turn")
	}
	c.partial, c.left = !final, length
	return nil
}

// cut is the error of a connection that ends inside a frame.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Conn) control(op byte, length int) error {
	payload := make([]byte, length)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		return cut(err)
	}
	for i := range payload {
		payload[i] ^= c.mask[i%len(c.mask)]
	}
	switch op {
	case opClose:
		if length > 2 {
			payload = payload[:2] // the code is answered, the reason is not
		}
		_ = c.write(opClose, payload)
		return io.EOF
	case opPing:
		return c.write(opPong, payload)
	case opPong:
		return nil
	}
	return c.violated("a control frame of an unknown kind")
}

func (c *Conn) violated(what string) error { return c.fail(codeProtocol, what) }

func (c *Conn) fail(code uint16, what string) error {
	_ = c.write(opClose, binary.BigEndian.AppendUint16(nil, code))
	return fmt.Errorf("%w: %s", ErrProtocol, what)
}

// Write sends p in one frame.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.write(opBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Goodbye tells the client that the stream has ended. It waits for a Write that is under way.
func (c *Conn) Goodbye() { _ = c.write(opClose, binary.BigEndian.AppendUint16(nil, codeNormal)) }

func (c *Conn) write(op byte, p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bye {
		return net.ErrClosed
	}
	c.bye = op == opClose
	b := c.buf[:0]
	b = append(b, finalBit|op)
	switch n := len(p); {
	case n <= maxControl:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	b = append(b, p...)
	if c.buf = b; cap(b) > maxKept {
		c.buf = nil
	}
	_, err := c.Conn.Write(b)
	return err
}

// maxKept bounds the buffer that is kept from one Write to the next, in bytes.
const maxKept = 1 << 20
