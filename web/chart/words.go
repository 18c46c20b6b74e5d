package chart

import (
	"fmt"
	"strings"

	"github.com/skucast/skucast/shared/retail"
)

// Words makes a name readable: seasonal_naive is "seasonal naive".
func Words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// Period names one period, season what seasonal naive repeats.
func Period(f retail.Frequency) (one, many, season string) {
	switch f {
	case retail.Weekly:
		return "week", "weeks", "the same week of last year"
	case retail.Monthly:
		return "month", "months", "the same month of last year"
	default:
		return "day", "days", "the same weekday of last week"
	}
}

// ClassMeaning says what a demand class is.
func ClassMeaning(class string) string {
	switch class {
	case "smooth":
		return "sells in most periods, in similar amounts"
	case "erratic":
		return "sells in most periods, in very different amounts"
	case "intermittent":
		return "sells now and then, in similar amounts"
	case "lumpy":
		return "sells now and then, in very different amounts"
	case "new":
		return "too young to tell"
	case "dead":
		return "has not sold for a long time"
	}
	return ""
}

// Date is "2 Jan 2024".
func Date(d retail.Date) string { return d.Time().Format("2 Jan 2006") }

// ShortDate is "2 Jan", for months "Jan 2024".
func ShortDate(d retail.Date, f retail.Frequency) string {
	if f == retail.Monthly {
		return d.Time().Format("Jan 2006")
	}
	return d.Time().Format("2 Jan")
}

// Plural is "1 day" or "28 days".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1" + NBSP + one
	}
	return fmt.Sprintf("%s%s%s", Count(int64(n)), NBSP, many)
}
