package regress

// daysOfMonth is the number of columns for the day of the month, minDays the
// history that they need.
const (
	daysOfMonth = 31
	minDays     = 180
)

// monthDay is the day of the month, from 0, of a day counted from 1 January
// 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
func monthDay(day int) int {
	z := day + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	return doy - (153*mp+2)/5
}
