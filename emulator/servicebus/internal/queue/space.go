// Package queue is the heart of the broker: what happens to messages between send and
// settlement, without any network. It follows Service Bus: peek-lock with tokens, locks
// that expire, delivery counts, dead-lettering with a reason, duplicate detection,
// scheduled messages and expiry, sessions, topics and forwarding.
//
// All queues of a broker live in one Space and share its lock, so that a message that
// moves from one queue to others is in exactly one place at any time, for whoever looks
// and for the journal. Nothing is done under that lock but moving pointers and copying
// bytes.
//
// Time is whatever the clock of the Space says. Every operation first lets expire what has
// expired by then, and Expire does only that; nothing here runs by itself.
package queue

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// A Recorder is told of every change in the order in which it is made, under the lock of
// the Space. What comes before a Commit happened at once, and after a crash has happened
// entirely or not at all.
type Recorder interface {
	// Put records a message that is in the queue from now on.
	Put(queue string, r Record)
	// Update records a change of a message; a nil message has not changed.
	Update(queue string, r Record)
	// Remove records that a message has left.
	Remove(queue string, seq int64)
	// SessionState records the state of a session; nil is none.
	SessionState(queue, session string, state []byte, at time.Time)
	// Passed records that a message went through a queue to others.
	Passed(queue string, seq int64, id Seen)
	// Setting records something that the broker wants to find again; an empty value is none.
	Setting(name string, value []byte)
	// Commit ends a step; it does nothing if there was no change.
	Commit()
}

// Record is a message with its standing, without locks: those do not outlive a broker.
type Record struct {
	Message     *amqp.Message
	Sequence    int64
	EnqueuedSeq int64 // where it was sent to; 0 = here
	EnqueuedAt  int64 // ms since 1970
	Due         int64 // ms since 1970, of a scheduled message; 0 = not scheduled
	Deliveries  uint32
	Deferred    bool
}

// Space holds the queues of a broker.
type Space struct {
	mu       sync.Mutex
	clock    func() time.Time
	recorder Recorder // nil = none
	rng      *rand.ChaCha8
	queues   map[string]*Queue // by key, dead-letter queues included
	order    []*Queue          // in the order of their creation
	settings map[string][]byte
}

// NewSpace returns a space without queues. The seed is of the lock tokens.
func NewSpace(clock func() time.Time, seed [32]byte) *Space {
	return &Space{clock: clock, rng: rand.NewChaCha8(seed), queues: map[string]*Queue{}, settings: map[string][]byte{}}
}

// Record has a recorder told of every change from now on; nil ends that.
func (sp *Space) Record(r Recorder) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.recorder = r
}

// Set keeps a value by name for whoever recovers the space; an empty value removes it.
func (sp *Space) Set(name string, value []byte) {
	sp.lock()
	defer sp.unlock()
	sp.set(name, value)
	if sp.recorder != nil {
		sp.recorder.Setting(name, value)
	}
}

func (sp *Space) set(name string, value []byte) {
	if len(value) == 0 {
		delete(sp.settings, name)
		return
	}
	sp.settings[name] = value
}

// Settings returns all values by name.
func (sp *Space) Settings() map[string][]byte {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return maps.Clone(sp.settings)
}

func (sp *Space) lock() { sp.mu.Lock() }

func (sp *Space) unlock() {
	if sp.recorder != nil {
		sp.recorder.Commit()
	}
	sp.mu.Unlock()
}

// now is the time in ms since 1970, which is all that AMQP can tell.
func (sp *Space) now() int64 { return sp.clock().UnixMilli() }

// newToken makes a random UUID (version 4).
func (sp *Space) newToken() amqp.UUID {
	var t amqp.UUID
	_, _ = sp.rng.Read(t[:]) // never fails
	t[6] = t[6]&0x0f | 0x40
	t[8] = t[8]&0x3f | 0x80
	return t
}

// Keys of the queues that belong to a queue.
const (
	deadSuffix     = "/$deadletterqueue"
	transferSuffix = "/$transfer/$deadletterqueue"
)

// New adds an empty queue with its dead-letter queues. Its key, unique in the space, is
// what a Recorder knows it by.
func (sp *Space) New(key string, cfg Config) *Queue {
	sp.lock()
	defer sp.unlock()
	q := sp.add(key, cfg)
	dead := cfg
	dead.Sessions, dead.DuplicateWindow, dead.TimeToLive = false, 0, 0
	q.dead = sp.add(key+deadSuffix, dead)
	q.transfer = sp.add(key+transferSuffix, dead)
	return q
}

func (sp *Space) add(key string, cfg Config) *Queue {
	q := &Queue{
		sp: sp, key: key, cfg: cfg,
		locks:   map[amqp.UUID]*item{},
		seen:    newDuplicates(cfg.DuplicateWindow),
		waiters: map[Waiter]struct{}{},
		buried:  strings.HasSuffix(key, deadSuffix),
	}
	if cfg.Sessions {
		q.sessions = map[string]*session{}
	}
	if o := sp.queues[key]; o != nil && o.orphan {
		sp.drop(o)
		q.adopt(o)
	}
	sp.queues[key] = q
	sp.order = append(sp.order, q)
	return q
}

// drop forgets a queue.
func (sp *Space) drop(q *Queue) {
	delete(sp.queues, q.key)
	sp.order = slices.DeleteFunc(sp.order, func(o *Queue) bool { return o == q })
}

// Delete removes a queue with its dead-letter queues and all their messages. Whoever waits
// for it is woken and finds it gone.
func (sp *Space) Delete(q *Queue) {
	sp.lock()
	defer sp.unlock()
	for _, d := range []*Queue{q, q.dead, q.transfer} {
		d.purge()
		sp.drop(d)
		for w := range d.waiters {
			w.Wake()
		}
		clear(d.waiters)
	}
}

// Expire lets expire what has expired by now, everywhere.
func (sp *Space) Expire() {
	sp.lock()
	defer sp.unlock()
	for _, q := range sp.order {
		q.expire()
	}
}
