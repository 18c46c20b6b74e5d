package retail

import (
	"fmt"
	"time"
)

// Date is a civil date, counted in days since 1970-01-01: the same number that
// Parquet's DATE stores.
type Date int32

// NewDate returns the date of a year, month and day; out-of-range days carry over as in
// time.Date.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// DateOf returns the UTC date of t.
func DateOf(t time.Time) Date {
	y, m, d := t.UTC().Date()
	return NewDate(y, m, d)
}

// ParseDate reads yyyy-mm-dd.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %.40q is not yyyy-mm-dd", s)
	}
	return DateOf(t), nil
}

// Time is midnight UTC of d.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Civil returns d's year, month and day.
func (d Date) Civil() (int, time.Month, int) { return d.Time().Date() }

// Weekday counts from Monday = 0, as ISO 8601 orders the week.
func (d Date) Weekday() int { return int(((int64(d)+3)%7 + 7) % 7) }

// String is yyyy-mm-dd.
func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText is yyyy-mm-dd.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads yyyy-mm-dd.
func (d *Date) UnmarshalText(b []byte) error {
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
