package servicebus_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// pipes is a listener whose connections never touch the network.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// ended is a connection that tells when the server has closed it.
type ended struct {
	net.Conn
	once sync.Once
	done chan struct{}
}

func (e *ended) Close() error {
	e.once.Do(func() { close(e.done) })
	return e.Conn.Close()
}

// serveBytes has the server read bytes from a client that hangs up after them, or waits for
// the server to do so, and returns once the server has ended the connection.
func (p *pipes) serveBytes(t testing.TB, b []byte, waits bool) {
	t.Helper()
	client, server := net.Pipe()
	e := &ended{Conn: server, done: make(chan struct{})}
	p.conns <- e
	must(t, client.SetDeadline(time.Now().Add(10*time.Second)))
	go io.Copy(io.Discard, client)
	_, err := client.Write(b) // an error if the server hangs up first
	if !waits {
		_ = client.Close()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server does not read")
	}
	select {
	case <-e.done:
	case <-time.After(10 * time.Second):
		t.Error("the server does not end the connection")
	}
	_ = client.Close()
}

func pipeServer(t testing.TB) (*servicebus.Server, *pipes) {
	t.Helper()
	s, err := servicebus.New(servicebus.Config{
		Queues: []servicebus.Queue{{Name: "q", MaxSize: 1 << 20}, {Name: "s", Sessions: true, MaxSize: 1 << 20}},
		Topics: []servicebus.Topic{{Name: "t", MaxSize: 1 << 20, Subscriptions: []servicebus.Subscription{{Name: "a"}}}},
	})
	must(t, err)
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(p) }()
	t.Cleanup(func() {
		must(t, s.Close())
		<-served
	})
	return s, p
}

// conversation is what a client sends that does a little of everything, frame by frame.
func conversation() [][]byte {
	source, _ := amqp.WithFilter(terminus(0x28, "s"), "com.microsoft:session-filter", nil, "A")
	zero, credit, id := uint32(0), uint32(10), uint32(0)
	attach := func(handle uint32, role bool, source, target []byte) []byte {
		a := amqp.Attach{Name: string(rune('a' + handle)), Handle: handle, Role: role, SenderMode: amqp.SenderMixed, Source: source, Target: target}
		return a.Append(nil)
	}
	open := amqp.Open{ContainerID: "c", MaxFrameSize: 65536, ChannelMax: 10}
	begin := amqp.Begin{IncomingWindow: 1000, OutgoingWindow: 1000, HandleMax: 10}
	flow := func(handle uint32) []byte {
		f := amqp.Flow{NextIncomingID: &zero, IncomingWindow: 1000, Handle: &handle, DeliveryCount: &zero, LinkCredit: &credit}
		return f.Append(nil)
	}
	transfer := func(handle uint32, message []byte) []byte {
		tr := amqp.Transfer{Handle: handle, DeliveryID: &id, DeliveryTag: []byte{1}}
		b := append(tr.Append(nil), message...)
		id++
		return b
	}
	request := func(operation string, body func([]byte) ([]byte, int)) []byte {
		b, c := amqp.BeginList(amqp.AppendDescribed(nil, 0x73))
		b = amqp.AppendString(b, "1")
		b = amqp.AppendNull(amqp.AppendNull(amqp.AppendNull(b)))
		b = c.End(amqp.AppendString(b, "me"), 5)
		b, c = amqp.BeginMap(amqp.AppendDescribed(b, 0x74))
		b = c.End(amqp.AppendString(amqp.AppendString(b, "operation"), "com.microsoft:"+operation), 2)
		b, c = amqp.BeginMap(amqp.AppendDescribed(b, 0x77))
		b, n := body(b)
		return c.End(b, n)
	}
	message := amqp.AppendBinary([]byte{0x00, 0x53, 0x75}, []byte("body"))
	d := amqp.Disposition{Role: amqp.RoleReceiver, First: 0, Last: 3, State: amqp.AppendState(nil, amqp.StateModified, nil)}
	detach := amqp.Detach{Handle: 0}
	return [][]byte{
		open.Append(nil), begin.Append(nil),
		attach(0, amqp.RoleSender, terminus(0x28, "me"), terminus(0x29, "q")),
		attach(1, amqp.RoleReceiver, terminus(0x28, "q"), terminus(0x29, "me")),
		attach(2, amqp.RoleSender, terminus(0x28, "me"), terminus(0x29, "q/$management")),
		attach(3, amqp.RoleReceiver, terminus(0x28, "q/$management"), terminus(0x29, "me")),
		attach(4, amqp.RoleReceiver, source, terminus(0x29, "me")),
		attach(5, amqp.RoleSender, terminus(0x28, "me"), terminus(0x29, "t")),
		flow(1), flow(3), flow(4),
		transfer(0, message), transfer(0, message), transfer(5, message),
		transfer(2, request("peek-message", func(b []byte) ([]byte, int) {
			b = amqp.AppendLong(amqp.AppendString(b, "from-sequence-number"), 0)
			return amqp.AppendInt(amqp.AppendString(b, "message-count"), 10), 4
		})),
		transfer(2, request("schedule-message", func(b []byte) ([]byte, int) {
			b, list := amqp.BeginList(amqp.AppendString(b, "messages"))
			b, m := amqp.BeginMap(b)
			b = m.End(amqp.AppendBinary(amqp.AppendString(b, "message"), message), 2)
			return list.End(b, 1), 2
		})),
		transfer(2, request("receive-by-sequence-number", func(b []byte) ([]byte, int) {
			b = amqp.AppendLongArray(amqp.AppendString(b, "sequence-numbers"), []int64{1})
			return amqp.AppendUint(amqp.AppendString(b, "receiver-settle-mode"), 1), 4
		})),
		d.Append(nil), detach.Append(nil), amqp.AppendEnd(nil, nil),
	}
}

// wire makes a byte stream of frames on channel 0.
func wire(frames [][]byte) []byte {
	b := []byte(amqp.HeaderAMQP)
	for _, f := range frames {
		var at int
		b, at = amqp.BeginFrame(b, amqp.FrameAMQP, 0)
		b = amqp.EndFrame(append(b, f...), at)
	}
	return b
}

// FuzzConnection: no byte stream makes the server panic or hang, and the next client is
// served.
func FuzzConnection(f *testing.F) {
	frames := conversation()
	for i := range frames {
		f.Add(wire(frames[:i+1]))
	}
	f.Add([]byte(amqp.HeaderSASL + "\x00\x00\x00\x10\x02\x01\x00\x00\x00\x53\x41\xc0\x01\x00"))
	_, p := pipeServer(f)
	f.Fuzz(func(t *testing.T, b []byte) { p.serveBytes(t, b, false) })
}

// FuzzFrames: the same for frames that are well-formed outside, after a conversation that
// has opened everything.
func FuzzFrames(f *testing.F) {
	frames := conversation()
	for _, fr := range frames[8:] {
		f.Add(fr, []byte{})
	}
	f.Add(frames[11], frames[17])
	_, p := pipeServer(f)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 60_000 {
			return
		}
		p.serveBytes(t, wire(append(append([][]byte{}, frames[:11]...), a, b)), false)
	})
}

// Thousands of broken conversations leave nothing behind.
func TestMalformedClientsDoNotGrowTheServer(t *testing.T) {
	s, p := pipeServer(t)
	frames := conversation()
	p.serveBytes(t, wire(append(conversation(), amqp.AppendClose(nil, nil))), true)
	if st, _ := s.Stats("q"); st.Sent != 3 {
		t.Fatalf("the conversation itself does not work: %+v", st)
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := wire(frames)
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
		p.serveBytes(t, b[:rng.IntN(len(b))], false)
	}
	if n := runtime.NumGoroutine(); n > goroutines+10 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if after := heap(); after > before+8<<20 { // the queues take at most 3 MiB
		t.Errorf("%d bytes in use, %d before", after, before)
	}
}

// Credit and counts at the ends of their ranges are arithmetic modulo 2^32.
func TestCreditOverflow(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	send(ctx, t, sender(t, connect(t, s), "q"), "a", "b", "c")
	for _, c := range []struct {
		name          string
		count, credit uint32
		delivered     bool
	}{
		{"largest credit", 0, math.MaxUint32, false}, // 2^32-1 more than was sent is one less
		{"half of it", 0, math.MaxInt32, true},
		{"count ahead", math.MaxUint32, 2, true},
		{"count far ahead", 1 << 31, 1, false},
		{"no credit", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRaw(t, s)
			r.receive("q", 0)
			var zero uint32
			f := amqp.Flow{NextIncomingID: &zero, IncomingWindow: 1, Handle: &zero, DeliveryCount: &c.count, LinkCredit: &c.credit, Echo: true}
			r.frame(f.Append)
			if c.delivered {
				r.transfer()
				return
			}
			r.expect(amqp.CodeFlow) // and nothing before it
		})
	}
}

func TestConnectionLimits(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", MaxMessageSize: 16 << 20})
	t.Run("links", func(t *testing.T) {
		r := newRaw(t, s)
		attach := func(channel uint16, handle uint32) error {
			a := amqp.Attach{Name: "s", Handle: handle, Role: amqp.RoleSender, SenderMode: amqp.SenderMixed, Source: terminus(0x28, "me"), Target: terminus(0x29, "q")}
			return r.try(channel, a.Append)
		}
		var err error
		for n := 0; n <= 4096 && err == nil; n++ {
			channel := uint16(n / 256)
			if n%256 == 0 && n > 0 {
				begin := amqp.Begin{IncomingWindow: 10, OutgoingWindow: 10, HandleMax: 255}
				err = r.try(channel, begin.Append)
			}
			if err == nil {
				err = attach(channel, uint32(n%256))
			}
		}
		r.ended()
	})
	t.Run("long attach", func(t *testing.T) {
		r := newRaw(t, s)
		a := amqp.Attach{Name: string(make([]byte, 5000)), Role: amqp.RoleSender, SenderMode: amqp.SenderMixed, Source: terminus(0x28, "me"), Target: terminus(0x29, "q")}
		r.frame(a.Append)
		r.expect(amqp.CodeClose)
	})
	t.Run("parts of many messages", func(t *testing.T) {
		r := newRaw(t, s)
		part := make([]byte, 60_000)
		for h := range uint32(250) {
			a := amqp.Attach{Name: "s", Handle: h, Role: amqp.RoleSender, SenderMode: amqp.SenderMixed, Source: terminus(0x28, "me"), Target: terminus(0x29, "q")}
			r.frame(a.Append)
			p := amqp.Transfer{Handle: h, DeliveryID: &h, DeliveryTag: []byte{1}, More: true}
			r.frame(func(b []byte) []byte { return append(p.Append(b), part...) })
		}
		// 250 times 60,000 bytes are within the limits, twice that is not.
		for h := range uint32(250) {
			p := amqp.Transfer{Handle: h, More: true}
			if r.try(0, func(b []byte) []byte { return append(p.Append(b), part...) }) != nil {
				break // it has hung up already
			}
		}
		r.ended()
	})
	// Nobody else notices.
	send(within(t, 10*time.Second), t, sender(t, connect(t, s), "q"), "x")
}

// Wrong types in requests are refused as such, and the link goes on.
func TestManagementRefusesWrongTypes(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{Queues: []servicebus.Queue{{Name: "q"}, {Name: "s", Sessions: true}}})
	ctx := within(t, 20*time.Second)
	for _, c := range []struct {
		entity, op string
		body       map[string]any
		code       int32
	}{
		{"q", "nonsense", nil, 501},
		{"q", "renew-lock", map[string]any{"lock-tokens": "x"}, 400},
		{"q", "peek-message", map[string]any{"from-sequence-number": "1", "message-count": int32(1)}, 400},
		{"q", "peek-message", map[string]any{"from-sequence-number": int64(1), "message-count": int32(-1)}, 400},
		{"q", "schedule-message", map[string]any{"messages": []any{"x"}}, 400},
		{"q", "schedule-message", map[string]any{"messages": []any{map[string]any{"message": []byte{0xff}}}}, 400},
		{"q/$DeadLetterQueue", "schedule-message", map[string]any{"messages": []any{map[string]any{"message": []byte{}}}}, 400},
		{"q", "cancel-scheduled-message", map[string]any{"sequence-numbers": []int64{7}}, 404},
		{"q", "cancel-scheduled-message", map[string]any{}, 400},
		{"q", "receive-by-sequence-number", map[string]any{"sequence-numbers": []int64{7}}, 400},
		{"q", "update-disposition", map[string]any{"lock-tokens": []any{}}, 400},
		{"q", "renew-session-lock", map[string]any{}, 400},
		{"s", "get-session-state", map[string]any{"session-id": "A"}, 410},
		{"s", "set-session-state", map[string]any{"session-id": int64(1)}, 400},
		{"s", "get-message-sessions", map[string]any{"skip": "x"}, 400},
		{"q", "get-message-sessions", map[string]any{"last-updated-time": time.Now(), "skip": int32(0), "top": int32(1)}, 400},
		{"s", "get-message-sessions", map[string]any{"last-updated-time": time.Now(), "skip": int32(0), "top": int32(math.MaxInt32)}, 204},
	} {
		if code, _ := manage(ctx, t, s, c.entity, c.op, c.body); code != c.code {
			t.Errorf("%s of %s with %v: %d, want %d", c.op, c.entity, c.body, code, c.code)
		}
	}
}
