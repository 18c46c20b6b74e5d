package servicebus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// What was there is there again: messages in every state, sessions' states, ids seen, and
// rules that were changed while the server ran.
func TestServerComesBack(t *testing.T) {
	cfg := servicebus.Config{
		Dir:    t.TempDir(),
		Queues: []servicebus.Queue{{Name: "q", DuplicateWindow: time.Hour}, {Name: "s", Sessions: true}},
		Topics: []servicebus.Topic{{Name: "t", DuplicateWindow: time.Hour, Subscriptions: []servicebus.Subscription{{Name: "a"}, {Name: "b"}}}},
	}
	ctx := within(t, 20*time.Second)
	s := servicebustest.StartConfig(t, cfg)
	c := connect(t, s)
	snd := sender(t, c, "q")
	send(ctx, t, snd, "completed", "abandoned", "deferred", "dead", "locked", "active")
	at := s.Clock.Now().Add(time.Hour)
	id := "once"
	must(t, snd.SendMessage(ctx, &azservicebus.Message{MessageID: &id, ScheduledEnqueueTime: &at}, nil))
	r := receiver(t, c, "q", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	abandoned := one(ctx, t, r)
	later := one(ctx, t, r)
	must(t, r.DeferMessage(ctx, later, nil))
	reason := "why"
	must(t, r.DeadLetterMessage(ctx, one(ctx, t, r), &azservicebus.DeadLetterOptions{Reason: &reason}))
	one(ctx, t, r)
	must(t, r.AbandonMessage(ctx, abandoned, nil))
	session, err := c.AcceptSessionForQueue(ctx, "s", "A", nil)
	must(t, err)
	must(t, session.SetSessionState(ctx, []byte("state"), nil))
	rule := map[string]any{"rule-name": "r", "rule-description": map[string]any{
		"correlation-filter": map[string]any{"properties": map[string]any{"n": int64(1)}}, "sql-rule-action": map[string]any{"expression": "SET x = 2"},
	}}
	for op, body := range map[string]map[string]any{"add-rule": rule, "remove-rule": {"rule-name": "$Default"}} {
		if code, _ := manage(ctx, t, s, "t/Subscriptions/b", op, body); code != 200 {
			t.Fatalf("%s: %d", op, code)
		}
	}
	send(ctx, t, sender(t, c, "t"), "to a only")
	must(t, sender(t, c, "t").SendMessage(ctx, &azservicebus.Message{MessageID: &id}, nil))
	must(t, s.Close())

	s = servicebustest.StartConfig(t, cfg)
	c = connect(t, s)
	if st := stats(t, s, "q"); st.Active != 3 || st.Deferred != 1 || st.Scheduled != 1 || st.DeadLettered != 1 || st.Locked != 0 {
		t.Fatalf("%+v", st)
	}
	r = receiver(t, c, "q", nil)
	for _, want := range []struct {
		body       string
		deliveries uint32
	}{{"abandoned", 2}, {"locked", 1}, {"active", 1}} {
		if m := one(ctx, t, r); string(m.Body) != want.body || m.DeliveryCount != want.deliveries {
			t.Errorf("%s, delivery %d; want %s, %d", m.Body, m.DeliveryCount, want.body, want.deliveries)
		}
	}
	ms, err := r.ReceiveDeferredMessages(ctx, []int64{*later.SequenceNumber}, nil)
	must(t, err)
	if string(ms[0].Body) != "deferred" {
		t.Errorf("deferred: %s", ms[0].Body)
	}
	if m := one(ctx, t, deadLetters(t, c, "q")); *m.DeadLetterReason != reason {
		t.Errorf("dead letter: %v", m.DeadLetterReason)
	}
	for _, to := range []string{"q", "t"} { // still duplicates
		must(t, sender(t, c, to).SendMessage(ctx, &azservicebus.Message{MessageID: &id}, nil))
	}
	must(t, sender(t, c, "t").SendMessage(ctx, &azservicebus.Message{ApplicationProperties: map[string]any{"n": int32(1)}}, nil))
	if a, b := stats(t, s, "t/subscriptions/a"), stats(t, s, "t/subscriptions/b"); a.Active != 3 || b.Active != 1 {
		t.Errorf("a %+v\nb %+v", a, b)
	}
	session, err = c.AcceptSessionForQueue(ctx, "s", "A", nil)
	must(t, err)
	if state, err := session.GetSessionState(ctx, nil); err != nil || string(state) != "state" {
		t.Errorf("state %q, %v", state, err)
	}
	must(t, s.Close())

	// Rules that the configuration has changed are the configuration's.
	cfg.Topics[0].Subscriptions[1].Rules = []servicebus.Rule{{Name: "all", SQL: "1=1"}}
	s = servicebustest.StartConfig(t, cfg)
	send(ctx, t, sender(t, connect(t, s), "t"), "x")
	if st := stats(t, s, "t/subscriptions/b"); st.Active != 2 {
		t.Errorf("%+v", st)
	}
	// Nobody else uses the directory meanwhile.
	if _, err := servicebus.New(cfg); err == nil || !strings.Contains(err.Error(), "another server is using it") {
		t.Errorf("error %v", err)
	}
}
