package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

const (
	// maxPending is how many bytes may wait to be written before Throttle holds senders.
	maxPending = 32 << 20
	// compactFrom is from how many bytes of changes on a snapshot is made, unless the last
	// snapshot was larger than half of that.
	compactFrom = 64 << 20
	// chunk is how many messages of a snapshot are copied while nobody else is served.
	chunk = 512
	// keepBuffer is how large a buffer is kept once it is empty.
	keepBuffer = 4 << 20
)

// ErrClosed is what Wait returns for changes that were not written before Close.
var ErrClosed = errors.New("the journal is closed")

// Journal is an open directory. It implements queue.Recorder.
type Journal struct {
	dir   string
	log   *slog.Logger
	space *queue.Space
	lock  *os.File

	step   []byte // the changes of the current step; guarded by the lock of the Space
	stepAt int

	mu       sync.Mutex
	changed  *sync.Cond // pending has grown or shrunk, or the end has come
	pending  []byte     // records to be written
	writing  bool
	appended int64 // bytes recorded, durable ones included
	durable  int64 // bytes on disk
	file     *os.File
	number   int   // generation of file
	size     int64 // bytes in file
	snapshot int64 // bytes of the last snapshot
	busy     bool  // a snapshot is being made
	err      error // why nothing can be written any more
	closing  bool

	failed chan struct{} // closed when err is set
	wg     sync.WaitGroup
}

// Open recovers what a directory holds into a space, which has no messages yet, and
// records its changes from then on. The directory is created if it is not there, and
// belongs to one Journal at a time.
func Open(dir string, space *queue.Space, log *slog.Logger) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("servicebus: create the data directory: %w", err)
	}
	lock, err := lockDir(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("servicebus: data directory %s: %w", dir, err)
	}
	j := &Journal{dir: dir, log: log, space: space, lock: lock, failed: make(chan struct{})}
	j.changed = sync.NewCond(&j.mu)
	damaged, err := j.recover()
	if err != nil {
		if j.file != nil {
			_ = j.file.Close()
		}
		_ = lock.Close()
		return nil, fmt.Errorf("servicebus: recover %s: %w", dir, err)
	}
	space.Settle()
	space.Record(j)
	j.wg.Go(j.write)
	if damaged {
		j.compact()
	}
	return j, nil
}

func (j *Journal) begin() {
	if len(j.step) == 0 {
		j.step, j.stepAt = beginRecord(j.step)
	}
}

// Put implements queue.Recorder.
func (j *Journal) Put(key string, r queue.Record) {
	j.begin()
	j.step = appendRecord(j.step, opPut, key, r)
}

// Update implements queue.Recorder.
func (j *Journal) Update(key string, r queue.Record) {
	j.begin()
	j.step = appendRecord(j.step, opUpdate, key, r)
}

// Remove implements queue.Recorder.
func (j *Journal) Remove(key string, seq int64) {
	j.begin()
	j.step = appendRemove(j.step, key, seq)
}

// SessionState implements queue.Recorder.
func (j *Journal) SessionState(key, session string, state []byte, at time.Time) {
	j.begin()
	j.step = appendState(j.step, key, session, state, at)
}

// Passed implements queue.Recorder.
func (j *Journal) Passed(key string, seq int64, id queue.Seen) {
	j.begin()
	j.step = appendSeen(appendCounters(j.step, key, seq), key, id)
}

// Setting implements queue.Recorder.
func (j *Journal) Setting(name string, value []byte) {
	j.begin()
	j.step = appendText(appendText(append(j.step, opSetting), name), value)
}

// Commit implements queue.Recorder: the step will be written, at once or soon.
func (j *Journal) Commit() {
	if len(j.step) == 0 {
		return
	}
	j.step = endRecord(j.step, j.stepAt)
	j.mu.Lock()
	j.pending = append(j.pending, j.step...)
	j.appended += int64(len(j.step))
	j.changed.Broadcast()
	j.mu.Unlock()
	if j.step = j.step[:0]; cap(j.step) > keepBuffer {
		j.step = nil
	}
}

// Position is how much has been recorded so far; see Wait.
func (j *Journal) Position() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended
}

// Wait waits until everything that was recorded up to a position is on disk. After an
// error nothing more will be.
func (j *Journal) Wait(position int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.durable < position {
		if j.err != nil {
			return j.err
		}
		j.changed.Wait()
	}
	return nil
}

// Throttle waits while much is waiting to be written.
func (j *Journal) Throttle() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.pending) > maxPending && j.err == nil {
		j.changed.Wait()
	}
}

// Failed is closed once the journal cannot be written any more.
func (j *Journal) Failed() <-chan struct{} { return j.failed }

// Err says why it cannot.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// write is the group commit: everything that was recorded during one write and sync to
// disk goes into the next.
func (j *Journal) write() {
	var buf []byte
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		for len(j.pending) == 0 && !j.closing {
			j.changed.Wait()
		}
		if len(j.pending) == 0 {
			return
		}
		buf, j.pending = j.pending, buf[:0]
		upTo, file := j.appended, j.file
		j.writing = true
		j.mu.Unlock()
		_, err := file.Write(buf)
		if err == nil {
			err = file.Sync()
		}
		j.mu.Lock()
		j.writing = false
		if err != nil {
			j.fail(err)
			return
		}
		j.durable = upTo
		j.size += int64(len(buf))
		if cap(buf) > keepBuffer {
			buf = nil
		}
		j.changed.Broadcast()
		if j.size > max(compactFrom, 2*j.snapshot) && !j.busy {
			j.busy = true
			j.wg.Go(j.compactLogged)
		}
	}
}

// fail ends the writing; mu is held.
func (j *Journal) fail(err error) {
	j.err = fmt.Errorf("servicebus: write the journal: %w", err)
	j.pending = nil
	close(j.failed)
	j.changed.Broadcast()
}

// Close writes what is left and gives the directory back.
func (j *Journal) Close() error {
	j.space.Record(nil)
	j.mu.Lock()
	if j.closing {
		j.mu.Unlock()
		return nil
	}
	j.closing = true
	j.changed.Broadcast()
	j.mu.Unlock()
	j.wg.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	err := errors.Join(j.err, j.file.Close(), j.lock.Close())
	if j.err == nil {
		j.err = ErrClosed
	}
	j.changed.Broadcast()
	return err
}
