package products

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

const runID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// memory is a store in memory that remembers what was asked of it.
type memory struct {
	mu      sync.Mutex
	blobs   map[string][]byte
	puts    []string
	version int
	opened  int
	onOpen  func(name string) error
}

func newMemory() *memory { return &memory{blobs: map[string][]byte{}} }

func (m *memory) info(name string, b []byte) blobstore.Info {
	return blobstore.Info{Name: name, Size: int64(len(b)), ETag: strconv.Itoa(m.version)}
}

func (m *memory) Head(_ context.Context, name string) (blobstore.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[name]
	if !ok {
		return blobstore.Info{}, blobstore.ErrNotFound
	}
	return m.info(name, b), nil
}

func (m *memory) Open(_ context.Context, name string) (io.ReadCloser, blobstore.Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	if m.onOpen != nil {
		if err := m.onOpen(name); err != nil {
			return nil, blobstore.Info{}, err
		}
	}
	b, ok := m.blobs[name]
	if !ok {
		return nil, blobstore.Info{}, blobstore.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), m.info(name, b), nil
}

func (m *memory) ReadRange(_ context.Context, name string, off, n int64, _ string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.blobs[name]
	return b[off:min(off+n, int64(len(b)))], nil
}

func (m *memory) Put(_ context.Context, name string, body io.Reader, cond blobstore.Condition) (blobstore.Info, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return blobstore.Info{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.blobs[name]; ok && cond.IfNoneMatch {
		return blobstore.Info{}, blobstore.ErrExists
	}
	m.version++
	m.blobs[name] = b
	m.puts = append(m.puts, name)
	return m.info(name, b), nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[blobstore.Info, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []blobstore.Info
	for _, name := range slices.Sorted(maps.Keys(m.blobs)) {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, m.info(name, m.blobs[name]))
		}
	}
	return func(yield func(blobstore.Info, error) bool) {
		for _, i := range infos {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, name)
	return nil
}

// store writes units to a new memory store.
func store(t testing.TB, units ...[]Series) *memory {
	t.Helper()
	m := newMemory()
	for i, u := range units {
		if err := WriteUnit(t.Context(), m, runID, run.UnitName(i), u, "v1.2.3"); err != nil {
			t.Fatal(err)
		}
	}
	return m
}
