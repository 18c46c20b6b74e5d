package dirblob

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// stripes is how many names can be changed at once; names share a lock by their hash.
const stripes = 64

// staleAfter is how old a temporary file is at least when clean removes it: far above the
// microseconds between its creation and its lock.
const staleAfter = time.Minute

// lock excludes everyone else, goroutine or process, from changing a name. It is held for
// a stat and a rename, never while a body is read.
func (s *Store) lock(name string) (unlock func(), err error) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	i := h.Sum32() % stripes
	s.stripes[i].Lock()
	f, err := os.OpenFile(filepath.Join(s.dir, lockDir, strconv.Itoa(int(i))), os.O_CREATE|os.O_RDWR, 0o644)
	if err == nil {
		if err = flock(f, unix.LOCK_EX); err == nil {
			return func() { _ = f.Close(); s.stripes[i].Unlock() }, nil
		}
		_ = f.Close()
	}
	s.stripes[i].Unlock()
	return nil, fmt.Errorf("lock %s: %w", name, err)
}

// clean removes temporary files whose writers, who hold a lock on them, are gone.
func (s *Store) clean() error {
	dir := filepath.Join(s.dir, tmpDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.removeStale(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *Store) removeStale(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || s.now().Sub(fi.ModTime()) < staleAfter {
		return err
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil
		}
		return err
	}
	return os.Remove(path)
}

// flock locks a file until it is closed, or its process dies.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
