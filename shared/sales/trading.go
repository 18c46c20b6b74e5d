package sales

import (
	"slices"

	"github.com/skucast/skucast/shared/retail"
)

// state says what is known about one period of a store, and so what the absence of a
// series' row in it means.
type state uint8

const (
	before  state = iota // before the store first traded: missing
	traded               // some row's open is not 0: zero sale
	quiet                // no row, in a run that is usual for the store: zero sale
	closure              // no trading in an unusually long run: missing
	shut                 // rows, and every known flag of them is 0: missing
	freeDay              // a weekday on which the store is closed: missing
)

// Limits of the absent-row rule (design 4), measured on the sparse sets.
const (
	minWeeks         = 4  // of history before a weekday can be called closed
	rareShare        = 20 // under 1/20 of the weeks, and of the busiest weekday
	minClosure       = 6  // an absent run up to here is never a closure
	closureFactor    = 4  // and neither is one up to 4(g−1)
	gapRankNumerator = 9  // g is the gap of rank ⌈9n/10⌉
	gapRankOf        = 10
)

// Store is the calendar of one store: when it traded, when it is known to be open in the
// future, and on which weekdays it is closed. Immutable.
type Store struct {
	first  int     // period of states[0]; 0 is the origin
	states []state // up to the origin
	// future are periods after the origin with known flags, by period − 1.
	future     []Flag
	closedDays [7]bool
	phase0     int // weekday of the origin; only for daily data
	daily      bool
}

// period is one period with rows in a store; open is their known flags' maximum.
type period struct {
	at   int32 // 0 is the origin
	open Flag
}

// newStore applies the rule to the periods in which a store has rows, in order.
func newStore(g retail.Grid, periods []period) *Store {
	s := &Store{daily: g.Frequency == retail.Daily, phase0: g.Origin.Weekday()}
	past, found := slices.BinarySearchFunc(periods, 0, func(p period, at int) int { return int(p.at) - at })
	if found {
		past++
	}
	for _, p := range periods[past:] {
		for len(s.future) < int(p.at) {
			s.future = append(s.future, Unknown)
		}
		s.future[p.at-1] = p.open
	}
	periods = periods[:past]
	if len(periods) == 0 {
		return s
	}
	s.first = int(periods[0].at)
	s.states = make([]state, 1-s.first)
	opening := 1 // period of the first trading
	for _, p := range periods {
		if p.open == No {
			s.states[int(p.at)-s.first] = shut
			continue
		}
		s.states[int(p.at)-s.first] = traded
		opening = min(opening, int(p.at))
	}
	if opening <= 0 {
		s.findClosedDays(opening)
		s.findClosures(opening)
	}
	return s
}

// weekday of a period, Monday = 0.
func (s *Store) weekday(at int) int { return ((s.phase0+at)%7 + 7) % 7 }

// findClosedDays marks the weekdays on which the store trades in under 5 % of its weeks
// and under 5 % as often as on its busiest weekday.
func (s *Store) findClosedDays(opening int) {
	days := 1 - opening
	if !s.daily || days < 7*minWeeks {
		return
	}
	var count [7]int
	for at := opening; at <= 0; at++ {
		if s.states[at-s.first] == traded {
			count[s.weekday(at)]++
		}
	}
	busiest := slices.Max(count[:])
	for d, n := range count {
		s.closedDays[d] = n*rareShare*7 < days && n*rareShare < busiest
	}
	for i := range s.states {
		if s.closedDays[s.weekday(s.first+i)] {
			s.states[i] = freeDay
		}
	}
}

// findClosures tells, on the periods that are left, closures from quiet spells.
func (s *Store) findClosures(opening int) {
	limit := max(minClosure, closureFactor*(s.usualGap()-1))
	run := []int(nil) // periods of the current absent run
	end := func() {
		verdict := quiet
		if len(run) > limit {
			verdict = closure
		}
		for _, i := range run {
			if s.states[i] == before { // shut stays what it is
				s.states[i] = verdict
			}
		}
		run = run[:0]
	}
	for i := opening - s.first; i < len(s.states); i++ {
		switch s.states[i] {
		case freeDay:
		case traded:
			end()
		default:
			run = append(run, i)
		}
	}
	end()
}

// usualGap is g: the 90th percentile, nearest rank, of the distances between consecutive
// trading periods; 1 with fewer than two.
func (s *Store) usualGap() int {
	var gaps []int
	gap, seen := 0, false
	for _, st := range s.states {
		if st == freeDay {
			continue
		}
		gap++
		if st == traded {
			if seen {
				gaps = append(gaps, gap)
			}
			gap, seen = 0, true
		}
	}
	if len(gaps) == 0 {
		return 1
	}
	slices.Sort(gaps)
	rank := (gapRankNumerator*len(gaps) + gapRankOf - 1) / gapRankOf
	return gaps[rank-1]
}

// at is the state of a period up to the origin.
func (s *Store) at(p int) state {
	if p < s.first {
		return before
	}
	return s.states[p-s.first]
}

// Open reports whether a period up to the origin counts as one in which the store could
// have sold: not on a closed weekday, not flagged closed, not before it first traded.
// Closures count: sales were possible in principle, but nothing is known of them.
func (s *Store) Open(p int) bool {
	switch s.at(p) {
	case traded, quiet, closure:
		return true
	default:
		return false
	}
}

// ClosedDay reports whether a weekday (Monday = 0) is one on which the store is closed.
func (s *Store) ClosedDay(weekday int) bool { return s.daily && s.closedDays[weekday] }

// ahead is what is known of future period p ≥ 1: the calendar's flag, else the weekday.
func (s *Store) ahead(p int) (flag Flag, closedDay bool) {
	if p <= len(s.future) {
		flag = s.future[p-1]
	}
	return flag, s.daily && s.closedDays[s.weekday(p)]
}
