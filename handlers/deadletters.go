package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// Broker reads the dead-letter queues: Peek leaves the messages there, Take removes those
// for which settle says so.
type Broker interface {
	Peek(ctx context.Context, queue string) iter.Seq2[event.DeadLetter, error]
	Take(ctx context.Context, queue string, most int, settle func(event.DeadLetter) (remove bool, err error)) error
}

// DeadLetters lists what was refused, sends it again, or forgets it: the records in
// storage and the messages in the broker's dead-letter queues alike.
type DeadLetters struct {
	Ledger ledger.Ledger
	Sender Sender
	Submit SubmitETL // takes events again
	Broker Broker    // nil: storage only
}

// queues are those that feed functions.
var queues = []string{event.QueuePlanTraining, event.QueueTrainSKU, event.QueueFinishRun, event.QueuePublishRun}

// Filter picks dead letters; an empty field picks all. RunID may be a prefix.
type Filter struct {
	Function, Reason, RunID string
}

// match compares run ids as far as both go: a queue knows the first 12 characters.
func (f Filter) match(d event.DeadLetter) bool {
	n := min(len(f.RunID), len(d.RunID))
	return (f.Function == "" || f.Function == d.Function) && (f.Reason == "" || f.Reason == d.Reason) &&
		(f.RunID == "" || n > 0 && f.RunID[:n] == d.RunID[:n])
}

// List yields the dead letters that match, storage first.
func (h DeadLetters) List(ctx context.Context, f Filter) iter.Seq2[event.DeadLetter, error] {
	return func(yield func(event.DeadLetter, error) bool) {
		sources := []iter.Seq2[event.DeadLetter, error]{h.Ledger.DeadLetters(ctx)}
		if h.Broker != nil {
			for _, q := range queues {
				sources = append(sources, h.Broker.Peek(ctx, q))
			}
		}
		for _, source := range sources {
			for d, err := range source {
				if (err != nil || f.match(d)) && !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

// Resubmit sends the matching dead letters again, each under a new id, and removes those
// that were sent. What is refused again at once stays and is counted.
func (h DeadLetters) Resubmit(ctx context.Context, f Filter) (sent, refused int, err error) {
	err = h.each(ctx, f, func(d event.DeadLetter) (bool, error) {
		err := h.send(ctx, d)
		switch {
		case event.IsPermanent(err):
			refused++
			return false, nil
		case err != nil:
			return false, err
		}
		sent++
		return true, nil
	})
	return sent, refused, err
}

// Discard removes the matching dead letters.
func (h DeadLetters) Discard(ctx context.Context, f Filter) (n int, err error) {
	err = h.each(ctx, f, func(event.DeadLetter) (bool, error) {
		n++
		return true, nil
	})
	return n, err
}

// send repeats a delivery. An event is handled here: only Event Grid could deliver it.
func (h DeadLetters) send(ctx context.Context, d event.DeadLetter) error {
	if d.Function == "submit-etl" {
		return h.Submit.Handle(ctx, json.RawMessage(d.Body))
	}
	if !slices.Contains(queues, d.Function) {
		return fmt.Errorf("no queue feeds the function %q, so %s cannot be sent again; discard it", d.Function, d.ID)
	}
	return h.Sender.Send(ctx, d.Function, one(event.Message{
		ID: again(d.ID), Body: d.Body, RunID: run.Short(d.RunID), Function: d.Function, ReplayOf: d.ID,
	}))
}

var resubmission = regexp.MustCompile(`~r([0-9]{1,9})$`)

// again is the id of the next resubmission: the same for two that try at once, so that
// the broker keeps one of them.
func again(id string) string {
	n := 0
	if m := resubmission.FindStringSubmatch(id); m != nil {
		n, _ = strconv.Atoi(m[1]) // nine digits always fit
		id = strings.TrimSuffix(id, m[0])
	}
	return id + "~r" + strconv.Itoa(n+1)
}

// each calls act for every matching dead letter and removes those for which it says so.
func (h DeadLetters) each(ctx context.Context, f Filter, act func(event.DeadLetter) (remove bool, err error)) error {
	for d, err := range h.Ledger.DeadLetters(ctx) {
		if err != nil {
			return err
		}
		if !f.match(d) {
			continue
		}
		remove, err := act(d)
		if err == nil && remove {
			err = h.Ledger.Discard(ctx, d)
		}
		if err != nil {
			return fmt.Errorf("dead letter %s of %s: %w", d.ID, d.Function, err)
		}
	}
	if h.Broker == nil {
		return nil
	}
	for _, q := range queues {
		if err := h.eachIn(ctx, q, f, act); err != nil {
			return err
		}
	}
	return nil
}

// eachIn takes what lies in one dead-letter queue now, and not what arrives meanwhile.
func (h DeadLetters) eachIn(ctx context.Context, queue string, f Filter, act func(event.DeadLetter) (bool, error)) error {
	if f.Function != "" && f.Function != queue {
		return nil
	}
	there, wanted := 0, false
	for d, err := range h.Broker.Peek(ctx, queue) {
		if err != nil {
			return err
		}
		there++
		wanted = wanted || f.match(d)
	}
	if !wanted {
		return nil
	}
	return h.Broker.Take(ctx, queue, there, func(d event.DeadLetter) (bool, error) {
		if !f.match(d) {
			return false, nil
		}
		return act(d)
	})
}
