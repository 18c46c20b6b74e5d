package eventgrid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
)

// Reasons for dead-lettering, as the service names them.
const (
	ReasonMaxAttempts = "MaxDeliveryAttemptsExceeded"
	ReasonTTL         = "TimeToLiveExceeded"
)

// DeadLetterDir holds one blob per undelivered event: <subscription>/<hash of id>.json.
const DeadLetterDir = blobstore.Forecasts + "/deadletter/events/"

// DeadLetter is an event that could not be delivered.
type DeadLetter struct {
	Subscription string
	Event        Event
	Reason       string
	Attempts     int
	Result       string // the last attempt's error
	Published    time.Time
	LastAttempt  time.Time
}

// Place is where StoreDeadLetters puts it. An event's id is its publisher's text, so the
// name carries its hash.
func (d DeadLetter) Place() string {
	sum := sha256.Sum256([]byte(d.Event.Source + "\x00" + d.Event.ID))
	return DeadLetterDir + d.Subscription + "/" + hex.EncodeToString(sum[:16]) + ".json"
}

// JSON is the event with the attributes that the service adds to dead-lettered
// CloudEvents, in an array as the service writes it.
func (d DeadLetter) JSON() ([]byte, error) {
	var e map[string]json.RawMessage
	if err := json.Unmarshal(d.Event.Raw, &e); err != nil {
		return nil, fmt.Errorf("dead letter of event %.80q: %w", d.Event.ID, err)
	}
	for name, value := range map[string]any{
		"deadletterreason":    d.Reason,
		"deliveryattempts":    d.Attempts,
		"deliveryresult":      d.Result,
		"publishtime":         d.Published.UTC().Format(time.RFC3339Nano),
		"deliveryattempttime": d.LastAttempt.UTC().Format(time.RFC3339Nano),
	} {
		b, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		e[name] = b
	}
	return json.Marshal([]any{e})
}

// StoreDeadLetters writes dead letters to DeadLetterDir, each once.
func StoreDeadLetters(store blobstore.Store) func(context.Context, DeadLetter) error {
	return func(ctx context.Context, d DeadLetter) error {
		body, err := d.JSON()
		if err != nil {
			return err
		}
		_, err = store.Put(ctx, d.Place(), bytes.NewReader(body), blobstore.Once)
		if errors.Is(err, blobstore.ErrExists) {
			return nil
		}
		return err
	}
}

// deadLetterTries is how often the dead letter itself is tried, with the same backoff.
const deadLetterTries = 5

func (d *deliverer) deadLetter(letter DeadLetter) {
	log := d.opt.Log.With("subscription", letter.Subscription, "event_id", letter.Event.ID, "subject", letter.Event.Subject)
	if d.opt.DeadLetter == nil {
		log.Error("event dropped", "reason", letter.Reason, "error", letter.Result)
		return
	}
	for try := 1; ; try++ {
		err := d.opt.DeadLetter(d.ctx, letter)
		if err == nil {
			log.Error("event dead-lettered", "reason", letter.Reason, "place", letter.Place(), "error", letter.Result)
			return
		}
		if try >= deadLetterTries {
			log.Error("event lost: its dead letter cannot be stored", "reason", letter.Reason, "error", err)
			return
		}
		if !pause(d.ctx, d.opt.Backoff(try)) {
			return
		}
	}
}
