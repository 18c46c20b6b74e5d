package eventgrid

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
	"github.com/skucast/skucast/shared/event"
)

// A manifest's event becomes one message, however often it is delivered.
func TestDeliveryToAQueue(t *testing.T) {
	broker := servicebustest.Start(t, servicebus.Queue{Name: event.QueuePlanTraining, DuplicateWindow: time.Hour})
	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	sender, err := client.NewSender(event.QueuePlanTraining, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	function := make(chan string, 16)
	submitETL := ToFunction("submit-etl", func(_ context.Context, name string, raw json.RawMessage) error {
		b, err := event.DecodeBlobCreated(raw)
		function <- name + " " + b.Blob
		return err
	})
	top := topic(t, Options{Chaos: Chaos{Duplicate: 2}}, Subscriptions(submitETL, ToQueue(sender))...)
	id := raise(t, top, BlobEvent{Container: "processed-data", Blob: "etl/abc/_manifest.json", ETag: "1"})
	raise(t, top, BlobEvent{Container: "raw-data", Blob: "incoming/sales.csv", ETag: "1"})
	if err := top.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := <-function; got != "submit-etl incoming/sales.csv" {
			t.Errorf("the function was given %q", got)
		}
	}
	receiver, err := client.NewReceiverForQueue(event.QueuePlanTraining, nil)
	if err != nil {
		t.Fatal(err)
	}
	peeked, err := receiver.PeekMessages(ctx, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(peeked) != 1 {
		t.Fatalf("%d messages, want 1: duplicates carry the event's id as message id", len(peeked))
	}
	m := peeked[0]
	if m.MessageID != id {
		t.Errorf("message id %s, want the event's %s", m.MessageID, id)
	}
	b, err := event.DecodeBlobCreated(m.Body)
	if err != nil || b.Blob != "etl/abc/_manifest.json" || b.ID != id {
		t.Errorf("body decodes to %+v, %v", b, err)
	}
}
