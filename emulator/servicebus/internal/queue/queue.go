// Package queue is the heart of the broker: what happens to messages between send and
// settlement, without any network. It follows Service Bus: peek-lock with tokens, locks
// that expire, delivery counts, dead-lettering with a reason, duplicate detection.
//
// Time is whatever Config.Now says. Every operation first lets expire what has expired by
// then, and Expire does only that; nothing here runs by itself.
package queue

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"sort"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

var (
	// ErrLockLost means that a lock has expired, or was settled before.
	ErrLockLost = errors.New("the lock supplied is invalid: either the lock expired, or the message has already been removed from the queue")
	// ErrFull means that a send would exceed the size of the queue.
	ErrFull = errors.New("the queue is full")
	// ErrNotFound means that no message of that sequence number is deferred.
	ErrNotFound = errors.New("no deferred message has that sequence number")
)

// Reasons that the broker gives when it dead-letters by itself.
const reasonMaxDelivery = "MaxDeliveryCountExceeded"

// Application properties of a dead-lettered message.
const (
	PropertyReason      = "DeadLetterReason"
	PropertyDescription = "DeadLetterErrorDescription"
)

// Config describes a queue.
type Config struct {
	LockDuration     time.Duration
	MaxDeliveryCount int
	DuplicateWindow  time.Duration // 0 = no duplicate detection
	MaxBytes         int64         // of messages present, dead letters counted apart
	Now              func() time.Time
	Seed             [32]byte // of the lock tokens
}

// A Waiter is told, without blocking, that there may be messages for it.
type Waiter interface{ Wake() }

type state uint8

const (
	active state = iota
	locked
	deferred
	gone
)

// item is a message with its standing in the queue.
type item struct {
	msg         *amqp.Message
	seq         int64
	enqueuedSeq int64
	enqueuedAt  time.Time
	lockedUntil time.Time
	token       amqp.UUID
	prev, next  *item  // in the list of locks, ordered by lockedUntil
	deliveries  uint32 // that ended without the message leaving
	state       state
	deferred    bool // locked by sequence number: returns to deferred
}

// Queue is safe for concurrent use.
type Queue struct {
	cfg  Config
	dead *Queue // nil in a dead-letter queue

	mu sync.Mutex
	// log holds every message present in order of sequence number, and holes (gone) until
	// it is compacted. Those from fresh on were never delivered; a delivered one that comes
	// back is in returned. Together they give order without moving anything.
	log      []*item
	holes    int
	fresh    int
	returned bySequence
	locks    map[amqp.UUID]*item
	oldest   *item // head of the list of locks: the first to expire
	newest   *item
	seen     duplicates
	waiters  map[Waiter]struct{}
	rng      *rand.ChaCha8
	lastSeq  int64
	stats    Stats
}

// Stats counts the messages present and those that have passed.
type Stats struct {
	Active, Locked, Deferred, DeadLettered int   // present; DeadLettered is the length of the dead-letter queue
	Bytes                                  int64 // of the messages present
	Sent, Duplicates, Delivered, Completed int64 // since the start; Delivered counts repeats
	Abandoned, Expired, Released, Dead     int64 // since the start; Expired counts locks, Dead what was dead-lettered
}

// New returns an empty queue with its dead-letter queue.
func New(cfg Config) *Queue {
	q := newQueue(cfg)
	cfg.Seed[0] ^= 0xff
	q.dead = newQueue(cfg)
	return q
}

func newQueue(cfg Config) *Queue {
	return &Queue{
		cfg:     cfg,
		locks:   map[amqp.UUID]*item{},
		seen:    newDuplicates(cfg.DuplicateWindow),
		waiters: map[Waiter]struct{}{},
		rng:     rand.NewChaCha8(cfg.Seed),
	}
}

// DeadLetter returns the dead-letter queue.
func (q *Queue) DeadLetter() *Queue { return q.dead }

// Stats returns the counts as of now.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	q.expire()
	s := q.stats
	q.mu.Unlock()
	if q.dead != nil {
		d := q.dead.Stats()
		s.DeadLettered = d.Active + d.Locked + d.Deferred
	}
	return s
}

// Send stores all messages or none. A duplicate counts as stored.
func (q *Queue) Send(messages []*amqp.Message) error {
	var size int64
	for _, m := range messages {
		size += int64(m.Size())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	if q.stats.Bytes+size > q.cfg.MaxBytes {
		return ErrFull
	}
	now := q.cfg.Now()
	for _, m := range messages {
		q.stats.Sent++
		if q.seen.add(m.ID, now) {
			q.stats.Duplicates++
			continue
		}
		q.append(&item{msg: m, enqueuedAt: now})
	}
	q.wake()
	return nil
}

// append gives the next sequence number. The service keeps one numbering for a queue and
// its dead letters; here each has its own, and a dead letter keeps the first as its
// enqueued sequence number.
func (q *Queue) append(it *item) {
	q.lastSeq++
	it.seq = q.lastSeq
	if it.enqueuedSeq == 0 {
		it.enqueuedSeq = it.seq
	}
	it.state = active
	q.log = append(q.log, it)
	q.stats.Active++
	q.stats.Bytes += int64(it.msg.Size())
}

func (q *Queue) wake() {
	if q.stats.Active == 0 {
		return
	}
	for w := range q.waiters {
		w.Wake()
	}
	clear(q.waiters)
}

// Await has w woken at the next event that makes a message active, whether or not there
// are active ones now.
func (q *Queue) Await(w Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters[w] = struct{}{}
}

// Forget drops a waiter.
func (q *Queue) Forget(w Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiters, w)
}

// Delivery is a message handed out.
type Delivery struct {
	Message *amqp.Message
	amqp.Assigned
}

// Take hands out at most limit messages in order of sequence number, and stops once they
// exceed maxBytes. With lock they are locked, otherwise removed. If there are no more, w
// is woken when there may be.
func (q *Queue) Take(dst []Delivery, limit, maxBytes int, lock bool, w Waiter) []Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	now := q.cfg.Now()
	for size := 0; limit > 0 && size < maxBytes; limit-- {
		it := q.pop()
		if it == nil {
			q.waiters[w] = struct{}{}
			break
		}
		size += it.msg.Size()
		dst = append(dst, q.handOut(it, now, lock))
	}
	return dst
}

// pop takes the active message of the lowest sequence number.
func (q *Queue) pop() *item {
	for q.fresh < len(q.log) && q.log[q.fresh].state == gone {
		q.fresh++
	}
	if len(q.returned) > 0 && (q.fresh == len(q.log) || q.returned[0].seq < q.log[q.fresh].seq) {
		return heap.Pop(&q.returned).(*item)
	}
	if q.fresh == len(q.log) {
		return nil
	}
	it := q.log[q.fresh]
	q.fresh++
	return it
}

// handOut locks or removes a message that is active or deferred.
func (q *Queue) handOut(it *item, now time.Time, lock bool) Delivery {
	d := Delivery{Message: it.msg, Assigned: amqp.Assigned{
		DeliveryCount:  it.deliveries,
		SequenceNumber: it.seq,
		EnqueuedSeq:    it.enqueuedSeq,
		EnqueuedAt:     it.enqueuedAt,
	}}
	it.deferred = it.state == deferred
	if it.deferred {
		d.State = stateDeferred
	}
	q.count(it.state, -1)
	q.stats.Delivered++
	if !lock {
		q.stats.Completed++
		q.remove(it)
		return d
	}
	it.state, it.lockedUntil, it.token = locked, now.Add(q.cfg.LockDuration), q.newToken()
	q.stats.Locked++
	q.locks[it.token] = it
	q.pushLock(it)
	d.LockedUntil, d.LockToken = it.lockedUntil, it.token
	return d
}

// Values of the annotation x-opt-message-state.
const stateDeferred = 1

func (q *Queue) count(s state, by int) {
	switch s {
	case active:
		q.stats.Active += by
	case locked:
		q.stats.Locked += by
	case deferred:
		q.stats.Deferred += by
	case gone:
	}
}

// remove makes the item a hole, after its state was uncounted.
func (q *Queue) remove(it *item) {
	q.stats.Bytes -= int64(it.msg.Size())
	it.state, it.msg = gone, nil
	q.holes++
	if q.holes < 1024 || q.holes*2 < len(q.log) {
		return
	}
	kept := make([]*item, 0, len(q.log)-q.holes)
	fresh := 0
	for i, it := range q.log {
		if i == q.fresh {
			fresh = len(kept)
		}
		if it.state != gone {
			kept = append(kept, it)
		}
	}
	if q.fresh >= len(q.log) {
		fresh = len(kept)
	}
	q.log, q.fresh, q.holes = kept, fresh, 0
}

// newToken makes a random UUID (version 4).
func (q *Queue) newToken() amqp.UUID {
	var t amqp.UUID
	_, _ = q.rng.Read(t[:]) // never fails
	t[6] = t[6]&0x0f | 0x40
	t[8] = t[8]&0x3f | 0x80
	return t
}

// Peek returns up to limit messages from a sequence number on, whatever their state,
// without touching them; it stops before they exceed maxBytes, but returns one at least.
func (q *Queue) Peek(from int64, limit, maxBytes int) []Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	var out []Delivery
	size := 0
	for _, it := range q.log[q.search(from):] {
		if len(out) >= limit {
			break
		}
		if it.state == gone {
			continue
		}
		if size += it.msg.Size(); size > maxBytes && len(out) > 0 {
			break
		}
		d := Delivery{Message: it.msg, Assigned: amqp.Assigned{
			DeliveryCount: it.deliveries, SequenceNumber: it.seq,
			EnqueuedSeq: it.enqueuedSeq, EnqueuedAt: it.enqueuedAt,
		}}
		if it.state == deferred {
			d.State = stateDeferred
		}
		out = append(out, d)
	}
	return out
}

// search returns the position of the first message from a sequence number on.
func (q *Queue) search(seq int64) int {
	return sort.Search(len(q.log), func(i int) bool { return q.log[i].seq >= seq })
}

// bySequence is a heap of messages that came back.
type bySequence []*item

func (h bySequence) Len() int           { return len(h) }
func (h bySequence) Less(i, j int) bool { return h[i].seq < h[j].seq }
func (h bySequence) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *bySequence) Push(x any) { *h = append(*h, x.(*item)) }

// Pop implements heap.Interface.
func (h *bySequence) Pop() any {
	old := *h
	n := len(old) - 1
	it := old[n]
	old[n] = nil
	*h = old[:n]
	return it
}
