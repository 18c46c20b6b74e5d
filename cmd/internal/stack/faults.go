package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/skucast/skucast/internal/emulator/eventgrid"
	"github.com/skucast/skucast/internal/emulator/functionshost"
)

// Faults make the local cloud misbehave, the same for the same seed. They exist so that
// the guarantees can be watched; the zero value is a cloud on a good day.
type Faults struct {
	Seed      uint64
	Duplicate int           // extra deliveries of every event and message
	Lose      float64       // share of events that never arrive
	Delay     time.Duration // every event waits for a random time below this, every message is shuffled
	KillEvery time.Duration // SIGKILL one worker, drawn by the seed
}

// ParseFaults reads "seed=7,duplicate=2,lose=0.25,delay=300ms,kill=1s".
func ParseFaults(s string) (Faults, error) {
	var f Faults
	if s == "" {
		return f, nil
	}
	for setting := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(setting, "=")
		var err error
		switch name {
		case "seed":
			f.Seed, err = strconv.ParseUint(value, 10, 64)
		case "duplicate":
			f.Duplicate, err = strconv.Atoi(value)
		case "lose":
			f.Lose, err = strconv.ParseFloat(value, 64)
		case "delay":
			f.Delay, err = time.ParseDuration(value)
		case "kill":
			f.KillEvery, err = time.ParseDuration(value)
		default:
			err = errors.New("there is no such fault")
		}
		if err != nil {
			return Faults{}, fmt.Errorf("fault %q: %w", setting, err)
		}
	}
	if f.Duplicate < 0 || f.Duplicate > 9 || !(f.Lose >= 0 && f.Lose <= 1) || f.Delay < 0 || f.KillEvery < 0 {
		return Faults{}, fmt.Errorf("faults %q: duplicate goes from 0 to 9, lose from 0 to 1, delay and kill are not negative", s)
	}
	return f, nil
}

func (f Faults) events() eventgrid.Chaos {
	return eventgrid.Chaos{Seed: f.Seed, Duplicate: f.Duplicate, DropShare: f.Lose, MaxDelay: f.Delay}
}

func (f Faults) messages() functionshost.Faults {
	return functionshost.Faults{Seed: f.Seed, Redeliver: f.Duplicate, MaxDelay: f.Delay}
}

// killWorkers kills one worker after another until the stack stops.
func (s *Stack) killWorkers() {
	dice := rand.New(rand.NewPCG(s.cfg.Faults.Seed, 0x6b696c6c)) //nolint:gosec // a test's dice, not a secret
	tick := time.NewTicker(s.cfg.Faults.KillEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if pids := s.host.WorkerPIDs(); len(pids) > 0 {
			pid := pids[dice.IntN(len(pids))]
			s.cfg.Logger.Info("killing a worker", "pid", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have gone by itself
		}
	}
}
