package servicebus_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/internal/sas"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func TestTokensAreChecked(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{
		Queues: []servicebus.Queue{{Name: "q"}},
		Keys:   map[string]string{"root": "the right key", "second": "another key"},
	})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "q"), "x")
	r := receiver(t, c, "q", nil)
	must(t, r.CompleteMessage(ctx, one(ctx, t, r), nil))
	wantCode(t, sender(t, c, "nope").SendMessage(ctx, &azservicebus.Message{}, nil), azservicebus.CodeNotFound)

	good := s.ConnectionString()
	if !strings.Contains(good, "SharedAccessKeyName=root;SharedAccessKey=the right key") {
		t.Fatalf("connection string %s", good)
	}
	endpoint, _, _ := strings.Cut(good, ";")
	signed := func(resource, policy, key string, life time.Duration) string {
		return endpoint + ";SharedAccessSignature=" + sas.Sign(resource, policy, key, s.Clock.Now().Add(life)) + ";UseDevelopmentEmulator=true"
	}
	host := s.Addr.String()
	for _, c := range []struct {
		name, connection string
		refused          bool
	}{
		{"second policy", strings.NewReplacer("=root", "=second", "the right key", "another key").Replace(good), false},
		{"wrong key", strings.Replace(good, "the right key", "the wrong key", 1), true},
		{"unknown policy", strings.Replace(good, "=root", "=nobody", 1), true},
		{"signature of the namespace", signed(host, "root", "the right key", time.Hour), false},
		{"signature of the queue", signed("amqp://"+host+"/q", "root", "the right key", time.Hour), false},
		{"signature of another queue", signed("amqp://"+host+"/r", "root", "the right key", time.Hour), true},
		{"expired signature", signed(host, "root", "the right key", -time.Minute), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := azservicebus.NewClientFromConnectionString(c.connection, &azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}})
			must(t, err)
			defer client.Close(context.Background())
			err = sender(t, client, "q").SendMessage(ctx, &azservicebus.Message{}, nil)
			if c.refused {
				wantCode(t, err, azservicebus.CodeUnauthorizedAccess)
			} else {
				must(t, err)
			}
		})
	}
}

// A client that puts no token gets no link, and one whose token expires loses its links.
func TestLinksNeedTokens(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{Queues: []servicebus.Queue{{Name: "q"}, {Name: "r"}}, Keys: map[string]string{"root": "key"}})
	ctx := within(t, 10*time.Second)
	conn, err := amqp.Dial(ctx, "amqp://"+s.Addr.String(), &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	must(t, err)
	defer conn.Close()
	session, err := conn.NewSession(ctx, nil)
	must(t, err)
	_, err = session.NewSender(ctx, "q", nil)
	condition(t, err, "amqp:unauthorized-access")
	_, err = session.NewReceiver(ctx, "q/$management", nil)
	condition(t, err, "amqp:unauthorized-access")

	put := func(token, kind string) int32 {
		t.Helper()
		settled := amqp.SenderSettleModeSettled
		r, err := session.NewReceiver(ctx, "$cbs", &amqp.ReceiverOptions{TargetAddress: "me", RequestedSenderSettleMode: &settled})
		must(t, err)
		defer r.Close(ctx)
		snd, err := session.NewSender(ctx, "$cbs", nil)
		must(t, err)
		defer snd.Close(ctx)
		to := "me"
		must(t, snd.Send(ctx, &amqp.Message{
			Properties: &amqp.MessageProperties{MessageID: "1", ReplyTo: &to}, Value: token,
			ApplicationProperties: map[string]any{"operation": "put-token", "type": kind, "name": "amqp://h/q"},
		}, nil))
		m, err := r.Receive(ctx, nil)
		must(t, err)
		return m.ApplicationProperties["status-code"].(int32)
	}
	const kind = "servicebus.windows.net:sastoken"
	for _, c := range []struct {
		name, token, kind string
		code              int32
	}{
		{"identity", "eyJ0eXAiOiJKV1QifQ", "jwt", 401},
		{"garbage", "xx", kind, 401},
		{"unknown kind", sas.Sign("h", "root", "key", s.Clock.Now().Add(time.Hour)), "amqp:x", 401},
		{"good", sas.Sign("amqp://h/q", "root", "key", s.Clock.Now().Add(10*time.Minute)), kind, 202},
	} {
		if got := put(c.token, c.kind); got != c.code {
			t.Errorf("%s: %d, want %d", c.name, got, c.code)
		}
	}
	snd, err := session.NewSender(ctx, "q", nil)
	must(t, err)
	_, err = session.NewSender(ctx, "r", nil)
	condition(t, err, "amqp:unauthorized-access")
	must(t, snd.Send(ctx, amqp.NewMessage([]byte("x")), nil))
	s.Clock.Advance(9 * time.Minute)
	must(t, snd.Send(ctx, amqp.NewMessage([]byte("x")), nil))
	s.Clock.Advance(2 * time.Minute)
	condition(t, snd.Send(ctx, amqp.NewMessage([]byte("x")), nil), "amqp:unauthorized-access")
}

func TestTLS(t *testing.T) {
	cfg, certificate, err := servicebus.SelfSigned(time.Now())
	must(t, err)
	s := servicebustest.StartConfig(t, servicebus.Config{Queues: []servicebus.Queue{{Name: "q"}}, TLS: cfg})
	if cs := s.ConnectionString(); !strings.HasPrefix(cs, "Endpoint=sb://localhost:") || strings.Contains(cs, "UseDevelopmentEmulator") {
		t.Errorf("connection string %s", cs)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		t.Fatal("the certificate is not PEM")
	}
	ctx := within(t, 10*time.Second)
	c, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), &azservicebus.ClientOptions{
		TLSConfig:    &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12},
		RetryOptions: azservicebus.RetryOptions{MaxRetries: -1},
	})
	must(t, err)
	defer c.Close(ctx)
	large := make([]byte, 200<<10)
	must(t, sender(t, c, "q").SendMessage(ctx, &azservicebus.Message{Body: large}, nil))
	if m := one(ctx, t, receiver(t, c, "q", nil)); len(m.Body) != len(large) {
		t.Errorf("%d bytes came back", len(m.Body))
	}
	// Whoever does not speak TLS gets nowhere, and the others do not notice.
	plain, err := amqp.Dial(within(t, 2*time.Second), "amqp://"+s.Addr.String(), nil)
	if err == nil {
		_ = plain.Close()
		t.Error("connected without TLS")
	}
	send(ctx, t, sender(t, c, "q"), "still here")
}

func TestRights(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{
		Queues: []servicebus.Queue{{Name: "q"}},
		Keys:   map[string]string{"all": "k", "send": "k", "listen": "k"},
		Rights: map[string]servicebus.Right{"send": servicebus.Send, "listen": servicebus.Listen},
	})
	ctx := within(t, 10*time.Second)
	as := func(policy string) *azservicebus.Client {
		c, err := azservicebus.NewClientFromConnectionString(strings.Replace(s.ConnectionString(), "=all", "="+policy, 1),
			&azservicebus.ClientOptions{RetryOptions: azservicebus.RetryOptions{MaxRetries: -1}})
		must(t, err)
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		return c
	}
	send(ctx, t, sender(t, as("send"), "q"), "x")
	one(ctx, t, receiver(t, as("listen"), "q", nil))
	err := sender(t, as("listen"), "q").SendMessage(ctx, &azservicebus.Message{}, nil)
	wantCode(t, err, azservicebus.CodeUnauthorizedAccess)
	if !strings.Contains(err.Error(), "'Send' claim(s) are required") {
		t.Errorf("error %v", err)
	}
	_, err = receiver(t, as("send"), "q", nil).ReceiveMessages(ctx, 1, nil)
	wantCode(t, err, azservicebus.CodeUnauthorizedAccess)
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, "http://"+s.Addr.String()+"/q", nil)
	must(t, err)
	for _, c := range []struct {
		policy string
		code   int
	}{{"send", 401}, {"all", 200}} {
		req.Header.Set("Authorization", sas.Sign("http://"+s.Addr.String()+"/q", c.policy, "k", s.Clock.Now().Add(time.Hour)))
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		if resp.Body.Close(); resp.StatusCode != c.code {
			t.Errorf("deleted as %s: %d, want %d", c.policy, resp.StatusCode, c.code)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// A client may leave the address of its link for answers empty and give the link's name in
// reply-to, as the one for JavaScript does.
func TestReplyToMayNameTheLink(t *testing.T) {
	s := servicebustest.Start(t, servicebus.Queue{Name: "q"})
	ctx := within(t, 10*time.Second)
	conn, err := amqp.Dial(ctx, "amqp://"+s.Addr.String(), &amqp.ConnOptions{SASLType: amqp.SASLTypeAnonymous()})
	must(t, err)
	defer func() { _ = conn.Close() }()
	session, err := conn.NewSession(ctx, nil)
	must(t, err)
	settled := amqp.SenderSettleModeSettled
	r, err := session.NewReceiver(ctx, "$cbs", &amqp.ReceiverOptions{Name: "answers", RequestedSenderSettleMode: &settled})
	must(t, err)
	snd, err := session.NewSender(ctx, "$cbs", nil)
	must(t, err)
	replyTo := "answers"
	must(t, snd.Send(ctx, &amqp.Message{
		Properties:            &amqp.MessageProperties{MessageID: "1", ReplyTo: &replyTo},
		ApplicationProperties: map[string]any{"operation": "put-token", "type": "jwt", "name": "amqp://h/q"},
		Value:                 "a token",
	}, nil))
	m, err := r.Receive(ctx, nil)
	must(t, err)
	if m.Properties.CorrelationID != "1" || m.ApplicationProperties["status-code"] == nil {
		t.Errorf("%+v, %v", m.Properties, m.ApplicationProperties)
	}
}
