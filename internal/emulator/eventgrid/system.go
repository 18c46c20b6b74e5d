package eventgrid

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// SystemTopic is the topic of a storage account.
type SystemTopic struct {
	account  string
	sequence atomic.Uint64
	d        *deliverer
}

// NewSystemTopic starts a topic with its subscriptions; it ends with ctx or Close.
func NewSystemTopic(ctx context.Context, account string, subs []Subscription, opt Options) (*SystemTopic, error) {
	if account == "" {
		return nil, errors.New("event grid emulator: the storage account has no name")
	}
	d, err := newDeliverer(ctx, subs, opt)
	if err != nil {
		return nil, err
	}
	t := &SystemTopic{account: account, d: d}
	// A sequencer of an earlier life of the topic is smaller.
	t.sequence.Store(uint64(d.opt.Now().UnixNano()))
	return t, nil
}

// Raise publishes the BlobCreated event of a write and returns its id. Deliveries go on
// in the background.
func (t *SystemTopic) Raise(ctx context.Context, b BlobEvent) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if b.Time.IsZero() {
		b.Time = t.d.opt.Now()
	}
	e := blobCreated(t.account, newID(), t.sequence.Add(1), b)
	return e.ID, t.d.publish(e) //nolint:contextcheck // deliveries outlive the call that publishes
}

// Publish sends an event as it is, filters included: for tests of foreign and forged
// events.
func (t *SystemTopic) Publish(ctx context.Context, raw []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e, err := DecodeEvent(raw)
	if err != nil {
		return err
	}
	return t.d.publish(e) //nolint:contextcheck // deliveries outlive the call that publishes
}

// Wait returns when every event so far was delivered, dead-lettered or lost on purpose.
func (t *SystemTopic) Wait(ctx context.Context) error { return t.d.wait(ctx) }

// Close stops all deliveries; what is pending is lost, and reconcile makes up for it.
func (t *SystemTopic) Close() { t.d.close() }

// newID is a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// CompressedBackoff is the service's schedule divided by a factor, for local use and
// tests.
func CompressedBackoff(factor int) func(int) time.Duration {
	return func(attempt int) time.Duration { return Backoff(attempt) / time.Duration(max(factor, 1)) }
}
