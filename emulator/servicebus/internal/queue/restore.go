package queue

import (
	"container/heap"
	"math"
	"time"
)

// What follows rebuilds queues from what a Recorder was told. It is for the time before
// the first operation, and gives the same result if a change is told twice.

// restoring finds a queue. One that does not exist is made, so that its messages are not
// lost: they are kept, and recorded, until somebody makes it.
func (sp *Space) restoring(key string) *Queue {
	q := sp.queues[key]
	if q == nil {
		q = sp.add(key, Config{Name: key, MaxBytes: math.MaxInt64, LockDuration: time.Minute, DuplicateWindow: time.Hour})
		q.orphan = true
	}
	return q
}

// Orphans names the queues that were recovered but do not exist, and have messages.
func (sp *Space) Orphans() []string {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	var keys []string
	for _, q := range sp.order {
		if q.orphan && q.stats.present() > 0 {
			keys = append(keys, q.key)
		}
	}
	return keys
}

// adopt takes over what was recovered for a queue before it was made.
func (q *Queue) adopt(o *Queue) {
	q.lastSeq = o.lastSeq
	for _, s := range o.seen.all() {
		q.seen.add(s.ID, s.At)
	}
	for _, it := range o.log {
		if it.state == gone {
			continue
		}
		it.sess = nil
		q.file(it, it.state)
		if it.state == active {
			q.ready(it)
		}
	}
}

// RestorePut puts a message where it was.
func (sp *Space) RestorePut(key string, r Record) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	q := sp.restoring(key)
	if !q.buried {
		q.seen.add(r.Message.ID, r.EnqueuedAt)
	}
	if n := len(q.log); n > 0 && q.log[n-1].seq >= r.Sequence {
		return // told twice
	}
	q.lastSeq = max(q.lastSeq, r.Sequence)
	it := &item{
		msg: r.Message, seq: r.Sequence, enqueuedSeq: r.EnqueuedSeq, enqueuedAt: r.EnqueuedAt,
		deliveries: r.Deliveries, deferred: r.Deferred,
	}
	s := active
	switch {
	case r.Due != 0:
		it.timer, s = r.Due, scheduled
	case r.Deferred:
		s = deferred
	}
	q.file(it, s)
	if s == active {
		q.ready(it)
	}
}

// RestoreUpdate changes a message as it was changed.
func (sp *Space) RestoreUpdate(key string, r Record) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	q := sp.restoring(key)
	it := q.find(r.Sequence)
	if it == nil {
		return
	}
	if r.Message != nil {
		q.stats.Bytes += int64(r.Message.Size() - it.msg.Size())
		it.msg = r.Message
	}
	it.deliveries = r.Deliveries
	if r.Deferred && it.state == active {
		q.count(active, -1)
		it.state, it.deferred = deferred, true
		q.count(deferred, 1)
	}
}

// RestoreRemove removes a message as it was removed.
func (sp *Space) RestoreRemove(key string, seq int64) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	q := sp.restoring(key)
	if it := q.find(seq); it != nil {
		q.count(it.state, -1)
		q.remove(it)
	}
}

// RestoreState sets the state of a session as it was set.
func (sp *Space) RestoreState(key, id string, state []byte, at time.Time) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if q := sp.queues[key]; q != nil && q.cfg.Sessions {
		s := q.session(id)
		q.setState(s, state, at.UnixMilli())
		q.dropIdle(s)
	}
}

// RestoreCounters sets the last sequence number given and ids that were seen, of messages
// that may be gone.
func (sp *Space) RestoreCounters(key string, lastSeq int64, seen []Seen) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	q := sp.restoring(key)
	q.lastSeq = max(q.lastSeq, lastSeq)
	for _, s := range seen {
		q.seen.add(s.ID, s.At)
	}
}

// RestoreSetting keeps a value as it was set.
func (sp *Space) RestoreSetting(name string, value []byte) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.set(name, value)
}

// Seen is a message id and when it came, in ms since 1970.
type Seen struct {
	ID string
	At int64
}

// A Snapshot visits everything that a queue holds, in pieces between which the queue goes
// on. What changes meanwhile may or may not be in it; a Recorder that was set before the
// first piece knows.
type Snapshot struct {
	q    *Queue
	last int64 // sequence number when it began
	next int64
}

// Snapshots begins a snapshot of every queue. The function is called under the lock, at
// the moment from which on a Recorder must keep what it is told.
func (sp *Space) Snapshots(at func()) []*Snapshot {
	sp.lock()
	defer sp.unlock()
	if at != nil {
		if sp.recorder != nil {
			sp.recorder.Commit()
		}
		at()
	}
	all := make([]*Snapshot, len(sp.order))
	for i, q := range sp.order {
		all[i] = &Snapshot{q: q, last: q.lastSeq}
	}
	return all
}

// Key is the key of the queue.
func (s *Snapshot) Key() string { return s.q.key }

// Last is the last sequence number that the queue had given when the snapshot began.
func (s *Snapshot) Last() int64 { return s.last }

// States calls each for every session that has a state.
func (s *Snapshot) States(each func(id string, state []byte, at time.Time)) {
	s.q.sp.lock()
	defer s.q.sp.unlock()
	for _, t := range s.q.sessions {
		if t.state != nil {
			each(t.id, t.state, time.UnixMilli(t.stateAt))
		}
	}
}

// Seen returns the ids that duplicate detection remembers.
func (s *Snapshot) Seen() []Seen {
	s.q.sp.lock()
	defer s.q.sp.unlock()
	return s.q.seen.all()
}

// Next calls each for the next limit messages, and reports whether there may be more.
func (s *Snapshot) Next(limit int, each func(Record)) bool {
	s.q.sp.lock()
	defer s.q.sp.unlock()
	at := s.q.search(s.next)
	for ; at < len(s.q.log) && limit > 0; at++ {
		it := s.q.log[at]
		if it.seq > s.last {
			return false
		}
		s.next = it.seq + 1
		limit--
		if it.state != gone {
			each(it.record())
		}
	}
	return at < len(s.q.log)
}

// Settle ends the restoring: order is established and what has expired is gone.
func (sp *Space) Settle() {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for _, q := range sp.order {
		q.compact()
		q.fresh = 0
		for _, s := range q.sessions {
			heap.Init(&s.ready)
		}
		q.seen.forget(sp.now())
	}
}
