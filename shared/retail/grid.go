package retail

import (
	"fmt"
	"time"
)

// Frequency is the length of a period: D, W or M.
type Frequency string

// The three frequencies.
const (
	Daily   Frequency = "D"
	Weekly  Frequency = "W"
	Monthly Frequency = "M"
)

// ParseFrequency accepts D, W, M and their words.
func ParseFrequency(s string) (Frequency, error) {
	switch s {
	case "D", "d", "day", "daily":
		return Daily, nil
	case "W", "w", "week", "weekly":
		return Weekly, nil
	case "M", "m", "month", "monthly":
		return Monthly, nil
	}
	return "", fmt.Errorf("frequency %.20q is not D (daily), W (weekly) or M (monthly)", s)
}

// Season is the number of periods after which a calendar season repeats: 7 days, 52
// weeks, 12 months.
func (f Frequency) Season() int {
	switch f {
	case Weekly:
		return 52
	case Monthly:
		return 12
	default:
		return 7
	}
}

// DefaultHorizon is 28 days, 13 weeks or 12 months.
func (f Frequency) DefaultHorizon() int {
	switch f {
	case Weekly:
		return 13
	case Monthly:
		return 12
	default:
		return 28
	}
}

// Grid is the time axis of a run. Every date on it is Origin plus a whole number of
// periods; labels continue as they are, so Fridays stay Fridays and, with MonthEnd,
// month-ends stay month-ends.
type Grid struct {
	Frequency Frequency
	Origin    Date // label of the last known period
	MonthEnd  bool // monthly labels are the last day of each month
}

// At returns the label of period i; 0 is the origin, negative is the past.
func (g Grid) At(i int) Date {
	switch g.Frequency {
	case Weekly:
		return g.Origin + Date(7*i)
	case Monthly:
		y, m, d := g.Origin.Civil()
		first := NewDate(y, m, 1).addMonths(i)
		end := first.addMonths(1) - 1
		if g.MonthEnd {
			return end
		}
		return min(first+Date(d-1), end)
	default:
		return g.Origin + Date(i)
	}
}

// Index returns the period of d, and false if d is not a label of the grid.
func (g Grid) Index(d Date) (int, bool) {
	switch g.Frequency {
	case Weekly:
		n := int(d - g.Origin)
		return n / 7, n%7 == 0
	case Monthly:
		y, m, _ := d.Civil()
		oy, om, _ := g.Origin.Civil()
		i := 12*(y-oy) + int(m) - int(om)
		return i, g.At(i) == d
	default:
		return int(d - g.Origin), true
	}
}

// Phase is d's place in the season: weekday from Monday, month from January, or for
// weeks the number of weeks from the origin modulo 52, so that it continues over years.
func (g Grid) Phase(d Date) int {
	switch g.Frequency {
	case Weekly:
		n := int(d-g.Origin) / 7 % 52
		return (n + 52) % 52
	case Monthly:
		_, m, _ := d.Civil()
		return int(m) - 1
	default:
		return d.Weekday()
	}
}

// addMonths moves the first day of a month by n months.
func (d Date) addMonths(n int) Date {
	y, m, _ := d.Civil()
	return NewDate(y, m+time.Month(n), 1)
}
