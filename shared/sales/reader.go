package sales

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales/lru"
)

var nan = math.NaN()

// How much is decoded and held at once. DuckDB writes row groups of 20,480 rows, decoded
// as one block of 1.2 MB; Spark may write a whole file as one group, decoded in parts.
const (
	maxBlockRows  = 32 << 10 // a larger row group is read in parts
	partRows      = 16 << 10
	maxGroupBytes = 16 << 20 // compressed; as above
	pageGap       = 256 << 10

	heldBlockBytes = 16 << 20 // of decoded rows
	heldChunks     = 8192     // column chunks in parsed footers, about 1 KB each
)

// Reader reads units by byte range. It keeps parsed footers and decoded row groups of
// late, because units that follow each other lie in the same group. Safe for concurrent use.
type Reader struct {
	store  blobstore.Store
	files  *lru.Cache[string, *salesFile]
	blocks *lru.Cache[blockKey, *block]
	gap    int64 // bytes between pages that are read along rather than asked for apart
}

type salesFile struct {
	*table
	layout *layout
	spans  []span // of each row group: the smallest that holds every column we read
}

type blockKey struct {
	name, etag  string
	group, part int
}

// NewReader returns a reader of the sales files in a store.
func NewReader(store blobstore.Store) *Reader {
	return &Reader{
		store:  store,
		files:  lru.New[string, *salesFile](heldChunks),
		blocks: lru.New[blockKey, *block](heldBlockBytes),
		gap:    pageGap,
	}
}

// ReadUnit yields the series in a row range of a sales file of m, in their order. The
// range must begin and end with a series, or the caller counts one too many. A unit that
// is read first costs two range requests: the file's end, once per file, and the row
// groups that cover the range, once while they are held. The first error ends it.
func (r *Reader) ReadUnit(ctx context.Context, m *run.Manifest, file run.File, firstRow, rows int64) iter.Seq2[Series, error] {
	return func(yield func(Series, error) bool) {
		f, err := r.file(ctx, m, file)
		if err != nil {
			yield(Series{}, err)
			return
		}
		if firstRow < 0 || rows <= 0 || rows > f.rows() || firstRow > f.rows()-rows {
			yield(Series{}, event.Permanent(ReasonUnknownUnit, fmt.Errorf(
				"rows %d to %d of %s, which has %d rows", firstRow, firstRow+rows, f.blob.name, f.rows())))
			return
		}
		var a assembler
		for p := range f.pieces(firstRow, rows) {
			b, err := r.blocks.Get(ctx, f.key(p), func(ctx context.Context) (*block, int64, error) {
				b, err := r.load(ctx, f, p, &a.ahead, firstRow+rows)
				if err != nil {
					return nil, 0, err
				}
				return b, b.bytes(), nil
			})
			if err != nil {
				r.forget(f)
				yield(Series{}, err)
				return
			}
			if !a.add(f.table, b, p, yield) {
				return
			}
		}
		if len(a.series.Rows) > 0 {
			yield(a.series, nil)
		}
	}
}

func (r *Reader) file(ctx context.Context, m *run.Manifest, file run.File) (*salesFile, error) {
	name := run.ETLDir(m.ETLID) + file.Path
	f, err := r.files.Get(ctx, name, func(ctx context.Context) (*salesFile, int64, error) {
		t, err := openTable(ctx, r.store, name, file.Bytes)
		if err != nil {
			return nil, 0, err
		}
		if t.rows() != file.Rows {
			return nil, 0, event.Permanent(ReasonChanged, fmt.Errorf("%s has %d rows, its manifest says %d", name, t.rows(), file.Rows))
		}
		l, err := layoutOf(t, m.Options.Regressors)
		if err != nil {
			return nil, 0, err
		}
		f := &salesFile{table: t, layout: l}
		for g := range t.file.RowGroups() {
			f.spans = append(f.spans, f.groupSpan(g))
		}
		return f, t.chunks(), nil
	})
	return f, err
}

// forget drops the footer after an error: if the file was replaced, the next try must see
// the new ETag.
func (r *Reader) forget(f *salesFile) { r.files.Drop(f.blob.name) }

// piece is the part of a row range that lies in one block.
type piece struct {
	group, part int
	first       int64 // first row of the block in its group
	n           int   // rows of the block
	lo, hi      int   // rows of the range, within the block
	whole       bool  // the block is a whole row group
}

func (f *salesFile) key(p piece) blockKey {
	return blockKey{name: f.blob.name, etag: f.blob.etag, group: p.group, part: p.part}
}

// pieces cuts a row range at the borders of blocks.
func (f *salesFile) pieces(firstRow, rows int64) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		end := firstRow + rows
		g, found := slices.BinarySearch(f.starts, firstRow)
		if !found {
			g--
		}
		for at := firstRow; at < end; g++ {
			start, n := f.starts[g], f.starts[g+1]-f.starts[g]
			size, whole := n, true
			if n > maxBlockRows || f.spans[g].to-f.spans[g].from > maxGroupBytes {
				size, whole = partRows, false
			}
			for at < end && at < start+n {
				part := (at - start) / size
				p := piece{group: g, part: int(part), first: part * size, whole: whole}
				p.n = int(min(size, n-p.first))
				p.lo = int(at - start - p.first)
				p.hi = int(min(int64(p.n), end-start-p.first))
				if !yield(p) {
					return
				}
				at = start + p.first + int64(p.hi)
			}
		}
	}
}

// chunkSpan is where a column of a row group lies, its dictionary included.
func (t *table) chunkSpan(group, id int) span {
	md := &t.file.Metadata().RowGroups[group].Columns[id].MetaData
	from := md.DataPageOffset
	if d := md.DictionaryPageOffset; d > 0 && d < from {
		from = d
	}
	return span{from, from + md.TotalCompressedSize}
}

func (f *salesFile) groupSpan(group int) span {
	all := span{math.MaxInt64, 0}
	for _, id := range f.layout.all {
		s := f.chunkSpan(group, id)
		all = span{min(all.from, s.from), max(all.to, s.to)}
	}
	return all
}

// load reads and decodes one block. ahead holds bytes that were fetched with an earlier
// block of the same unit; end is the unit's end.
func (r *Reader) load(ctx context.Context, f *salesFile, p piece, ahead *segment, end int64) (*block, error) {
	src, w, err := r.source(ctx, f, p, ahead, end)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.blob.name, err)
	}
	var b *block
	err = f.guard("rows", w, func() (err error) {
		b, err = decodeBlock(f.table, f.layout, src, p.group, p.first, p.n)
		return err
	})
	return b, err
}

func (r *Reader) source(ctx context.Context, f *salesFile, p piece, ahead *segment, end int64) (io.ReaderAt, *windows, error) {
	if p.whole {
		if s := f.spans[p.group]; !ahead.covers(s) {
			for g := p.group + 1; g < len(f.starts)-1 && f.starts[g] < end; g++ {
				next := f.spans[g]
				if next.to-s.from > maxGroupBytes || r.blocks.Has(f.key(piece{group: g})) {
					break
				}
				s = span{min(s.from, next.from), max(s.to, next.to)}
			}
			var err error
			if *ahead, err = f.blob.fetch(ctx, s); err != nil {
				return nil, nil, err
			}
		}
		return segments{*ahead}, nil, nil
	}
	if f.hasOffsetIndex(p.group) {
		src, err := f.fetchPages(ctx, p, r.gap)
		return src, nil, err
	}
	// Neither small nor indexed: stream the columns one after the other up to the part.
	w := newWindows(ctx, &f.blob, 1)
	return w, w, nil
}

func (f *salesFile) hasOffsetIndex(group int) bool {
	for _, id := range f.layout.all {
		if f.file.Metadata().RowGroups[group].Columns[id].OffsetIndexOffset == 0 {
			return false
		}
	}
	return true
}

// fetchPages reads the offset indexes of a large row group, then only the dictionaries
// and the pages that hold the piece.
func (f *salesFile) fetchPages(ctx context.Context, p piece, gap int64) (io.ReaderAt, error) {
	var spans []span
	for _, id := range f.layout.all {
		c := &f.file.Metadata().RowGroups[p.group].Columns[id]
		spans = append(spans, span{c.OffsetIndexOffset, c.OffsetIndexOffset + int64(c.OffsetIndexLength)})
	}
	index, err := f.fetchAll(ctx, coalesce(spans, gap))
	if err != nil {
		return nil, err
	}
	spans = spans[:0]
	err = f.guard("page index", nil, func() error {
		for _, id := range f.layout.all {
			chunk := f.file.RowGroups()[p.group].ColumnChunks()[id].(*parquet.FileColumnChunk)
			pages, err := chunk.OffsetIndexFrom(index)
			if err != nil {
				return err
			}
			spans = append(spans, f.pageSpans(pages, p, f.chunkSpan(p.group, id))...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f.fetchAll(ctx, coalesce(spans, gap))
}

func (f *salesFile) pageSpans(pages *parquet.FileOffsetIndex, p piece, chunk span) []span {
	n := pages.NumPages()
	if n == 0 {
		return nil
	}
	spans := []span{{chunk.from, pages.Offset(0)}} // the dictionary, or nothing
	for i := range n {
		next := int64(math.MaxInt64)
		if i+1 < n {
			next = pages.FirstRowIndex(i + 1)
		}
		if pages.FirstRowIndex(i) < p.first+int64(p.n) && next > p.first {
			spans = append(spans, span{pages.Offset(i), pages.Offset(i) + pages.CompressedPageSize(i)})
		}
	}
	return spans
}

func (f *salesFile) fetchAll(ctx context.Context, spans []span) (segments, error) {
	var out segments
	for _, s := range spans {
		g, err := f.blob.fetch(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// assembler joins the runs of consecutive blocks into series.
type assembler struct {
	series Series
	copied []Row // backs series.Rows when a series crosses blocks
	owned  bool
	ahead  segment
}

// add takes the piece's rows of a block and yields every series that is complete.
func (a *assembler) add(t *table, b *block, p piece, yield func(Series, error) bool) bool {
	at := p.lo
	i, _ := slices.BinarySearchFunc(b.runs, p.lo, func(r seriesRun, lo int) int {
		if r.end <= lo {
			return -1
		}
		return 1
	})
	for ; at < p.hi; i++ {
		run := b.runs[i]
		rows := b.rows[at:min(run.end, p.hi)]
		at += len(rows)
		switch {
		case len(a.series.Rows) == 0:
			a.series, a.owned = Series{Key: run.key, Rows: rows}, false
		case a.series.Key == run.key:
			if a.series.Rows[len(a.series.Rows)-1].Date >= rows[0].Date {
				yield(Series{}, t.unreadable("rows", fmt.Errorf("%v: %w", run.key, errOrder)))
				return false
			}
			if !a.owned {
				a.copied, a.owned = append(a.copied[:0], a.series.Rows...), true
			}
			a.copied = append(a.copied, rows...)
			a.series.Rows = a.copied
		case a.series.Key.Compare(run.key) >= 0:
			yield(Series{}, t.unreadable("rows", fmt.Errorf("%v after %v: %w", run.key, a.series.Key, errOrder)))
			return false
		default:
			if !yield(a.series, nil) {
				return false
			}
			a.series, a.owned = Series{Key: run.key, Rows: rows}, false
		}
	}
	return true
}
