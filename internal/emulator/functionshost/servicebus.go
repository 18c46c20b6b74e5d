package functionshost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/functions"
)

// settleLimit bounds a settlement; a message that cannot be settled returns when its lock
// runs out.
const settleLimit = 10 * time.Second

// settlers is how many messages of a batch are settled at a time; each waits for the
// broker's answer.
const settlers = 32

// consumer feeds the messages of one queue function to one slot of the host. It outlives
// the host instances in that slot: a receiver cannot be closed without the risk that a
// message is already on its way to it, and that message would stay locked for minutes.
type consumer struct {
	slot   *slot
	f      functions.Function
	set    settings
	ns     namespace
	faults Faults
	now    func() time.Time
	log    *slog.Logger
}

// listen starts the consumers of every queue function on slot n. They end with ctx.
func (h *Host) listen(ctx context.Context, n int) {
	if h.cfg.ServiceBus == "" {
		return
	}
	for _, f := range h.functions {
		if f.Trigger.Type != functions.ServiceBus {
			continue
		}
		c := &consumer{slot: &h.slots[n], f: f, set: h.set, faults: h.cfg.Faults, now: h.cfg.Now, log: h.cfg.Logger.With("instance", n, "function", f.Name)}
		h.running.Go(func() { c.run(ctx, h.cfg.ServiceBus) })
	}
}

// run works with one connection. A batch function takes one batch at a time, others as many
// messages as configured; each call has a receiver of its own, so that no credit is left on
// a link while its message is worked on.
func (c *consumer) run(ctx context.Context, cs string) {
	receivers := c.set.MaxConcurrentCalls
	if c.f.Trigger.Many() {
		receivers = 1
	}
	client, err := azservicebus.NewClientFromConnectionString(cs, &azservicebus.ClientOptions{
		RetryOptions: azservicebus.RetryOptions{MaxRetries: 3, RetryDelay: 100 * time.Millisecond, MaxRetryDelay: 2 * time.Second},
	})
	if err != nil {
		// The text of the SDK's error may repeat the connection string.
		c.log.ErrorContext(ctx, "queue function has no usable connection string and is not triggered")
		return
	}
	c.ns = namespace{host: hostOf(cs)}
	c.ns.identifier = c.ns.host + "-" + newGUID()
	var wg sync.WaitGroup
	for range receivers {
		wg.Go(func() { c.receive(ctx, client) })
	}
	wg.Wait()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	if err := client.Close(closing); err != nil {
		c.log.DebugContext(ctx, "connection not closed", "error", err.Error())
	}
}

// hostOf returns the host name of a connection string's endpoint.
func hostOf(cs string) string {
	for part := range strings.SplitSeq(cs, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(key, "Endpoint") {
			value = strings.TrimPrefix(value, "sb://")
			value, _, _ = strings.Cut(value, "/")
			return value
		}
	}
	return ""
}

// receive is one receiver's loop. A broker that is away is tried again, ever more slowly.
func (c *consumer) receive(ctx context.Context, client *azservicebus.Client) {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	delay := first
	for ctx.Err() == nil {
		r, err := client.NewReceiverForQueue(c.f.Trigger.QueueName, nil)
		if err == nil {
			err = c.drain(ctx, r, func() { delay = first })
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
			_ = r.Close(closing) // the connection is closed after it in any case
			cancel()
		}
		if ctx.Err() != nil {
			return
		}
		c.log.WarnContext(ctx, "receiver lost; trying again", "queue", c.f.Trigger.QueueName, "delay", delay, "error", err.Error())
		pause(ctx, delay)
		delay = min(2*delay, most)
	}
}

// drain handles messages from one receiver until it fails or ctx ends.
func (c *consumer) drain(ctx context.Context, r *azservicebus.Receiver, alive func()) error {
	most := 1
	if c.f.Trigger.Many() {
		most = c.set.MaxBatch
	}
	for {
		if ctx.Err() != nil {
			return ctx.Err() // not left to the SDK, which asks for a message before it looks
		}
		messages, err := r.ReceiveMessages(ctx, most, nil)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		switch {
		case ctx.Err() != nil:
			for _, m := range messages {
				c.settle(ctx, r, m, ctx.Err())
			}
			return ctx.Err()
		case len(messages) == 0:
			return errors.New("receive: the link was lost")
		}
		alive()
		if c.f.Trigger.Many() {
			c.handleBatch(ctx, r, messages)
		} else {
			c.handleMessage(ctx, r, messages[0])
		}
	}
}

// invoke sends a body to the host instance in the slot, or to the next one if it stopped
// before the body was sent.
func (c *consumer) invoke(ctx context.Context, body []byte) error {
	for {
		i, err := c.slot.alive(ctx)
		if err != nil {
			return err
		}
		if err = i.invoke(c.f, body); !errors.Is(err, errNotSent) {
			return err
		}
	}
}

func (c *consumer) handleMessage(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage) {
	body := messagePayload(c.f, m, c.ns, c.now())
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var renewal sync.WaitGroup
	renewal.Go(func() {
		err := renew(renewing, c.set.MaxRenewal, func() *time.Time { return m.LockedUntil },
			func(ctx context.Context) error { return r.RenewMessageLock(ctx, m, nil) })
		if err != nil {
			c.log.WarnContext(ctx, "lock not renewed; the message will be delivered again", "message_id", m.MessageID, "error", err.Error())
		}
	})
	c.faults.delay(ctx, m)
	err := c.invoke(ctx, body)
	stop()
	renewal.Wait()
	c.settle(ctx, r, m, err)
}

// handleBatch settles all alike. Locks of a batch are not renewed.
func (c *consumer) handleBatch(ctx context.Context, r *azservicebus.Receiver, batch []*azservicebus.ReceivedMessage) {
	err := c.invoke(ctx, batchPayload(c.f, batch, c.ns, c.now()))
	work := make(chan *azservicebus.ReceivedMessage)
	var wg sync.WaitGroup
	for range min(settlers, len(batch)) {
		wg.Go(func() {
			for m := range work {
				c.settle(ctx, r, m, err)
			}
		})
	}
	for _, m := range batch {
		work <- m
	}
	close(work)
	wg.Wait()
}

// settle completes a message that was handled and abandons, at once, one that was not.
func (c *consumer) settle(ctx context.Context, r *azservicebus.Receiver, m *azservicebus.ReceivedMessage, failure error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	var err error
	switch {
	case failure == nil && c.faults.losesCompletion(m):
		err = r.AbandonMessage(ctx, m, nil)
	case failure == nil:
		err = r.CompleteMessage(ctx, m, nil)
	default:
		c.log.WarnContext(ctx, "message abandoned", "message_id", m.MessageID,
			"delivery_count", m.DeliveryCount, "error", failure.Error())
		err = r.AbandonMessage(ctx, m, nil)
	}
	if err != nil {
		c.log.WarnContext(ctx, "message not settled; it returns when its lock runs out",
			"message_id", m.MessageID, "completed", failure == nil, "error", err.Error())
	}
}

// renew keeps a lock until ctx ends or for at most limit, each time when half of what is
// left or 10 s remain, as the .NET client does. It returns an error when the lock is lost.
func renew(ctx context.Context, limit time.Duration, until func() *time.Time, extend func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		at := until()
		if at == nil {
			return errors.New("the broker did not say when the lock ends")
		}
		left := time.Until(*at)
		pause(ctx, left-min(left/2, 10*time.Second))
		if ctx.Err() != nil {
			return nil
		}
		err := extend(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
		case time.Until(*until()) < 0: // a real clock: the broker's locks run by it
			return err
		default:
			pause(ctx, 100*time.Millisecond) // a moment's fault; the lock still stands
		}
		if e, ok := errors.AsType[*azservicebus.Error](err); ok && e.Code == azservicebus.CodeLockLost {
			return err
		}
	}
}
