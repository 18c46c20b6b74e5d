package servicebus_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// Other vendors' clients accept a settlement only if it is confirmed by the same kind of
// outcome, without its fields.
func TestOutcomeIsEchoedEmpty(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	send(ctx, t, sender(t, connect(t, s), "q"), "a", "b", "c", "d", "e")
	r := newRaw(t, s)
	r.receive("q", 5)
	for range 5 {
		r.transfer()
	}
	rejected := amqp.AppendState(nil, amqp.StateRejected, &amqp.Error{Condition: "com.microsoft:dead-letter", Description: "d"})
	for id, c := range []struct {
		name  string
		state []byte
		code  uint64
	}{
		{"accepted", amqp.AppendState(nil, amqp.StateAccepted, nil), amqp.StateAccepted},
		{"rejected", rejected, amqp.StateRejected},
		{"released", amqp.AppendState(nil, amqp.StateReleased, nil), amqp.StateReleased},
		{"modified", amqp.AppendState(nil, amqp.StateModified, nil), amqp.StateModified},
	} {
		d, _ := r.settle(uint32(id), uint32(id), c.state)
		if want := amqp.AppendState(nil, c.code, nil); !bytes.Equal(d.State, want) || !d.Settled || d.Role != amqp.RoleSender {
			t.Errorf("%s: answered %x, want %x (%+v)", c.name, d.State, want, d)
		}
	}
	// A range is answered by runs: 0 to 3 are settled already, 4 is not.
	d, st := r.settle(3, 4, amqp.AppendState(nil, amqp.StateAccepted, nil))
	if d.First != 3 || d.Last != 3 || st.Code != amqp.StateRejected || !bytes.Contains(d.State, []byte("com.microsoft:message-lock-lost")) {
		t.Errorf("settled twice: %+v %+v", d, st)
	}
	if d, st = r.disposition(); d.First != 4 || d.Last != 4 || st.Code != amqp.StateAccepted {
		t.Errorf("rest of the range: %+v %+v", d, st)
	}
	if st := stats(t, s, "q"); st.Completed != 2 || st.Buried != 1 || st.Abandoned != 1 || st.Released != 1 || st.Active != 2 {
		t.Errorf("%+v", st)
	}
}

func TestReleasedKeepsDeliveryCount(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", MaxDeliveryCount: 1})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	r := newRaw(t, s)
	r.receive("q", 1)
	id := r.transfer()
	r.settle(id, id, amqp.AppendState(nil, amqp.StateReleased, nil))
	if m := one(ctx, t, receiver(t, c, "q", nil)); m.DeliveryCount != 1 {
		t.Errorf("delivery %d after a release, want 1", m.DeliveryCount)
	}
}

func TestWholeRangeIsAnsweredOnce(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	sendMany(within(t, 10*time.Second), t, sender(t, connect(t, s), "q"), 100)
	r := newRaw(t, s)
	r.receive("q", 100)
	for range 100 {
		r.transfer()
	}
	if d, _ := r.settle(0, 99, amqp.AppendState(nil, amqp.StateAccepted, nil)); d.First != 0 || d.Last != 99 {
		t.Errorf("answered %d to %d", d.First, d.Last)
	}
	if st := stats(t, s, "q"); st.Completed != 100 {
		t.Errorf("%+v", st)
	}
}

func TestDrain(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	send(within(t, 10*time.Second), t, sender(t, connect(t, s), "q"), "a", "b")
	r := newRaw(t, s)
	r.receive("q", 0)
	r.flow(10, true)
	r.transfer()
	r.transfer()
	fields, _ := r.expect(amqp.CodeFlow)
	var f amqp.Flow
	must(t, f.Read(fields))
	if !f.Drain || f.LinkCredit == nil || *f.LinkCredit != 0 || f.DeliveryCount == nil || *f.DeliveryCount != 10 {
		t.Errorf("flow after drain: %+v", f)
	}
}

// The window of the session holds back what the credit of the link would allow.
func TestSessionWindow(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	sendMany(within(t, 10*time.Second), t, sender(t, connect(t, s), "q"), 12_000)
	r := newRaw(t, s)
	r.receive("q", 20_000)
	for range 10_000 {
		r.transfer()
	}
	if st := stats(t, s, "q"); st.Locked != 10_000 {
		t.Fatalf("window of 10,000 transfers: %+v", st)
	}
	seen := uint32(10_000)
	f := amqp.Flow{NextIncomingID: &seen, IncomingWindow: 10_000}
	r.frame(f.Append)
	for range 2000 {
		r.transfer()
	}
}

// A message of many frames uses up the window of the session without using credit.
func TestIncomingWindowIsRenewed(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	r := newRaw(t, s)
	a := amqp.Attach{Name: "s", Role: amqp.RoleSender, SenderMode: amqp.SenderMixed, Source: terminus(0x28, "me"), Target: terminus(0x29, "q")}
	r.frame(a.Append)
	r.expect(amqp.CodeAttach)
	r.expect(amqp.CodeFlow) // the first credit
	const frames = 6000
	id, sent := uint32(0), uint32(0)
	body := amqp.AppendBinary([]byte{0x00, 0x53, 0x75}, make([]byte, frames-8))
	for sent < frames {
		p := amqp.Transfer{More: sent < frames-1}
		if sent == 0 {
			p.DeliveryID, p.DeliveryTag = &id, []byte{1}
		}
		r.frame(func(b []byte) []byte { return append(p.Append(b), body[sent]) })
		if sent++; sent%2500 == 0 {
			var f amqp.Flow
			fields, _ := r.expect(amqp.CodeFlow)
			must(t, f.Read(fields))
			if f.NextIncomingID == nil || *f.NextIncomingID != sent || f.IncomingWindow != 5000 {
				t.Fatalf("after %d transfers: %+v", sent, f)
			}
		}
	}
	if d, st := r.disposition(); st.Code != amqp.StateAccepted || d.Role != amqp.RoleReceiver || !d.Settled {
		t.Errorf("%+v %+v", d, st)
	}
	if st := stats(t, s, "q"); st.Active != 1 {
		t.Errorf("%+v", st)
	}
}

// A client that never settles gets a bounded number of deliveries, and more once the locks
// of the first have expired.
func TestUnsettledDeliveriesAreBounded(t *testing.T) {
	const limit, n = 65536, 70_000
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	sendMany(within(t, 20*time.Second), t, sender(t, connect(t, s), "q"), n)
	r := newRaw(t, s)
	var zero, credit uint32 = 0, 2 * n
	r.receive("q", 0)
	f := amqp.Flow{NextIncomingID: &zero, IncomingWindow: 4 * n, Handle: &zero, DeliveryCount: &zero, LinkCredit: &credit}
	r.frame(f.Append)
	for range limit {
		r.transfer()
	}
	if st := stats(t, s, "q"); st.Locked != limit {
		t.Fatalf("%d locked, want %d", st.Locked, limit)
	}
	s.Clock.Advance(2 * time.Minute)
	for range n - limit {
		r.transfer()
	}
}

func TestViolationsEndTheConnection(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	for name, violate := range map[string]func(*raw){
		"garbage":         func(r *raw) { r.frame(func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff) }) },
		"huge frame":      func(r *raw) { r.write([]byte{0x7f, 0xff, 0xff, 0xff, 2, 0, 0, 0}) },
		"tiny frame":      func(r *raw) { r.write([]byte{0, 0, 0, 4, 2, 0, 0, 0}) },
		"unknown session": func(r *raw) { r.write([]byte{0, 0, 0, 12, 2, 0, 0, 9, 0x00, 0x53, 0x16, 0x45}) },
		"transfer without credit": func(r *raw) {
			r.receive("q", 0)
			id := uint32(0)
			tr := amqp.Transfer{DeliveryID: &id, DeliveryTag: []byte{1}}
			r.frame(tr.Append)
		},
		"deep nesting": func(r *raw) {
			r.frame(func(b []byte) []byte {
				b, c := amqp.BeginList(append(b, 0x00, 0x53, amqp.CodeAttach))
				return c.End(append(b, bytes.Repeat([]byte{0x00}, 10_000)...), 14)
			})
		},
		"disposition of everything": func(r *raw) {
			d := amqp.Disposition{Role: amqp.RoleReceiver, Last: 1 << 31, State: amqp.AppendState(nil, amqp.StateAccepted, nil)}
			r.frame(d.Append)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t, s)
			violate(r)
			r.expect(amqp.CodeClose)
			if _, err := r.frames.ReadFrame(); err == nil {
				t.Error("the connection stays open")
			}
		})
	}
	// Nobody else notices.
	send(within(t, 10*time.Second), t, sender(t, connect(t, s), "q"), "x")
}

func TestOtherProtocolIsToldOurs(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	nc, err := net.Dial("tcp", s.Addr.String())
	must(t, err)
	defer nc.Close()
	must(t, nc.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = nc.Write([]byte("SSH-2.0-OpenSSH\r\n"))
	must(t, err)
	got, _ := io.ReadAll(nc)
	if string(got) != amqp.HeaderAMQP {
		t.Errorf("answered %q", got)
	}
}
