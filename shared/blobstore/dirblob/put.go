package dirblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/skucast/skucast/shared/blobstore"
)

// Put implements blobstore.Store.
func (s *Store) Put(ctx context.Context, name string, body io.Reader, cond blobstore.Condition) (blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return blobstore.Info{}, err
	}
	if _, err := s.admit(name, cond); err != nil { // saves a hopeless put its bytes
		return blobstore.Info{}, err
	}
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		return blobstore.Info{}, misplaced(name, err)
	}
	tmp, err := s.write(ctx, name, body)
	if err != nil {
		return blobstore.Info{}, err
	}
	// Closing releases the lock that keeps clean away, so it comes after the removal.
	defer func() { _ = tmp.Close() }()
	in, err := s.commit(tmp, name, cond)
	if rerr := os.Remove(tmp.Name()); err == nil && rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", name, rerr)
	}
	if err != nil {
		return blobstore.Info{}, err
	}
	s.tell(in)
	return in, nil
}

// admit checks a condition and returns the version that the put would replace, if any.
func (s *Store) admit(name string, cond blobstore.Condition) (blobstore.Info, error) {
	old, err := s.head(name)
	missing := errors.Is(err, blobstore.ErrNotFound)
	switch {
	case err != nil && !missing:
		return old, err
	case cond.IfNoneMatch && !missing:
		return old, fmt.Errorf("%s: %w", name, blobstore.ErrExists)
	case cond.IfMatch != "" && (missing || old.ETag != cond.IfMatch):
		return old, fmt.Errorf("%s: %w", name, blobstore.ErrChanged)
	}
	return old, nil
}

// write fills a temporary file, which the caller closes and removes.
func (s *Store) write(ctx context.Context, name string, body io.Reader) (_ *os.File, err error) {
	f, err := os.OpenFile(s.tmpName(), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			_ = f.Close()
		}
	}()
	if err := flock(f, unix.LOCK_SH); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(f, &ctxReader{ctx, body}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// commit gives the temporary file its name, if the condition holds.
func (s *Store) commit(tmp *os.File, name string, cond blobstore.Condition) (blobstore.Info, error) {
	level := none
	if s.durable {
		level = durability(name)
	}
	if err := syncFile(tmp, level); err != nil {
		return blobstore.Info{}, fmt.Errorf("%s: %w", name, err)
	}
	unlock, err := s.lock(name)
	if err != nil {
		return blobstore.Info{}, err
	}
	defer unlock()
	old, err := s.admit(name, cond)
	if err != nil {
		return blobstore.Info{}, err
	}
	mtime := s.now()
	if !mtime.After(old.LastModified) {
		mtime = old.LastModified.Add(1)
	}
	if err := os.Chtimes(tmp.Name(), mtime, mtime); err != nil {
		return blobstore.Info{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := place(tmp.Name(), s.path(name), cond.IfNoneMatch); err != nil {
		if errors.Is(err, fs.ErrExist) && cond.IfNoneMatch { // a person's copy does not lock
			if _, herr := s.head(name); herr == nil {
				return blobstore.Info{}, fmt.Errorf("%s: %w", name, blobstore.ErrExists)
			}
		}
		return blobstore.Info{}, misplaced(name, err)
	}
	fi, err := tmp.Stat()
	if err != nil {
		return blobstore.Info{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := s.syncParents(name, level); err != nil {
		return blobstore.Info{}, fmt.Errorf("%s: %w", name, err)
	}
	return info(name, fi), nil
}

// place moves a temporary file to its path. A new blob is linked, which fails if someone
// who takes no locks was quicker; where the file system knows no links, renaming must do.
func place(tmp, path string, isNew bool) error {
	if isNew {
		err := os.Link(tmp, path)
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS) {
			return err
		}
	}
	return os.Rename(tmp, path)
}

// misplaced explains a name that is a file and a folder at once.
func misplaced(name string, err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOTDIR), errors.As(err, &pe) && pe.Op == "mkdir" && errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%s: a part of the path before the last slash is a blob: %w", name, blobstore.ErrInvalidName)
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.EEXIST), errors.Is(err, syscall.ENOTEMPTY):
		return fmt.Errorf("%s: there is a folder of this name: %w", name, blobstore.ErrInvalidName)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return translate(name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ctxReader ends a copy when the context does.
type ctxReader struct {
	ctx context.Context // of the one call that copies
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
