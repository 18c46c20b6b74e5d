package bus_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/shared/bus"
	"github.com/skucast/skucast/shared/event"
)

// exhaust lets n messages of a queue fail for good.
func exhaust(t *testing.T, c *azservicebus.Client, queue string, n int) {
	t.Helper()
	r, err := c.NewReceiverForQueue(queue, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close(t.Context()) }()
	reason, text := "Gave up", "it failed ten times"
	for n > 0 {
		batch, err := r.ReceiveMessages(within(t), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range batch {
			if err := r.DeadLetterMessage(t.Context(), m, &azservicebus.DeadLetterOptions{Reason: &reason, ErrorDescription: &text}); err != nil {
				t.Fatal(err)
			}
		}
		n -= len(batch)
	}
}

func peek(t *testing.T, d bus.DeadLetters, queue string) []event.DeadLetter {
	t.Helper()
	var all []event.DeadLetter
	for l, err := range d.Peek(within(t), queue) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestDeadLettersOfAQueue(t *testing.T) {
	t.Parallel()
	const n = 250 // more than one batch
	_, c, sender := start(t, servicebus.Queue{Name: "plan-training"})
	if err := sender.Send(within(t), "plan-training", numbered(n, 10)); err != nil {
		t.Fatal(err)
	}
	exhaust(t, c, "plan-training", n)
	d := bus.NewDeadLetters(c)
	all := peek(t, d, "plan-training")
	if len(all) != n {
		t.Fatalf("%d dead letters, want %d", len(all), n)
	}
	if l := all[0]; l.Function != "plan-training" || l.ID != "run/00000000" || l.RunID != "0123456789ab" ||
		l.Reason != "Gave up" || l.Message != "it failed ten times" || len(l.Body) != 10 {
		t.Errorf("dead letter %+v", l)
	}
	i := 0
	err := d.Take(within(t), "plan-training", n, func(l event.DeadLetter) (bool, error) {
		i++
		return i%2 == 0, nil
	})
	if err != nil || i != n {
		t.Errorf("%d looked at, %v", i, err)
	}
	if left := peek(t, d, "plan-training"); len(left) != n/2 {
		t.Errorf("%d left, want %d", len(left), n/2)
	}
}

func TestTakeGivesBackAfterAnError(t *testing.T) {
	t.Parallel()
	_, c, sender := start(t, servicebus.Queue{Name: "plan-training"})
	if err := sender.Send(within(t), "plan-training", numbered(3, 1)); err != nil {
		t.Fatal(err)
	}
	exhaust(t, c, "plan-training", 3)
	d := bus.NewDeadLetters(c)
	broken := errors.New("no room")
	var seen []string
	err := d.Take(within(t), "plan-training", 3, func(l event.DeadLetter) (bool, error) {
		seen = append(seen, l.ID)
		return len(seen) == 1, map[bool]error{true: broken}[len(seen) == 2]
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	left := peek(t, d, "plan-training")
	if len(left) != 2 || slices.ContainsFunc(left, func(l event.DeadLetter) bool { return l.ID == seen[0] }) {
		t.Errorf("left %v after %v", left, seen)
	}
	// What is given back can be taken at once.
	n := 0
	if err := d.Take(within(t), "plan-training", 2, func(event.DeadLetter) (bool, error) { n++; return true, nil }); err != nil || n != 2 {
		t.Errorf("%d taken, %v", n, err)
	}
}

func TestTakeOfAnEmptyQueueAsksForNothing(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, servicebus.Queue{Name: "plan-training"})
	d := bus.NewDeadLetters(c)
	if err := d.Take(within(t), "plan-training", 0, func(l event.DeadLetter) (bool, error) { return false, fmt.Errorf("got %s", l.ID) }); err != nil {
		t.Error(err)
	}
	for _, err := range d.Peek(within(t), "no-such-queue") {
		if err == nil {
			t.Error("a queue that does not exist has dead letters")
		}
	}
}
