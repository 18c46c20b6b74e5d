package sql

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDialect holds the shared statements to what DuckDB and Spark 4 read alike. Each
// pattern is something that one of them reads differently or not at all.
func TestDialect(t *testing.T) {
	forbidden := map[string]string{
		`\\`:                             "a backslash in a literal is an escape for Spark",
		`[^\s(]''|''[^\s),]`:             "a doubled quote in a literal is two literals for Spark",
		`::`:                             "casts are CAST(x AS type)",
		`\[\d+\]|\bget\(|\belement_at\(`: "list elements are sk_at",
		`\bqualify\b`:                    "QUALIFY is DuckDB's",
		`\b(strftime|strptime|to_date|to_timestamp|date_format|try_strptime)\(`:                         "formats differ",
		`\b(regexp_\w+|rlike|similar)\b`:                                                                "regular expressions are sk_rx",
		`\b(len|size|string_split|split|list_\w+|transform|filter)\(`:                                   "lists are sk_len, sk_fields",
		`\btrim\(|\bltrim\(|\brtrim\(`:                                                                  "spaces are sk_trim",
		`\b(upper|lower|initcap)\(`:                                                                     "case differs outside ASCII",
		`\b(hash|xxhash64|md5_number\w*)\(`:                                                             "hashes differ",
		`\b(string_agg|listagg|group_concat|first|last|any_value|max_by|min_by|arg_max|arg_min|mode)\(`: "depends on order or NULL",
		`\bround\(`:      "doubles are rounded by floor(x * 10000 + 0.5)",
		`//|\bdiv\b`:     "integer division differs",
		`\bvarchar\b`:    "the type is STRING",
		`\bbigint\)\s*/`: "integers divide differently",
		`(?:^|[^_])\b(read_csv|read_parquet|copy|create|insert|order by [a-z_, ]+ limit)\b`: "statements are SELECTs and know no files",
		`\bselect \*|\bexclude\b`: "columns are spelled out",
		`"`:                       "Spark reads double quotes as a string",
		`\bnulls (first|last)\b|\busing sample\b|\bilike\b|\bgroup by all\b`: "not in both",
	}
	for _, name := range Statements() {
		text := strings.ToLower(Text(name))
		text = strings.ReplaceAll(text, `'"'`, "quote_mark")
		for pattern, why := range forbidden {
			if m := regexp.MustCompile(pattern).FindString(text); m != "" {
				t.Errorf("%s: %q: %s", name, m, why)
			}
		}
		if !strings.HasPrefix(strings.TrimSpace(text), "select") || strings.Contains(text, ";") {
			t.Errorf("%s is not one SELECT", name)
		}
	}
}

func TestPreludeDefines(t *testing.T) {
	defined := functions(t, "duckdb", `MACRO (sk_\w+)\([^)]*\) AS\s+`)
	spark := functions(t, "spark", `FUNCTION (sk_\w+)\([^)]*\) RETURNS [A-Z<>]+ RETURN\s+`)
	if got, want := slices.Sorted(maps.Keys(spark)), slices.Sorted(maps.Keys(defined)); !slices.Equal(got, want) {
		t.Errorf("Spark's prelude defines %v, DuckDB's %v", got, want)
	}
	differ := []string{"sk_rx", "sk_at", "sk_len", "sk_trim", "sk_hex", "sk_text", "sk_fields"}
	for name, body := range defined {
		if !slices.Contains(differ, name) && body != spark[name] {
			t.Errorf("%s is %s in one prelude and %s in the other", name, body, spark[name])
		}
	}
	used := regexp.MustCompile(`\bsk_\w+`)
	for _, name := range Statements() {
		for _, f := range used.FindAllString(Text(name), -1) {
			if defined[f] == "" {
				t.Errorf("%s uses %s, which the prelude lacks", name, f)
			}
		}
	}
}

// functions are the functions of a prelude: name → body.
func functions(t *testing.T, engine, define string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, s := range Prelude(engine) {
		m := regexp.MustCompile(define).FindStringSubmatch(s)
		if m == nil {
			t.Fatalf("%s: prelude statement defines nothing: %.60q", engine, s)
		}
		out[m[1]] = strings.TrimSpace(s[len(regexp.MustCompile(`(?s)^.*?`+define).FindString(s)):])
	}
	return out
}

func TestStatement(t *testing.T) {
	if _, err := Statement(Typed, map[string]string{"r_names": ""}); err == nil || !strings.Contains(err.Error(), "date_order, line_id, number_style, p_line_id, p_names") {
		t.Errorf("parameters without a value: %v", err)
	}
	got, err := Statement(Index, map[string]string{"r_hash": ", 'x'"}, map[string]string{"r_hash": ", 'y'"})
	if err != nil || strings.Contains(got, "${") || !strings.Contains(got, ", 'x'))") {
		t.Errorf("%v: %s", err, got)
	}
	for _, name := range Statements() {
		if regexp.MustCompile(`(?m)\s--`).MatchString(Text(name)) {
			t.Errorf("%s: a comment that does not begin its line stays in the text", name)
		}
	}
}
