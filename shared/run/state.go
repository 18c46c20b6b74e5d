package run

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"time"
)

// State is state.json: a cache of which units are done, and what reconcile has resent.
// The listing of series/ is the truth; losing this file costs only a listing.
type State struct {
	V        int               `json:"v"`
	Units    int               `json:"units"`
	Done     Bitset            `json:"done"`
	Attempts map[string]int    `json:"attempts"` // phase → resends so far
	Resent   map[string]Resend `json:"resent"`   // phase → the latest resend
}

// Finish marks a unit as done.
func (s *State) Finish(unit int) error {
	if unit < 0 || unit >= s.Units {
		return fmt.Errorf("unit %s is not one of the run's %d units", UnitName(unit), s.Units)
	}
	s.Done.Set(unit)
	return nil
}

// AllDone reports whether no unit is missing.
func (s *State) AllDone() bool { return s.Done.Count() >= s.Units }

// Resend remembers a phase's latest resend, so that the next one can tell whether
// anything has moved since.
type Resend struct {
	At      time.Time `json:"at"`
	Done    int       `json:"done"`    // results when it was sent
	Stalled int       `json:"stalled"` // counted resends in a row that brought nothing
}

// Bitset has bit i set when unit i is done; base64 in JSON.
type Bitset []byte

// NewBitset holds n bits, all clear.
func NewBitset(n int) Bitset { return make(Bitset, (n+7)/8) }

// Set marks unit i as done.
func (b Bitset) Set(i int) { b[i/8] |= 1 << (i % 8) }

// Has reports whether unit i is done.
func (b Bitset) Has(i int) bool { return i >= 0 && i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 }

// Count is the number of units done.
func (b Bitset) Count() int {
	n := 0
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

// Missing lists the units below n that are not done.
func (b Bitset) Missing(n int) []int {
	var m []int
	for i := range n {
		if !b.Has(i) {
			m = append(m, i)
		}
	}
	return m
}

// Members lists the units below n that are done.
func (b Bitset) Members(n int) []int {
	var m []int
	for i := range n {
		if b.Has(i) {
			m = append(m, i)
		}
	}
	return m
}

// MarshalText is base64.
func (b Bitset) MarshalText() ([]byte, error) {
	return []byte(base64.StdEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads base64.
func (b *Bitset) UnmarshalText(text []byte) error {
	v, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("done: %w", err)
	}
	*b = v
	return nil
}
