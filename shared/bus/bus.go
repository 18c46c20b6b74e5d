// Package bus sends messages through Service Bus, in the cloud or to a local broker, by
// the same client library.
package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/shared/event"
)

// Config says where Service Bus is: exactly one of the two.
type Config struct {
	// ConnectionString of a local broker. It holds a key, and never appears in an error.
	ConnectionString string
	// Namespace in the cloud, as in "name.servicebus.windows.net", reached with the
	// identity of the process.
	Namespace string
	// Credential for the namespace; nil is azidentity's default one.
	Credential azcore.TokenCredential
}

// Dial returns a client. It does not connect: the first send does.
func Dial(cfg Config) (*azservicebus.Client, error) {
	switch {
	case cfg.ConnectionString != "" && cfg.Namespace != "":
		return nil, errors.New("service bus: both a connection string and a namespace are set; keep one")
	case cfg.ConnectionString != "":
		c, err := azservicebus.NewClientFromConnectionString(cfg.ConnectionString, options())
		if err != nil {
			return nil, errors.New("service bus: the connection string cannot be read; it has the form Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…")
		}
		return c, nil
	case cfg.Namespace != "":
		if cfg.Credential != nil {
			return dialNamespace(cfg.Namespace, cfg.Credential)
		}
		cred, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("service bus %s: identity: %w", cfg.Namespace, err)
		}
		return dialNamespace(cfg.Namespace, cred)
	}
	return nil, errors.New("service bus: neither a connection string nor a namespace is set")
}

// options has the library try again after about 0.5, 1.5, 3.5, 7.5 and 15.5 s. Its own
// first delay of 4 s would hold a handler up after every idle connection that was cut.
func options() *azservicebus.ClientOptions {
	return &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: 5, RetryDelay: 500 * time.Millisecond},
	}
}

func dialNamespace(namespace string, cred azcore.TokenCredential) (*azservicebus.Client, error) {
	c, err := azservicebus.NewClient(namespace, cred, options())
	if err != nil {
		return nil, fmt.Errorf("service bus %s: %w", namespace, err)
	}
	return c, nil
}

// Application properties of every message.
const (
	PropertyRunID       = "run_id" // 12 characters
	PropertyFunction    = "function"
	PropertyTraceParent = "traceparent" // W3C
	PropertyReplayOf    = "replay_of"   // id of the dead letter, where a message is one sent again
)

const contentType = "application/json"

// Sender sends to the queues of one namespace over one connection. It is safe for
// concurrent use.
type Sender struct {
	client *azservicebus.Client

	mu    sync.Mutex
	links map[string]*azservicebus.Sender // by queue
}

// NewSender returns a sender on the client, which stays the caller's to close.
func NewSender(client *azservicebus.Client) *Sender {
	return &Sender{client: client, links: map[string]*azservicebus.Sender{}}
}

// Send sends the messages in batches as large as the queue takes, holding one batch in
// memory. What precedes an error may have been sent: message ids make a repetition
// harmless. Retries are the client library's; what it gives up on comes back as an
// ordinary error that names the queue.
func (s *Sender) Send(ctx context.Context, queue string, messages iter.Seq[event.Message]) error {
	link, err := s.link(queue)
	if err != nil {
		return sendError(queue, err)
	}
	trace := event.TraceParent(ctx)
	var batch *azservicebus.MessageBatch
	for m := range messages {
		msg := message(m, trace)
		if batch == nil {
			if batch, err = link.NewMessageBatch(ctx, nil); err != nil {
				return sendError(queue, err)
			}
		}
		err := batch.AddMessage(msg, nil)
		if errors.Is(err, azservicebus.ErrMessageTooLarge) && batch.NumMessages() > 0 {
			if err := link.SendMessageBatch(ctx, batch, nil); err != nil {
				return sendError(queue, err)
			}
			if batch, err = link.NewMessageBatch(ctx, nil); err != nil {
				return sendError(queue, err)
			}
			err = batch.AddMessage(msg, nil)
			if err != nil {
				return messageError(queue, m, err)
			}
			continue
		}
		if err != nil {
			return messageError(queue, m, err)
		}
	}
	if batch == nil || batch.NumMessages() == 0 {
		return nil
	}
	if err := link.SendMessageBatch(ctx, batch, nil); err != nil {
		return sendError(queue, err)
	}
	return nil
}

// message is the wire form. The body stays the caller's.
func message(m event.Message, traceparent string) *azservicebus.Message {
	kind := contentType
	msg := &azservicebus.Message{
		Body: m.Body, MessageID: &m.ID, ContentType: &kind,
		ApplicationProperties: map[string]any{PropertyRunID: m.RunID, PropertyFunction: m.Function},
	}
	if m.ReplayOf != "" {
		msg.ApplicationProperties[PropertyReplayOf] = m.ReplayOf
	}
	if traceparent != "" {
		msg.ApplicationProperties[PropertyTraceParent] = traceparent
	}
	return msg
}

func messageError(queue string, m event.Message, err error) error {
	return fmt.Errorf("send to queue %s: message %s of %d bytes: %w", queue, m.ID, len(m.Body), err)
}

// sendError adds to the library's error which queue it was and, where a person must act,
// what to do.
func sendError(queue string, err error) error {
	hint := ""
	if e, ok := errors.AsType[*azservicebus.Error](err); ok {
		switch e.Code {
		case azservicebus.CodeNotFound:
			hint = " (no such queue in this namespace; deploy it or check its name)"
		case azservicebus.CodeUnauthorizedAccess:
			hint = " (not allowed; the identity needs the role Azure Service Bus Data Sender)"
		default: // the library's text says it all
		}
	}
	return fmt.Errorf("send to queue %s%s: %w", queue, hint, err)
}

func (s *Sender) link(queue string) (*azservicebus.Sender, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.links[queue]; l != nil {
		return l, nil
	}
	if s.links == nil {
		return nil, errors.New("the sender is closed")
	}
	l, err := s.client.NewSender(queue, nil)
	if err != nil {
		return nil, err
	}
	s.links[queue] = l
	return l, nil
}

// Close closes the links of the sender, not the client.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	links := s.links
	s.links = nil
	s.mu.Unlock()
	var errs []error
	for _, queue := range slices.Sorted(maps.Keys(links)) {
		if err := links[queue].Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close link to queue %s: %w", queue, err))
		}
	}
	return errors.Join(errs...)
}
