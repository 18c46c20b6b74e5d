// Package eventgrid plays the parts of Azure Event Grid that the pipeline uses: the
// storage account's system topic (BlobCreated, delivered to a function and to a Service
// Bus queue) and a custom topic that the azeventgrid publisher talks to. Delivery is at
// least once and unordered, as in Azure; what cannot be delivered is dead-lettered.
package eventgrid

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxEvent is the service's limit for one event, and for one request to a custom topic.
const maxEvent = 1 << 20

// Event is a CloudEvents 1.0 event; Raw is its JSON as published, which is what
// destinations receive. The other fields are read from it, for filters and logs.
type Event struct {
	ID      string
	Source  string
	Type    string
	Subject string
	API     string // data.api of storage events
	Raw     json.RawMessage
}

// DecodeEvent reads the JSON of one CloudEvent and checks what the service checks.
func DecodeEvent(raw []byte) (Event, error) {
	var e struct {
		SpecVersion string          `json:"specversion"`
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Type        string          `json:"type"`
		Subject     string          `json:"subject"`
		Time        string          `json:"time"`
		Data        json.RawMessage `json:"data"`
	}
	if len(raw) > maxEvent {
		return Event{}, fmt.Errorf("event of %d bytes is larger than %d", len(raw), maxEvent)
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	var errs []error
	if e.SpecVersion != "1.0" {
		errs = append(errs, fmt.Errorf("specversion is %.20q, not 1.0", e.SpecVersion))
	}
	for _, f := range [...]struct{ name, value string }{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("%s is missing", f.name))
		}
	}
	if e.Time != "" {
		if _, err := time.Parse(time.RFC3339, e.Time); err != nil {
			errs = append(errs, fmt.Errorf("time %.40q is not RFC 3339", e.Time))
		}
	}
	if len(errs) > 0 {
		return Event{}, fmt.Errorf("event %.80q: %w", e.ID, errors.Join(errs...))
	}
	var data struct {
		API string `json:"api"`
	}
	if strings.HasPrefix(strings.TrimSpace(string(e.Data)), "{") {
		_ = json.Unmarshal(e.Data, &data) // data of another shape has no api
	}
	return Event{ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, API: data.API, Raw: raw}, nil
}
