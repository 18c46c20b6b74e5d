package servicebus

import (
	"context"
	"log/slog"

	"github.com/skucast/skucast/emulator/servicebus/internal/journal"
)

// recover fills the entities with what a directory holds and has every change recorded
// there from now on.
func (s *Server) recover(dir string) error {
	j, err := journal.Open(dir, s.space, s.log)
	if err != nil {
		return err
	}
	s.journal = j
	for _, key := range s.space.Orphans() {
		s.log.LogAttrs(context.Background(), slog.LevelWarn,
			"the data directory has messages of a queue that is not configured; they are kept until it is",
			slog.String("directory", dir), slog.String("queue", key))
	}
	return s.restoreRules()
}

// closeJournal writes what is left.
func (s *Server) closeJournal() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.Close()
}

// abort ends a server whose journal cannot be written: whatever it confirmed now might be
// lost.
func (s *Server) abort() {
	s.log.LogAttrs(context.Background(), slog.LevelError, "the journal cannot be written; the server ends",
		slog.Any("error", s.journal.Err()))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for c := range s.conns {
		_ = c.nc.Close()
	}
}

// why is the reason for which a server has ended.
func (s *Server) why() error {
	if s.journal != nil {
		select {
		case <-s.journal.Failed():
			return s.journal.Err()
		default:
		}
	}
	return ErrClosed
}

// position is how much has been recorded; see confirmable.
func (s *Server) position() int64 {
	if s.journal == nil {
		return 0
	}
	return s.journal.Position()
}

// confirmable waits until what was recorded up to a position would survive a crash: only
// then may anybody hear of it.
func (s *Server) confirmable(position int64) error {
	if s.journal == nil {
		return nil
	}
	return s.journal.Wait(position)
}

// throttle waits while the disk is far behind.
func (s *Server) throttle() {
	if s.journal != nil {
		s.journal.Throttle()
	}
}
