// Package publish tells the world that a run's forecasts are there: one CloudEvent of
// type Skucast.ForecastsPublished on an Event Grid custom topic.
package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/messaging"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/eventgrid/azeventgrid"

	"github.com/skucast/skucast/shared/event"
)

// Source of the events; with their id it is what consumers know a repetition by.
const Source = "/skucast"

// maxEvent is the topic's limit; the client itself does not check it.
const maxEvent = 1 << 20

// ReasonTooLarge is the reason of an event beyond the topic's limit.
const ReasonTooLarge = "event_too_large"

// Config names the topic. Exactly one of Key and Credential is needed.
type Config struct {
	Endpoint   string                 // https://….eventgrid.azure.net/api/events
	Key        string                 // access key: emulator only
	Credential azcore.TokenCredential // managed identity with EventGrid Data Sender: the one in Azure
	CAFile     string                 // PEM of a further authority, for the emulator; "" is the system's
	Now        func() time.Time       // time of the events; default time.Now
	Retry      policy.RetryOptions    // zero: the SDK's three retries
}

// String leaves the key out.
func (c Config) String() string { return "event grid topic " + c.Endpoint }

// GoString leaves the key out of %#v as well.
func (c Config) GoString() string { return c.String() }

// Publisher sends events. It is safe for concurrent use.
type Publisher struct {
	client *azeventgrid.Client
	now    func() time.Time
	name   string
}

// New checks the configuration; it makes no request.
func New(cfg Config) (*Publisher, error) {
	if u, err := url.Parse(cfg.Endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("event grid endpoint %.200q is not an https URL such as https://<topic>.<region>-1.eventgrid.azure.net/api/events", cfg.Endpoint)
	}
	if (cfg.Key == "") == (cfg.Credential == nil) {
		return nil, fmt.Errorf("%s needs either a key or a credential, not both", cfg)
	}
	opt := &azeventgrid.ClientOptions{ClientOptions: azcore.ClientOptions{Retry: cfg.Retry}}
	if cfg.CAFile != "" {
		transport, err := trusting(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		opt.Transport = transport
	}
	p := &Publisher{now: cfg.Now, name: cfg.String()}
	if p.now == nil {
		p.now = time.Now //nolint:forbidigo // the real clock is the default
	}
	var err error
	if cfg.Credential != nil {
		p.client, err = azeventgrid.NewClient(cfg.Endpoint, cfg.Credential, opt)
	} else {
		p.client, err = azeventgrid.NewClientWithSharedKeyCredential(cfg.Endpoint, azcore.NewKeyCredential(cfg.Key), opt)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg, err)
	}
	return p, nil
}

// Publish sends the event with this id, run_id/published. Sending it again is harmless:
// consumers tell by source and id.
func (p *Publisher) Publish(ctx context.Context, id string, data json.RawMessage) error {
	if !json.Valid(data) {
		return event.Permanent(event.ReasonInvalidEvent, fmt.Errorf("event %s: its data is not JSON", id))
	}
	now := p.now().UTC()
	e := messaging.CloudEvent{
		ID: id, Source: Source, SpecVersion: "1.0", Type: event.PublishedType, Time: &now, Data: data,
	}
	b, err := json.Marshal([]messaging.CloudEvent{e})
	if err != nil {
		return fmt.Errorf("event %s: %w", id, err)
	}
	if len(b) > maxEvent {
		return event.Permanent(ReasonTooLarge, fmt.Errorf("event %s of %d bytes is over the topic's limit of %d", id, len(b), maxEvent))
	}
	if _, err := p.client.PublishCloudEvents(ctx, []messaging.CloudEvent{e}, nil); err != nil {
		return fmt.Errorf("publish event %s to %s%s: %w", id, p.name, hint(err), err)
	}
	return nil
}

// hint names what an operator can mend.
func hint(err error) string {
	r, ok := errors.AsType[*azcore.ResponseError](err)
	if ok && (r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden) {
		return " (the identity needs the role EventGrid Data Sender on the topic)"
	}
	return ""
}

// trusting is an HTTP client that also trusts the authorities in a PEM file.
func trusting(caFile string) (*http.Client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("certificate authority of the event grid topic: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without certificates still has the file's
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate authority of the event grid topic: %s holds no PEM certificate", caFile)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: t}, nil
}
