package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// written collects what a Conn writes.
type written struct {
	net.Conn
	bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) { return w.Buffer.Write(p) }
func (w *written) Read(p []byte) (int, error)  { return w.Buffer.Read(p) }

// frame is what a client sends.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, maskBit|byte(n))
	default:
		b = append(b, maskBit|126, byte(n>>8), byte(n))
	}
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

func TestRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 5000)
	for _, c := range []struct {
		name, in, want string
		answer         string
		err            error
	}{
		{"frames are a stream", frame(0x82, "ab") + frame(0x82, "") + frame(0x82, long), "ab" + long, "", nil},
		{"a message in parts, with a ping between", frame(0x02, "ab") + frame(0x89, "?") + frame(0x00, "c") + frame(0x80, "d"), "abcd", "\x8a\x01?", nil},
		{"a pong", frame(0x8a, "x") + frame(0x82, "a"), "a", "", nil},
		{"good-bye", frame(0x82, "a") + frame(0x88, "\x03\xe8why") + frame(0x82, "b"), "a", "\x88\x02\x03\xe8", nil},
		{"good-bye without a code", frame(0x88, ""), "", "\x88\x00", nil},
		{"nothing", "", "", "", nil},
		{"cut in the head", frame(0x82, "abc")[:1], "", "", io.ErrUnexpectedEOF},
		{"cut in the payload", frame(0x82, "abc")[:7], "a", "", io.ErrUnexpectedEOF},
		{"text", frame(0x81, "a"), "", "\x88\x02\x03\xeb", ErrProtocol},
		{"no mask", "\x82\x01a", "", "\x88\x02\x03\xea", ErrProtocol},
		{"reserved bit", frame(0xc2, "a"), "", "\x88\x02\x03\xea", ErrProtocol},
		{"continues nothing", frame(0x80, "a"), "", "\x88\x02\x03\xea", ErrProtocol},
		{"begins inside a message", frame(0x02, "a") + frame(0x82, "b"), "a", "\x88\x02\x03\xea", ErrProtocol},
		{"ping in parts", frame(0x09, "a"), "", "\x88\x02\x03\xea", ErrProtocol},
		{"long ping", frame(0x89, long), "", "\x88\x02\x03\xea", ErrProtocol},
		{"unknown data frame", frame(0x83, "a"), "", "\x88\x02\x03\xea", ErrProtocol},
		{"unknown control frame", frame(0x8b, "a"), "", "\x88\x02\x03\xea", ErrProtocol},
		{"length beyond all bounds", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", "", "\x88\x02\x03\xea", ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := &written{}
			conn := &Conn{Conn: out, r: bufio.NewReader(strings.NewReader(c.in))}
			got, err := io.ReadAll(conn)
			if string(got) != c.want || !errors.Is(err, c.err) || (c.err == nil && err != nil) || out.String() != c.answer {
				t.Errorf("%d bytes, %v, answered %q; want %d bytes, %v, %q", len(got), err, out.String(), len(c.want), c.err, c.answer)
			}
			if _, again := conn.Read(make([]byte, 1)); again == nil {
				t.Error("it goes on after its end")
			}
		})
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for n, head := range map[int]string{0: "\x82\x00", 125: "\x82\x7d", 126: "\x82\x7e\x00\x7e", 65535: "\x82\x7e\xff\xff", 65536: "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 2 << 20: "\x82\x7f\x00\x00\x00\x00\x00\x20\x00\x00"} {
		out := &written{}
		c := &Conn{Conn: out}
		p := bytes.Repeat([]byte("x"), n)
		if wrote, err := c.Write(p); wrote != n || err != nil || out.String() != head+string(p) {
			t.Errorf("%d bytes: %d, %v, begins %q", n, wrote, err, out.String()[:min(12, out.Len())])
		}
		c.Goodbye()
		if _, err := c.Write(p); !errors.Is(err, net.ErrClosed) || !strings.HasSuffix(out.String(), "\x88\x02\x03\xe8") {
			t.Errorf("after good-bye: %v", err)
		}
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	if got := accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, section 1.3
		t.Errorf("accepted with %s", got)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Is(r) {
			http.Error(w, "no websocket", http.StatusTeapot)
			return
		}
		if c, err := Upgrade(w, r, "amqp", "AMQPWSB10"); err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}))
	t.Cleanup(server.Close)
	good := map[string]string{
		"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "other, AMQPWSB10, amqp",
	}
	for _, c := range []struct {
		name, header, value string
		code                int
	}{
		{"good", "", "", 101},
		{"no upgrade", "Upgrade", "h2c", 418},
		{"other version", "Sec-WebSocket-Version", "8", 426},
		{"short key", "Sec-WebSocket-Key", "c2hvcnQ=", 400},
		{"other protocol", "Sec-WebSocket-Protocol", "mqtt", 400},
	} {
		nc, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
		for k, v := range good {
			req.Header.Set(k, v)
		}
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		if err := req.Write(nc); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(nc)
		resp, err := http.ReadResponse(r, req)
		if err != nil || resp.StatusCode != c.code {
			t.Fatalf("%s: %v, %v", c.name, resp, err)
		}
		if c.code == 101 {
			if resp.Header.Get("Sec-WebSocket-Protocol") != "AMQPWSB10" || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("%s: %v", c.name, resp.Header)
			}
			_, _ = io.WriteString(nc, frame(0x82, "hello"))
			echo := make([]byte, 7)
			if _, err := io.ReadFull(r, echo); err != nil || string(echo) != "\x82\x05hello" {
				t.Errorf("%s: %q, %v", c.name, echo, err)
			}
		}
		_ = resp.Body.Close()
		_ = nc.Close()
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(frame(0x02, "ab") + frame(0x89, "?") + frame(0x80, "d") + frame(0x88, "")))
	f.Add([]byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff1234x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := &written{}
		got, _ := io.ReadAll(&Conn{Conn: out, r: bufio.NewReader(bytes.NewReader(in))})
		if len(got) > len(in) || out.Len() > len(in)+4 {
			t.Errorf("%d bytes read and %d answered of %d", len(got), out.Len(), len(in))
		}
	})
}
