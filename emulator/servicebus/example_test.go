package servicebus_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
)

// A broker in the same process, and the SDK's client talking to it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	broker, err := servicebus.New(servicebus.Config{
		Topics: []servicebus.Topic{{Name: "sales", Subscriptions: []servicebus.Subscription{
			{Name: "large", Rules: []servicebus.Rule{{Name: "large", SQL: "amount > 100"}}},
		}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go broker.Serve(ln)

	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(ln.Addr()), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	sender, err := client.NewSender("sales", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, amount := range []int64{50, 150} {
		m := &azservicebus.Message{Body: fmt.Append(nil, amount), ApplicationProperties: map[string]any{"amount": amount}}
		if err := sender.SendMessage(ctx, m, nil); err != nil {
			log.Fatal(err)
		}
	}
	receiver, err := client.NewReceiverForSubscription("sales", "large", nil)
	if err != nil {
		log.Fatal(err)
	}
	messages, err := receiver.ReceiveMessages(ctx, 10, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range messages {
		fmt.Printf("%s\n", m.Body)
		if err := receiver.CompleteMessage(ctx, m, nil); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 150
}
