package eventgrid

import (
	"math/rand/v2"
	"time"
)

// Chaos makes the worst of what the service's promises allow, the same for the same
// seed: each subscription draws by the ordinal of the event in it. The zero value does
// nothing.
type Chaos struct {
	Seed      uint64
	Duplicate int           // more deliveries of each event
	DropShare float64       // share of events that are lost altogether, 0 to 1
	MaxDelay  time.Duration // each delivery waits for a random time below this, so that order is lost
}

// plan returns how long each delivery of an event waits; none at all is a lost event.
func (c Chaos) plan(subscription string, ordinal uint64) []time.Duration {
	rng := rand.New(rand.NewPCG(c.Seed, hashName(subscription)^ordinal)) //nolint:gosec // a test's dice, not a secret
	if rng.Float64() < c.DropShare {
		return nil
	}
	delays := make([]time.Duration, 1+max(c.Duplicate, 0))
	for i := range delays {
		if c.MaxDelay > 0 {
			delays[i] = time.Duration(rng.Int64N(int64(c.MaxDelay)))
		}
	}
	return delays
}

// hashName is FNV-1a, spread so that ordinals of two subscriptions do not meet.
func hashName(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h << 20
}
