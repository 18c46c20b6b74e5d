package queue

import (
	"container/heap"
	"fmt"
	"slices"
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
		changed := q.setProperties(it, set)
		q.failed(it, changed)
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
		changed := q.setProperties(it, set)
		it.deferred = true
		q.recordUpdate(it, changed)
		q.giveBack(it)
	})
}

// DeadLetterMessage moves a locked message to the dead-letter queue and sets application
// properties, by custom the reason and description, on it. In a dead-letter queue the
// message stays.
func (q *Queue) DeadLetterMessage(token amqp.UUID, set []amqp.Pair) error {
	return q.settle(token, func(it *item) {
		changed := q.setProperties(it, set)
		if q.buried {
			q.recordUpdate(it, changed)
			q.giveBack(it)
			return
		}
		q.bury(it)
	})
}

// settle unlocks the message and lets what decide where it goes.
func (q *Queue) settle(token amqp.UUID, what func(*item)) error {
	q.sp.lock()
	defer q.sp.unlock()
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
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	return q.locks[token] != nil
}

// unlock takes a message out of the locked ones; the caller says where it goes.
func (q *Queue) unlock(it *item) {
	delete(q.locks, it.token)
	if it.sess != nil {
		it.sess.locks.remove(it)
	} else {
		q.expiring.remove(it)
	}
	q.stats.Locked--
}

func (q *Queue) setProperties(it *item, set []amqp.Pair) (changed bool) {
	if len(set) == 0 {
		return false
	}
	before := it.msg.Size()
	it.msg = it.msg.With(set...)
	q.stats.Bytes += int64(it.msg.Size() - before)
	return true
}

func (q *Queue) recordUpdate(it *item, changed bool) {
	if q.sp.recorder == nil {
		return
	}
	r := it.record()
	if !changed {
		r.Message = nil
	}
	q.sp.recorder.Update(q.key, r)
}

// failed gives a message back after a delivery that counts, or buries it. In a dead-letter
// queue the count never rises.
func (q *Queue) failed(it *item, changed bool) {
	if !q.buried {
		it.deliveries++
		if int(it.deliveries) >= q.cfg.MaxDeliveryCount {
			before := it.msg.Size()
			it.msg = deadLetter(it.msg, reasonMaxDelivery,
				fmt.Sprintf("Message could not be consumed after %d delivery attempts.", it.deliveries))
			q.stats.Bytes += int64(it.msg.Size() - before)
			q.bury(it)
			return
		}
		q.recordUpdate(it, changed)
	} else if changed {
		q.recordUpdate(it, true)
	}
	q.giveBack(it)
}

func deadLetter(m *amqp.Message, reason, description string) *amqp.Message {
	return m.With(amqp.TextPair(PropertyReason, reason), amqp.TextPair(PropertyDescription, description))
}

// bury moves an unlocked, uncounted message to the dead-letter queue, or to where dead
// letters are forwarded.
func (q *Queue) bury(it *item) {
	q.stats.Dead++
	m, enqueuedSeq, deliveries := it.msg, it.firstSeq(), it.deliveries
	q.remove(it)
	now := q.sp.now()
	if to := q.forwardDead; to != nil {
		if to.accept(m.WithAnnotation(amqp.TextPair(annDeadSource, q.cfg.Name)), enqueuedSeq) == nil {
			return
		}
	}
	q.dead.stats.Sent++
	q.dead.arrive(m, enqueuedSeq, deliveries, now)
	q.dead.wake()
}

// giveBack returns an unlocked message to where it was taken from, or lets it expire if
// its time came while it was locked.
func (q *Queue) giveBack(it *item) {
	if it.deferred {
		it.state = deferred
		q.stats.Deferred++
		return
	}
	it.state = active
	q.stats.Active++
	if it.timer != 0 && !q.buried && it.timer <= q.sp.now() {
		q.timeOut(it)
		return
	}
	if it.sess != nil {
		q.readySession(it)
		return
	}
	heap.Push(&q.returned, it)
}

// timeOut ends the life of an active message.
func (q *Queue) timeOut(it *item) {
	q.stats.TimedOut++
	q.count(it.state, -1)
	if !q.cfg.DeadLetterExpired {
		q.remove(it)
		return
	}
	before := it.msg.Size()
	it.msg = deadLetter(it.msg, reasonExpired, "The message expired and was dead lettered.")
	q.stats.Bytes += int64(it.msg.Size() - before)
	q.bury(it)
}

// Renew prolongs locks, all or none, and returns when they end. The messages of a session
// have no locks of their own.
func (q *Queue) Renew(tokens []amqp.UUID) ([]time.Time, error) {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	for _, t := range tokens {
		if it := q.locks[t]; it == nil || it.sess != nil {
			return nil, ErrLockLost
		}
	}
	until := q.sp.now() + q.cfg.LockDuration.Milliseconds()
	for _, t := range tokens {
		it := q.locks[t]
		q.expiring.remove(it)
		it.lockedUntil = until
		q.expiring.push(it)
	}
	return slices.Repeat([]time.Time{time.UnixMilli(until)}, len(tokens)), nil
}

// ReceiveDeferred hands out deferred messages by sequence number, all or none. Those of a
// session are locked only while somebody holds it.
func (q *Queue) ReceiveDeferred(seqs []int64, lock bool) ([]Delivery, error) {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	items := make([]*item, len(seqs))
	taken := map[int64]bool{}
	for i, seq := range seqs {
		it := q.find(seq)
		if it == nil || it.state != deferred || taken[seq] {
			return nil, fmt.Errorf("sequence number %d, deferred: %w", seq, ErrNotFound)
		}
		if it.sess != nil && it.sess.holder == nil {
			return nil, fmt.Errorf("sequence number %d: %w", seq, ErrSessionLost)
		}
		items[i], taken[seq] = it, true
	}
	now := q.sp.now()
	out := make([]Delivery, len(items))
	for i, it := range items {
		out[i] = q.handOut(it, now, lock)
	}
	return out, nil
}

// Cancel removes scheduled messages by sequence number, all or none.
func (q *Queue) Cancel(seqs []int64) error {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	for _, seq := range seqs {
		if it := q.find(seq); it == nil || it.state != scheduled {
			return fmt.Errorf("sequence number %d, scheduled: %w", seq, ErrNotFound)
		}
	}
	for _, seq := range seqs {
		if it := q.find(seq); it != nil { // named twice, it is gone already
			q.count(it.state, -1)
			q.remove(it)
		}
	}
	return nil
}

// expire lets locks and messages expire and scheduled ones appear, in the order of time
// within each kind.
func (q *Queue) expire() {
	if q.expiring.oldest == nil && len(q.timers) == 0 && q.soonest == 0 {
		return
	}
	now := q.sp.now()
	change := false
	for it := q.expiring.oldest; it != nil && it.lockedUntil <= now; it = q.expiring.oldest {
		q.unlock(it)
		q.stats.Expired++
		q.failed(it, false)
		change = true
	}
	if q.soonest != 0 && q.soonest <= now {
		q.expireSessions(now)
	}
	for len(q.timers) > 0 && q.timers[0].timer <= now {
		it := heap.Pop(&q.timers).(*item)
		switch it.state {
		case active:
			q.timeOut(it)
		case scheduled:
			m := it.msg
			q.count(scheduled, -1)
			q.remove(it)
			q.arrive(m, 0, 0, now)
			change = true
		case locked, deferred, gone: // a locked one expires when it comes back, a deferred one never
		}
	}
	if change {
		q.wake()
	}
}
