package queue

import (
	"container/heap"
	"errors"
	"fmt"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

var (
	// ErrLockLost means that a lock has expired, or was settled before.
	ErrLockLost = errors.New("the lock of the message has expired, or it was settled before")
	// ErrFull means that a send would exceed the size of the queue.
	ErrFull = errors.New("the queue is full")
	// ErrNotFound means that no message of that sequence number is there in that state.
	ErrNotFound = errors.New("no message has that sequence number")
	// ErrNoSessionID means that a message without a session was sent where one is needed.
	ErrNoSessionID = errors.New("the SessionId was not set on a message, and it cannot be sent to the entity: entities that have session support enabled can only receive messages that have the SessionId set to a valid value")
)

// Reasons that the broker gives when it dead-letters by itself.
const (
	reasonMaxDelivery = "MaxDeliveryCountExceeded"
	reasonExpired     = "TTLExpiredException"
	reasonForward     = "ForwardingFailed"
)

// Application properties of a dead-lettered message.
const (
	PropertyReason      = "DeadLetterReason"
	PropertyDescription = "DeadLetterErrorDescription"
)

// annDeadSource is the annotation of a dead letter that was forwarded: where it died.
const annDeadSource = "x-opt-deadletter-source"

// Config describes a queue.
type Config struct {
	Name              string // as the user wrote it
	LockDuration      time.Duration
	MaxDeliveryCount  int
	DuplicateWindow   time.Duration // 0 = no duplicate detection
	MaxBytes          int64         // of messages present, dead letters counted apart
	TimeToLive        time.Duration // longest life of a message; 0 = for ever
	DeadLetterExpired bool          // expired messages are dead letters instead of gone
	Sessions          bool          // every message belongs to a session
}

// A Waiter is told, without blocking, that there may be messages for it.
type Waiter interface{ Wake() }

type state uint8

const (
	active state = iota
	locked
	deferred
	scheduled
	gone
)

// item is a message with its standing in the queue. Times are ms since 1970.
type item struct {
	msg         *amqp.Message
	sess        *session // nil = none
	prev, next  *item    // in a list of locks
	seq         int64
	enqueuedSeq int64 // in the queue that it was sent to; 0 = this one
	enqueuedAt  int64
	lockedUntil int64
	timer       int64 // when a scheduled message is due, when another expires; 0 = never
	token       amqp.UUID
	deliveries  uint32 // that ended without the message leaving
	state       state
	deferred    bool // locked by sequence number: returns to deferred
}

// Queue is safe for concurrent use.
type Queue struct {
	sp             *Space
	key            string
	cfg            Config
	dead, transfer *Queue // nil in a dead-letter queue
	buried         bool   // is a dead-letter queue
	orphan         bool   // has been recovered, but nobody asked for it

	// route takes the messages that would become active, if set: to topics' subscriptions
	// or to the queue that this one forwards to.
	route       func(m *amqp.Message, enqueuedSeq int64) error
	room        func(size int64) error // of the route
	forwardDead *Queue                 // where dead letters go instead of dead

	// log holds every message present in order of sequence number, and holes (gone) until
	// it is compacted. Those from fresh on were never delivered; a delivered one that comes
	// back is in returned. Together they give order without moving anything. In a queue
	// with sessions it is the sessions that know the order.
	log      []*item
	holes    int
	fresh    int
	returned bySequence
	locks    map[amqp.UUID]*item
	expiring lockList // locks that are not a session's
	timers   byTimer
	seen     duplicates
	waiters  map[Waiter]struct{}
	lastSeq  int64
	stats    Stats

	sessions map[string]*session // nil = no sessions
	free     []*session          // may have messages and no holder, in the order in which they came free
	soonest  int64               // no lock of a session ends earlier; 0 = none is locked
}

// Stats counts the messages present and those that have passed.
type Stats struct {
	Active, Locked, Deferred, Scheduled    int   // present
	DeadLettered, TransferDeadLettered     int   // present in the dead-letter queues
	Bytes                                  int64 // of the messages present, dead letters excluded
	Sent, Duplicates, Delivered, Completed int64 // since the start; Delivered counts repeats
	Abandoned, Expired, Released, Dead     int64 // since the start; Expired counts locks, Dead what was dead-lettered
	TimedOut                               int64 // messages whose time to live was over, dead-lettered or not
}

func (s Stats) present() int { return s.Active + s.Locked + s.Deferred + s.Scheduled }

// DeadLetter returns the dead-letter queue.
func (q *Queue) DeadLetter() *Queue { return q.dead }

// Transfer returns the dead-letter queue of what could not be forwarded.
func (q *Queue) Transfer() *Queue { return q.transfer }

// Sessions reports whether the messages of the queue belong to sessions.
func (q *Queue) Sessions() bool { return q.cfg.Sessions }

// Configure changes the settings of the queue that can change while it has messages: all
// but sessions and duplicate detection. Locks held keep their ends.
func (q *Queue) Configure(cfg Config) {
	q.sp.lock()
	defer q.sp.unlock()
	cfg.Sessions, cfg.DuplicateWindow = q.cfg.Sessions, q.cfg.DuplicateWindow
	q.cfg = cfg
	for _, d := range []*Queue{q.dead, q.transfer} {
		d.cfg.LockDuration, d.cfg.MaxDeliveryCount, d.cfg.MaxBytes = cfg.LockDuration, cfg.MaxDeliveryCount, cfg.MaxBytes
	}
}

// Stats returns the counts as of now.
func (q *Queue) Stats() Stats {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	s := q.stats
	if q.dead != nil {
		q.dead.expire()
		q.transfer.expire()
		s.DeadLettered, s.TransferDeadLettered = q.dead.stats.present(), q.transfer.stats.present()
	}
	return s
}

// Send stores all messages or none and returns their sequence numbers. A duplicate counts
// as stored. Messages that the sender scheduled appear when they are due.
func (q *Queue) Send(messages []*amqp.Message) ([]int64, error) {
	var size int64
	for _, m := range messages {
		size += int64(m.Size())
		if q.cfg.Sessions && !m.HasSession() {
			return nil, ErrNoSessionID
		}
	}
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	if err := q.hasRoom(size); err != nil {
		return nil, err
	}
	now := q.sp.now()
	seqs := make([]int64, len(messages))
	for i, m := range messages {
		q.stats.Sent++
		if q.seen.add(m.ID, now) {
			q.stats.Duplicates++
			q.lastSeq++ // a number that finds nothing
			seqs[i] = q.lastSeq
			continue
		}
		if at, ok := m.ScheduledAt(); ok && at.UnixMilli() > now {
			seqs[i] = q.schedule(m, at.UnixMilli(), now)
			continue
		}
		seqs[i] = q.arrive(m, 0, 0, now)
	}
	q.wake()
	return seqs, nil
}

func (q *Queue) hasRoom(size int64) error {
	if q.stats.Bytes+size > q.cfg.MaxBytes {
		return fmt.Errorf("%s: %w", q.cfg.Name, ErrFull)
	}
	if q.room != nil {
		return q.room(size)
	}
	return nil
}

// arrive makes a message active, or sends it on its way. It returns its sequence number in
// this queue.
func (q *Queue) arrive(m *amqp.Message, enqueuedSeq int64, deliveries uint32, now int64) int64 {
	q.lastSeq++
	seq := q.lastSeq
	it := &item{msg: m, seq: seq, enqueuedSeq: enqueuedSeq, enqueuedAt: now, deliveries: deliveries}
	if q.route != nil {
		if err := q.route(m, it.firstSeq()); err != nil {
			it.msg = deadLetter(m, reasonForward, err.Error())
			q.stats.Dead++
			q.transfer.stats.Sent++
			q.transfer.arrive(it.msg, it.firstSeq(), 0, now)
			q.transfer.wake()
		}
		if q.sp.recorder != nil {
			q.sp.recorder.Passed(q.key, seq, Seen{m.ID, now})
		}
		return seq
	}
	if q.cfg.TimeToLive > 0 {
		it.msg = m.WithTTL(q.cfg.TimeToLive)
	}
	q.file(it, active)
	q.ready(it)
	q.recordPut(it)
	return seq
}

// schedule keeps a message until it is due.
func (q *Queue) schedule(m *amqp.Message, due, now int64) int64 {
	q.lastSeq++
	it := &item{msg: m, seq: q.lastSeq, enqueuedSeq: q.lastSeq, enqueuedAt: now, timer: due}
	q.file(it, scheduled)
	q.recordPut(it)
	return it.seq
}

// file enters a message in the log and sets its timer.
func (q *Queue) file(it *item, s state) {
	it.state = s
	if s != scheduled && !q.buried {
		if ttl := it.msg.TTL(); ttl > 0 {
			it.timer = it.enqueuedAt + ttl.Milliseconds()
		}
	}
	if it.timer != 0 {
		q.timers.add(it, q.stats.present())
	}
	if q.cfg.Sessions {
		id, _ := it.msg.SessionID()
		it.sess = q.session(id)
		it.sess.present++
	}
	q.log = append(q.log, it)
	q.count(s, 1)
	q.stats.Bytes += int64(it.msg.Size())
}

// ready makes a message that became active known to whoever takes it; one that was just
// filed in a queue without sessions is found by its place.
func (q *Queue) ready(it *item) {
	if it.sess != nil {
		q.readySession(it)
	}
}

func (q *Queue) recordPut(it *item) {
	if q.sp.recorder != nil {
		q.sp.recorder.Put(q.key, it.record())
	}
}

func (it *item) record() Record {
	r := Record{
		Message: it.msg, Sequence: it.seq, EnqueuedSeq: it.enqueuedSeq, EnqueuedAt: it.enqueuedAt,
		Deliveries: it.deliveries, Deferred: it.state == deferred || it.deferred,
	}
	if it.state == scheduled {
		r.Due = it.timer
	}
	return r
}

func (q *Queue) wake() {
	if q.stats.Active == 0 || q.cfg.Sessions {
		return // sessions wake by themselves
	}
	q.wakeAll()
}

func (q *Queue) wakeAll() {
	for w := range q.waiters {
		w.Wake()
	}
	clear(q.waiters)
}

// Await has w woken at the next event that makes a message active, whether or not there
// are active ones now.
func (q *Queue) Await(w Waiter) {
	q.sp.lock()
	defer q.sp.unlock()
	q.waiters[w] = struct{}{}
}

// Forget drops a waiter.
func (q *Queue) Forget(w Waiter) {
	q.sp.lock()
	defer q.sp.unlock()
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
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	now := q.sp.now()
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
	if q.cfg.Sessions {
		return nil
	}
	for q.fresh < len(q.log) && q.log[q.fresh].state != active {
		q.fresh++ // gone, or scheduled: that appears under a later number
	}
	q.returned.trim()
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
func (q *Queue) handOut(it *item, now int64, lock bool) Delivery {
	d := it.delivery()
	it.deferred = it.state == deferred
	q.count(it.state, -1)
	q.stats.Delivered++
	if !lock {
		q.stats.Completed++
		q.remove(it)
		return d
	}
	it.state, it.token = locked, q.sp.newToken()
	it.lockedUntil = now + q.cfg.LockDuration.Milliseconds()
	q.stats.Locked++
	q.locks[it.token] = it
	if it.sess != nil {
		it.lockedUntil = it.sess.until
		it.sess.locks.push(it)
	} else {
		q.expiring.push(it)
	}
	d.LockedUntil, d.LockToken = time.UnixMilli(it.lockedUntil), it.token
	return d
}

// Values of the annotation x-opt-message-state.
const (
	stateDeferred  = 1
	stateScheduled = 2
)

// firstSeq is the sequence number that a message got where it was sent to.
func (it *item) firstSeq() int64 {
	if it.enqueuedSeq != 0 {
		return it.enqueuedSeq
	}
	return it.seq
}

func (it *item) delivery() Delivery {
	d := Delivery{Message: it.msg, Assigned: amqp.Assigned{
		DeliveryCount: it.deliveries, SequenceNumber: it.seq,
		EnqueuedSeq: it.enqueuedSeq, EnqueuedAt: time.UnixMilli(it.enqueuedAt),
	}}
	switch it.state {
	case deferred:
		d.State = stateDeferred
	case scheduled:
		d.State = stateScheduled
	case locked:
		if it.deferred {
			d.State = stateDeferred
		}
	case active, gone:
	}
	return d
}

func (q *Queue) count(s state, by int) {
	switch s {
	case active:
		q.stats.Active += by
	case locked:
		q.stats.Locked += by
	case deferred:
		q.stats.Deferred += by
	case scheduled:
		q.stats.Scheduled += by
	case gone:
	}
}

// remove makes the item a hole, after its state was uncounted.
func (q *Queue) remove(it *item) {
	q.stats.Bytes -= int64(it.msg.Size())
	if q.sp.recorder != nil {
		q.sp.recorder.Remove(q.key, it.seq)
	}
	if it.sess != nil {
		it.sess.present--
		q.dropIdle(it.sess)
	}
	it.state, it.msg, it.sess = gone, nil, nil
	q.holes++
	if q.holes >= 1024 && q.holes*2 >= len(q.log) {
		q.compact()
	}
}

// compact drops the holes from the log.
func (q *Queue) compact() {
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

// purge removes every message.
func (q *Queue) purge() {
	for _, s := range q.sessions {
		if s.holder != nil {
			s.holder.lose()
		}
	}
	for _, it := range q.log {
		if it.state != gone {
			q.count(it.state, -1)
			if q.sp.recorder != nil {
				q.sp.recorder.Remove(q.key, it.seq)
			}
			it.state, it.msg, it.sess = gone, nil, nil
		}
	}
	clear(q.locks)
	clear(q.sessions)
	q.log, q.holes, q.fresh, q.returned, q.timers, q.free = nil, 0, 0, nil, nil, nil
	q.expiring, q.stats.Bytes = lockList{}, 0
}
