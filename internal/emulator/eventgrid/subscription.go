package eventgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/shared/event"
)

// Destination takes one delivery; an error means that it is tried again.
type Destination func(ctx context.Context, e Event) error

// ToFunction delivers to the Event Grid trigger of a function.
func ToFunction(name string, deliver func(ctx context.Context, function string, event json.RawMessage) error) Destination {
	return func(ctx context.Context, e Event) error { return deliver(ctx, name, e.Raw) }
}

// ToQueue delivers to a Service Bus queue: the event's JSON is the body and its id the
// message id, so that the queue's duplicate detection knows a redelivery.
func ToQueue(sender *azservicebus.Sender) Destination {
	return func(ctx context.Context, e Event) error {
		return sender.SendMessage(ctx, &azservicebus.Message{
			MessageID:   new(e.ID),
			ContentType: new("application/cloudevents+json; charset=utf-8"),
			Body:        e.Raw,
			ApplicationProperties: map[string]any{
				"aeg-event-type": "Notification",
			},
		}, nil)
	}
}

// Filter selects events; an empty field selects all.
type Filter struct {
	Types             []string
	SubjectBeginsWith string // case does not matter, the service's default
	SubjectEndsWith   string
	APIs              []string // advanced filter: data.api is one of these
}

func (f Filter) match(e Event) bool {
	subject := strings.ToLower(e.Subject)
	return (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(len(f.APIs) == 0 || slices.ContainsFunc(f.APIs, func(a string) bool { return strings.EqualFold(a, e.API) })) &&
		strings.HasPrefix(subject, strings.ToLower(f.SubjectBeginsWith)) &&
		strings.HasSuffix(subject, strings.ToLower(f.SubjectEndsWith))
}

// Limits of delivery that the service allows and defaults to.
const (
	DefaultMaxAttempts = 30
	DefaultTTL         = 24 * time.Hour
)

// Subscription sends the events that its filter selects to a destination.
type Subscription struct {
	Name        string
	Filter      Filter
	Destination Destination
	MaxAttempts int           // 0 is 30
	TTL         time.Duration // since publication; 0 is 24 h
}

func (s Subscription) withDefaults() (Subscription, error) {
	if s.Name == "" || s.Destination == nil {
		return s, fmt.Errorf("event subscription %q needs a name and a destination", s.Name)
	}
	if s.MaxAttempts == 0 {
		s.MaxAttempts = DefaultMaxAttempts
	}
	if s.TTL == 0 {
		s.TTL = DefaultTTL
	}
	return s, nil
}

// completeAPIs leave a complete blob behind.
func completeAPIs() []string {
	return []string{APIFlushWithClose, APIPutBlob, APIPutBlockList, APICopyBlob, APISFTPCommit}
}

// The names of the deployment's subscriptions; the function of the first has the same.
const (
	SubscriptionDrops     = "submit-etl"
	SubscriptionManifests = event.QueuePlanTraining
)

// Subscriptions are those of a deployment: dropped files start submit-etl, and an ETL's
// manifest is a message in the queue plan-training.
func Subscriptions(submitETL, planTraining Destination) []Subscription {
	types := []string{event.BlobCreatedType}
	return []Subscription{
		{
			Name: SubscriptionDrops, Destination: submitETL,
			Filter: Filter{
				Types: types, APIs: completeAPIs(),
				SubjectBeginsWith: "/blobServices/default/containers/raw-data/blobs/incoming/",
			},
		},
		{
			Name: SubscriptionManifests, Destination: planTraining,
			Filter: Filter{
				Types: types, APIs: completeAPIs(),
				SubjectBeginsWith: "/blobServices/default/containers/processed-data/blobs/etl/",
				SubjectEndsWith:   "/_manifest.json",
			},
		},
	}
}
