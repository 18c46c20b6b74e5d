package backtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// A run learns its pool from poolAny series drawn by hash from all, and
// poolLong more among those with at least max(minLongRows, 2h) rows.
const (
	poolAny     = 256
	poolLong    = 256
	minLongRows = 24
)

func sampleSize(n int) int { return min(n, poolAny+poolLong) }

// Sample draws the series whose backtests make up the pool: poolAny with the
// smallest sha256(sku ‖ 0 ‖ store) among those with a row (rows[i] > 0), and in
// the same order poolLong more among those that are long enough. It returns
// their ordinals, ascending.
func Sample(keys []Key, rows []int, horizon int) []int {
	var chosen []int
	long := 0
	for n, i := range byHash(keys, rows) {
		switch {
		case n < poolAny:
			chosen = append(chosen, i)
		case long < poolLong && rows[i] >= max(minLongRows, 2*horizon):
			chosen = append(chosen, i)
			long++
		}
	}
	slices.Sort(chosen)
	return chosen
}

// byHash returns the ordinals of the series that have a row, smallest hash
// first.
func byHash(keys []Key, rows []int) []int {
	hashes := make([][sha256.Size]byte, len(keys))
	var order []int
	for i, k := range keys {
		if rows[i] > 0 {
			hashes[i] = k.hash()
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(hashes[a][:], hashes[b][:]) })
	return order
}

// draw chooses the series that are tested.
func (t *test) draw() []int {
	n := t.src.Len()
	if t.set.Limit == 0 || t.set.Limit >= n {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	keys, rows := t.keys(), make([]int, n)
	for i := range rows {
		rows[i] = t.rows[i][0]
	}
	chosen := byHash(keys, rows)
	chosen = chosen[:min(t.set.Limit, len(chosen))]
	slices.Sort(chosen)
	return chosen
}

func (t *test) keys() []Key {
	keys := make([]Key, t.src.Len())
	for i := range keys {
		keys[i] = t.src.Key(i)
	}
	return keys
}

func (k Key) hash() [sha256.Size]byte {
	return sha256.Sum256([]byte(k.SKU + "\x00" + k.Store))
}

// survey sizes up every series at every origin.
func (t *test) survey(ctx context.Context) error {
	n := t.src.Len()
	t.units, t.rows, t.periods = make([][]float64, n), make([][]int, n), make([][]int, n)
	seasons := make([]int, n)
	err := parallel(ctx, t.set.Workers, n, func(ctx context.Context, _, i int) error {
		h, err := t.histories(ctx, i, t.lags[1:])
		if err != nil {
			return err
		}
		t.units[i], t.rows[i], t.periods[i] = make([]float64, len(h)), make([]int, len(h)), make([]int, len(h))
		for k := range h {
			t.units[i][k], t.rows[i][k], t.periods[i][k] = yearOf(h[k].Y, h[k].Season), h[k].Rows, len(h[k].Y)
			seasons[i] = h[k].Season
		}
		return nil
	})
	for _, s := range seasons {
		t.season = max(t.season, s)
	}
	return err
}

// histories reads a series and checks what everything else relies on.
func (t *test) histories(ctx context.Context, i int, lags []int) ([]History, error) {
	h, err := t.src.Histories(ctx, i, lags)
	if err != nil {
		return nil, fmt.Errorf("backtest: SKU %s in store %s: %w", t.src.Key(i).SKU, t.src.Key(i).Store, err)
	}
	if len(h) != len(lags) {
		panic("backtest: a source returned another number of histories than it was asked for")
	}
	return h, nil
}

// pool draws and measures the sample at each origin, as a run at that origin
// would have done.
func (t *test) pool(ctx context.Context) error {
	keys := t.keys()
	rows := make([]int, len(keys))
	engines := make([]auto.Engine, max(1, t.set.Workers))
	for k, lag := range t.lags[1:] {
		for i := range rows {
			rows[i] = t.rows[i][k]
		}
		chosen := Sample(keys, rows, t.set.Horizon)
		samples := make([]*auto.Sample, len(chosen))
		err := parallel(ctx, t.set.Workers, len(chosen), func(ctx context.Context, w, at int) error {
			defer t.progress.step()
			h, err := t.histories(ctx, chosen[at], []int{lag})
			if err != nil {
				return err
			}
			samples[at] = measure(&engines[w], h[0].Input, t.set.Horizon)
			return nil
		})
		if err != nil {
			return err
		}
		var found []auto.Sample
		for _, s := range samples {
			if s != nil {
				found = append(found, *s)
			}
		}
		t.pools = append(t.pools, auto.NewPool(found, t.set.Horizon, max(1, t.season)))
	}
	return nil
}

// measure is what one series contributes to the pool; nil if it has nothing to
// contribute or its numbers fail: numbers that JSON refuses do not reach a
// run's pool either.
func measure(e *auto.Engine, in auto.Input, horizon int) (s *auto.Sample) {
	if forecast.Observed(in.Y) == 0 {
		return nil
	}
	defer func() {
		if recover() != nil {
			*e = auto.Engine{}
			s = nil
		}
	}()
	got := e.Sample(in, horizon)
	if _, err := json.Marshal(got); err != nil {
		return nil
	}
	return &got
}
