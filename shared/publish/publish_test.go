package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/publish"
)

func start(t *testing.T, cfg eventgrid.CustomConfig) (*eventgrid.CustomTopic, publish.Config) {
	t.Helper()
	topic, err := eventgrid.StartCustomTopic(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, topic.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return topic, publish.Config{
		Endpoint: topic.Endpoint(), Key: topic.Key(), CAFile: ca,
		Now:   func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) },
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

func mustNew(t *testing.T, cfg publish.Config) *publish.Publisher {
	t.Helper()
	p, err := publish.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPublish(t *testing.T) {
	var seen atomic.Int64
	topic, cfg := start(t, eventgrid.CustomConfig{Keep: 2, Subscriptions: []eventgrid.Subscription{{
		Name: "erp", Filter: eventgrid.Filter{Types: []string{event.PublishedType}},
		Destination: func(context.Context, eventgrid.Event) error { seen.Add(1); return nil },
	}}})
	p := mustNew(t, cfg)
	data := json.RawMessage(`{"v":1,"run_id":"abc","skus":3}`)
	for _, id := range []string{"old/published", "abc/published", "abc/published"} {
		if err := p.Publish(t.Context(), id, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := topic.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen.Load() != 3 {
		t.Errorf("the subscriber saw %d events, want 3", seen.Load())
	}
	events := topic.Events()
	if len(events) != 2 || events[0].ID != "abc/published" {
		t.Fatalf("kept %+v, want the newest two", events)
	}
	var e event.CloudEvent
	if err := json.Unmarshal(events[0].Raw, &e); err != nil {
		t.Fatal(err)
	}
	if e.SpecVersion != "1.0" || e.Source != "/skucast" || e.Type != event.PublishedType || !e.Time.Equal(cfg.Now()) || !sameJSON(t, e.Data, data) {
		t.Errorf("event %s", events[0].Raw)
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y bytes.Buffer
	if json.Compact(&x, a) != nil || json.Compact(&y, b) != nil {
		t.Fatalf("not JSON: %s, %s", a, b)
	}
	return x.String() == y.String()
}

func TestPublishErrors(t *testing.T) {
	topic, cfg := start(t, eventgrid.CustomConfig{})
	with := func(change func(*publish.Config)) publish.Config { c := cfg; change(&c); return c }
	tests := []struct {
		name, data, says string
		cfg              publish.Config
		permanent        bool
	}{
		{"wrong key", `{}`, "EventGrid Data Sender", with(func(c *publish.Config) { c.Key = "wrong-secret" }), false},
		{"unknown authority", `{}`, "certificate", with(func(c *publish.Config) { c.CAFile = "" }), false},
		{"too large", `"` + strings.Repeat("x", 1<<20) + `"`, "limit of 1048576", cfg, true},
		{"not JSON", `{`, "not JSON", cfg, true},
		{"nothing", ``, "not JSON", cfg, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := mustNew(t, tt.cfg).Publish(t.Context(), "abc/published", json.RawMessage(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.says) || event.IsPermanent(err) != tt.permanent {
				t.Fatalf("error %v (permanent %v), want it to say %q (permanent %v)", err, event.IsPermanent(err), tt.says, tt.permanent)
			}
			if strings.Contains(err.Error(), tt.cfg.Key) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	if n := len(topic.Events()); n != 0 {
		t.Errorf("%d events were taken", n)
	}
}

type credential struct{}

func (credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "entra", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// The emulator knows keys only; that it refuses shows that a token was asked for and sent.
func TestCredential(t *testing.T) {
	_, cfg := start(t, eventgrid.CustomConfig{})
	cfg.Key, cfg.Credential = "", credential{}
	if err := mustNew(t, cfg).Publish(t.Context(), "a", json.RawMessage(`{}`)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error %v, want 401", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := publish.Config{Endpoint: "https://t.eventgrid.azure.net/api/events", Key: "secret-key"}
	with := func(change func(*publish.Config)) publish.Config { c := ok; change(&c); return c }
	tests := []struct {
		name string
		cfg  publish.Config
		says string
	}{
		{"plain HTTP", with(func(c *publish.Config) { c.Endpoint = "http://127.0.0.1/api/events" }), "is not an https URL"},
		{"no identity", with(func(c *publish.Config) { c.Key = "" }), "either a key or a credential"},
		{"both", with(func(c *publish.Config) { c.Credential = credential{} }), "either a key or a credential"},
		{"no such file", with(func(c *publish.Config) { c.CAFile = notPEM + "x" }), "no such file"},
		{"not PEM", with(func(c *publish.Config) { c.CAFile = notPEM }), "no PEM certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := publish.New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want it to say %q", err, tt.says)
			}
		})
	}
	if _, err := publish.New(ok); err != nil {
		t.Errorf("good configuration: %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v", ok, ok, ok); strings.Contains(s, "secret-key") {
		t.Errorf("printed configuration shows the key: %s", s)
	}
}
