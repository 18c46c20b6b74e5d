package functionshost

import (
	"context"
	"sync"
)

// slot is the place of one host instance, in which the platform puts a new one when the old
// one stopped.
type slot struct {
	mu      sync.Mutex
	current *instance
	changed chan struct{} // closed and replaced by put
}

// put replaces the instance.
func (s *slot) put(i *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = i
	close(s.changed)
	s.changed = make(chan struct{})
}

// now returns the instance, which may have ended, or nil before the first.
func (s *slot) now() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// alive waits for an instance that has not ended.
func (s *slot) alive(ctx context.Context) (*instance, error) {
	for {
		s.mu.Lock()
		i, changed := s.current, s.changed
		s.mu.Unlock()
		if i != nil && !i.ended() {
			return i, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
