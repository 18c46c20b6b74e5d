package etl

import (
	"fmt"

	"github.com/skucast/skucast/shared/event"
)

// Reasons why a whole file is refused. They are stable: _failed.json, the status page and
// the runbook use them.
const (
	ReasonEmptyFile        = "empty_file"
	ReasonNoRows           = "no_rows"
	ReasonMissingColumn    = "missing_column"
	ReasonAmbiguousColumn  = "ambiguous_column"
	ReasonAmbiguousDates   = "ambiguous_dates"
	ReasonIsolatedDates    = "isolated_dates"
	ReasonNotText          = "not_text"
	ReasonWrongEncoding    = "wrong_encoding"
	ReasonLineTooLong      = "line_too_long"
	ReasonBadGzip          = "bad_gzip"
	ReasonZipArchive       = "zip_archive"
	ReasonTooLarge         = "expands_too_much"
	ReasonNotAFile         = "not_a_file"
	ReasonSourceChanged    = "source_changed"
	ReasonSourceGone       = "source_gone"
	ReasonEveryRowRejected = "every_row_rejected"
	ReasonNoQuantity       = "no_quantity"
	ReasonTooShort         = "no_complete_period"
	ReasonTooFine          = "frequency_too_fine"
)

// Reason is one row of the table of refusals.
type Reason struct {
	Name    string
	Meaning string
	WayOut  string
}

// Reasons lists every reason with which the ETL refuses a file, what it means and what a
// person can do about it.
func Reasons() []Reason {
	return []Reason{
		{ReasonEmptyFile, "the file has no bytes, or only blank lines", "export the file again and drop it again"},
		{ReasonNoRows, "the file has a header and no data line", "export the file with its rows and drop it again"},
		{ReasonMissingColumn, "the header has no date, no SKU or no quantity, or lacks a column that the options name", "name the columns, for example --map units=bottles, or map in _feed.json or <file>.options.json"},
		{ReasonAmbiguousColumn, "one name stands twice in the header", "rename one of the two columns in the file"},
		{ReasonAmbiguousDates, "the dates can be read day first and month first, or some only one way and some only the other", "set date_order to dmy or mdy in <file>.options.json or _feed.json, and drop the file again"},
		{ReasonIsolatedDates, "more than a year lies between two parts of the file, and neither is a handful of mistyped dates", "correct the dates on the smaller side, or drop only the part that belongs together"},
		{ReasonNotText, "the file is not a text file", "export as CSV (text), not as a workbook, database or archive"},
		{ReasonWrongEncoding, "the file is UTF-16 or UTF-32", "save it as CSV UTF-8 and drop it again"},
		{ReasonLineTooLong, "a line is longer than 256 KiB", "check that lines end in a line feed and that the file is a CSV"},
		{ReasonBadGzip, "the gzip stream is cut off or damaged", "compress or upload the file again; check that the upload had ended before it was dropped"},
		{ReasonZipArchive, "the file is a zip archive or an Excel workbook, whatever its name says", "unpack it, or save the sheet as CSV; gzip (.csv.gz) is read as it is"},
		{ReasonTooLarge, "the gzip expands to more than a hundred times its size", "drop the file uncompressed if it is genuine"},
		{ReasonNotAFile, "the name is that of a folder or of a settings file", "drop a CSV file under incoming/<feed>/"},
		{ReasonSourceChanged, "the file was replaced while it was read, or before", "nothing: the new version is a drop of its own; do not write into a file after dropping it"},
		{ReasonSourceGone, "the file was deleted before it was read", "drop the file again and leave it in place until its run has ended"},
		{ReasonEveryRowRejected, "no line of the file can be used", "read the lines in the message: usually a column is mapped wrongly or the separator is unusual"},
		{ReasonNoQuantity, "no usable row has a quantity, so there is nothing to learn from", "check which column is mapped to units"},
		{ReasonTooShort, "no period of the asked frequency is covered completely", "drop a longer history or ask for a finer frequency"},
		{ReasonTooFine, "weeks were asked for, and the file has one date a month", "leave freq out, or ask for M or D"},
	}
}

// WayOut says what a person can do about a reason, "" for one that is not the ETL's.
func WayOut(reason string) string {
	for _, r := range Reasons() {
		if r.Name == reason {
			return r.WayOut
		}
	}
	return ""
}

// refuse is a permanent error.
func refuse(reason, format string, args ...any) error {
	return event.Permanent(reason, fmt.Errorf(format, args...))
}
