package servicebus_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// adminServer runs a server with TLS, which the SDK's administration client insists on, and
// returns that client with one for messages.
func adminServer(t *testing.T, cfg servicebus.Config) (*servicebustest.Server, *admin.Client, *azservicebus.Client) {
	t.Helper()
	var certificate []byte
	var err error
	cfg.TLS, certificate, err = servicebus.SelfSigned(time.Now())
	must(t, err)
	s := servicebustest.StartConfig(t, cfg)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	client := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
	transport := &http.Transport{TLSClientConfig: client}
	t.Cleanup(transport.CloseIdleConnections)
	a, err := admin.NewClientFromConnectionString(s.ConnectionString(), &admin.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: &http.Client{Transport: transport}, Retry: policy.RetryOptions{MaxRetries: -1},
	}})
	must(t, err)
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), &azservicebus.ClientOptions{
		TLSConfig: client, RetryOptions: azservicebus.RetryOptions{MaxRetries: -1},
	})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return s, a, c
}

func wantStatus(t *testing.T, err error, code int) {
	t.Helper()
	var e *azcore.ResponseError
	if !errors.As(err, &e) || e.StatusCode != code {
		t.Errorf("error %v, want status %d", err, code)
	}
}

func TestQueuesAreAdministered(t *testing.T) {
	s, a, c := adminServer(t, servicebus.Config{Keys: map[string]string{"root": "key"}})
	ctx := within(t, 20*time.Second)
	created, err := a.CreateQueue(ctx, "Orders", &admin.CreateQueueOptions{Properties: &admin.QueueProperties{
		LockDuration: new("PT45S"), MaxDeliveryCount: new(int32(2)), RequiresDuplicateDetection: new(true),
		DuplicateDetectionHistoryTimeWindow: new("PT4H"), UserMetadata: new("mine"), DefaultMessageTimeToLive: new("PT1H30M"),
	}})
	must(t, err)
	if created.QueueName != "Orders" || *created.LockDuration != "PT45S" || *created.DuplicateDetectionHistoryTimeWindow != "PT4H" ||
		*created.DefaultMessageTimeToLive != "PT1H30M" || *created.UserMetadata != "mine" || *created.MaxSizeInMegabytes != 1024 ||
		*created.RequiresSession || *created.Status != admin.EntityStatusActive {
		t.Errorf("created %+v", created.QueueProperties)
	}
	_, err = a.CreateQueue(ctx, "orders", nil)
	wantStatus(t, err, http.StatusConflict)
	_, err = a.CreateQueue(ctx, "bad", &admin.CreateQueueOptions{Properties: &admin.QueueProperties{LockDuration: new("PT10M")}})
	wantStatus(t, err, http.StatusBadRequest)

	snd := sender(t, c, "orders")
	send(ctx, t, snd, "a", "b", "c")
	r := receiver(t, c, "orders", nil)
	must(t, r.DeadLetterMessage(ctx, one(ctx, t, r), nil))
	_, err = snd.ScheduleMessages(ctx, []*azservicebus.Message{{}}, s.Clock.Now().Add(time.Hour), nil)
	must(t, err)
	counts, err := a.GetQueueRuntimeProperties(ctx, "orders", nil)
	must(t, err)
	if counts.ActiveMessageCount != 2 || counts.DeadLetterMessageCount != 1 || counts.ScheduledMessageCount != 1 || counts.TotalMessageCount != 4 || counts.SizeInBytes == 0 || time.Since(counts.CreatedAt) > time.Minute {
		t.Errorf("%+v", counts.QueueRuntimeProperties)
	}

	// A change keeps the messages and ends the links.
	updated, err := a.UpdateQueue(ctx, "orders", admin.QueueProperties{MaxDeliveryCount: new(int32(9)), LockDuration: new("PT1M")}, nil)
	must(t, err)
	if *updated.MaxDeliveryCount != 9 || *updated.LockDuration != "PT1M" || !*updated.RequiresDuplicateDetection {
		t.Errorf("updated %+v", updated.QueueProperties)
	}
	if st := stats(t, s, "orders"); st.Active != 2 || st.Scheduled != 1 {
		t.Errorf("%+v", st)
	}
	_, err = a.UpdateQueue(ctx, "nope", admin.QueueProperties{}, nil)
	wantStatus(t, err, http.StatusNotFound)

	for i := range 5 {
		_, err := a.CreateQueue(ctx, fmt.Sprint("q", i), nil)
		must(t, err)
	}
	// Whoever waits for messages of a queue that changes or ends hears of it.
	for name, end := range map[string]func() error{
		"q3": func() error {
			_, err := a.UpdateQueue(ctx, "q3", admin.QueueProperties{MaxDeliveryCount: new(int32(3))}, nil)
			return err
		},
		"q4": func() error {
			_, err := a.DeleteQueue(ctx, "q4", nil)
			return err
		},
	} {
		waiting := receiver(t, c, name, nil)
		_, err := waiting.PeekMessages(ctx, 1, nil) // the link is there
		must(t, err)
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			_, _ = waiting.ReceiveMessages(ctx, 1, nil)
		}()
		must(t, end())
		select {
		case <-heard:
		case <-ctx.Done():
			t.Errorf("the receiver of %s still waits", name)
		}
	}
	var names []string
	pager := a.NewListQueuesPager(&admin.ListQueuesOptions{MaxPageSize: 2})
	for pager.More() {
		p, err := pager.NextPage(ctx)
		must(t, err)
		for _, q := range p.Queues {
			names = append(names, q.QueueName)
		}
	}
	if !slices.Equal(names, []string{"Orders", "q0", "q1", "q2", "q3"}) {
		t.Errorf("listed %v", names)
	}
	_, err = a.DeleteQueue(ctx, "orders", nil)
	must(t, err)
	if q, err := a.GetQueue(ctx, "orders", nil); err != nil || q != nil {
		t.Errorf("after its end: %v, %v", q, err)
	}
	_, err = a.DeleteQueue(ctx, "orders", nil)
	wantStatus(t, err, http.StatusNotFound)
	if err := sender(t, c, "orders").SendMessage(ctx, &azservicebus.Message{}, nil); err == nil {
		t.Error("a message was sent to a queue that is gone")
	}
	ns, err := a.GetNamespaceProperties(ctx, nil)
	must(t, err)
	if ns.SKU != "Standard" || ns.Name == "" {
		t.Errorf("%+v", ns)
	}
}

func TestTopicsAreAdministered(t *testing.T) {
	s, a, c := adminServer(t, servicebus.Config{Queues: []servicebus.Queue{{Name: "target"}}})
	ctx := within(t, 20*time.Second)
	_, err := a.CreateTopic(ctx, "t", nil)
	must(t, err)
	_, err = a.CreateSubscription(ctx, "t", "s", &admin.CreateSubscriptionOptions{Properties: &admin.SubscriptionProperties{
		DefaultRule: &admin.RuleProperties{Name: "first", Filter: &admin.SQLFilter{Expression: "n > @least", Parameters: map[string]any{"@least": 1}}},
		ForwardTo:   new("target"),
	}})
	must(t, err)
	_, err = a.CreateSubscription(ctx, "nope", "s", nil)
	wantStatus(t, err, http.StatusNotFound)
	_, err = a.CreateSubscription(ctx, "t", "bad", &admin.CreateSubscriptionOptions{Properties: &admin.SubscriptionProperties{ForwardTo: new("nowhere")}})
	wantStatus(t, err, http.StatusBadRequest)
	_, err = a.CreateSubscription(ctx, "t", "bad", nil) // nothing is left of the one that was refused
	must(t, err)
	_, err = a.DeleteSubscription(ctx, "t", "bad", nil)
	must(t, err)

	action := admin.RuleAction(&admin.SQLAction{Expression: "SET seen = TRUE"})
	_, err = a.CreateRule(ctx, "t", "s", &admin.CreateRuleOptions{
		Name: new("second"), Action: action,
		Filter: &admin.CorrelationFilter{Subject: new("x"), ApplicationProperties: map[string]any{"k": "v", "n": int64(1), "b": true, "f": 1.5}},
	})
	must(t, err)
	_, err = a.CreateRule(ctx, "t", "s", &admin.CreateRuleOptions{Name: new("second")})
	wantStatus(t, err, http.StatusConflict)
	_, err = a.CreateRule(ctx, "t", "s", &admin.CreateRuleOptions{Name: new("bad"), Filter: &admin.SQLFilter{Expression: "n >"}})
	wantStatus(t, err, http.StatusBadRequest)
	rule, err := a.GetRule(ctx, "t", "s", "second", nil)
	must(t, err)
	f, ok := rule.Filter.(*admin.CorrelationFilter)
	if !ok || *f.Subject != "x" || fmt.Sprint(f.ApplicationProperties) != "map[b:true f:1.5 k:v n:1]" || rule.Action.(*admin.SQLAction).Expression != "SET seen = TRUE" {
		t.Errorf("rule %+v", rule)
	}
	rule, err = a.GetRule(ctx, "t", "s", "first", nil)
	must(t, err)
	if f, ok := rule.Filter.(*admin.SQLFilter); !ok || f.Expression != "n > @least" || fmt.Sprint(f.Parameters) != "map[@least:1]" {
		t.Errorf("rule %+v", rule.Filter)
	}
	session := "S"
	for _, n := range []int64{1, 2} {
		must(t, sender(t, c, "t").SendMessage(ctx, &azservicebus.Message{ApplicationProperties: map[string]any{"n": n}, SessionID: &session}, nil))
	}
	if st := stats(t, s, "target"); st.Active != 1 {
		t.Errorf("forwarded by the new subscription: %+v", st)
	}
	_, err = a.UpdateRule(ctx, "t", "s", admin.RuleProperties{Name: "first", Filter: &admin.FalseFilter{}})
	must(t, err)
	must(t, sender(t, c, "t").SendMessage(ctx, &azservicebus.Message{ApplicationProperties: map[string]any{"n": 5}}, nil))
	if st := stats(t, s, "target"); st.Active != 1 {
		t.Errorf("after the rule was changed: %+v", st)
	}
	counts, err := a.GetTopicRuntimeProperties(ctx, "t", nil)
	must(t, err)
	if counts.SubscriptionCount != 1 || counts.CorrelationFilterCount != 1 || counts.SQLFilterCount != 1 {
		t.Errorf("%+v", counts.TopicRuntimeProperties)
	}
	rules, err := a.NewListRulesPager("t", "s", nil).NextPage(ctx)
	must(t, err)
	subs, err := a.NewListSubscriptionsPager("t", nil).NextPage(ctx)
	must(t, err)
	if len(rules.Rules) != 2 || len(subs.Subscriptions) != 1 || subs.Subscriptions[0].SubscriptionName != "s" {
		t.Errorf("listed %+v, %+v", rules.Rules, subs.Subscriptions)
	}
	_, err = a.DeleteRule(ctx, "t", "s", "first", nil)
	must(t, err)
	if rule, err := a.GetRule(ctx, "t", "s", "first", nil); err != nil || rule != nil {
		t.Errorf("after its end: %v, %v", rule, err)
	}
	_, err = a.DeleteTopic(ctx, "t", nil)
	must(t, err)
	if len(s.Topics())+len(s.Subscriptions()) != 0 {
		t.Errorf("left: %v, %v", s.Topics(), s.Subscriptions())
	}
}

func TestAdministrationRefusals(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{Queues: []servicebus.Queue{{Name: "q"}}})
	do := func(method, path, body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(within(t, 10*time.Second), method, "http://"+s.Addr.String()+path, strings.NewReader(body))
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		if resp.StatusCode >= 400 && !strings.Contains(b.String(), "<Detail>") {
			t.Errorf("%s %s: %s", method, path, b.String())
		}
		return resp.StatusCode
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/q", "", 200},
		{"GET", "/q/$DeadLetterQueue", "", 404},
		{"DELETE", "/q/$DeadLetterQueue", "", 404},
		{"PUT", "/r", "no xml", 400},
		{"PUT", "/r", `<entry xmlns="http://www.w3.org/2005/Atom"><content/></entry>`, 400},
		{"PUT", "/r", strings.Repeat("x", 2<<20), 413},
		{"POST", "/q", "", 405},
		{"GET", "/$Resources/Queues?$skip=-1", "", 400},
		{"GET", "/q/Subscriptions", "", 404},
		{"GET", "/q/Subscriptions/s/Rules", "", 404},
	} {
		if got := do(c.method, c.path, c.body); got != c.code {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.code)
		}
	}
	locked := servicebustest.StartConfig(t, servicebus.Config{Keys: map[string]string{"root": "key"}})
	resp, err := http.Get("http://" + locked.Addr.String() + "/$namespaceinfo")
	must(t, err)
	if resp.Body.Close(); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
}

// Clients read the names of entities out of the ids of entries, which are URLs.
func TestIDsOfEntriesAreURLs(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	for _, path := range []string{"/q", "/$Resources/queues"} {
		r, err := http.NewRequestWithContext(within(t, 10*time.Second), http.MethodGet, "http://"+s.Addr.String()+path+"?api-version=2021-05", nil)
		must(t, err)
		r.Close = true
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		must(t, err)
		if want := "<id>https://" + s.Addr.String() + "/q</id>"; !strings.Contains(string(body), want) {
			t.Errorf("%s: %s without %s in\n%s", path, resp.Status, want, body)
		}
	}
}
