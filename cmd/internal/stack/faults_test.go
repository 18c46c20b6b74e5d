package stack

import (
	"testing"
	"time"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	got, err := ParseFaults("seed=7,duplicate=2,lose=0.25,delay=300ms,kill=1s")
	want := Faults{Seed: 7, Duplicate: 2, Lose: 0.25, Delay: 300 * time.Millisecond, KillEvery: time.Second}
	if err != nil || got != want {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	if none, err := ParseFaults(""); err != nil || none != (Faults{}) {
		t.Errorf("no faults: %+v (%v)", none, err)
	}
	for _, bad := range []string{"rain=1", "seed=x", "seed", "lose=much", "delay=3", "kill=", ",", "duplicate=-1", "duplicate=10", "lose=2", "lose=NaN", "kill=-1s"} {
		if _, err := ParseFaults(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add("seed=7,duplicate=2,lose=0.25,delay=300ms,kill=1s")
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParseFaults(s) })
}
