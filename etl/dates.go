package etl

// DateOrder says which of two leading numbers of a date is the day.
type DateOrder string

// The orders; a file of ISO dates needs none. They are column names of 2_dates.
const (
	ISO        DateOrder = "iso"
	DayFirst   DateOrder = "dmy"
	MonthFirst DateOrder = "mdy"
)

// Proof is a date text that shows something, with the first line that has it.
type Proof struct {
	Line int64 // 0: there is none
	Text string
}

// DateEvidence is what the distinct date texts of a file show.
type DateEvidence struct {
	OnlyDayFirst   Proof // 28/11/2011
	OnlyMonthFirst Proof // 11/28/2011
	Either         Proof // 05/04/2011: two different dates
	Same           Proof // 05/05/2011: one date
}

// DecideDateOrder settles the order for a whole file. option is the options' date_order.
// A file that stays open is refused with the lines that show why; no row is guessed.
func DecideDateOrder(name, option string, e DateEvidence) (DateOrder, error) {
	switch {
	case option != "":
		return DateOrder(option), nil
	case e.OnlyDayFirst.Line > 0 && e.OnlyMonthFirst.Line > 0:
		return "", refuse(ReasonAmbiguousDates,
			"%s mixes orders: line %d (%.40s) is a date only with the day first, line %d (%.40s) only with the month first; set date_order to dmy or mdy, and lines of the other order are rejected",
			name, e.OnlyDayFirst.Line, e.OnlyDayFirst.Text, e.OnlyMonthFirst.Line, e.OnlyMonthFirst.Text)
	case e.OnlyDayFirst.Line > 0:
		return DayFirst, nil
	case e.OnlyMonthFirst.Line > 0:
		return MonthFirst, nil
	case e.Either.Line > 0:
		return "", refuse(ReasonAmbiguousDates,
			"%s: every date can be read with the day or the month first, for example line %d (%.40s), and none decides it; set date_order to dmy or mdy",
			name, e.Either.Line, e.Either.Text)
	case e.Same.Line > 0:
		return DayFirst, nil
	}
	return ISO, nil
}
