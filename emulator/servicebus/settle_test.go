package servicebus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func TestSendReceiveComplete(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	id, subject, kind := "run/00000001", "subject", "application/json"
	err := sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{
		Body: []byte(`{"v":1}`), MessageID: &id, Subject: &subject, ContentType: &kind,
		ApplicationProperties: map[string]any{"run_id": "0123456789ab", "n": int64(7), "f": 1.5, "ok": true},
	}, nil)
	must(t, err)
	r := receiver(t, c, "q", nil)
	m := one(ctx, t, r)
	if string(m.Body) != `{"v":1}` || m.MessageID != id || *m.Subject != subject || *m.ContentType != kind {
		t.Errorf("got %+v", m)
	}
	if got := fmt.Sprint(m.ApplicationProperties); got != "map[f:1.5 n:7 ok:true run_id:0123456789ab]" {
		t.Errorf("application properties %s", got)
	}
	if m.DeliveryCount != 1 || *m.SequenceNumber != 1 || m.State != azservicebus.MessageStateActive {
		t.Errorf("delivery %d, sequence number %d, state %d", m.DeliveryCount, *m.SequenceNumber, m.State)
	}
	if d := m.LockedUntil.Sub(*m.EnqueuedTime); d < time.Minute || d > time.Minute+5*time.Second {
		t.Errorf("locked for %v, want the default minute", d)
	}
	must(t, r.CompleteMessage(ctx, m, nil))
	if st := stats(t, s, "q"); st.Completed != 1 || st.Active+st.Locked != 0 || st.Bytes != 0 {
		t.Errorf("after complete: %+v", st)
	}
	wantCode(t, r.CompleteMessage(ctx, byToken(m), nil), azservicebus.CodeLockLost)
}

func TestMessageWithoutIDGetsOne(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	subject := "kept"
	must(t, sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{Subject: &subject}, nil))
	m := one(ctx, t, receiver(t, c, "q", nil))
	if m.MessageID == "" || m.Subject == nil || *m.Subject != subject {
		t.Errorf("id %q, subject %v", m.MessageID, m.Subject)
	}
}

func TestBatchKeepsOrder(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 20*time.Second)
	c := connect(t, s)
	const n = 5000
	sendMany(ctx, t, sender(t, c, "q"), n)
	r := receiver(t, c, "q", nil)
	for got := 0; got < n; {
		// With less patience the client gives back what comes late, and gets it again later.
		ms, err := r.ReceiveMessages(ctx, 1000, &azservicebus.ReceiveMessagesOptions{TimeAfterFirstMessage: 10 * time.Second})
		must(t, err)
		for _, m := range ms {
			if want := fmt.Sprint(got); m.MessageID != want || len(m.Body) != 200 {
				t.Fatalf("message %s of %d bytes, want %s", m.MessageID, len(m.Body), want)
			}
			got++
		}
	}
	if st := stats(t, s, "q"); st.Locked != n {
		t.Errorf("%+v", st)
	}
}

// More single messages than the credit of a link (1000) and the window of a session
// (5000): both have to be renewed.
func TestCreditAndWindowAreRenewed(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 30*time.Second)
	snd := sender(t, connect(t, s), "q")
	const workers, each = 8, 800
	errs := make(chan error)
	for range workers {
		go func() {
			var err error
			for range each {
				err = errors.Join(err, snd.SendMessage(ctx, &azservicebus.Message{}, nil))
			}
			errs <- err
		}()
	}
	for range workers {
		must(t, <-errs)
	}
	if st := stats(t, s, "q"); st.Active != workers*each {
		t.Errorf("%+v", st)
	}
}

func TestAbandonCountsAndSetsProperties(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "first", "second")
	r := receiver(t, c, "q", nil)
	m := one(ctx, t, r)
	must(t, r.AbandonMessage(ctx, m, &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"why": "busy", "n": int32(3)}}))
	again := one(ctx, t, r)
	if string(again.Body) != "first" || again.DeliveryCount != 2 || *again.SequenceNumber != *m.SequenceNumber {
		t.Errorf("%s, delivery %d, sequence number %d: an abandoned message returns to its place", again.Body, again.DeliveryCount, *again.SequenceNumber)
	}
	if fmt.Sprint(again.ApplicationProperties) != "map[n:3 why:busy]" {
		t.Errorf("application properties %v", again.ApplicationProperties)
	}
	if again.LockToken == m.LockToken {
		t.Error("the lock token was used twice")
	}
	// The old delivery no longer settles anything.
	wantCode(t, r.CompleteMessage(ctx, byToken(m), nil), azservicebus.CodeLockLost)
	must(t, r.CompleteMessage(ctx, again, nil))
}

func TestMaxDeliveryCount(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", MaxDeliveryCount: 3})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "poison", "good")
	r := receiver(t, c, "q", nil)
	for i := range 3 {
		m := one(ctx, t, r)
		if string(m.Body) != "poison" || m.DeliveryCount != uint32(i+1) {
			t.Fatalf("%s, delivery %d, want %d", m.Body, m.DeliveryCount, i+1)
		}
		must(t, r.AbandonMessage(ctx, m, nil))
	}
	if m := one(ctx, t, r); string(m.Body) != "good" {
		t.Fatalf("%s still delivered", m.Body)
	}
	d := deadLetters(t, c, "q")
	m := one(ctx, t, d)
	if *m.DeadLetterReason != "MaxDeliveryCountExceeded" || *m.DeadLetterErrorDescription == "" || string(m.Body) != "poison" {
		t.Errorf("%s: %s (%s)", m.Body, *m.DeadLetterReason, *m.DeadLetterErrorDescription)
	}
	// A dead letter is never buried again, and its count stands still.
	count := m.DeliveryCount
	for range 4 {
		must(t, d.AbandonMessage(ctx, m, nil))
		if m = one(ctx, t, d); m.DeliveryCount != count {
			t.Fatalf("delivery count of a dead letter rose from %d to %d", count, m.DeliveryCount)
		}
	}
}

func TestDeadLetterWithReason(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	id := "m1"
	must(t, sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{
		Body: []byte("body"), MessageID: &id, ApplicationProperties: map[string]any{"run_id": "abc"},
	}, nil))
	r := receiver(t, c, "q", nil)
	reason, text := "invalid_message", "message version 9"
	must(t, r.DeadLetterMessage(ctx, one(ctx, t, r), &azservicebus.DeadLetterOptions{
		Reason: &reason, ErrorDescription: &text, PropertiesToModify: map[string]any{"phase": "train"},
	}))
	if st := stats(t, s, "q"); st.DeadLettered != 1 || st.Buried != 1 || st.Active+st.Locked != 0 {
		t.Errorf("%+v", st)
	}
	d := deadLetters(t, c, "q")
	m := one(ctx, t, d)
	if *m.DeadLetterReason != reason || *m.DeadLetterErrorDescription != text || string(m.Body) != "body" || m.MessageID != id {
		t.Errorf("got %+v", m)
	}
	if m.ApplicationProperties["run_id"] != "abc" || m.ApplicationProperties["phase"] != "train" {
		t.Errorf("application properties %v", m.ApplicationProperties)
	}
	must(t, d.CompleteMessage(ctx, m, nil))
	if st := stats(t, s, "q/$DeadLetterQueue"); st.Completed != 1 || stats(t, s, "q").DeadLettered != 0 {
		t.Errorf("%+v", st)
	}
}

func TestDefer(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "later", "now")
	r := receiver(t, c, "q", nil)
	m := one(ctx, t, r)
	must(t, r.DeferMessage(ctx, m, nil))
	if got := one(ctx, t, r); string(got.Body) != "now" {
		t.Fatalf("a deferred message was delivered: %s", got.Body)
	}
	ms, err := r.ReceiveDeferredMessages(ctx, []int64{*m.SequenceNumber}, nil)
	must(t, err)
	if len(ms) != 1 || string(ms[0].Body) != "later" || ms[0].State != azservicebus.MessageStateDeferred {
		t.Fatalf("deferred: %+v", ms)
	}
	must(t, r.AbandonMessage(ctx, ms[0], nil))
	if st := stats(t, s, "q"); st.Deferred != 1 {
		t.Errorf("an abandoned deferred message stays deferred: %+v", st)
	}
	ms, err = r.ReceiveDeferredMessages(ctx, []int64{*m.SequenceNumber}, nil)
	must(t, err)
	must(t, r.CompleteMessage(ctx, ms[0], nil))
	if _, err = r.ReceiveDeferredMessages(ctx, []int64{*m.SequenceNumber}, nil); err == nil {
		t.Error("a completed message was found again")
	}
}

func TestSettleByLockToken(t *testing.T) {
	// A message rebuilt from its lock token alone is settled through $management.
	for name, settle := range map[string]func(context.Context, *azservicebus.Receiver, *azservicebus.ReceivedMessage) error{
		"complete": func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
			return r.CompleteMessage(ctx, m, nil)
		},
		"abandon": func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
			return r.AbandonMessage(ctx, m, &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"k": "v"}})
		},
		"defer": func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
			return r.DeferMessage(ctx, m, nil)
		},
		"dead-letter": func(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) error {
			reason := "because"
			return r.DeadLetterMessage(ctx, m, &azservicebus.DeadLetterOptions{Reason: &reason})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
			ctx := within(t, 10*time.Second)
			c := connect(t, s)
			send(ctx, t, sender(t, c, "q"), "x")
			r := receiver(t, c, "q", nil)
			m := one(ctx, t, r)
			must(t, settle(ctx, r, byToken(m)))
			st := stats(t, s, "q")
			if st.Locked != 0 || st.Active+st.Deferred+st.DeadLettered+int(st.Completed) != 1 {
				t.Errorf("%+v", st)
			}
			wantCode(t, settle(ctx, r, byToken(m)), azservicebus.CodeLockLost)
		})
	}
}

func TestReceiveAndDelete(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "a", "b")
	r := receiver(t, c, "q", &azservicebus.ReceiverOptions{ReceiveMode: azservicebus.ReceiveModeReceiveAndDelete})
	ms, err := r.ReceiveMessages(ctx, 2, nil)
	must(t, err)
	if len(ms) != 2 {
		t.Fatalf("%d messages, want 2", len(ms))
	}
	if st := stats(t, s, "q"); st.Completed != 2 || st.Active+st.Locked != 0 {
		t.Errorf("%+v", st)
	}
}

func TestPeek(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "a", "b", "c")
	r := receiver(t, c, "q", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	one(ctx, t, r) // b is locked
	from := int64(0)
	ms, err := r.PeekMessages(ctx, 10, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from})
	must(t, err)
	if len(ms) != 2 || string(ms[0].Body) != "b" || string(ms[1].Body) != "c" {
		t.Fatalf("peeked %d messages", len(ms))
	}
	from = *ms[1].SequenceNumber + 1
	if ms, err = r.PeekMessages(ctx, 10, &azservicebus.PeekMessagesOptions{FromSequenceNumber: &from}); err != nil || len(ms) != 0 {
		t.Errorf("%d messages after the last, error %v", len(ms), err)
	}
	if st := stats(t, s, "q"); st.Delivered != 2 {
		t.Errorf("peeking counted as delivery: %+v", st)
	}
}

func TestDuplicateDetection(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q", DuplicateWindow: time.Hour}, servicebus.Queue{Name: "plain"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	id := "run/00000001"
	put := func(queue string) {
		t.Helper()
		must(t, sender(t, c, queue).SendMessage(ctx, &azservicebus.Message{MessageID: &id}, nil))
	}
	put("q")
	put("q")
	put("plain")
	put("plain")
	if a, b := stats(t, s, "q"), stats(t, s, "plain"); a.Active != 1 || a.Duplicates != 1 || b.Active != 2 {
		t.Errorf("with detection %+v, without %+v", a, b)
	}
	// The id stays known after the message has left, for the rest of its window.
	r := receiver(t, c, "q", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	s.Clock.Advance(59 * time.Minute)
	put("q")
	if st := stats(t, s, "q"); st.Active != 0 {
		t.Errorf("within the window: %+v", st)
	}
	s.Clock.Advance(2 * time.Minute)
	put("q")
	if st := stats(t, s, "q"); st.Active != 1 {
		t.Errorf("after the window: %+v", st)
	}
	// A resent batch is dropped message by message.
	sendMany(ctx, t, sender(t, c, "q"), 100)
	sendMany(ctx, t, sender(t, c, "q"), 150)
	if st := stats(t, s, "q"); st.Active != 151 {
		t.Errorf("after two overlapping batches: %+v", st)
	}
}

func TestUnknownQueue(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "Train-SKU"})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	wantCode(t, sender(t, c, "nope").SendMessage(ctx, &azservicebus.Message{}, nil), azservicebus.CodeNotFound)
	_, err := receiver(t, c, "nope", nil).ReceiveMessages(ctx, 1, nil)
	wantCode(t, err, azservicebus.CodeNotFound)
	send(ctx, t, sender(t, c, "train-sku"), "names are compared without case")
	if _, err := s.Stats("nope"); err {
		t.Error("stats of an unknown queue")
	}
}

func TestTooLarge(t *testing.T) {
	s := servicebustest.Start(t,
		servicebus.Queue{Name: "standard"},
		servicebus.Queue{Name: "premium", MaxMessageSize: 2 << 20},
		servicebus.Queue{Name: "small", MaxSize: 3000})
	ctx := within(t, 20*time.Second)
	c := connect(t, s)
	large := make([]byte, 1<<20)
	for i := range large {
		large[i] = byte(i * 7)
	}
	err := sender(t, c, "standard").SendMessage(ctx, &azservicebus.Message{Body: large}, nil)
	if !errors.Is(err, azservicebus.ErrMessageTooLarge) {
		t.Errorf("1 MiB to a queue of 256 KiB: %v", err)
	}
	must(t, sender(t, c, "premium").SendMessage(ctx, &azservicebus.Message{Body: large}, nil))
	r := receiver(t, c, "premium", nil)
	m := one(ctx, t, r)
	if string(m.Body) != string(large) {
		t.Error("the body of 1 MiB was changed")
	}
	must(t, r.CompleteMessage(ctx, m, nil))

	small := sender(t, c, "small")
	must(t, small.SendMessage(ctx, &azservicebus.Message{Body: large[:2000]}, nil))
	if err := small.SendMessage(ctx, &azservicebus.Message{Body: large[:2000]}, nil); err == nil {
		t.Error("a full queue took a message")
	}
	r = receiver(t, c, "small", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	must(t, small.SendMessage(ctx, &azservicebus.Message{Body: large[:2000]}, nil))
}
