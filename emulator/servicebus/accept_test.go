package servicebus_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func sendTo(ctx context.Context, t testing.TB, s *azservicebus.Sender, session string, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		must(t, s.SendMessage(ctx, &azservicebus.Message{Body: []byte(b), SessionID: &session}, nil))
	}
}

func fromSession(ctx context.Context, t testing.TB, r *azservicebus.SessionReceiver, want string) *azservicebus.ReceivedMessage {
	t.Helper()
	ms, err := r.ReceiveMessages(ctx, 1, nil)
	must(t, err)
	if len(ms) != 1 || string(ms[0].Body) != want || *ms[0].SessionID != r.SessionID() {
		t.Fatalf("received %d messages from session %s, the first %s; want %s", len(ms), r.SessionID(), ms[0].Body, want)
	}
	return ms[0]
}

func TestSessionsKeepTheirOrderApart(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	snd := sender(t, c, "q")
	sendTo(ctx, t, snd, "A", "a1", "a2")
	sendTo(ctx, t, snd, "B", "b1")
	sendTo(ctx, t, snd, "A", "a3")

	a, err := c.AcceptNextSessionForQueue(ctx, "q", nil)
	must(t, err)
	b, err := c.AcceptSessionForQueue(ctx, "q", "B", nil)
	must(t, err)
	if a.SessionID() != "A" || b.SessionID() != "B" {
		t.Fatalf("accepted %s and %s", a.SessionID(), b.SessionID())
	}
	if d := time.Until(a.LockedUntil()); d < 50*time.Second || d > time.Minute {
		t.Errorf("session locked for %v", d)
	}
	_, err = connect(t, s).AcceptSessionForQueue(ctx, "q", "A", nil)
	condition(t, err, "com.microsoft:session-cannot-be-locked")

	first := fromSession(ctx, t, a, "a1")
	if !first.LockedUntil.Equal(a.LockedUntil()) {
		t.Errorf("message locked until %v, session until %v", first.LockedUntil, a.LockedUntil())
	}
	must(t, a.AbandonMessage(ctx, first, nil))
	for _, want := range []string{"a1", "a2", "a3"} {
		must(t, a.CompleteMessage(ctx, fromSession(ctx, t, a, want), nil))
	}
	must(t, b.CompleteMessage(ctx, fromSession(ctx, t, b, "b1"), nil))
	// What comes later goes to the holder.
	sendTo(ctx, t, snd, "B", "b2")
	fromSession(ctx, t, b, "b2")
	// Closing a session gives its messages back without counting the delivery.
	must(t, b.Close(ctx))
	b, err = c.AcceptNextSessionForQueue(ctx, "q", nil)
	must(t, err)
	if m := fromSession(ctx, t, b, "b2"); m.DeliveryCount != 1 {
		t.Errorf("delivery %d after a close, want 1", m.DeliveryCount)
	}
}

func TestNextSessionWaits(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true}, servicebus.Queue{Name: "empty", Sessions: true})
	ctx := within(t, 10*time.Second)
	got := make(chan error, 1)
	c := connect(t, s)
	go func() {
		r, err := c.AcceptNextSessionForQueue(ctx, "q", nil)
		if err == nil && r.SessionID() != "late" {
			err = fmt.Errorf("session %s", r.SessionID())
		}
		got <- err
	}()
	sendTo(ctx, t, sender(t, connect(t, s), "q"), "late", "x")
	must(t, <-got)

	// Where there is none, the wait ends with the service's time-out, by the server's clock.
	done := make(chan error, 1)
	go func() {
		_, err := c.AcceptNextSessionForQueue(context.Background(), "empty", nil)
		done <- err
	}()
	for {
		select {
		case err := <-done:
			wantCode(t, err, azservicebus.CodeTimeout)
			return
		case <-time.After(20 * time.Millisecond): // until the wait has begun
			s.Clock.Advance(61 * time.Second)
		case <-ctx.Done():
			t.Fatal("no time-out")
		}
	}
}

func TestSessionLockExpires(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true, LockDuration: time.Minute})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	sendTo(ctx, t, sender(t, c, "q"), "A", "x")
	r, err := c.AcceptSessionForQueue(ctx, "q", "A", nil)
	must(t, err)
	m := fromSession(ctx, t, r, "x")
	for range 3 {
		s.Clock.Advance(50 * time.Second)
		before := r.LockedUntil()
		must(t, r.RenewSessionLock(ctx, nil))
		if d := r.LockedUntil().Sub(before); d < 49*time.Second {
			t.Fatalf("renewed by %v", d)
		}
	}
	s.Clock.Advance(61 * time.Second)
	if st := stats(t, s, "q"); st.Locked != 0 || st.Active != 1 || st.LocksExpired != 1 {
		t.Fatalf("%+v", st)
	}
	soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // the client would try again
	defer cancel()
	if err := r.CompleteMessage(soon, m, nil); err == nil {
		t.Error("a message was completed after its session was lost")
	}
	other, err := connect(t, s).AcceptSessionForQueue(ctx, "q", "A", nil)
	must(t, err)
	if m := fromSession(ctx, t, other, "x"); m.DeliveryCount != 2 {
		t.Errorf("delivery %d after an expired session, want 2", m.DeliveryCount)
	}
}

func TestSessionState(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	r, err := c.AcceptSessionForQueue(ctx, "q", "A", nil)
	must(t, err)
	if state, err := r.GetSessionState(ctx, nil); err != nil || state != nil {
		t.Errorf("state of a new session %q, %v", state, err)
	}
	must(t, r.SetSessionState(ctx, []byte("half done"), nil))
	must(t, r.Close(ctx))
	r, err = c.AcceptSessionForQueue(ctx, "q", "A", nil)
	must(t, err)
	if state, err := r.GetSessionState(ctx, nil); err != nil || string(state) != "half done" {
		t.Errorf("state %q, %v", state, err)
	}
	must(t, r.SetSessionState(ctx, nil, nil))
	if state, err := r.GetSessionState(ctx, nil); err != nil || state != nil {
		t.Errorf("state after it was removed: %q, %v", state, err)
	}
	must(t, r.Close(ctx))
	if st := stats(t, s, "q"); st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
}

func TestListSessions(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 20*time.Second)
	c := connect(t, s)
	snd := sender(t, c, "q")
	var want []string
	for i := range 120 {
		id := fmt.Sprintf("s%03d", i)
		sendTo(ctx, t, snd, id, "x")
		want = append(want, id)
	}
	r, err := c.AcceptSessionForQueue(ctx, "q", "state-only", nil)
	must(t, err)
	must(t, r.SetSessionState(ctx, []byte("state"), nil))
	must(t, r.Close(ctx))
	want = append(want, "state-only")
	list := func(o *azservicebus.ListSessionsOptions) (got []string) {
		pager := c.NewListSessionsForQueuePager("q", o)
		for pager.More() {
			page, err := pager.NextPage(ctx)
			must(t, err)
			got = append(got, page.Sessions...)
		}
		return got
	}
	if got := list(nil); !slices.Equal(got, want) {
		t.Errorf("listed %v", got)
	}
	before, after := s.Clock.Now().Add(-time.Minute), s.Clock.Now().Add(time.Minute)
	if got := list(&azservicebus.ListSessionsOptions{SessionStateUpdatedAfter: &before}); !slices.Equal(got, []string{"state-only"}) {
		t.Errorf("updated since: %v", got)
	}
	if got := list(&azservicebus.ListSessionsOptions{SessionStateUpdatedAfter: &after}); len(got) != 0 {
		t.Errorf("updated in the future: %v", got)
	}
}

func TestSessionRefusals(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "sessions", Sessions: true, MaxDeliveryCount: 1}, servicebus.Queue{Name: "plain"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	condition(t, sender(t, c, "sessions").SendMessage(ctx, &azservicebus.Message{}, nil), "amqp:not-allowed")
	_, err := receiver(t, c, "sessions", nil).ReceiveMessages(ctx, 1, nil)
	condition(t, err, "amqp:not-allowed")
	_, err = c.AcceptSessionForQueue(ctx, "plain", "A", nil)
	condition(t, err, "amqp:not-allowed")
	// An empty id is an id.
	sendTo(ctx, t, sender(t, c, "sessions"), "", "of nobody")
	none, err := c.AcceptSessionForQueue(ctx, "sessions", "", nil)
	must(t, err)
	must(t, none.CompleteMessage(ctx, fromSession(ctx, t, none, "of nobody"), nil))
	// The dead letters of a queue with sessions are received without them.
	sendTo(ctx, t, sender(t, c, "sessions"), "A", "x")
	r, err := c.AcceptNextSessionForQueue(ctx, "sessions", nil)
	must(t, err)
	must(t, r.AbandonMessage(ctx, fromSession(ctx, t, r, "x"), nil))
	if m := one(ctx, t, deadLetters(t, c, "sessions")); *m.SessionID != "A" {
		t.Errorf("session %v of a dead letter", m.SessionID)
	}
}

func TestSessionDefer(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	sendTo(ctx, t, sender(t, c, "q"), "A", "later", "now")
	r, err := c.AcceptSessionForQueue(ctx, "q", "A", nil)
	must(t, err)
	m := fromSession(ctx, t, r, "later")
	must(t, r.DeferMessage(ctx, m, nil))
	must(t, r.CompleteMessage(ctx, fromSession(ctx, t, r, "now"), nil))
	ms, err := r.ReceiveDeferredMessages(ctx, []int64{*m.SequenceNumber}, nil)
	must(t, err)
	must(t, r.CompleteMessage(ctx, ms[0], nil))
	if st := stats(t, s, "q"); st.Completed != 2 || st.Deferred != 0 {
		t.Errorf("%+v", st)
	}
}

// A client that gives up waiting for a session takes none, and its connection lives on.
func TestGivenUpAcceptTakesNoSession(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := c.AcceptNextSessionForQueue(short, "q", nil); err == nil {
		t.Fatal("accepted a session of an empty queue")
	}
	sendTo(ctx, t, sender(t, c, "q"), "A", "x")
	r, err := c.AcceptNextSessionForQueue(ctx, "q", nil)
	must(t, err)
	fromSession(ctx, t, r, "x")
}

// The service tells the holder of a session that it is lost by detaching its link, and
// only the holder may renew it.
func TestLostSessionDetachesItsLink(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", Sessions: true})
	ctx := within(t, 10*time.Second)
	r := newRaw(t, s)
	source, err := amqp.WithFilter(terminus(0x28, "q"), "com.microsoft:session-filter", nil, "A")
	must(t, err)
	a := amqp.Attach{Name: "r", Role: amqp.RoleReceiver, ReceiverMode: amqp.ReceiverSecond, SenderMode: amqp.SenderMixed, Source: source, Target: terminus(0x29, "me")}
	r.frame(a.Append)
	fields, _ := r.expect(amqp.CodeAttach)
	var reply amqp.Attach
	must(t, reply.Read(fields))
	if !bytes.Equal(reply.Source, source) {
		t.Errorf("a filter without descriptor came back as %x, want %x", reply.Source, source)
	}
	if !bytes.Contains(reply.Properties, []byte("com.microsoft:locked-until-utc")) {
		t.Errorf("properties %q", reply.Properties)
	}
	code, _ := manage(ctx, t, s, "q", "renew-session-lock", map[string]any{"session-id": "A"})
	if code != 410 {
		t.Errorf("renewed by another connection: %d", code)
	}
	r.flow(1, false)
	s.Clock.Advance(2 * time.Minute)
	if _, err := r.detached(); err != "com.microsoft:session-lock-lost" {
		t.Errorf("detached with %q", err)
	}
}
