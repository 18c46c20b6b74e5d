package servicebustest_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

// A test with a broker of its own, whose clock it moves.
func TestRedelivery(t *testing.T) {
	broker := servicebustest.Start(t, servicebus.Queue{Name: "orders", LockDuration: time.Minute})
	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := client.NewSender("orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.SendMessage(t.Context(), &azservicebus.Message{Body: []byte("1 pair of boots")}, nil); err != nil {
		t.Fatal(err)
	}
	receiver, err := client.NewReceiverForQueue("orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	for delivery := uint32(1); delivery <= 2; delivery++ {
		messages, err := receiver.ReceiveMessages(t.Context(), 1, nil)
		if err != nil || len(messages) != 1 || messages[0].DeliveryCount != delivery {
			t.Fatalf("delivery %d: %v, %v", delivery, messages, err)
		}
		broker.Clock.Advance(2 * time.Minute) // nobody settled it
	}
}

func ExampleStart() {
	// In a test of yours:
	test := func(t *testing.T) {
		broker := servicebustest.Start(t, servicebus.Queue{Name: "orders"})
		client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = client // send, receive, settle; broker.Clock.Advance(time.Hour) makes time pass
	}
	_ = test
}
