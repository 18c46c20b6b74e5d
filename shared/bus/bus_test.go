package bus_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
	"github.com/skucast/skucast/shared/bus"
	"github.com/skucast/skucast/shared/event"
)

func start(t *testing.T, queues ...servicebus.Queue) (*servicebustest.Server, *azservicebus.Client, *bus.Sender) {
	t.Helper()
	s := servicebustest.Start(t, queues...)
	c, err := bus.Dial(bus.Config{ConnectionString: s.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	sender := bus.NewSender(c)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := sender.Close(ctx); err != nil {
			t.Error(err)
		}
		_ = c.Close(ctx)
	})
	return s, c, sender
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func numbered(n, size int) iter.Seq[event.Message] {
	return func(yield func(event.Message) bool) {
		for i := range n {
			m := event.Message{ID: fmt.Sprintf("run/%08d", i), Body: make([]byte, size), RunID: "0123456789ab", Function: "plan-training"}
			if !yield(m) {
				return
			}
		}
	}
}

func active(t *testing.T, s *servicebustest.Server, queue string) int {
	t.Helper()
	st, ok := s.Stats(queue)
	if !ok {
		t.Fatalf("no queue %s", queue)
	}
	return st.Active
}

func TestSendWireForm(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	_, c, sender := start(t, servicebus.Queue{Name: event.QueueTrainSKU})
	ctx := within(t)
	m := event.Message{ID: "0123/00000001", Body: []byte(`{"v":1}`), RunID: "0123456789ab", Function: "plan-training"}
	if err := sender.Send(event.WithTraceParent(ctx, trace), event.QueueTrainSKU, slices.Values([]event.Message{m})); err != nil {
		t.Fatal(err)
	}
	m.ID = "0123/00000002"
	if err := sender.Send(ctx, event.QueueTrainSKU, slices.Values([]event.Message{m})); err != nil {
		t.Fatal(err)
	}
	r, err := c.NewReceiverForQueue(event.QueueTrainSKU, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.ReceiveMessages(ctx, 2, nil)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	first, second := got[0], got[1]
	if first.MessageID != "0123/00000001" || string(first.Body) != `{"v":1}` || *first.ContentType != "application/json" {
		t.Errorf("got %+v", first)
	}
	if want := fmt.Sprint(map[string]any{"run_id": "0123456789ab", "function": "plan-training", "traceparent": trace}); fmt.Sprint(first.ApplicationProperties) != want {
		t.Errorf("application properties %v, want %s", first.ApplicationProperties, want)
	}
	if _, ok := second.ApplicationProperties["traceparent"]; ok {
		t.Error("a traceparent without a trace")
	}
}

func TestSendStreamsBatches(t *testing.T) {
	s, _, sender := start(t, servicebus.Queue{Name: "q", DuplicateWindow: time.Hour})
	ctx := within(t)
	// Several batches of 256 KiB, and then the same again: a repetition adds nothing.
	for range 2 {
		if err := sender.Send(ctx, "q", numbered(5000, 200)); err != nil {
			t.Fatal(err)
		}
		if n := active(t, s, "q"); n != 5000 {
			t.Fatalf("%d messages, want 5000", n)
		}
	}
	if err := sender.Send(ctx, "q", numbered(0, 0)); err != nil {
		t.Errorf("no messages: %v", err)
	}
}

func TestSendEveryMessageItsOwnBatch(t *testing.T) {
	s, _, sender := start(t, servicebus.Queue{Name: "q"})
	if err := sender.Send(within(t), "q", numbered(7, 200<<10)); err != nil {
		t.Fatal(err)
	}
	if n := active(t, s, "q"); n != 7 {
		t.Errorf("%d messages, want 7", n)
	}
}

func TestSendConcurrently(t *testing.T) {
	s, _, sender := start(t, servicebus.Queue{Name: "a"}, servicebus.Queue{Name: "b"})
	ctx := within(t)
	errs := make(chan error)
	for i := range 8 {
		go func() { errs <- sender.Send(ctx, []string{"a", "b"}[i%2], numbered(100, 10)) }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if a, b := active(t, s, "a"), active(t, s, "b"); a != 400 || b != 400 {
		t.Errorf("%d and %d messages, want 400 each", a, b)
	}
}

func TestSendErrors(t *testing.T) {
	s, _, sender := start(t, servicebus.Queue{Name: "q"})
	ctx := within(t)
	tooLarge := slices.Values([]event.Message{{ID: "small"}, {ID: "large", Body: make([]byte, 300<<10)}})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		queue string
		msgs  iter.Seq[event.Message]
		want  []string
		is    error
	}{
		{"no such queue", ctx, "nope", numbered(1, 1), []string{"send to queue nope", "no such queue"}, nil},
		{"too large", ctx, "q", tooLarge, []string{"send to queue q", "message large of 307200 bytes"}, azservicebus.ErrMessageTooLarge},
		{"cancelled", cancelled, "q", numbered(1, 1), []string{"send to queue q"}, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := sender.Send(c.ctx, c.queue, c.msgs)
			if err == nil {
				t.Fatal("sent")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not %v", err, c.is)
			}
			if event.IsPermanent(err) {
				t.Errorf("error %v is permanent; sends are worth repeating", err)
			}
		})
	}
	if err := sender.Send(ctx, "q", numbered(1, 1)); err != nil {
		t.Errorf("after errors: %v", err)
	}
	s.DropConnections()
	if err := sender.Send(ctx, "q", numbered(1, 1)); err != nil {
		t.Errorf("after a dropped connection: %v", err)
	}
}

func TestSendAfterClose(t *testing.T) {
	_, _, sender := start(t, servicebus.Queue{Name: "q"})
	ctx := within(t)
	if err := sender.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(ctx, "q", numbered(1, 1)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("error %v", err)
	}
}

func TestDial(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  bus.Config
		want string // in the error; "" = none
	}{
		{"namespace", bus.Config{Namespace: "ns.servicebus.windows.net"}, ""},
		{"neither", bus.Config{}, "neither"},
		{"both", bus.Config{ConnectionString: "Endpoint=sb://h;SharedAccessKey=hunter2", Namespace: "ns"}, "both"},
		{"unreadable", bus.Config{ConnectionString: "SharedAccessKey=hunter2"}, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := bus.Dial(c.cfg)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = client.Close(t.Context())
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}
