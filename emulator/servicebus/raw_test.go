package servicebus_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// raw speaks AMQP by the frame, to do what no client library does.
type raw struct {
	t      testing.TB
	nc     net.Conn
	frames *amqp.FrameReader
}

// newRaw connects without SASL, opens and begins a session on channel 0.
func newRaw(t testing.TB, s *servicebustest.Server) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr.String())
	must(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	must(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	r := &raw{t: t, nc: nc}
	r.write([]byte(amqp.HeaderAMQP))
	br := bufio.NewReader(nc)
	h := make([]byte, 8)
	_, err = io.ReadFull(br, h)
	must(t, err)
	r.frames = amqp.NewFrameReader(br, 1<<20)
	open := amqp.Open{ContainerID: "raw", MaxFrameSize: 1 << 20, ChannelMax: 10}
	r.frame(open.Append)
	r.expect(amqp.CodeOpen)
	begin := amqp.Begin{IncomingWindow: 10_000, OutgoingWindow: 10_000, HandleMax: 10}
	r.frame(begin.Append)
	r.expect(amqp.CodeBegin)
	return r
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	_, err := r.nc.Write(b)
	must(r.t, err)
}

func (r *raw) frame(body func([]byte) []byte) {
	r.t.Helper()
	r.frameOn(0, body)
}

func (r *raw) frameOn(channel uint16, body func([]byte) []byte) {
	r.t.Helper()
	b, at := amqp.BeginFrame(nil, amqp.FrameAMQP, channel)
	r.write(amqp.EndFrame(body(b), at))
}

// try is frame for a peer that may have hung up.
func (r *raw) try(channel uint16, body func([]byte) []byte) error {
	b, at := amqp.BeginFrame(nil, amqp.FrameAMQP, channel)
	_, err := r.nc.Write(amqp.EndFrame(body(b), at))
	return err
}

// expect reads to the next frame with the performative and returns its fields and payload.
func (r *raw) expect(code uint64) (*amqp.Fields, []byte) {
	r.t.Helper()
	for {
		f, err := r.frames.ReadFrame()
		if err != nil {
			r.t.Fatalf("waiting for performative 0x%02x: %v", code, err)
		}
		if len(f.Body) == 0 {
			continue
		}
		d := amqp.NewDecoder(f.Body)
		got, fields, err := d.Composite()
		must(r.t, err)
		if got == code {
			return fields, d.Rest()
		}
	}
}

// terminus encodes a source or target with an address.
func terminus(code byte, address string) []byte {
	b := []byte{0x00, 0x53, code}
	b, c := amqp.BeginList(b)
	return c.End(amqp.AppendString(b, address), 1)
}

// receive attaches a receiver on handle 0 and grants credit.
func (r *raw) receive(queue string, credit uint32) {
	r.t.Helper()
	a := amqp.Attach{
		Name: "r", Role: amqp.RoleReceiver, ReceiverMode: amqp.ReceiverSecond, SenderMode: amqp.SenderMixed,
		Source: terminus(0x28, queue), Target: terminus(0x29, "me"),
	}
	r.frame(a.Append)
	r.expect(amqp.CodeAttach)
	r.flow(credit, false)
}

func (r *raw) flow(credit uint32, drain bool) {
	r.t.Helper()
	var zero uint32
	f := amqp.Flow{
		NextIncomingID: &zero, IncomingWindow: 10_000, OutgoingWindow: 10_000,
		Handle: &zero, DeliveryCount: &zero, LinkCredit: &credit, Drain: drain,
	}
	r.frame(f.Append)
}

// transfer reads a delivery that fits in one frame and returns its id.
func (r *raw) transfer() uint32 {
	r.t.Helper()
	fields, _ := r.expect(amqp.CodeTransfer)
	var tr amqp.Transfer
	must(r.t, tr.Read(fields))
	if len(tr.DeliveryTag) != 16 || tr.DeliveryID == nil {
		r.t.Fatalf("transfer %+v", tr)
	}
	return *tr.DeliveryID
}

// settle sends an outcome for a range and returns the answer and its state.
func (r *raw) settle(first, last uint32, state []byte) (amqp.Disposition, amqp.State) {
	r.t.Helper()
	d := amqp.Disposition{Role: amqp.RoleReceiver, First: first, Last: last, State: state}
	r.frame(d.Append)
	return r.disposition()
}

func (r *raw) disposition() (amqp.Disposition, amqp.State) {
	r.t.Helper()
	var got amqp.Disposition
	fields, _ := r.expect(amqp.CodeDisposition)
	must(r.t, got.Read(fields))
	st, err := amqp.ReadState(got.State)
	must(r.t, err)
	return got, st
}

// detached waits for a detach and returns its handle and the condition of its error.
func (r *raw) detached() (handle uint32, condition string) {
	r.t.Helper()
	fields, _ := r.expect(amqp.CodeDetach)
	var d amqp.Detach
	must(r.t, d.Read(fields))
	if d.Error != nil {
		condition = d.Error.Condition
	}
	return d.Handle, condition
}

// ended waits until the server has closed the connection: in peace, or with data of ours
// unread, which then takes its last words with it.
func (r *raw) ended() {
	r.t.Helper()
	for {
		f, err := r.frames.ReadFrame()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			r.t.Fatal("the connection stays open")
		}
		if err != nil {
			return
		}
		if code, _, err := amqp.NewDecoder(f.Body).Composite(); err == nil && code == amqp.CodeClose {
			return
		}
	}
}
