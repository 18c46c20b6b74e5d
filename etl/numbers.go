package etl

// NumberShapes counts, over one column, how its texts use commas and points. Lines, not
// distinct texts.
type NumberShapes struct {
	Texts      int64 // not empty
	CommaSure  int64 // only readable with a decimal comma: 4,95 or 1.234,5
	PointSure  int64 // only readable with a decimal point: 4.95 or 1,234.5 or 1,234,567
	CommaThree int64 // 1,234: thousands or decimals
	PointThree int64 // 1.234
}

// NumberStyle is the decimal mark of a file; the other mark groups thousands.
type NumberStyle string

// The two styles, as the shared SQL's sk_num knows them.
const (
	PointStyle NumberStyle = "point"
	CommaStyle NumberStyle = "comma"
)

// DecideNumbers picks one style for a file from its quantities, prices and other numbers.
// Sure texts decide by majority; the minority's rows are then unreadable, and say so.
// Without any, a column in which every number has one mark before three digits uses it as
// the decimal mark (thousands would leave some number below 1000 without), and else the
// separator decides: a file with semicolons comes from where the comma is decimal.
func DecideNumbers(separator string, columns ...NumberShapes) NumberStyle {
	var comma, point int64
	for _, c := range columns {
		comma += c.CommaSure
		point += c.PointSure
	}
	switch {
	case comma > point:
		return CommaStyle
	case point > comma:
		return PointStyle
	}
	for _, c := range columns {
		switch {
		case c.CommaThree > 0 && c.CommaThree == c.Texts:
			return CommaStyle
		case c.PointThree > 0 && c.PointThree == c.Texts:
			return PointStyle
		}
	}
	if separator == ";" {
		return CommaStyle
	}
	return PointStyle
}
