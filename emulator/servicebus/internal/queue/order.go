package queue

import (
	"container/heap"
	"sort"
)

// search returns the position of the first message from a sequence number on.
func (q *Queue) search(seq int64) int {
	return sort.Search(len(q.log), func(i int) bool { return q.log[i].seq >= seq })
}

// find returns the message of a sequence number, or nil.
func (q *Queue) find(seq int64) *item {
	at := q.search(seq)
	if at == len(q.log) || q.log[at].seq != seq || q.log[at].state == gone {
		return nil
	}
	return q.log[at]
}

// Peek returns up to limit messages from a sequence number on, whatever their state,
// without touching them; it stops before they exceed maxBytes, but returns one at least.
// With a session only its messages count.
func (q *Queue) Peek(from int64, limit, maxBytes int, session *string) []Delivery {
	q.sp.lock()
	defer q.sp.unlock()
	q.expire()
	var out []Delivery
	size := 0
	for _, it := range q.log[q.search(from):] {
		if len(out) >= limit {
			break
		}
		if it.state == gone || (session != nil && (it.sess == nil || it.sess.id != *session)) {
			continue
		}
		if size += it.msg.Size(); size > maxBytes && len(out) > 0 {
			break
		}
		out = append(out, it.delivery())
	}
	return out
}

// bySequence is a heap of messages that are active, or were when they were put in.
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

// trim drops from the top what has expired meanwhile.
func (h *bySequence) trim() {
	for len(*h) > 0 && (*h)[0].state != active {
		heap.Pop(h)
	}
}

// byTimer is a heap of messages that have a timer, and of some that left before it.
type byTimer []*item

func (h byTimer) Len() int { return len(h) }

func (h byTimer) Less(i, j int) bool {
	if h[i].timer != h[j].timer {
		return h[i].timer < h[j].timer
	}
	return h[i].seq < h[j].seq
}

func (h byTimer) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byTimer) Push(x any) { *h = append(*h, x.(*item)) }

// Pop implements heap.Interface.
func (h *byTimer) Pop() any {
	old := *h
	n := len(old) - 1
	it := old[n]
	old[n] = nil
	*h = old[:n]
	return it
}

// add puts a message in and, when most of the others have left the queue, which holds so
// many, drops those.
func (h *byTimer) add(it *item, present int) {
	if len(*h) > 1024 && len(*h) > 2*present {
		kept := (*h)[:0]
		for _, o := range *h {
			if o.state != gone {
				kept = append(kept, o)
			}
		}
		clear((*h)[len(kept):])
		*h = kept
		heap.Init(h)
	}
	heap.Push(h, it)
}

// lockList is a list of locked messages ordered by the ends of their locks.
type lockList struct{ oldest, newest *item }

// push files a lock by its end. All locks of a list last equally long, so its place is
// last unless the clock was set back.
func (l *lockList) push(it *item) {
	after := l.newest
	for after != nil && after.lockedUntil > it.lockedUntil {
		after = after.prev
	}
	it.prev = after
	if after == nil {
		it.next, l.oldest = l.oldest, it
	} else {
		it.next, after.next = after.next, it
	}
	if it.next == nil {
		l.newest = it
	} else {
		it.next.prev = it
	}
}

func (l *lockList) remove(it *item) {
	if it.prev == nil {
		l.oldest = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.newest = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.prev, it.next = nil, nil
}
