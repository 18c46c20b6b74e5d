package prophet

import (
	"slices"
	"time"
)

// Step is the distance of forecast rows: months and days on the calendar, and
// a duration. A step of months goes to the same day of the month, or to the
// last one of a shorter month; from the last day of a month it goes to the last
// day of a month.
type Step struct {
	Months, Days int
	Duration     time.Duration
}

// Daily is a step of a day on the calendar.
func Daily() Step { return Step{Days: 1} }

// Weekly is a step of seven days.
func Weekly() Step { return Step{Days: 7} }

// Monthly is a step of a month on the calendar.
func Monthly() Step { return Step{Months: 1} }

// Hourly is a step of an hour.
func Hourly() Step { return Step{Duration: time.Hour} }

// after is n steps after t.
func (s Step) after(t time.Time, n int) time.Time {
	if s.Months != 0 {
		day := t.Day()
		if day == lastDay(t) {
			day = 31
		}
		t = t.AddDate(0, 0, 1-t.Day()).AddDate(0, n*s.Months, 0)
		t = t.AddDate(0, 0, min(day, lastDay(t))-1)
	}
	return t.AddDate(0, 0, n*s.Days).Add(time.Duration(n) * s.Duration)
}

// lastDay is the number of days of t's month.
func lastDay(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// FutureTimes are the times of the next periods after the last one of the
// history (of all its rows, those without a value too), after those of the
// history itself if asked for: make_future_dataframe. It panics if periods is
// negative or the step does not lead forward.
//
// From the first of a month, Monthly is the frequency MS of pandas; from the
// last of one, ME.
func (f *Fitted) FutureTimes(periods int, step Step, withHistory bool) []time.Time {
	if periods < 0 || step.Months < 0 || step.Days < 0 || step.Duration < 0 || step == (Step{}) {
		panic("prophet: FutureTimes: negative periods, or a step that does not lead forward")
	}
	var out []time.Time
	if withHistory {
		out = slices.Clone(f.HistoryDates)
	}
	last := f.Start.Add(f.TScale)
	if n := len(f.HistoryDates); n > 0 {
		last = f.HistoryDates[n-1]
	}
	for i := range periods {
		out = append(out, step.after(last, i+1))
	}
	return out
}
