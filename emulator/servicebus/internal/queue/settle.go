package queue

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// Complete removes a locked message.
func (q *Queue) Complete(token amqp.UUID) error {
	return q.settle(token, func(it *item) {
		q.stats.Completed++
		q.remove(it)
	})
}

// Abandon gives a locked message back, counts the delivery, and sets application
// properties on it.
func (q *Queue) Abandon(token amqp.UUID, set []amqp.Pair) error {
	return q.settle(token, func(it *item) {
		q.stats.Abandoned++
		q.setProperties(it, set)
		q.failed(it)
	})
}

// Release gives a locked message back as if it had never been delivered.
func (q *Queue) Release(token amqp.UUID) error {
	return q.settle(token, func(it *item) {
		q.stats.Released++
		q.giveBack(it)
	})
}

// Defer sets a locked message aside: only ReceiveDeferred finds it from now on.
func (q *Queue) Defer(token amqp.UUID, set []amqp.Pair) error {
	return q.settle(token, func(it *item) {
		q.setProperties(it, set)
		it.deferred = true
		q.giveBack(it)
	})
}

// DeadLetterMessage moves a locked message to the dead-letter queue and sets application
// properties, by custom the reason and description, on it. In a dead-letter queue the
// message stays.
func (q *Queue) DeadLetterMessage(token amqp.UUID, set []amqp.Pair) error {
	return q.settle(token, func(it *item) {
		q.setProperties(it, set)
		q.bury(it)
	})
}

// settle unlocks the message and lets what decide where it goes.
func (q *Queue) settle(token amqp.UUID, what func(*item)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	it := q.locks[token]
	if it == nil {
		return ErrLockLost
	}
	q.unlock(it)
	what(it)
	q.wake()
	return nil
}

// Holds reports whether a lock is still good.
func (q *Queue) Holds(token amqp.UUID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	return q.locks[token] != nil
}

// unlock takes a message out of the locked ones; the caller says where it goes.
func (q *Queue) unlock(it *item) {
	delete(q.locks, it.token)
	q.removeLock(it)
	q.stats.Locked--
}

func (q *Queue) setProperties(it *item, set []amqp.Pair) {
	before := it.msg.Size()
	it.msg = it.msg.With(set...)
	q.stats.Bytes += int64(it.msg.Size() - before)
}

// failed gives a message back after a delivery that counts, or buries it.
func (q *Queue) failed(it *item) {
	if q.dead == nil { // in a dead-letter queue the count never rises
		q.giveBack(it)
		return
	}
	it.deliveries++
	if int(it.deliveries) < q.cfg.MaxDeliveryCount {
		q.giveBack(it)
		return
	}
	q.setProperties(it, []amqp.Pair{
		amqp.TextPair(PropertyReason, reasonMaxDelivery),
		amqp.TextPair(PropertyDescription, fmt.Sprintf("Message could not be consumed after %d delivery attempts.", it.deliveries)),
	})
	q.bury(it)
}

// bury moves an unlocked message to the dead-letter queue. The lock order is queue before
// dead-letter queue, always.
func (q *Queue) bury(it *item) {
	if q.dead == nil {
		q.giveBack(it)
		return
	}
	q.stats.Dead++
	d := &item{msg: it.msg, enqueuedSeq: it.enqueuedSeq, enqueuedAt: it.enqueuedAt, deliveries: it.deliveries}
	q.remove(it)
	q.dead.mu.Lock()
	defer q.dead.mu.Unlock()
	q.dead.append(d)
	q.dead.stats.Sent++
	q.dead.wake()
}

func (q *Queue) giveBack(it *item) {
	if it.deferred {
		it.state = deferred
		q.stats.Deferred++
		return
	}
	it.state = active
	q.stats.Active++
	heap.Push(&q.returned, it)
}

// Renew prolongs locks, all or none, and returns when they end.
func (q *Queue) Renew(tokens []amqp.UUID) ([]time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	for _, t := range tokens {
		if q.locks[t] == nil {
			return nil, ErrLockLost
		}
	}
	until := q.cfg.Now().Add(q.cfg.LockDuration)
	times := make([]time.Time, len(tokens))
	for i, t := range tokens {
		it := q.locks[t]
		q.removeLock(it)
		it.lockedUntil, times[i] = until, until
		q.pushLock(it)
	}
	return times, nil
}

// ReceiveDeferred hands out deferred messages by sequence number, all or none.
func (q *Queue) ReceiveDeferred(seqs []int64, lock bool) ([]Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expire()
	items := make([]*item, len(seqs))
	taken := map[int64]bool{}
	for i, seq := range seqs {
		at := q.search(seq)
		if at == len(q.log) || q.log[at].seq != seq || q.log[at].state != deferred || taken[seq] {
			return nil, fmt.Errorf("sequence number %d: %w", seq, ErrNotFound)
		}
		items[i], taken[seq] = q.log[at], true
	}
	now := q.cfg.Now()
	out := make([]Delivery, len(items))
	for i, it := range items {
		out[i] = q.handOut(it, now, lock)
	}
	return out, nil
}

// Expire lets expire what has expired by now.
func (q *Queue) Expire() {
	q.mu.Lock()
	q.expire()
	q.mu.Unlock()
	if q.dead != nil {
		q.dead.Expire()
	}
}

func (q *Queue) expire() {
	if q.oldest == nil {
		return
	}
	now := q.cfg.Now()
	expired := false
	for q.oldest != nil && !now.Before(q.oldest.lockedUntil) {
		it := q.oldest
		q.unlock(it)
		q.stats.Expired++
		q.failed(it)
		expired = true
	}
	if expired {
		q.wake()
	}
}

// pushLock files a lock by its end. All locks of a queue last equally long, so its place
// is last unless the clock was set back.
func (q *Queue) pushLock(it *item) {
	after := q.newest
	for after != nil && after.lockedUntil.After(it.lockedUntil) {
		after = after.prev
	}
	it.prev = after
	if after == nil {
		it.next, q.oldest = q.oldest, it
	} else {
		it.next, after.next = after.next, it
	}
	if it.next == nil {
		q.newest = it
	} else {
		it.next.prev = it
	}
}

func (q *Queue) removeLock(it *item) {
	if it.prev == nil {
		q.oldest = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		q.newest = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}
