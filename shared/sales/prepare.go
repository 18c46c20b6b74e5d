package sales

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
)

// What an absent row is, as the run's options say; the empty text is the calendar rule.
const (
	MissingZero = "zero"
	MissingGap  = "gap"
)

// Preparer turns rows into the regular demand vector that the models need. It reuses its
// memory: what Prepare returns is valid until the next call. Not safe for concurrent use.
type Preparer struct {
	grid       retail.Grid
	horizon    int
	missing    string
	regressors []string
	dates      []retail.Date

	index   []int32 // period of each row
	y       []float64
	closed  []bool
	known   []forecast.Regressor
	values  []float64
	periods []period
}

// NewPreparer prepares series of one run. regressors name Row.Regressors.
func NewPreparer(g retail.Grid, horizon int, missing string, regressors []string) *Preparer {
	p := &Preparer{grid: g, horizon: horizon, missing: missing, regressors: regressors}
	p.dates = make([]retail.Date, horizon)
	for i := range p.dates {
		p.dates[i] = g.At(i + 1)
	}
	return p
}

// Prepared is one series on the run's grid.
type Prepared struct {
	Key    retail.SeriesKey
	First  retail.Date // period of Input.Y[0]
	Input  auto.Input
	Dates  []retail.Date // labels of the future periods; shared by all series
	Usable bool          // some row up to the origin has a quantity
}

// Prepare builds the demand from the series' first row to the origin and what is known of
// the future. Demand is NaN where it is not known: an empty quantity, a stock-out, a
// closed store. A series without a row up to the origin has an empty Y. store may be nil:
// then the series' own rows are the calendar.
func (p *Preparer) Prepare(s Series, store *Store) (Prepared, error) {
	out := Prepared{Key: s.Key, Dates: p.dates}
	if err := p.place(s); err != nil {
		return out, err
	}
	if store == nil {
		store = p.ownCalendar(s)
	}
	out.Input.Season = p.grid.Frequency.Season()
	n := 0
	for n < len(p.index) && p.index[n] <= 0 {
		n++
	}
	if n == 0 {
		return out, nil
	}
	first := int(p.index[0])
	out.First = s.Rows[0].Date
	p.fill(first, store)
	out.Usable = p.overlay(s.Rows[:n], first, store)
	out.Input.Y = p.y
	out.Input.Phase = p.grid.Phase(out.First)
	out.Input.Closed = p.future(s.Rows[n:], p.index[n:], store)
	out.Input.Known = p.knownInputs(s.Rows, n, first)
	out.Input.Integer = whole(p.y)
	return out, nil
}

// place finds the period of every row.
func (p *Preparer) place(s Series) error {
	p.index = p.index[:0]
	for i := range s.Rows {
		at, ok := p.grid.Index(s.Rows[i].Date)
		if !ok {
			return fmt.Errorf("%v: %v is not a period of the run (frequency %s, origin %v)",
				s.Key, s.Rows[i].Date, p.grid.Frequency, p.grid.Origin)
		}
		if i > 0 && int32(at) <= p.index[i-1] { // counts days between DATEs
			return fmt.Errorf("%v: %v does not come after %v", s.Key, s.Rows[i].Date, s.Rows[i-1].Date)
		}
		p.index = append(p.index, int32(at))
	}
	return nil
}

// ownCalendar treats a series as if it were alone in its store.
func (p *Preparer) ownCalendar(s Series) *Store {
	p.periods = p.periods[:0]
	for i, at := range p.index {
		p.periods = append(p.periods, period{at: at, open: s.Rows[i].Open})
	}
	return newStore(p.grid, p.periods)
}

// fill sets every period from first to the origin to what an absent row means there.
func (p *Preparer) fill(first int, store *Store) {
	n := 1 - first
	if cap(p.y) < n {
		p.y = make([]float64, n)
	}
	p.y = p.y[:n]
	for i := range p.y {
		p.y[i] = nan
		switch p.missing {
		case MissingZero:
			p.y[i] = 0
		case MissingGap:
		default:
			if st := store.at(first + i); st == traded || st == quiet {
				p.y[i] = 0
			}
		}
	}
}

// overlay writes the rows' quantities and reports whether any row has one.
func (p *Preparer) overlay(rows []Row, first int, store *Store) bool {
	stocked := false // a stock column that never shows any is not kept
	for i := range rows {
		stocked = stocked || rows[i].Stock > 0
	}
	usable := false
	for i := range rows {
		r := &rows[i]
		at := int(p.index[i])
		units := r.Units
		switch {
		case math.IsNaN(units) || math.IsInf(units, 0):
			p.y[at-first] = nan
			continue
		case r.InStock == No, stocked && r.Stock <= 0 && units <= 0:
			units = nan // demand was cut off, or not seen at all
		case units > 0: // an observed sale stays, whatever the calendar says
		case r.Open == No:
			units = nan
		case p.missing == "" && (store.at(at) == shut || store.at(at) == freeDay):
			units = nan
		}
		usable = true
		p.y[at-first] = max(units, 0) // max keeps NaN
	}
	return usable
}

// future says in which periods the store will be closed; nil if in none. The series' own
// flag counts first, then the store's, then the weekday.
func (p *Preparer) future(rows []Row, index []int32, store *Store) []bool {
	if cap(p.closed) < p.horizon {
		p.closed = make([]bool, p.horizon)
	}
	p.closed = p.closed[:p.horizon]
	never := true
	next := 0
	for j := range p.closed {
		flag, closedDay := store.ahead(j + 1)
		if next < len(rows) && int(index[next]) == j+1 {
			if rows[next].Open != Unknown {
				flag = rows[next].Open
			}
			next++
		}
		p.closed[j] = flag == No || flag == Unknown && closedDay
		never = never && !p.closed[j]
	}
	if never {
		return nil
	}
	return p.closed
}

// whole reports whether every observed value is a whole number.
func whole(y []float64) bool {
	for _, v := range y {
		if v != math.Trunc(v) && !math.IsNaN(v) {
			return false
		}
	}
	return true
}
