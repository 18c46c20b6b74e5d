// Package design computes the columns and the places that Prophet's design
// matrix is made of. Times are wall-clock times in nanoseconds since 1970-01-01
// 00:00, without a time zone.
package design

import "math"

// Day is a day in nanoseconds.
const Day = 24 * 60 * 60 * 1e9

// Days are the days since 1970-01-01 00:00, fractions included. The operations
// and their order are those of pandas (total seconds, then days), so that the
// arguments of the Fourier terms agree to the last bit.
func Days(ns int64) float64 { return float64(ns) / 1e9 / 86400 }

// FourierTo writes sin 1, cos 1, sin 2, cos 2, … of a period in days for one
// time into dst, which has two elements per order (Taylor and Letham, 2018,
// section 3.2).
func FourierTo(dst []float64, days, period float64) {
	x := 2 * math.Pi * days
	for i := 0; i+1 < len(dst); i += 2 {
		dst[i], dst[i+1] = math.Sincos(float64(i/2+1) / period * x)
	}
}

// Changepoints are the row indices of n changepoints among the first
// share·rows rows: n+1 rows spaced evenly from the first to the last, rounded
// half to even, the first left out. They are even in rows, not in time. Where
// the rows do not suffice there are fewer.
func Changepoints(rows, n int, share float64) []int {
	size := int(math.Floor(float64(rows) * share))
	n = min(n, size-1)
	if n <= 0 {
		return nil
	}
	index, step := make([]int, n), float64(size-1)/float64(n)
	for i := range index {
		index[i] = int(math.RoundToEven(float64(i+1) * step))
	}
	index[n-1] = size - 1
	return index
}

// DayOf is the number of the calendar day of a time.
func DayOf(ns int64) int64 {
	d := ns / Day
	if ns%Day < 0 {
		d--
	}
	return d
}
