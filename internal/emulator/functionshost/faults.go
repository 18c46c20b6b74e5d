package functionshost

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
)

// Faults make delivery as bad as Service Bus promises it may be, the same for the same
// seed and message. The zero value does nothing.
type Faults struct {
	Seed      uint64
	Redeliver int           // successful deliveries of each message whose completion is lost
	MaxDelay  time.Duration // each message waits for a random time below this, so that order is lost
}

// losesCompletion reports whether a message that was handled is given back all the same.
func (f Faults) losesCompletion(m *azservicebus.ReceivedMessage) bool {
	return int(m.DeliveryCount) <= f.Redeliver
}

// delay holds a delivery back.
func (f Faults) delay(ctx context.Context, m *azservicebus.ReceivedMessage) {
	if f.MaxDelay <= 0 {
		return
	}
	h := f.Seed + uint64(m.DeliveryCount)
	for i := range len(m.MessageID) {
		h = (h ^ uint64(m.MessageID[i])) * 1099511628211 // FNV-1a
	}
	dice := rand.New(rand.NewPCG(f.Seed, h)) //nolint:gosec // a test's dice, not a secret
	pause(ctx, time.Duration(dice.Int64N(int64(f.MaxDelay))))
}
