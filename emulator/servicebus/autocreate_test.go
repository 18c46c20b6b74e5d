package servicebus_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/skucast/skucast/emulator/servicebus"
	"github.com/skucast/skucast/emulator/servicebus/servicebustest"
)

func TestQueuesAreMadeWhenNamed(t *testing.T) {
	s := servicebustest.StartConfig(t, servicebus.Config{
		AutoCreate: true, Topics: []servicebus.Topic{{Name: "t"}}, Queues: []servicebus.Queue{{Name: "there", MaxMessageSize: 1 << 20}},
	})
	ctx := within(t, 10*time.Second)
	c := connect(t, s)
	send(ctx, t, sender(t, c, "New queue, 1"), "x")
	if m := one(ctx, t, receiver(t, c, "new queue, 1", nil)); string(m.Body) != "x" {
		t.Errorf("received %q", m.Body)
	}
	send(ctx, t, sender(t, c, "there"), string(make([]byte, 512<<10))) // has the settings that it was given
	for _, bad := range []string{"a#b", "t/subscriptions/none"} {
		err := sender(t, c, bad).SendMessage(ctx, &azservicebus.Message{Body: []byte("x")}, nil)
		wantCode(t, err, azservicebus.CodeNotFound)
	}
	if got := s.Queues(); len(got) != 2 || got[0] != "new queue, 1" || got[1] != "there" {
		t.Errorf("queues %q", got)
	}
	if got := s.Topics(); len(got) != 1 {
		t.Errorf("topics %q", got)
	}
}
