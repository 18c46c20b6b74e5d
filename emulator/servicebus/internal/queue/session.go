package queue

import (
	"container/heap"
	"errors"
	"sort"
	"time"
)

var (
	// ErrSessionHeld means that somebody else has locked the session.
	ErrSessionHeld = errors.New("the requested session cannot be accepted: it is locked by another receiver")
	// ErrSessionLost means that the lock of a session has expired or was given back.
	ErrSessionLost = errors.New("the session lock has expired on the session, or it was closed: accept the session again")
)

// session is the messages of one session id in their order, and who has locked them.
type session struct {
	id      string
	ready   bySequence // active, or were
	locks   lockList   // messages locked by the holder
	holder  *Session   // nil = nobody
	until   int64      // end of the holder's lock
	state   []byte     // nil = none
	stateAt int64      // when it was set
	present int        // messages, in whatever state
	listed  bool       // in Queue.free
}

// stateOverhead is what a session with a state counts besides its state, in bytes.
const stateOverhead = 256

// session finds or begins a session.
func (q *Queue) session(id string) *session {
	s := q.sessions[id]
	if s == nil {
		s = &session{id: id}
		q.sessions[id] = s
	}
	return s
}

// dropIdle forgets a session that has nothing to remember.
func (q *Queue) dropIdle(s *session) {
	if s.present == 0 && s.holder == nil && s.state == nil {
		delete(q.sessions, s.id)
	}
}

// readySession has a message of a session found by its holder, or by whoever accepts the
// session next.
func (q *Queue) readySession(it *item) {
	heap.Push(&it.sess.ready, it)
	q.offer(it.sess)
}

// offer tells the holder of messages, or lists the session for the next to accept it.
func (q *Queue) offer(s *session) {
	if s.holder != nil {
		s.holder.w.Wake()
		return
	}
	s.ready.trim()
	if len(s.ready) == 0 {
		return
	}
	if !s.listed {
		s.listed = true
		q.free = append(q.free, s)
	}
	q.wakeAll()
}

// Session is a session locked by a receiver.
type Session struct {
	q *Queue
	s *session
	w Waiter
}

// Accept locks a session by its id, whether or not it has messages. The waiter is woken
// when messages come and when the lock is lost.
func (q *Queue) Accept(id string, w Waiter) (*Session, error) {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	if s := q.sessions[id]; s != nil && s.holder != nil {
		return nil, ErrSessionHeld
	}
	return q.hold(q.session(id), w), nil
}

// AcceptNext locks the session that has been free with messages for longest. If there is
// none, it returns nil, and the waiter is woken when there may be.
func (q *Queue) AcceptNext(w Waiter) *Session {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	for len(q.free) > 0 {
		s := q.free[0]
		q.free[0] = nil
		q.free = q.free[1:]
		s.listed = false
		s.ready.trim()
		if s.holder == nil && len(s.ready) > 0 {
			return q.hold(s, w)
		}
	}
	q.free = nil
	q.waiters[w] = struct{}{}
	return nil
}

func (q *Queue) hold(s *session, w Waiter) *Session {
	s.until = q.sp.now() + q.cfg.LockDuration.Milliseconds()
	s.holder = &Session{q: q, s: s, w: w}
	if q.soonest == 0 || s.until < q.soonest {
		q.soonest = s.until
	}
	return s.holder
}

// expireSessions takes back the sessions whose locks have run out. The deliveries of their
// messages count.
func (q *Queue) expireSessions(now int64) {
	q.soonest = 0
	var lost []*session
	for _, s := range q.sessions {
		switch {
		case s.holder == nil:
		case s.until <= now:
			lost = append(lost, s)
		case q.soonest == 0 || s.until < q.soonest:
			q.soonest = s.until
		}
	}
	sort.Slice(lost, func(i, j int) bool { return lost[i].id < lost[j].id })
	for _, s := range lost {
		s.holder.lose()
		q.returnAll(s, func(it *item) {
			q.stats.Expired++
			q.failed(it, false)
		})
	}
}

// lose ends the hold; the waiter finds that out.
func (h *Session) lose() {
	h.s.holder = nil
	h.w.Wake()
}

// returnAll gives back what the holder of a session has locked.
func (q *Queue) returnAll(s *session, how func(*item)) {
	for it := s.locks.oldest; it != nil; it = s.locks.oldest {
		q.unlock(it)
		how(it)
	}
	q.offer(s)
	q.dropIdle(s)
}

// Close gives the session back. Its messages return without their deliveries being
// counted, as in the service.
func (h *Session) Close() {
	h.q.sp.lock()
	defer h.q.sp.unlock()
	h.q.expire()
	if h.s.holder != h {
		return
	}
	h.s.holder = nil
	h.q.returnAll(h.s, h.q.giveBack)
}

// ID is the id of the session.
func (h *Session) ID() string { return h.s.id }

// Lost reports whether the session is no longer locked by this receiver.
func (h *Session) Lost() bool {
	h.q.sp.lock()
	defer h.q.sp.unlock()
	h.q.expire()
	return h.s.holder != h
}

// LockedUntil is when the lock ends.
func (h *Session) LockedUntil() time.Time {
	h.q.sp.lock()
	defer h.q.sp.unlock()
	return time.UnixMilli(h.s.until)
}

// do runs an operation of the holder.
func (h *Session) do(op func() error) error {
	h.q.sp.lock()
	defer h.q.sp.unlock()
	h.q.expire()
	if h.s.holder != h {
		return ErrSessionLost
	}
	return op()
}

// Renew prolongs the lock and returns its end.
func (h *Session) Renew() (until time.Time, err error) {
	err = h.do(func() error {
		h.s.until = h.q.sp.now() + h.q.cfg.LockDuration.Milliseconds()
		until = time.UnixMilli(h.s.until)
		for it := h.s.locks.oldest; it != nil; it = it.next {
			it.lockedUntil = h.s.until
		}
		return nil
	})
	return until, err
}

// State returns what SetState stored, nil if nothing.
func (h *Session) State() (state []byte, err error) {
	err = h.do(func() error {
		state = h.s.state
		return nil
	})
	return state, err
}

// SetState stores a state, which outlives the lock and the messages; nil removes it. It
// counts towards the size of the queue.
func (h *Session) SetState(state []byte) error {
	return h.do(func() error {
		grow := stateSize(state) - stateSize(h.s.state)
		if grow > 0 && h.q.stats.Bytes+grow > h.q.cfg.MaxBytes {
			return ErrFull
		}
		now := h.q.sp.now()
		h.q.setState(h.s, state, now)
		if h.q.sp.recorder != nil {
			h.q.sp.recorder.SessionState(h.q.key, h.s.id, state, time.UnixMilli(now))
		}
		return nil
	})
}

func stateSize(state []byte) int64 {
	if state == nil {
		return 0
	}
	return int64(len(state)) + stateOverhead
}

func (q *Queue) setState(s *session, state []byte, at int64) {
	q.stats.Bytes += stateSize(state) - stateSize(s.state)
	s.state, s.stateAt = state, at
}

// Take hands out messages of the session as Queue.Take does of a queue.
func (h *Session) Take(dst []Delivery, limit, maxBytes int, lock bool) []Delivery {
	_ = h.do(func() error { // a lost session has no messages, and its link is told so
		now := h.q.sp.now()
		for size := 0; limit > 0 && size < maxBytes; limit-- {
			h.s.ready.trim()
			if len(h.s.ready) == 0 {
				break // Wake comes with the next message
			}
			it := heap.Pop(&h.s.ready).(*item)
			size += it.msg.Size()
			dst = append(dst, h.q.handOut(it, now, lock))
		}
		return nil
	})
	return dst
}

// SessionIDs lists, in order, the sessions with active messages or a state, or with a time
// those whose state was set after it. It leaves out the first skip and stops at top.
func (q *Queue) SessionIDs(after *time.Time, skip, top int) []string {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	var ids []string
	for id, s := range q.sessions {
		s.ready.trim()
		if after == nil && (len(s.ready) > 0 || s.locks.oldest != nil || s.state != nil) ||
			after != nil && s.state != nil && s.stateAt > after.UnixMilli() {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	ids = ids[min(skip, len(ids)):]
	return ids[:min(top, len(ids))]
}
