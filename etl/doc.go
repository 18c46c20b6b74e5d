// Package etl holds what turning a dropped CSV into sales files needs besides SQL: the
// staging pass that makes numbered UTF-8 lines of any supported file, the resolution of
// headers, the decisions about numbers, dates and periods that hold for a whole file, and
// the names of every rule and reason. It is pure: readers and writers come in, nothing
// here opens a file or knows an engine.
//
// The transform itself is the shared SQL in etl/sql, run by etl/duckdb.
package etl
