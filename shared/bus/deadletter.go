package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/shared/event"
)

// DeadLetters reads the dead-letter queues of a namespace: messages that failed as often
// as their queue allows.
type DeadLetters struct {
	client *azservicebus.Client
}

// NewDeadLetters returns a reader on the client, which stays the caller's to close.
func NewDeadLetters(client *azservicebus.Client) DeadLetters { return DeadLetters{client} }

// deadLetterBatch is how many messages are asked for at once; receiveWait how long a
// receive waits before it takes the queue for empty.
const (
	deadLetterBatch = 100
	receiveWait     = 5 * time.Second
)

func (d DeadLetters) open(queue string) (*azservicebus.Receiver, error) {
	r, err := d.client.NewReceiverForQueue(queue, &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter})
	if err != nil {
		return nil, fmt.Errorf("dead letters of queue %s: %w", queue, err)
	}
	return r, nil
}

// Peek yields the dead letters of a queue and leaves them there.
func (d DeadLetters) Peek(ctx context.Context, queue string) iter.Seq2[event.DeadLetter, error] {
	return func(yield func(event.DeadLetter, error) bool) {
		r, err := d.open(queue)
		if err != nil {
			yield(event.DeadLetter{}, err)
			return
		}
		defer func() { _ = r.Close(context.WithoutCancel(ctx)) }() // nothing is held
		for {
			batch, err := r.PeekMessages(ctx, deadLetterBatch, nil)
			if err != nil {
				yield(event.DeadLetter{}, readError(queue, err))
				return
			}
			for _, m := range batch {
				if !yield(deadLetter(queue, m), nil) {
					return
				}
			}
			if len(batch) == 0 {
				return
			}
		}
	}
}

// Take hands over up to most dead letters of a queue, each held while it is looked at,
// and removes those for which settle says so. The others are given back at the end.
func (d DeadLetters) Take(ctx context.Context, queue string, most int, settle func(event.DeadLetter) (remove bool, err error)) error {
	r, err := d.open(queue)
	if err != nil {
		return err
	}
	var held []*azservicebus.ReceivedMessage
	err = take(ctx, r, queue, most, func(batch []*azservicebus.ReceivedMessage) error {
		for i, m := range batch {
			remove, err := settle(deadLetter(queue, m))
			if err == nil && remove {
				err = r.CompleteMessage(ctx, m, nil)
			}
			if err != nil {
				held = append(held, batch[i:]...)
				return fmt.Errorf("dead letter %s of queue %s: %w", m.MessageID, queue, err)
			}
			if !remove {
				held = append(held, m)
			}
		}
		return nil
	})
	after := context.WithoutCancel(ctx)
	for _, m := range held {
		_ = r.AbandonMessage(after, m, nil) // its lock ends anyway
	}
	return errors.Join(err, r.Close(after))
}

// take receives up to most messages, or what there is.
func take(ctx context.Context, r *azservicebus.Receiver, queue string, most int, each func([]*azservicebus.ReceivedMessage) error) error {
	for seen := 0; seen < most; {
		wait, cancel := context.WithTimeout(ctx, receiveWait)
		batch, err := r.ReceiveMessages(wait, min(deadLetterBatch, most-seen), nil)
		empty := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		cancel()
		if empty {
			return nil // somebody else took the rest
		}
		if err != nil {
			return readError(queue, err)
		}
		if err := each(batch); err != nil {
			return err
		}
		seen += len(batch)
	}
	return nil
}

func deadLetter(queue string, m *azservicebus.ReceivedMessage) event.DeadLetter {
	d := event.DeadLetter{Function: queue, ID: m.MessageID, Body: m.Body}
	d.RunID, _ = m.ApplicationProperties[PropertyRunID].(string)
	if m.DeadLetterReason != nil {
		d.Reason = *m.DeadLetterReason
	}
	if m.DeadLetterErrorDescription != nil {
		d.Message = *m.DeadLetterErrorDescription
	}
	return d
}

func readError(queue string, err error) error {
	hint := ""
	if e, ok := errors.AsType[*azservicebus.Error](err); ok && e.Code == azservicebus.CodeUnauthorizedAccess {
		hint = " (not allowed; the identity needs the role Azure Service Bus Data Receiver)"
	}
	return fmt.Errorf("dead letters of queue %s%s: %w", queue, hint, err)
}
