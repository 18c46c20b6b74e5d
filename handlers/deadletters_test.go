package handlers_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/event"
)

// letters is a broker's dead-letter queues.
type letters map[string][]event.DeadLetter

func (l letters) Peek(_ context.Context, queue string) iter.Seq2[event.DeadLetter, error] {
	return func(yield func(event.DeadLetter, error) bool) {
		for _, d := range l[queue] {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func (l letters) Take(_ context.Context, queue string, most int, settle func(event.DeadLetter) (bool, error)) error {
	var kept []event.DeadLetter
	for i, d := range l[queue] {
		remove, err := false, error(nil)
		if i < most {
			remove, err = settle(d)
		}
		if err != nil {
			return err
		}
		if !remove {
			kept = append(kept, d)
		}
	}
	l[queue] = kept
	return nil
}

// refusals is a bench with dead letters in storage and in a queue.
func refusals(t *testing.T) (*bench, letters, handlers.DeadLetters) {
	t.Helper()
	b := newBench(t)
	why := event.Permanent("unknown_unit", errors.New("no such unit"))
	for _, id := range []string{"a", "b~r3"} {
		if err := b.ledger.Refuse(t.Context(), event.QueueTrainSKU, id, []byte(`{"run_id":"x"}`), why); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.ledger.Refuse(t.Context(), "submit-etl", "", []byte("{"), event.Permanent(event.ReasonInvalidEvent, errors.New("cut off"))); err != nil {
		t.Fatal(err)
	}
	q := letters{event.QueuePublishRun: {
		{Function: event.QueuePublishRun, ID: "p", RunID: "0123456789ab", Reason: "MaxDeliveryCountExceeded", Body: []byte("{}")},
		{Function: event.QueuePublishRun, ID: "q", RunID: "ba9876543210", Reason: "MaxDeliveryCountExceeded", Body: []byte("{}")},
	}}
	return b, q, handlers.DeadLetters{Ledger: b.ledger, Sender: b, Submit: b.submitETL(), Broker: q}
}

func list(t *testing.T, h handlers.DeadLetters, f handlers.Filter) []string {
	t.Helper()
	ids := []string{}
	for d, err := range h.List(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestDeadLettersAreListedByFilter(t *testing.T) {
	t.Parallel()
	_, _, h := refusals(t)
	for name, c := range map[string]struct {
		filter handlers.Filter
		want   []string
	}{
		"all":      {handlers.Filter{}, []string{"", "a", "b~r3", "p", "q"}},
		"function": {handlers.Filter{Function: event.QueueTrainSKU}, []string{"a", "b~r3"}},
		"reason":   {handlers.Filter{Reason: "MaxDeliveryCountExceeded"}, []string{"p", "q"}},
		"run":      {handlers.Filter{RunID: "0123"}, []string{"p"}},
		"full run": {handlers.Filter{RunID: "0123456789abcdef"}, []string{"p"}},
		"nothing":  {handlers.Filter{RunID: "ff"}, []string{}},
	} {
		if got := list(t, h, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestResubmit(t *testing.T) {
	t.Parallel()
	b, _, h := refusals(t)
	sent, refused, err := h.Resubmit(t.Context(), handlers.Filter{})
	if err != nil || sent != 4 || refused != 1 {
		t.Errorf("%d sent, %d refused again, %v", sent, refused, err)
	}
	got := []string{}
	for _, m := range b.sent {
		got = append(got, m.Function+" "+m.ID+" of "+m.ReplayOf)
	}
	slices.Sort(got)
	want := []string{"publish-run p~r1 of p", "publish-run q~r1 of q", "train-sku a~r1 of a", "train-sku b~r4 of b~r3"}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if left := list(t, h, handlers.Filter{}); !slices.Equal(left, []string{""}) {
		t.Errorf("left %q, want the event that was refused again", left)
	}
}

func TestDiscardTakesOnlyWhatMatches(t *testing.T) {
	t.Parallel()
	b, _, h := refusals(t)
	if n, err := h.Discard(t.Context(), handlers.Filter{RunID: "ba98"}); n != 1 || err != nil {
		t.Errorf("%d discarded, %v", n, err)
	}
	if n, err := h.Discard(t.Context(), handlers.Filter{Function: event.QueueTrainSKU}); n != 2 || err != nil {
		t.Errorf("%d discarded, %v", n, err)
	}
	if left := list(t, h, handlers.Filter{}); !slices.Equal(left, []string{"", "p"}) || len(b.sent) != 0 {
		t.Errorf("left %q, %d sent", left, len(b.sent))
	}
}

func TestResubmitOfAFunctionWithoutQueue(t *testing.T) {
	t.Parallel()
	b, _, h := refusals(t)
	if err := b.ledger.Refuse(t.Context(), "elsewhere", "z", []byte("{}"), event.Permanent("r", errors.New("m"))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Resubmit(t.Context(), handlers.Filter{Function: "elsewhere"}); err == nil {
		t.Error("no error for a function that nothing feeds")
	}
	if left := list(t, h, handlers.Filter{Function: "elsewhere"}); len(left) != 1 {
		t.Errorf("left %q; what cannot be sent must stay", left)
	}
}
