// Package dirblob keeps blobs as plain files of a folder: "forecasts/runs/x.json" is the
// file forecasts/runs/x.json in it. A person can read them, and drop files of their own.
//
// Every put writes a temporary file in .tmp/ and renames it, so that readers, also in other
// processes, see whole blobs only. Conditions hold between processes: changes of a name
// take an flock on a file in .lock/, which the kernel releases when its holder is killed.
// Both folders are no container's name, so they are no blobs.
//
// A blob's ETag is its file's inode, modification time and size. Put sets the modification
// time, to the nanosecond and always after that of the version it replaces, because the
// kernel's own is coarse (4 ms is usual) and inodes are reused at once.
package dirblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
)

const (
	tmpDir  = ".tmp"
	lockDir = ".lock"
)

// Store is a blobstore.Store on a folder.
type Store struct {
	dir     string
	now     func() time.Time
	durable bool
	stripes [stripes]sync.Mutex

	mu   sync.Mutex
	puts []func(blobstore.Info)
}

var _ blobstore.Store = (*Store)(nil)

// Option adjusts Open.
type Option func(*Store)

// WithClock replaces the clock that gives blobs their Last-Modified.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithoutSync leaves out every fsync: for folders that are thrown away.
func WithoutSync() Option { return func(s *Store) { s.durable = false } }

// Open uses dir, which it creates, as a store, and removes what killed processes left in
// its .tmp folder.
func Open(dir string, opts ...Option) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	s := &Store{
		dir:     abs,
		now:     time.Now, //nolint:forbidigo // the default: Last-Modified is compared with that of files that people copy in
		durable: true,
	}
	for _, o := range opts {
		o(s)
	}
	for _, d := range []string{abs, filepath.Join(abs, tmpDir), filepath.Join(abs, lockDir)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("store %s: %w", dir, err)
		}
	}
	if err := s.clean(); err != nil {
		return nil, fmt.Errorf("clean store %s: %w", dir, err)
	}
	return s, nil
}

// Dir is the store's folder, absolute.
func (s *Store) Dir() string { return s.dir }

// Path returns the local file of a blob, whether it exists or not.
func (s *Store) Path(name string) (string, error) {
	if err := blobstore.CheckName(name); err != nil {
		return "", err
	}
	return s.path(name), nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Head implements blobstore.Store.
func (s *Store) Head(ctx context.Context, name string) (blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return blobstore.Info{}, err
	}
	return s.head(name)
}

func (s *Store) head(name string) (blobstore.Info, error) {
	fi, err := os.Stat(s.path(name))
	if err != nil {
		return blobstore.Info{}, translate(name, err)
	}
	if !fi.Mode().IsRegular() {
		return blobstore.Info{}, fmt.Errorf("%s: %w", name, blobstore.ErrNotFound)
	}
	return info(name, fi), nil
}

// Open implements blobstore.Store. A blob that is replaced while it is read is read on as
// it was; a file that a person writes over in place fails with ErrChanged.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, blobstore.Info, error) {
	if err := check(ctx, name); err != nil {
		return nil, blobstore.Info{}, err
	}
	f, in, err := s.open(name)
	if err != nil {
		return nil, blobstore.Info{}, err
	}
	return &reader{ctx: ctx, f: f, info: in}, in, nil
}

// open opens a regular file. Stat comes first: opening a named pipe would wait for a writer.
func (s *Store) open(name string) (*os.File, blobstore.Info, error) {
	if _, err := s.head(name); err != nil {
		return nil, blobstore.Info{}, err
	}
	f, err := os.Open(s.path(name))
	if err != nil {
		return nil, blobstore.Info{}, translate(name, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
		return nil, blobstore.Info{}, translate(name, err)
	}
	return f, info(name, fi), nil
}

// ReadRange implements blobstore.Store.
func (s *Store) ReadRange(ctx context.Context, name string, off, n int64, ifMatch string) ([]byte, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	if off < 0 || n < 0 {
		return nil, fmt.Errorf("%s: range of %d bytes at %d: %w", name, n, off, blobstore.ErrRange)
	}
	f, in, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if ifMatch != "" && in.ETag != ifMatch {
		return nil, fmt.Errorf("%s: %w", name, blobstore.ErrChanged)
	}
	if off >= in.Size && n > 0 {
		return nil, fmt.Errorf("%s: range at %d of %d bytes: %w", name, off, in.Size, blobstore.ErrRange)
	}
	b := make([]byte, min(n, max(in.Size-off, 0)))
	if _, err := f.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := unchanged(f, in); err != nil {
		return nil, err
	}
	return b, nil
}

// Delete implements blobstore.Store. Folders stay, as another process may be about to put
// into them.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return err
	}
	unlock, err := s.lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	switch _, err := s.head(name); {
	case errors.Is(err, blobstore.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return translate(name, err)
	}
	return nil
}

// onPut calls f after every put of this Store, in the putting goroutine.
func (s *Store) onPut(f func(blobstore.Info)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts = append(s.puts, f)
}

func (s *Store) tell(in blobstore.Info) {
	s.mu.Lock()
	listeners := slices.Clone(s.puts)
	s.mu.Unlock()
	for _, f := range listeners {
		f(in)
	}
}

// tmpName is unique among the processes that share the folder.
func (s *Store) tmpName() string {
	return filepath.Join(s.dir, tmpDir, strconv.Itoa(os.Getpid())+"-"+strconv.FormatUint(rand.Uint64(), 36))
}

func check(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return blobstore.CheckName(name)
}

// info describes a file as a blob.
func info(name string, fi fs.FileInfo) blobstore.Info {
	var inode uint64
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	mtime := fi.ModTime()
	tag := strconv.FormatUint(inode, 36) + "-" + strconv.FormatInt(mtime.UnixNano(), 36) + "-" + strconv.FormatInt(fi.Size(), 36)
	return blobstore.Info{Name: name, ETag: tag, Size: fi.Size(), LastModified: mtime.UTC()}
}

// translate gives the port's errors to the file system's.
func translate(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: %w", name, blobstore.ErrNotFound)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Errorf("%s: an element is too long for a file name: %w", name, blobstore.ErrInvalidName)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// unchanged fails if the open file is no longer what info says.
func unchanged(f *os.File, was blobstore.Info) error {
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", was.Name, err)
	}
	if info(was.Name, fi) != was {
		return fmt.Errorf("%s: written over while it was read: %w", was.Name, blobstore.ErrChanged)
	}
	return nil
}

// reader is the stream of Open.
type reader struct {
	ctx  context.Context // of Open, whose call this stream is the rest of
	f    *os.File
	info blobstore.Info
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", r.info.Name, err)
	}
	n, err := r.f.Read(p)
	if cerr := unchanged(r.f, r.info); cerr != nil {
		return 0, cerr
	}
	return n, err
}

func (r *reader) Close() error { return r.f.Close() }
