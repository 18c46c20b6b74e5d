package servicebus_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// A configuration written for Microsoft's emulator means the same here.
func TestReadConfig(t *testing.T) {
	f, err := os.Open("testdata/Config.json")
	must(t, err)
	defer f.Close()
	cfg, err := servicebus.ReadConfig(f)
	must(t, err)
	want := servicebus.Queue{
		Name: "queue.1", LockDuration: 2 * time.Minute, MaxDeliveryCount: 5, DuplicateWindow: 20 * time.Second,
		TimeToLive: 30 * time.Minute, DeadLetterExpired: true,
	}
	if cfg.Queues[0] != want {
		t.Errorf("queue.1: %+v", cfg.Queues[0])
	}
	want = servicebus.Queue{Name: "plain", LockDuration: time.Minute, MaxDeliveryCount: 3, TimeToLive: time.Hour}
	if cfg.Queues[2] != want || !cfg.Queues[1].Sessions {
		t.Errorf("defaults: %+v", cfg.Queues[2])
	}
	s := servicebustest.StartConfig(t, cfg)
	if got := s.Subscriptions(); len(got) != 4 || !slices.Equal(s.Topics(), []string{"topic.1"}) || !slices.Equal(s.Queues(), []string{"plain", "queue.1", "sessions"}) {
		t.Fatalf("%v %v %v", s.Queues(), s.Topics(), got)
	}
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	id, subject, kind, corr, reply, replySession, session, to := "msgid1", "subject1", "application/text", "id1", "someQueue", "sessionId", "session1", "xyz"
	snd := sender(t, c, "topic.1")
	must(t, snd.SendMessage(ctx, &azservicebus.Message{
		MessageID: &id, Subject: &subject, ContentType: &kind, CorrelationID: &corr, ReplyTo: &reply,
		ReplyToSessionID: &replySession, SessionID: &session, To: &to,
	}, nil))
	must(t, snd.SendMessage(ctx, &azservicebus.Message{ApplicationProperties: map[string]any{"prop1": "value1", "n": int64(3)}}, nil))
	other := "123456"
	must(t, snd.SendMessage(ctx, &azservicebus.Message{MessageID: &other, ApplicationProperties: map[string]any{"userProp1": "value1"}}, nil))
	for sub, n := range map[string]int64{"1": 1, "2": 1, "3": 3, "4": 1} {
		if st := stats(t, s, "topic.1/subscriptions/subscription."+sub); st.Sent != n {
			t.Errorf("subscription.%s got %d messages, want %d", sub, st.Sent, n)
		}
	}
	if m := one(ctx, t, fromSubscription(t, c, "topic.1", "subscription.4", nil)); *m.To != "Entity" {
		t.Errorf("the action left To as %s", *m.To)
	}
	if st := stats(t, s, "plain"); st.Active != 3 {
		t.Errorf("forwarded: %+v", st)
	}
}

func TestReadConfigRefusals(t *testing.T) {
	namespace := func(s string) string { return `{"UserConfig": {"Namespaces": [` + s + `]}}` }
	for _, c := range []struct{ name, text, want string }{
		{"not JSON", "queues: []", "invalid character"},
		{"empty", "{}", "exactly one"},
		{"two namespaces", namespace(`{}, {}`), "exactly one"},
		{"duration", namespace(`{"Queues": [{"Name": "q", "Properties": {"LockDuration": "1 minute"}}]}`), `duration "1 minute"`},
		{"no time", namespace(`{"Queues": [{"Name": "q", "Properties": {"LockDuration": "PT"}}]}`), `duration "PT"`},
		{"type", namespace(`{"Queues": [{"Name": 1}]}`), "cannot unmarshal"},
		{"filter", namespace(`{"Topics": [{"Name": "t", "Subscriptions": [{"Name": "s", "Rules": [{"Name": "r", "Properties": {"FilterType": "Sql"}}]}]}]}`), "rule r: filter type"},
		{"huge", strings.Repeat(" ", 17<<20), "larger than"},
	} {
		if _, err := servicebus.ReadConfig(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
	cfg, err := servicebus.ReadConfig(strings.NewReader("\xef\xbb\xbf" + namespace(`{"Queues": [{"Name": "q", "Properties": {
		"DefaultMessageTimeToLive": "P10675199DT2H48M5.4775807S", "LockDuration": "PT1M30.5S"}}]}`)))
	must(t, err)
	if q := cfg.Queues[0]; q.TimeToLive != 0 || q.LockDuration != 90500*time.Millisecond {
		t.Errorf("%+v", q)
	}
}

func FuzzReadConfig(f *testing.F) {
	raw, err := os.ReadFile("testdata/Config.json")
	must(f, err)
	f.Add(string(raw))
	f.Add(`{"UserConfig":{"Namespaces":[{"Topics":[{"Name":"t","Subscriptions":[{"Name":"s"}]}],"Queues":[{"Name":"q","Properties":{"ForwardTo":"t"}}]}]}}`)
	f.Fuzz(func(t *testing.T, s string) {
		if cfg, err := servicebus.ReadConfig(strings.NewReader(s)); err == nil {
			if srv, err := servicebus.New(cfg); err == nil {
				must(t, srv.Close())
			}
		}
	})
}
