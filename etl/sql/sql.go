// Package sql holds the transform: one SELECT per file, run by every engine over a prelude
// of a few functions that the engines spell differently. Statements know nothing of files
// or buckets; a driver names their inputs and decides how to keep their results. Parameters
// are ${name}; their values are integers, names and hex made by package etl, never text of
// an input.
package sql

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.sql
var files embed.FS

var parameter = regexp.MustCompile(`\$\{[a-z_]+\}`)

// The statements, in the order of the transform.
const (
	Parsed    = "1_parsed"
	Dates     = "2_dates"
	Decision  = "3_decision"
	Typed     = "4_typed"
	Periods   = "5_periods"
	Judged    = "6_judged"
	Cancelled = "7_cancelled"
	Sales     = "8_sales"
	Rejects   = "9_rejects"
	Quality   = "10_quality"
	Index     = "11_index"
	Calendar  = "12_calendar"
	Giants    = "13_giants"
)

// Statements lists them.
func Statements() []string {
	return []string{Parsed, Dates, Decision, Typed, Periods, Judged, Cancelled, Sales, Rejects, Quality, Index, Calendar, Giants}
}

// Text returns one file without its comments, which may name parameters.
func Text(name string) string {
	b, err := files.ReadFile(name + ".sql")
	if err != nil {
		panic("sql: no statement " + name) // names are the constants above
	}
	var kept []string
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "--") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Prelude returns the statements that define the engine's functions.
func Prelude(engine string) []string {
	var out []string
	for s := range strings.SplitSeq(Text("prelude_"+engine), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Statement returns a statement with its parameters filled in; one without a value is an
// error, because an empty text would be SQL of another meaning.
func Statement(name string, params ...map[string]string) (string, error) {
	var missing []string
	text := parameter.ReplaceAllStringFunc(Text(name), func(match string) string {
		key := match[2 : len(match)-1]
		for _, p := range params {
			if v, ok := p[key]; ok {
				return v
			}
		}
		missing = append(missing, key)
		return ""
	})
	if len(missing) > 0 {
		slices.Sort(missing)
		return "", fmt.Errorf("statement %s: no value for %s", name, strings.Join(slices.Compact(missing), ", "))
	}
	return strings.TrimSpace(text), nil
}
