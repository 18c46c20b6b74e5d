package servicebus_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// overWebsocket is a client's side of a websocket.
type overWebsocket struct {
	net.Conn
	r    *bufio.Reader
	left int
}

func dialWebsocket(ctx context.Context, address string, secure *tls.Config) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if secure != nil {
		nc = tls.Client(nc, secure)
	}
	_, err = io.WriteString(nc, "GET /$servicebus/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: amqp\r\n\r\n")
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		_ = nc.Close()
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	return &overWebsocket{Conn: nc, r: r}, nil
}

func (c *overWebsocket) Write(p []byte) (int, error) {
	b := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, uint64(len(p)))
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	_, err := c.Conn.Write(append(b, p...))
	return len(p), err
}

func (c *overWebsocket) Read(p []byte) (int, error) {
	for c.left == 0 {
		var h [8]byte
		if _, err := io.ReadFull(c.r, h[:2]); err != nil {
			return 0, err
		}
		if h[0] == 0x88 {
			return 0, io.EOF
		}
		switch c.left = int(h[1]); c.left {
		case 126:
			_, _ = io.ReadFull(c.r, h[:2])
			c.left = int(binary.BigEndian.Uint16(h[:2]))
		case 127:
			_, _ = io.ReadFull(c.r, h[:8])
			c.left = int(binary.BigEndian.Uint64(h[:8]))
		}
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func TestAMQPOverWebsockets(t *testing.T) {
	secure, _, err := servicebus.SelfSigned(time.Now())
	must(t, err)
	for _, c := range []struct {
		name   string
		server *tls.Config
		client *tls.Config
	}{
		{"TCP", nil, nil},
		{"TLS", secure, &tls.Config{InsecureSkipVerify: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Tokens are checked on the links, as everywhere, and not before the handshake.
			s := servicebustest.StartConfig(t, servicebus.Config{
				TLS: c.server, Keys: map[string]string{"root": "key"}, Queues: []servicebus.Queue{{Name: "q", MaxMessageSize: 1 << 20}},
			})
			ctx := within(t, 20*time.Second)
			dialed := 0
			dial := func(connection string) *azservicebus.Client {
				client, err := azservicebus.NewClientFromConnectionString(connection, &azservicebus.ClientOptions{
					NewWebSocketConn: func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
						dialed++
						return dialWebsocket(ctx, s.Addr.String(), c.client)
					},
					RetryOptions: azservicebus.RetryOptions{RetryDelay: 10 * time.Millisecond, MaxRetries: 2},
				})
				must(t, err)
				t.Cleanup(func() { _ = client.Close(context.Background()) })
				return client
			}
			client := dial(s.ConnectionString())
			big := string(bytes.Repeat([]byte("x"), 700_000))
			snd := sender(t, client, "q")
			send(ctx, t, snd, "small", big)
			r := receiver(t, client, "q", nil)
			for _, want := range []string{"small", big} {
				m := one(ctx, t, r)
				if string(m.Body) != want {
					t.Errorf("%d bytes, want %d", len(m.Body), len(want))
				}
				must(t, r.CompleteMessage(ctx, m, nil))
			}
			s.DropConnections()
			send(ctx, t, snd, "after a cut")
			if st := stats(t, s, "q"); st.Completed != 2 || st.Active != 1 || dialed != 2 {
				t.Errorf("%+v after %d connections", st, dialed)
			}
			err := sender(t, dial("Endpoint=sb://localhost/;SharedAccessKeyName=root;SharedAccessKey=wrong"), "q").SendMessage(ctx, &azservicebus.Message{}, nil)
			wantCode(t, err, azservicebus.CodeUnauthorizedAccess)

			// A server that ends says so in AMQP and then in the websocket.
			nc, err := dialWebsocket(ctx, s.Addr.String(), c.client)
			must(t, err)
			defer nc.Close()
			must(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = nc.Write([]byte("AMQP\x00\x01\x00\x00"))
			must(t, err)
			hello := make([]byte, 8)
			_, err = io.ReadFull(nc, hello)
			must(t, err)
			must(t, s.Close())
			if rest, err := io.ReadAll(nc); err != nil || !bytes.Contains(rest, []byte("amqp:connection:forced")) {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

func TestWebsocketIsNoWayToHTTP(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	nc, err := dialWebsocket(ctx, s.Addr.String(), nil)
	must(t, err)
	defer nc.Close()
	must(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(nc, "GET /q HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	got, err := io.ReadAll(nc)
	if bytes.Contains(got, []byte("HTTP/")) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q, %v", got, err)
	}
}
