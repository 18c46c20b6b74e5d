package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/skucast/skucast/emulator/servicebus/internal/queue"
)

// errFailed ends a snapshot of a journal that cannot be written anyway.
var errFailed = errors.New("the journal has failed")

// compact makes a snapshot now, for the start, and reports its failure.
func (j *Journal) compact() {
	j.mu.Lock()
	started := !j.busy && !j.closing
	j.busy = j.busy || started
	j.mu.Unlock()
	if started {
		j.compactLogged()
	}
}

// compactLogged makes a snapshot. A failure costs nothing but space: the journals go on.
func (j *Journal) compactLogged() {
	size, err := j.makeSnapshot()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.busy = false
	if err != nil {
		j.snapshot = max(j.snapshot, j.size) // not again at once
		j.log.Warn("no snapshot could be made; the journal grows", "directory", j.dir, "error", err)
		return
	}
	j.snapshot = size
}

// makeSnapshot begins the next generation.
func (j *Journal) makeSnapshot() (size int64, err error) {
	number := j.generation() + 1
	next, err := createJournal(j.path("journal", number))
	if err != nil {
		return 0, err
	}
	var rotateErr error
	snapshots := j.space.Snapshots(func() { rotateErr = j.rotate(next, number) })
	if rotateErr != nil {
		_ = next.Close()
		return 0, rotateErr
	}
	name := j.path("snapshot", number)
	if size, err = j.writeSnapshot(name+".tmp", snapshots); err != nil {
		_ = os.Remove(name + ".tmp")
		return 0, err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return 0, err
	}
	if err := syncDir(j.dir); err != nil {
		return 0, err
	}
	return size, j.removeBefore(number)
}

func (j *Journal) generation() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.number
}

// rotate has everything that is recorded from now on written to another file, under the
// lock of the Space.
func (j *Journal) rotate(next *os.File, number int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for (len(j.pending) > 0 || j.writing) && j.err == nil {
		j.changed.Wait()
	}
	if j.err != nil {
		return errFailed
	}
	old := j.file
	j.file, j.number, j.size = next, number, int64(len(magic))
	return old.Close()
}

func (j *Journal) writeSnapshot(name string, snapshots []*queue.Snapshot) (size int64, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(magic); err != nil {
		return 0, err
	}
	size = int64(len(magic))
	var buf []byte
	record := func(fill func(b []byte) []byte) error {
		b, at := beginRecord(buf[:0])
		buf = endRecord(fill(b), at)
		size += int64(len(buf))
		_, err := w.Write(buf)
		return err
	}
	err = record(func(b []byte) []byte {
		settings := j.space.Settings()
		for _, k := range sortedKeys(settings) {
			b = appendText(appendText(append(b, opSetting), k), settings[k])
		}
		return b
	})
	for _, s := range snapshots {
		if err != nil {
			return size, err
		}
		err = snapshotQueue(s, record)
	}
	if err == nil {
		err = record(func(b []byte) []byte { return append(b, opEnd) })
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return size, err
}

func snapshotQueue(s *queue.Snapshot, record func(func([]byte) []byte) error) error {
	key := s.Key()
	// The ids first: a message's own id is in the window as well, and counts once.
	seen := s.Seen()
	for len(seen) > 0 {
		part := seen[:min(len(seen), chunk)]
		seen = seen[len(part):]
		err := record(func(b []byte) []byte {
			for _, x := range part {
				b = appendSeen(b, key, x)
			}
			return b
		})
		if err != nil {
			return err
		}
	}
	err := record(func(b []byte) []byte {
		s.States(func(id string, state []byte, at time.Time) { b = appendState(b, key, id, state, at) })
		return b
	})
	for more := true; more && err == nil; {
		err = record(func(b []byte) []byte {
			more = s.Next(chunk, func(r queue.Record) { b = appendRecord(b, opPut, key, r) })
			return b
		})
	}
	if err != nil {
		return err
	}
	return record(func(b []byte) []byte { return appendCounters(b, key, s.Last()) })
}

func sortedKeys(m map[string][]byte) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (j *Journal) path(kind string, number int) string {
	return filepath.Join(j.dir, fmt.Sprintf("%s-%08d", kind, number))
}

// removeBefore deletes the generations that a snapshot replaces.
func (j *Journal) removeBefore(number int) error {
	files, err := j.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.number < number {
			err = errors.Join(err, os.Remove(filepath.Join(j.dir, f.name)))
		}
	}
	return err
}

// createJournal makes an empty journal file that is there after a crash.
func createJournal(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(magic)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(name))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// syncDir makes names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
