package queue

import (
	"errors"
	"fmt"

	"github.com/skucast/skucast/emulator/servicebus/internal/amqp"
)

// ErrHasMessages means that a queue cannot begin to forward while it holds messages that
// nobody would ever take.
var ErrHasMessages = errors.New("the queue holds messages")

// ForwardTo makes every message that becomes active in the queue go to another instead.
// The caller makes sure that no chain of queues ends where it began. Nil ends forwarding.
func (q *Queue) ForwardTo(to *Queue) error {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	if to == nil {
		q.route, q.room = nil, nil
		return nil
	}
	if q.stats.Locked > 0 {
		return fmt.Errorf("%s: %w", q.cfg.Name, ErrHasMessages)
	}
	q.route, q.room = to.accept, to.hasRoom
	for it := q.pop(); it != nil; it = q.pop() {
		m, seq := it.msg, it.firstSeq()
		q.count(it.state, -1)
		q.remove(it)
		q.arrive(m, seq, 0, q.sp.now())
	}
	return nil
}

// ForwardDeadLettersTo makes dead letters go to another queue; nil ends that. Those that
// are there already stay.
func (q *Queue) ForwardDeadLettersTo(to *Queue) {
	q.sp.lock()
	defer q.sp.unlock()
	q.forwardDead = to
}

// accept takes a message that another queue sends on.
func (q *Queue) accept(m *amqp.Message, enqueuedSeq int64) error {
	q.expire()
	if q.cfg.Sessions && !m.HasSession() {
		return fmt.Errorf("%s: %w", q.cfg.Name, ErrNoSessionID)
	}
	if err := q.hasRoom(int64(m.Size())); err != nil {
		return err
	}
	now := q.sp.now()
	q.stats.Sent++
	if q.seen.add(m.ID, now) {
		q.stats.Duplicates++
		return nil
	}
	q.arrive(m, enqueuedSeq, 0, now)
	q.wake()
	return nil
}

// A Selector decides which copies of a message a subscription gets: none, the message
// itself, or changed ones. It is called under the lock of the Space.
type Selector func(m *amqp.Message) []*amqp.Message

// Topic passes every message to the subscriptions that want it.
type Topic struct {
	*Queue // scheduled messages, duplicate detection and what could not be passed on
	subs   []subscription
}

type subscription struct {
	q      *Queue
	choose Selector
}

// NewTopic adds a topic without subscriptions.
func (sp *Space) NewTopic(key string, cfg Config) *Topic {
	t := &Topic{Queue: sp.New(key, cfg)}
	t.route, t.room = t.fanOut, t.fits
	return t
}

// Subscribe adds a queue that gets what its selector chooses.
func (t *Topic) Subscribe(q *Queue, choose Selector) {
	t.sp.lock()
	defer t.sp.unlock()
	t.subs = append(t.subs, subscription{q, choose})
}

// Unsubscribe removes a queue.
func (t *Topic) Unsubscribe(q *Queue) {
	t.sp.lock()
	defer t.sp.unlock()
	for i, s := range t.subs {
		if s.q == q {
			t.subs = append(t.subs[:i:i], t.subs[i+1:]...)
			return
		}
	}
}

// fits refuses what would exceed the size of the topic, which is that of all its
// subscriptions together, as in the service.
func (t *Topic) fits(size int64) error {
	total := t.stats.Bytes + size
	for _, s := range t.subs {
		total += s.q.stats.Bytes
	}
	if total > t.cfg.MaxBytes {
		return fmt.Errorf("%s: %w", t.cfg.Name, ErrFull)
	}
	return nil
}

// fanOut gives a message to every subscription that wants it. One that cannot take it has
// it in its own dead letters, so that the others are not held up.
func (t *Topic) fanOut(m *amqp.Message, enqueuedSeq int64) error {
	if t.cfg.TimeToLive > 0 {
		m = m.WithTTL(t.cfg.TimeToLive)
	}
	for _, s := range t.subs {
		for _, copied := range s.choose(m) {
			s.q.expire()
			now := s.q.sp.now()
			s.q.stats.Sent++
			if s.q.cfg.Sessions && !copied.HasSession() {
				s.q.stats.Dead++
				s.q.dead.stats.Sent++
				s.q.dead.arrive(deadLetter(copied, reasonForward, ErrNoSessionID.Error()), enqueuedSeq, 0, now)
				s.q.dead.wake()
				continue
			}
			s.q.arrive(copied, enqueuedSeq, 0, now)
			s.q.wake()
		}
	}
	return nil
}
