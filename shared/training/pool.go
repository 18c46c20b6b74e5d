package training

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// The pool's sample (design 5): PoolAny series drawn by hash from all, and PoolLong more
// from those with enough rows for a backtest.
const (
	PoolAny   = 256
	PoolLong  = 256
	SliceSize = 32 // series per pool/<k>.json
)

const minLongRows = 24

// PoolSample draws the pool's series from the series index, streaming it with flat memory.
// They come back in the order of the index, so that neighbours share reads; every run
// of the same index and horizon draws the same.
func PoolSample(index iter.Seq2[sales.IndexRow, error], horizon int) ([]sales.IndexRow, error) {
	// The PoolLong that follow the first PoolAny are among the smallest PoolAny+PoolLong of
	// the long ones.
	everyone, long := smallest{max: PoolAny}, smallest{max: PoolAny + PoolLong}
	need := int64(max(minLongRows, 2*horizon))
	for row, err := range index {
		if err != nil {
			return nil, err
		}
		d := draw{hash: seriesHash(row.Key), row: row}
		everyone.offer(d)
		if row.Rows >= need {
			long.offer(d)
		}
	}
	chosen := everyone.sorted()
	seen := make(map[retail.SeriesKey]bool, len(chosen))
	for _, d := range chosen {
		seen[d.row.Key] = true
	}
	more := PoolLong
	for _, d := range long.sorted() {
		if more > 0 && !seen[d.row.Key] {
			chosen = append(chosen, d)
			more--
		}
	}
	rows := make([]sales.IndexRow, len(chosen))
	for i, d := range chosen {
		rows[i] = d.row
	}
	slices.SortFunc(rows, func(a, b sales.IndexRow) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.FirstRow, b.FirstRow))
	})
	return rows, nil
}

// Slices is the number of slices of a sample of n series.
func Slices(n int) int { return (n + SliceSize - 1) / SliceSize }

// Slice returns the rows of slice k.
func Slice(rows []sales.IndexRow, k int) []sales.IndexRow {
	return rows[k*SliceSize : min((k+1)*SliceSize, len(rows))]
}

// SlicePlace is where slice k of a run's pool lies.
func SlicePlace(runID string, k int) string { return run.PoolDir(runID) + strconv.Itoa(k) + ".json" }

func seriesHash(k retail.SeriesKey) [sha256.Size]byte {
	b := make([]byte, 0, 128)
	b = append(b, k.SKU...)
	b = append(b, 0)
	b = append(b, k.Store...)
	return sha256.Sum256(b)
}

// draw is one series with its place in the draw.
type draw struct {
	hash [sha256.Size]byte
	row  sales.IndexRow
}

func (d *draw) less(o *draw) bool { return bytes.Compare(d.hash[:], o.hash[:]) < 0 }

// smallest keeps the draws with the smallest hashes: a heap with the largest on top.
type smallest struct {
	max   int
	draws []draw
}

func (s *smallest) Len() int           { return len(s.draws) }
func (s *smallest) Less(i, j int) bool { return s.draws[j].less(&s.draws[i]) }
func (s *smallest) Swap(i, j int)      { s.draws[i], s.draws[j] = s.draws[j], s.draws[i] }
func (s *smallest) Push(x any)         { s.draws = append(s.draws, x.(draw)) }
func (s *smallest) Pop() any {
	d := s.draws[len(s.draws)-1]
	s.draws = s.draws[:len(s.draws)-1]
	return d
}

func (s *smallest) offer(d draw) {
	switch {
	case len(s.draws) < s.max:
		heap.Push(s, d)
	case d.less(&s.draws[0]):
		s.draws[0] = d
		heap.Fix(s, 0)
	}
}

func (s *smallest) sorted() []draw {
	slices.SortFunc(s.draws, func(a, b draw) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return s.draws
}

// poolSlice is pool/<k>.json.
type poolSlice struct {
	V       int               `json:"v"`
	Samples []json.RawMessage `json:"samples"`
}

// BuildSlice backtests the series of one slice and encodes what they contribute. A series
// that cannot contribute is left out.
func (t *Trainer) BuildSlice(ctx context.Context, m *run.Manifest, o run.Options, rows []sales.IndexRow) ([]byte, error) {
	calendar, err := t.calendar(ctx, m)
	if err != nil {
		return nil, err
	}
	w := t.worker(m, o, Horizon(m, o), calendar)
	defer w.release()
	out := poolSlice{V: run.Version, Samples: []json.RawMessage{}}
	for _, row := range rows {
		file, ok := m.SalesFile(row.File)
		if !ok {
			return nil, event.Permanent(sales.ReasonUnreadable, fmt.Errorf(
				"series index of ETL %s names file %.200q, which the manifest does not list", run.Short(m.ETLID), row.File))
		}
		for s, err := range t.reader.ReadUnit(ctx, m, file, row.FirstRow, row.Rows) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("pool: %w", err)
			}
			if s.Key != row.Key {
				return nil, event.Permanent(sales.ReasonUnreadable, fmt.Errorf(
					"row %d of %s belongs to %v, the series index says %v", row.FirstRow, row.File, s.Key, row.Key))
			}
			if sample, ok := w.sampleOf(s, Horizon(m, o)); ok {
				out.Samples = append(out.Samples, sample)
			}
		}
	}
	return run.Canonical(out), nil
}

// sampleOf measures one series; false if it has nothing to contribute or its numbers fail.
func (w *worker) sampleOf(s sales.Series, horizon int) (sample json.RawMessage, ok bool) {
	p, err := w.prepare.Prepare(s, w.calendar.Store(s.Key.Store))
	if err != nil || forecast.Observed(p.Input.Y) == 0 {
		return nil, false
	}
	defer func() {
		if recover() != nil {
			w.engine = new(auto.Engine)
			sample, ok = nil, false
		}
	}()
	sample, err = json.Marshal(w.t.sample(w.engine, p.Input, horizon)) // refuses NaN
	return sample, err == nil
}

// LoadPool reads every slice of a run's pool.
func LoadPool(ctx context.Context, store blobstore.Store, plan run.Plan, f retail.Frequency) (*auto.Pool, error) {
	samples := make([]auto.Sample, 0, plan.PoolSlices*SliceSize)
	for k := range plan.PoolSlices {
		place := SlicePlace(plan.RunID, k)
		body, _, err := store.Open(ctx, place)
		if err != nil {
			return nil, fmt.Errorf("pool: %w", err)
		}
		raw, err := io.ReadAll(body)
		_ = body.Close() // read only
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", place, err)
		}
		if samples, err = decodeSlice(raw, samples); err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
	}
	return auto.NewPool(samples, plan.Horizon, f.Season()), nil
}

// decodeSlice appends the samples of one slice.
func decodeSlice(raw []byte, to []auto.Sample) ([]auto.Sample, error) {
	var s struct {
		V       int           `json:"v"`
		Samples []auto.Sample `json:"samples"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, event.Permanent("invalid_pool", fmt.Errorf("pool slice is not JSON: %w", err))
	}
	if s.V != run.Version {
		return nil, event.Permanent("unknown_version", fmt.Errorf("pool slice has version %d; this build reads version %d", s.V, run.Version))
	}
	return append(to, s.Samples...), nil
}
