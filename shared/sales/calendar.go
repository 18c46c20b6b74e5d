package sales

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// Calendar says for every store of an ETL when it traded. It takes one byte per store and
// period, and is immutable.
type Calendar struct {
	grid   retail.Grid
	stores map[retail.Store]*Store
	cost   int64
}

// LoadCalendar streams calendar.parquet. Its counts of lines and units are for people;
// what an absent row means follows from which periods have rows and from their open flag.
func LoadCalendar(ctx context.Context, store blobstore.Store, m *run.Manifest) (*Calendar, error) {
	t, err := openListed(ctx, store, m, CalendarPath)
	if err != nil {
		return nil, err
	}
	b := calendarBuilder{grid: m.Grid(), periods: map[retail.Store][]period{}}
	err = t.scan(ctx, []string{"store", "date"}, []string{"open"}, func(v []parquet.Value) (bool, error) {
		name, err := text(&v[0], string(b.last))
		if err != nil {
			return false, err
		}
		day, err := integer(&v[1])
		if err != nil {
			return false, err
		}
		return true, b.add(retail.Store(name), retail.Date(day), flag(&v[2])) // DATE is an INT32
	})
	if err != nil {
		return nil, err
	}
	c, err := b.build()
	if err != nil {
		return nil, event.Permanent(ReasonUnreadable, fmt.Errorf("%s: %w", t.blob.name, err))
	}
	return c, nil
}

// Store returns the calendar of a store, nil if it has no row.
func (c *Calendar) Store(name retail.Store) *Store { return c.stores[name] }

// Bytes is the calendar's memory, about.
func (c *Calendar) Bytes() int64 { return c.cost }

// calendarBuilder collects the periods of each store; the file's order does not matter,
// but rows of one store that lie together are cheap.
type calendarBuilder struct {
	grid    retail.Grid
	last    retail.Store
	current []period
	periods map[retail.Store][]period
}

func (b *calendarBuilder) add(name retail.Store, d retail.Date, open Flag) error {
	at, ok := b.grid.Index(d)
	if !ok {
		return fmt.Errorf("store %s: %v is not a period of the run (frequency %s, origin %v)", name, d, b.grid.Frequency, b.grid.Origin)
	}
	if at > run.MaxHorizon {
		return nil // no forecast goes that far
	}
	if name != b.last || len(b.current) == 0 {
		b.keep()
		b.last, b.current = name, b.periods[name]
	}
	b.current = append(b.current, period{at: int32(at), open: open}) // at counts days between DATEs
	return nil
}

func (b *calendarBuilder) keep() {
	if len(b.current) > 0 {
		b.periods[b.last] = b.current
	}
}

func (b *calendarBuilder) build() (*Calendar, error) {
	b.keep()
	c := &Calendar{grid: b.grid, stores: make(map[retail.Store]*Store, len(b.periods)), cost: 64}
	for name, p := range b.periods {
		byPeriod := func(a, b period) int { return cmp.Compare(a.at, b.at) }
		if !slices.IsSortedFunc(p, byPeriod) {
			slices.SortFunc(p, byPeriod)
		}
		for i := 1; i < len(p); i++ {
			if p[i].at == p[i-1].at {
				return nil, fmt.Errorf("store %s has two rows for %v", name, b.grid.At(int(p[i].at)))
			}
		}
		s := newStore(b.grid, p)
		c.stores[name] = s
		c.cost += int64(len(name)+len(s.states)+len(s.future)) + 160
		delete(b.periods, name)
	}
	return c, nil
}
