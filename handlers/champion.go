package handlers

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"path"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// pin names the run whose weights are the champions of a new one: the feed's latest, if its
// data ends earlier; on the same data it would only vote for itself. A replay keeps to the
// champion that its base was held against, whatever has been published since.
func pin(ctx context.Context, l ledger.Ledger, rec run.Record, m *run.Manifest) (*string, error) {
	if rec.ReplayOf != "" {
		base, _, err := l.Plan(ctx, rec.ReplayOf)
		if err != nil {
			return nil, err
		}
		if base != nil {
			return base.ChampionRunID, nil
		}
	}
	var latest run.Latest
	_, err := run.Read(ctx, l.Store, run.LatestPlace(rec.Drop.Feed), &latest)
	if errors.Is(err, blobstore.ErrNotFound) || err == nil && latest.Origin >= m.Origin {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := l.Completed(ctx, latest.RunID)
	if err != nil || c == nil || c.Frequency != m.Frequency {
		return nil, err
	}
	if c.DuplicateOf != nil {
		return c.DuplicateOf, nil // whose units are there
	}
	return &c.RunID, nil
}

// span is a unit with the series at its ends.
type span struct {
	run.Unit
	first, last retail.SeriesKey
}

// spans are the units of a plan in their order, which is that of bucket, SKU and store.
func spans(ctx context.Context, s blobstore.Store, m *run.Manifest, p run.Packing) iter.Seq2[span, error] {
	return func(yield func(span, error) bool) {
		var seen []retail.SeriesKey // of the unit to come and of the SKU after it
		for u, err := range cut(ctx, s, m, p, func(k retail.SeriesKey) { seen = append(seen, k) }) {
			sp := span{Unit: u}
			if err == nil {
				sp.first, sp.last = seen[0], seen[u.NSeries-1]
				seen = append(seen[:0], seen[u.NSeries:]...)
			}
			if !yield(sp, err) || err != nil {
				return
			}
		}
	}
}

// before reports whether all of a comes before all of b.
func (s span) before(b span) bool {
	// A file's name depends on its content, its folder on the bucket alone.
	return cmp.Or(strings.Compare(path.Dir(s.File), path.Dir(b.File)), s.last.Compare(b.first)) < 0
}

// champions walks the units of a champion beside those of a new run. Memory is that of the
// champion's units that meet one unit.
type champions struct {
	next func() (span, error, bool)
	held []span
}

// followChampion opens a walk; stop ends it. A champion that is gone, or was cut by other
// buckets, gives a walk that meets nothing.
func followChampion(ctx context.Context, l ledger.Ledger, id *string, buckets int) (c *champions, stop func(), err error) {
	nothing := &champions{next: func() (span, error, bool) { return span{}, nil, false }}
	if id == nil {
		return nothing, func() {}, nil
	}
	plan, _, err := l.Plan(ctx, *id)
	if err != nil || plan == nil {
		return nothing, func() {}, err
	}
	var rec run.Record
	var m run.Manifest
	_, err = run.Read(ctx, l.Store, run.RunPlace(*id), &rec)
	if err == nil {
		_, err = run.Read(ctx, l.Store, run.ManifestPlace(rec.ETLID), &m)
	}
	if errors.Is(err, blobstore.ErrNotFound) || err == nil && m.Buckets != buckets {
		return nothing, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	next, stop := iter.Pull2(spans(ctx, l.Store, &m, plan.Packing))
	return &champions{next: next}, stop, nil
}

// of returns the champion's units that can hold series of u; nil if there are none. Calls
// go through the units in their order.
func (c *champions) of(u span) (*event.UnitRange, error) {
	for len(c.held) > 0 && c.held[0].before(u) {
		c.held = c.held[1:]
	}
	for len(c.held) == 0 || !u.before(c.held[len(c.held)-1]) {
		s, err, more := c.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if !s.before(u) {
			c.held = append(c.held, s)
		}
	}
	n := len(c.held)
	if n > 0 && u.before(c.held[n-1]) {
		n--
	}
	if n == 0 {
		return nil, nil
	}
	return &event.UnitRange{First: run.UnitName(c.held[0].Ordinal), Units: n}, nil
}
