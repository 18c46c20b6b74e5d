package etl

import (
	"cmp"
	"slices"

	"github.com/skucast/skucast/shared/retail"
)

// Day counts the usable lines of one distinct date.
type Day struct {
	Date      retail.Date
	Rows      int64
	Sold      int64 // lines with a quantity
	Trading   int64 // lines whose open flag is not 0
	FirstLine int64
}

// Period says what becomes of the lines of one date.
type Period struct {
	Date  retail.Date
	Label retail.Date
	// Rule rejects every line of the date, SoldRule those with a quantity; "" none.
	Rule     string
	SoldRule string
}

// Timeline is the time axis of a file and the period of each of its dates.
type Timeline struct {
	Grid    retail.Grid
	Periods []Period // by date
}

// Shares of the rows below which dates are taken for mistakes.
const (
	strayShare = 0.001 // an isolated side may hold less than this
	gridShare  = 0.999 // on the grid there must be at least this
)

const (
	dayYear  = 366 // more than this lies between isolated dates and the rest
	dayMonth = 31
)

// DecidePeriods fixes frequency, grid and origin for a file, and what becomes of each of
// its dates. freq is the options' frequency or "" to decide; arrived is the date of the
// drop, the only "now" there is. The order matters: dates that cannot be right go first,
// so that one mistyped year does not move the origin.
func DecidePeriods(name string, days []Day, freq retail.Frequency, arrived retail.Date) (Timeline, error) {
	days = slices.Clone(days)
	slices.SortFunc(days, func(a, b Day) int { return cmp.Compare(a.Date, b.Date) })
	t := &timeline{name: name, days: days, arrived: arrived, out: make([]Period, len(days))}
	for i, d := range days {
		t.out[i] = Period{Date: d.Date, Label: d.Date}
		if d.Date > arrived+dayMonth { // beyond the arrival's period, whatever the frequency
			t.out[i].SoldRule = RuleSaleInFuture
		}
	}
	if err := t.rejectIsolated(); err != nil {
		return Timeline{}, err
	}
	if err := t.chooseGrid(freq); err != nil {
		return Timeline{}, err
	}
	t.rejectFuture()
	if t.sampled {
		t.rejectPartial()
	}
	return t.finish()
}

type timeline struct {
	name    string
	days    []Day
	arrived retail.Date
	out     []Period
	grid    retail.Grid // Origin: any label until finish
	sampled bool        // periods are longer than the file's own
}

// rows are the lines of date i that nothing has rejected yet.
func (t *timeline) rows(i int) int64 {
	switch {
	case t.out[i].Rule != "":
		return 0
	case t.out[i].SoldRule != "":
		return t.days[i].Rows - t.days[i].Sold
	}
	return t.days[i].Rows
}

// sold are those of them with a quantity.
func (t *timeline) sold(i int) int64 {
	if t.out[i].Rule != "" || t.out[i].SoldRule != "" {
		return 0
	}
	return t.days[i].Sold
}

func (t *timeline) rejectIsolated() error {
	var live []int
	var total int64
	for i := range t.days {
		if n := t.rows(i); n > 0 {
			live = append(live, i)
			total += n
		}
	}
	var left int64
	from, to := 0, len(live) // live dates that stay
	for k := 0; k+1 < len(live); k++ {
		left += t.rows(live[k])
		a, b := t.days[live[k]], t.days[live[k+1]]
		if b.Date-a.Date <= dayYear {
			continue
		}
		small := min(left, total-left)
		if float64(small) >= strayShare*float64(total) {
			side, at := a, "before"
			if total-left == small {
				side, at = b, "after"
			}
			return refuse(ReasonIsolatedDates,
				"%s: no date between %v and %v, and %d of %d rows lie %s that gap, first in line %d (%v): too many for typing errors; correct them or drop only one part",
				t.name, a.Date, b.Date, small, total, at, side.FirstLine, side.Date)
		}
		if small == left {
			from = k + 1
		} else {
			to = min(to, k+1)
		}
	}
	for k, i := range live {
		if k < from || k >= to {
			t.out[i].Rule = RuleIsolatedDate
		}
	}
	return nil
}

// chooseGrid detects the file's own grid, rejects what is off it, and lengthens the
// period if the options ask for that.
func (t *timeline) chooseGrid(freq retail.Frequency) error {
	own, on := t.detect()
	if freq == "" || freq == own.Frequency {
		t.grid = own
		for i := range t.days {
			if t.rows(i) > 0 && !on(t.days[i].Date) {
				t.out[i].Rule = RuleOffGrid
			}
		}
		return nil
	}
	if own.Frequency == retail.Monthly && freq == retail.Weekly {
		return refuse(ReasonTooFine, "%s has one date a month and cannot be made weekly; leave freq out", t.name)
	}
	t.grid = retail.Grid{Frequency: freq}
	t.sampled = freq != retail.Daily
	for i, d := range t.days {
		t.out[i].Label = t.label(d.Date)
	}
	return nil
}

// label is the down-sampled period of a date: its Monday, or the first of its month.
func (t *timeline) label(d retail.Date) retail.Date {
	switch {
	case !t.sampled:
		return d
	case t.grid.Frequency == retail.Weekly:
		return d - retail.Date(d.Weekday())
	default:
		y, m, _ := d.Civil()
		return retail.NewDate(y, m, 1)
	}
}

// after is the first date that does not belong to the down-sampled period of a label.
func (t *timeline) after(label retail.Date) retail.Date {
	if t.grid.Frequency == retail.Weekly {
		return label + 7
	}
	y, m, _ := label.Civil()
	return retail.NewDate(y, m+1, 1)
}

// detect finds the grid that holds at least 99.9 % of the rows on at least three dates,
// and a test for being on it.
func (t *timeline) detect() (retail.Grid, func(retail.Date) bool) {
	var total int64
	var byWeekday [7]tally
	var byDay [32]tally
	var atEnd tally
	for i, d := range t.days {
		n := t.rows(i)
		if n == 0 {
			continue
		}
		total += n
		_, _, day := d.Date.Civil()
		byWeekday[d.Date.Weekday()].add(n)
		byDay[day].add(n)
		if isMonthEnd(d.Date) {
			atEnd.add(n)
		}
	}
	holds := func(c tally) bool { return c.dates >= 3 && float64(c.rows) >= gridShare*float64(total) }
	if holds(atEnd) {
		return retail.Grid{Frequency: retail.Monthly, MonthEnd: true}, isMonthEnd
	}
	for day, c := range byDay {
		if holds(c) {
			return retail.Grid{Frequency: retail.Monthly}, func(d retail.Date) bool {
				_, _, k := d.Civil()
				return k == day
			}
		}
	}
	for weekday, c := range byWeekday {
		if holds(c) {
			return retail.Grid{Frequency: retail.Weekly}, func(d retail.Date) bool { return d.Weekday() == weekday }
		}
	}
	return retail.Grid{Frequency: retail.Daily}, func(retail.Date) bool { return true }
}

type tally struct{ dates, rows int64 }

func (c *tally) add(n int64) { c.dates++; c.rows += n }

func isMonthEnd(d retail.Date) bool {
	_, _, day := (d + 1).Civil()
	return day == 1
}

// rejectFuture rejects quantities for periods after the one of the arrival. A weekly
// label may stand for the week that begins or the one that ends with it, so the arrival's
// week reaches to the sixth day after it.
func (t *timeline) rejectFuture() {
	last := t.arrived
	switch {
	case t.sampled:
		last = t.label(t.arrived)
	case t.grid.Frequency == retail.Weekly:
		last = t.arrived + 6
	case t.grid.Frequency == retail.Monthly:
		y, m, _ := t.arrived.Civil()
		last = retail.NewDate(y, m+1, 1) - 1
	}
	for i := range t.days {
		if t.out[i].Label > last {
			t.out[i].SoldRule = RuleSaleInFuture
		}
	}
}

// rejectPartial drops a first or last period from which a weekday is left out on which
// stores trade.
func (t *timeline) rejectPartial() {
	first, last := -1, -1
	var trades [7]bool
	for i, d := range t.days {
		if t.sold(i) == 0 {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		if d.Trading > 0 {
			trades[d.Date.Weekday()] = true
		}
	}
	if first < 0 {
		return
	}
	leavesOut := func(from, to retail.Date) bool { // [from, to)
		for d := from; d < to; d++ {
			if trades[d.Weekday()] {
				return true
			}
		}
		return false
	}
	firstLabel, lastLabel := t.out[first].Label, t.out[last].Label
	dropFirst := leavesOut(firstLabel, t.days[first].Date)
	dropLast := leavesOut(t.days[last].Date+1, t.after(lastLabel))
	for i := range t.days {
		if t.rows(i) == 0 {
			continue
		}
		if dropFirst && t.out[i].Label == firstLabel {
			t.out[i].Rule = RulePartialPeriod
		}
		// What is known about the rest of the last period stays, as a future input.
		if dropLast && t.out[i].Label == lastLabel {
			if t.days[i].Date <= t.days[last].Date {
				t.out[i].Rule = RulePartialPeriod
			} else {
				t.out[i].SoldRule = RulePartialPeriod
			}
		}
	}
}

func (t *timeline) finish() (Timeline, error) {
	var found, partial bool
	future := -1
	for i, d := range t.days {
		if future < 0 && d.Sold > 0 && t.out[i].SoldRule == RuleSaleInFuture {
			future = i
		}
		partial = partial || t.out[i].Rule == RulePartialPeriod && d.Sold > 0
		if t.sold(i) > 0 && (!found || t.out[i].Label > t.grid.Origin) {
			t.grid.Origin, found = t.out[i].Label, true
		}
	}
	switch {
	case found:
		return Timeline{Grid: t.grid, Periods: t.out}, nil
	case partial:
		return Timeline{}, refuse(ReasonTooShort, "%s covers no whole %s; drop a longer history or leave freq out",
			t.name, map[retail.Frequency]string{retail.Weekly: "week", retail.Monthly: "month"}[t.grid.Frequency])
	case future >= 0:
		return Timeline{}, refuse(ReasonEveryRowRejected, "%s: every row with a quantity is dated after the file arrived on %v, the first in line %d (%v); correct the dates",
			t.name, t.arrived, t.days[future].FirstLine, t.days[future].Date)
	}
	return Timeline{}, refuse(ReasonNoQuantity, "%s: no usable row has a quantity; check which column is mapped to units", t.name)
}
