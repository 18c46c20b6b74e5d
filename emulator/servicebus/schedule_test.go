package servicebus_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func TestScheduledMessageAppearsWhenDue(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	snd, r := sender(t, c, "q"), receiver(t, c, "q", nil)
	at := s.Clock.Now().Add(10 * time.Minute)
	must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: []byte("sent"), ScheduledEnqueueTime: &at}, nil))
	seqs, err := snd.ScheduleMessages(ctx, []*azservicebus.Message{{Body: []byte("a")}, {Body: []byte("b")}}, at, nil)
	must(t, err)
	if len(seqs) != 2 || seqs[0] == seqs[1] {
		t.Fatalf("sequence numbers %v", seqs)
	}
	from := int64(0)
	peeked, err := r.PeekMessages(ctx, 10, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
	must(t, err)
	if len(peeked) != 3 || peeked[0].State != azservicebus.MessageStateScheduled || peeked[0].ScheduledEnqueueTime == nil {
		t.Fatalf("peeked %d messages, the first %+v", len(peeked), peeked[0])
	}
	must(t, snd.CancelScheduledMessages(ctx, seqs[:1], nil))
	if err := snd.CancelScheduledMessages(ctx, seqs, nil); err == nil {
		t.Error("a message was cancelled twice")
	}
	s.Clock.Advance(9 * time.Minute)
	send(ctx, t, snd, "now")
	m := one(ctx, t, r)
	if string(m.Body) != "now" {
		t.Fatalf("%s came before its time", m.Body)
	}
	must(t, r.CompleteMessage(ctx, m, nil))
	if st := stats(t, s, "q"); st.Scheduled != 2 || st.Active != 0 {
		t.Fatalf("%+v", st)
	}
	s.Clock.Advance(2 * time.Minute)
	for _, want := range []string{"sent", "b"} {
		m := one(ctx, t, r)
		if string(m.Body) != want || m.State != azservicebus.MessageStateActive || *m.SequenceNumber <= seqs[1] {
			t.Errorf("%s, sequence number %d; want %s with a new number", m.Body, *m.SequenceNumber, want)
		}
		if d := m.EnqueuedTime.Sub(at); d < -time.Second || d > 2*time.Minute {
			t.Errorf("enqueued %v after its time", d)
		}
	}
	// Too late to cancel.
	if err := snd.CancelScheduledMessages(ctx, seqs[1:], nil); err == nil {
		t.Error("a message that had appeared was cancelled")
	}
}

func TestScheduledInThePastIsSentAtOnce(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	past := s.Clock.Now().Add(-time.Hour)
	must(t, sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{ScheduledEnqueueTime: &past}, nil))
	one(ctx, t, receiver(t, c, "q", nil))
}

// A receiver that waits gets a scheduled message without anybody touching the queue.
func TestScheduledMessageWakesReceiver(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	_, err := sender(t, c, "q").ScheduleMessages(ctx, []*azservicebus.Message{{}}, s.Clock.Now().Add(time.Hour), nil)
	must(t, err)
	got := make(chan error, 1)
	r := receiver(t, connect(t, s), "q", nil)
	go func() {
		_, err := r.ReceiveMessages(ctx, 1, nil)
		got <- err
	}()
	s.Clock.Advance(2 * time.Hour)
	must(t, <-got)
}

func TestMessagesExpire(t *testing.T) {
	s := servicebustest.Start(t,
		servicebus.Queue{Name: "drop"},
		servicebus.Queue{Name: "bury", DeadLetterExpired: true, TimeToLive: 10 * time.Minute})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	minute, hour := time.Minute, time.Hour
	for _, q := range []string{"drop", "bury"} {
		snd := sender(t, c, q)
		must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: []byte("minute"), TimeToLive: &minute}, nil))
		must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: []byte("hour"), TimeToLive: &hour}, nil))
		send(ctx, t, snd, "ever")
	}
	s.Clock.Advance(2 * time.Minute)
	if a, b := stats(t, s, "drop"), stats(t, s, "bury"); a.Active != 2 || a.TimedOut != 1 || a.DeadLettered != 0 || b.Active != 2 || b.DeadLettered != 1 {
		t.Fatalf("after 2 minutes: %+v, %+v", a, b)
	}
	s.Clock.Advance(10 * time.Minute)
	if a, b := stats(t, s, "drop"), stats(t, s, "bury"); a.Active != 2 || b.Active != 0 || b.DeadLettered != 3 || b.Bytes != 0 {
		t.Fatalf("after 12 minutes: %+v, %+v: the queue's time to live limits the message's", a, b)
	}
	m := one(ctx, t, deadLetters(t, c, "bury"))
	if string(m.Body) != "minute" || *m.DeadLetterReason != "TTLExpiredException" || *m.DeadLetterErrorDescription == "" {
		t.Errorf("%s: %v", m.Body, m.DeadLetterReason)
	}
	// Dead letters do not expire.
	s.Clock.Advance(24 * time.Hour)
	if st := stats(t, s, "bury"); st.DeadLettered != 3 {
		t.Errorf("%+v", st)
	}
	if m := one(ctx, t, receiver(t, c, "drop", nil)); string(m.Body) != "ever" || m.TimeToLive != nil && *m.TimeToLive != 0 {
		t.Errorf("left: %s, to live %v", m.Body, m.TimeToLive)
	}
}

// A message that is locked when its time comes can still be completed; given back, it is
// gone.
func TestLockedMessageExpiresWhenGivenBack(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", LockDuration: 5 * time.Minute, DeadLetterExpired: true})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	minute := time.Minute
	for range 3 {
		must(t, sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{TimeToLive: &minute}, nil))
	}
	r := receiver(t, c, "q", nil)
	completed, abandoned, deferred := one(ctx, t, r), one(ctx, t, r), one(ctx, t, r)
	s.Clock.Advance(2 * time.Minute)
	must(t, r.CompleteMessage(ctx, completed, nil))
	must(t, r.AbandonMessage(ctx, abandoned, nil))
	must(t, r.DeferMessage(ctx, deferred, nil))
	if st := stats(t, s, "q"); st.Completed != 1 || st.DeadLettered != 1 || st.Deferred != 1 || st.Active != 0 {
		t.Errorf("%+v: a deferred message does not expire", st)
	}
}

func TestQuotaAndIDRefusals(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "small", MaxSize: 3000})
	ctx := within(t, 10*time.Second)
	snd := sender(t, connect(t, s), "small")
	body := make([]byte, 2000)
	must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: body}, nil))
	condition(t, snd.SendMessage(ctx, &azservicebus.Message{Body: body}, nil), "amqp:resource-limit-exceeded")
	_, err := snd.ScheduleMessages(ctx, []*azservicebus.Message{{Body: body}}, s.Clock.Now().Add(time.Hour), nil)
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("scheduled in a full queue: %v", err)
	}
	long := strings.Repeat("x", 129)
	if err := snd.SendMessage(ctx, &azservicebus.Message{MessageID: &long}, nil); err == nil || !strings.Contains(err.Error(), "at most 128 characters") {
		t.Errorf("an id of 129 characters: %v", err)
	}
	if st := stats(t, s, "small"); st.Sent != 1 {
		t.Errorf("%+v", st)
	}
}

// condition checks the AMQP condition of an error.
func condition(t testing.TB, err error, want amqp.ErrCond) {
	t.Helper()
	var e *amqp.Error
	if !errors.As(err, &e) || e.Condition != want {
		t.Errorf("error %v, want condition %s", err, want)
	}
}
