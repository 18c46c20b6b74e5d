package servicebus_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func fromSubscription(t testing.TB, c *azservicebus.Client, topic, sub string, o *azservicebus.ReceiverOptions) *azservicebus.Receiver {
	t.Helper()
	r, err := c.NewReceiverForSubscription(topic, sub, o)
	must(t, err)
	return r
}

func TestTopicFansOut(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{Topics: []servicebus.Topic{{
		Name: "sales", DuplicateWindow: time.Hour, Subscriptions: []servicebus.Subscription{
			{Name: "all"},
			{Name: "eu", Rules: []servicebus.Rule{{Name: "eu", SQL: "region = 'eu' AND amount > 10"}}},
			{Name: "orders", Rules: []servicebus.Rule{{Name: "orders", Correlation: &servicebus.CorrelationFilter{
				Subject: "order", Properties: map[string]any{"region": "eu"},
			}}}},
			{Name: "marked", Rules: []servicebus.Rule{
				{Name: "a", SQL: "amount >= 5", Action: "SET tier = 'gold'; REMOVE region"},
				{Name: "b", SQL: "amount >= 5"},
				{Name: "c", SQL: "amount >= 6"},
			}},
			{Name: "short", MaxDeliveryCount: 1},
		},
	}}})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	snd := sender(t, c, "sales")
	order := "order"
	for _, m := range []azservicebus.Message{
		{Body: []byte("1"), Subject: &order, ApplicationProperties: map[string]any{"region": "eu", "amount": int64(5)}},
		{Body: []byte("2"), ApplicationProperties: map[string]any{"region": "eu", "amount": 10.5}},
		{Body: []byte("3"), ApplicationProperties: map[string]any{"region": "us", "amount": int32(4)}},
		{Body: []byte("4")},
	} {
		must(t, snd.SendMessage(ctx, &m, nil))
	}
	for sub, want := range map[string][]string{
		"all": {"1", "2", "3", "4"}, "eu": {"2"}, "orders": {"1"}, "marked": {"1", "1", "2", "2"}, "short": {"1", "2", "3", "4"},
	} {
		r := fromSubscription(t, c, "sales", sub, nil)
		var got []string
		gold := 0
		for range want {
			m := one(ctx, t, r)
			got = append(got, string(m.Body))
			if m.ApplicationProperties["tier"] == "gold" && m.ApplicationProperties["region"] == nil {
				gold++
			}
		}
		if !slices.Equal(got, want) || sub == "marked" && gold != 2 {
			t.Errorf("%s got %v, %d of them gold; want %v", sub, got, gold, want)
		}
		if st := stats(t, s, "sales/Subscriptions/"+sub); st.Active != 0 || st.Sent != int64(len(want)) {
			t.Errorf("%s: %+v", sub, st)
		}
	}
	// Each subscription has dead letters of its own.
	r := fromSubscription(t, c, "sales", "short", nil)
	s.Clock.Advance(2 * time.Minute) // the locks expire
	if st := stats(t, s, "sales/subscriptions/short"); st.DeadLettered != 4 {
		t.Errorf("%+v", st)
	}
	must(t, r.Close(ctx))
	one(ctx, t, fromSubscription(t, c, "sales", "short", &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter}))
	if st := stats(t, s, "sales/subscriptions/all"); st.DeadLettered != 0 || st.Active != 4 {
		t.Errorf("%+v", st)
	}
	// Duplicates are dropped for all subscriptions together.
	id := "once"
	for range 2 {
		must(t, snd.SendMessage(ctx, &azservicebus.Message{MessageID: &id}, nil))
	}
	if st := stats(t, s, "sales"); st.Duplicates != 1 || st.Active != 0 {
		t.Errorf("%+v", st)
	}
	// The topic is only sent to, its subscriptions only received from.
	_, err := receiver(t, c, "sales", nil).ReceiveMessages(ctx, 1, nil)
	condition(t, err, "amqp:not-allowed")
	condition(t, sender(t, c, "sales/Subscriptions/all").SendMessage(ctx, &azservicebus.Message{}, nil), "amqp:not-allowed")
}

func TestTopicSchedulesExpiresAndIsFull(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{Topics: []servicebus.Topic{{
		Name: "t", MaxSize: 5000, TimeToLive: time.Hour, Subscriptions: []servicebus.Subscription{
			{Name: "a", DeadLetterExpired: true}, {Name: "b", Sessions: true},
		},
	}}})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	snd := sender(t, c, "t")
	session := "S"
	at := s.Clock.Now().Add(10 * time.Minute)
	must(t, snd.SendMessage(ctx, &azservicebus.Message{SessionID: &session, ScheduledEnqueueTime: &at, Body: []byte("later")}, nil))
	if st := stats(t, s, "t"); st.Scheduled != 1 {
		t.Fatalf("%+v", st)
	}
	s.Clock.Advance(11 * time.Minute)
	if a, b := stats(t, s, "t/subscriptions/a"), stats(t, s, "t/subscriptions/b"); a.Active != 1 || b.Active != 1 {
		t.Fatalf("%+v, %+v", a, b)
	}
	r, err := c.AcceptNextSessionForSubscription(ctx, "t", "b", nil)
	must(t, err)
	must(t, r.CompleteMessage(ctx, fromSession(ctx, t, r, "later"), nil))
	// Without a session it reaches only the subscription that needs none.
	send(ctx, t, snd, "no session")
	if st := stats(t, s, "t/subscriptions/b"); st.Active != 0 || st.DeadLettered != 1 {
		t.Errorf("%+v", st)
	}
	must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: make([]byte, 1000), SessionID: &session}, nil))
	must(t, snd.SendMessage(ctx, &azservicebus.Message{Body: make([]byte, 1000), SessionID: &session}, nil))
	condition(t, snd.SendMessage(ctx, &azservicebus.Message{Body: make([]byte, 1000), SessionID: &session}, nil), "amqp:resource-limit-exceeded")
	s.Clock.Advance(2 * time.Hour)
	if st := stats(t, s, "t/subscriptions/a"); st.Active != 0 || st.DeadLettered != 4 {
		t.Errorf("%+v", st)
	}
}

func TestForwarding(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{
		Queues: []servicebus.Queue{
			{Name: "in", ForwardTo: "middle"},
			{Name: "middle", ForwardTo: "out"},
			{Name: "out", MaxDeliveryCount: 1, ForwardDeadLettersTo: "grave"},
			{Name: "grave"},
			{Name: "needs-sessions", Sessions: true},
			{Name: "to-sessions", ForwardTo: "needs-sessions"},
		},
		Topics: []servicebus.Topic{{Name: "t", Subscriptions: []servicebus.Subscription{
			{Name: "one", ForwardTo: "out"}, {Name: "two", ForwardTo: "out"},
		}}},
	})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "in"), "x")
	r := receiver(t, c, "out", nil)
	m := one(ctx, t, r)
	if string(m.Body) != "x" || *m.EnqueuedSequenceNumber != 1 {
		t.Errorf("%s, enqueued as %d", m.Body, *m.EnqueuedSequenceNumber)
	}
	must(t, r.AbandonMessage(ctx, m, nil))
	g := receiver(t, c, "grave", nil)
	dead := one(ctx, t, g)
	if *dead.DeadLetterReason != "MaxDeliveryCountExceeded" || *dead.DeadLetterSource != "out" || dead.DeliveryCount != 1 {
		t.Errorf("forwarded dead letter: %v from %v, delivery %d", *dead.DeadLetterReason, dead.DeadLetterSource, dead.DeliveryCount)
	}
	send(ctx, t, sender(t, c, "t"), "y")
	for range 2 {
		must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	}
	// What cannot be forwarded is a transfer dead letter of where it was sent.
	send(ctx, t, sender(t, c, "to-sessions"), "z")
	m = one(ctx, t, receiver(t, c, "to-sessions", &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueTransfer}))
	if string(m.Body) != "z" || *m.DeadLetterReason == "" {
		t.Errorf("%s: %v", m.Body, m.DeadLetterReason)
	}
	if st := stats(t, s, "to-sessions"); st.TransferDeadLettered != 1 || st.DeadLettered != 0 {
		t.Errorf("%+v", st)
	}
}

func TestForwardingIsChecked(t *testing.T) {
	chain := func(names ...string) (out []servicebus.Queue) {
		for i, n := range names[:len(names)-1] {
			out = append(out, servicebus.Queue{Name: n, ForwardTo: names[i+1]})
		}
		return append(out, servicebus.Queue{Name: names[len(names)-1]})
	}
	for name, c := range map[string]struct {
		cfg  servicebus.Config
		want string
	}{
		"nowhere":  {servicebus.Config{Queues: []servicebus.Queue{{Name: "a", ForwardTo: "b"}}}, "a forwards to b, which is no queue or topic"},
		"itself":   {servicebus.Config{Queues: []servicebus.Queue{{Name: "a", ForwardTo: "a"}}}, "circle"},
		"circle":   {servicebus.Config{Queues: []servicebus.Queue{{Name: "a", ForwardTo: "b"}, {Name: "b", ForwardDeadLettersTo: "a"}}}, "circle"},
		"too long": {servicebus.Config{Queues: chain("a", "b", "c", "d", "e", "f")}, "more than 4"},
		"sessions": {servicebus.Config{Queues: []servicebus.Queue{{Name: "a", Sessions: true, ForwardTo: "b"}, {Name: "b"}}}, "requires sessions"},
		"through a topic": {servicebus.Config{
			Queues: []servicebus.Queue{{Name: "a", ForwardTo: "t"}},
			Topics: []servicebus.Topic{{Name: "t", Subscriptions: []servicebus.Subscription{{Name: "s", ForwardTo: "a"}}}},
		}, "circle"},
		"rule": {servicebus.Config{Topics: []servicebus.Topic{{Name: "t", Subscriptions: []servicebus.Subscription{
			{Name: "s", Rules: []servicebus.Rule{{Name: "r", SQL: "a ="}}},
		}}}}, "subscription t/Subscriptions/s: rule r: invalid filter"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := servicebus.New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := servicebus.New(servicebus.Config{Queues: chain("a", "b", "c", "d", "e")}); err != nil {
		t.Errorf("a chain of 4 hops: %v", err)
	}
}
