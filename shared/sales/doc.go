// Package sales reads what the ETL has written: the series index, the rows of a unit, and
// the calendar that says what an absent row means. Rows come by byte range, so that memory
// and traffic are those of one unit, whatever the size of the file.
//
// Everything read here is immutable: a file's name carries its ETL, its ETag is fixed at
// the first request and every later range asks for it.
package sales
