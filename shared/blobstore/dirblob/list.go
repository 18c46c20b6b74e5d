package dirblob

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/skucast/skucast/shared/blobstore"
)

// List implements blobstore.Store. It holds the entries of the folders on one path, and
// passes over what vanishes meanwhile and over files whose names no blob can have.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[blobstore.Info, error] {
	return func(yield func(blobstore.Info, error) bool) {
		if err := blobstore.CheckPrefix(prefix); err != nil {
			yield(blobstore.Info{}, err)
			return
		}
		w := walk{ctx: ctx, store: s, prefix: prefix, yield: yield}
		w.dir(prefix[:strings.LastIndexByte(prefix, '/')+1], -1)
	}
}

// walk goes through folders in the byte order of the full names in them.
type walk struct {
	ctx     context.Context // of the one call that lists
	store   *Store
	prefix  string
	suffix  string
	yield   func(blobstore.Info, error) bool
	refused func(name string, err error) // may be nil
}

// dir walks one folder, whose name ends in a slash, and folders in it down to depth levels
// (negative: all). It is false once the caller has enough.
func (w *walk) dir(dir string, depth int) bool {
	if err := w.ctx.Err(); err != nil {
		return w.fail(err)
	}
	entries, err := os.ReadDir(w.store.path(dir))
	if err != nil && !gone(err) {
		return w.fail(err)
	}
	// As in full names, "a.csv" comes before what is in folder "a": '.' is below '/'.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortKey(a), sortKey(b)) })
	for _, e := range entries {
		if !w.entry(dir+e.Name(), e, depth) {
			return false
		}
	}
	return true
}

func (w *walk) entry(name string, e fs.DirEntry, depth int) bool {
	if e.IsDir() {
		if depth == 0 || !strings.HasPrefix(name+"/", w.prefix) && !strings.HasPrefix(w.prefix, name+"/") {
			return true
		}
		return w.dir(name+"/", depth-1)
	}
	if !strings.HasPrefix(name, w.prefix) || !strings.HasSuffix(name, w.suffix) {
		return true
	}
	if err := blobstore.CheckName(name); err != nil {
		if w.refused != nil {
			w.refused(name, err)
		}
		return true
	}
	in, err := w.store.head(name)
	switch {
	case errors.Is(err, blobstore.ErrNotFound):
		return true
	case err != nil:
		return w.fail(err)
	}
	return w.yield(in, nil)
}

func (w *walk) fail(err error) bool {
	w.yield(blobstore.Info{}, err)
	return false
}

func sortKey(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
