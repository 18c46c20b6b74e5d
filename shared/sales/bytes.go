package sales

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/skucast/skucast/shared/blobstore"
)

// span is a byte range [from, to) of a file.
type span struct{ from, to int64 }

func (s span) covers(o span) bool { return s.from <= o.from && o.to <= s.to }

// coalesce sorts spans and joins those whose gap is at most gap bytes: one request that
// reads a little too much is cheaper than two.
func coalesce(spans []span, gap int64) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to+gap {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// segments serves bytes that were already fetched; what lies outside reads as the end of
// the file.
type segments []segment

type segment struct {
	span
	data []byte
}

// ReadAt implements io.ReaderAt.
func (s segments) ReadAt(p []byte, off int64) (int, error) {
	for _, g := range s {
		if off >= g.from && off < g.to {
			n := copy(p, g.data[off-g.from:])
			if n < len(p) {
				return n, io.EOF
			}
			return n, nil
		}
	}
	return 0, io.EOF
}

// blob is one immutable version of a stored file.
type blob struct {
	store blobstore.Store
	name  string
	etag  string
	size  int64
}

// fetch reads one range with one request; the result is shorter only at the file's end.
func (b *blob) fetch(ctx context.Context, s span) (segment, error) {
	s.from, s.to = max(0, s.from), min(s.to, b.size)
	if s.from >= s.to {
		return segment{span: span{s.from, s.from}}, nil
	}
	data, err := b.store.ReadRange(ctx, b.name, s.from, s.to-s.from, b.etag)
	if err != nil {
		return segment{}, err
	}
	s.to = s.from + int64(len(data))
	return segment{span: s, data: data}, nil
}

// windows reads a file in pieces of a fixed size, of which it holds a few: for
// columns that are streamed side by side with flat memory. Not safe for concurrent use.
type windows struct {
	ctx  context.Context // io.ReaderAt has no context; a windows lives for one call
	blob *blob
	size int64
	max  int
	held []segment // most recently used first
	err  error     // of the store; decoders wrap it beyond recognition
}

// Streaming a file of c columns takes one window each, and one for a dictionary.
const windowBytes = 256 << 10

func newWindows(ctx context.Context, b *blob, columns int) *windows {
	return &windows{ctx: ctx, blob: b, size: windowBytes, max: columns + 2}
}

// ReadAt implements io.ReaderAt.
func (w *windows) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		g, err := w.at(off + int64(n))
		if err != nil {
			return n, err
		}
		if off+int64(n) >= g.to {
			return n, io.EOF
		}
		n += copy(p[n:], g.data[off+int64(n)-g.from:])
	}
	return n, nil
}

func (w *windows) at(off int64) (segment, error) {
	for i, g := range w.held {
		if off >= g.from && off < g.to {
			if i > 0 {
				copy(w.held[1:i+1], w.held[:i])
				w.held[0] = g
			}
			return g, nil
		}
	}
	from := off / w.size * w.size
	g, err := w.blob.fetch(w.ctx, span{from, from + w.size})
	if err != nil {
		w.err = err
		return segment{}, err
	}
	if len(w.held) < w.max {
		w.held = append(w.held, segment{})
	}
	copy(w.held[1:], w.held)
	w.held[0] = g
	return g, nil
}
