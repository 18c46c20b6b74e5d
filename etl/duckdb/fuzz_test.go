package duckdb

import (
	"database/sql"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	shared "github.com/skucast/skucast/etl/sql"
)

func fuzzEngine(f *testing.F) *engine {
	e, err := openEngine(f.Context(), Job{MemoryLimit: "200MB", Threads: 1}, f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(e.close)
	return e
}

// FuzzNumber compares the shared number parser with one in Go: the same texts are numbers,
// and their values are equal.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.5", "1,234.5", "1.234,5", "$ 4.95", ".5", "5.", "1e3", "", "1,23", "１", "'", "1 000", "999999999999.99995", "0,5", "+", ".", "0-", "(1.5)", "-(1)", "1--", "¥ 12", "()", "1,234.5-"} {
		f.Add(s)
	}
	e := fuzzEngine(f)
	remove := strings.NewReplacer(" ", "", "$", "", "€", "", "£", "", "¥", "", "₹", "", "'", "", "\u00a0", "", "\u202f", "", "’", "")
	afterwards := regexp.MustCompile(`^([0-9.,]+)-$|^[(]([0-9.,]+)[)]$`)
	swap := strings.NewReplacer(",", ".", ".", ",")
	plain := regexp.MustCompile(`^[+-]?([0-9]{1,12}([.][0-9]{0,9})?|[.][0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,3}([.][0-9]{0,9})?)$`)
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return // staging lets neither through
		}
		for _, style := range []string{"point", "comma"} {
			bare := afterwards.ReplaceAllString(remove.Replace(s), "-$1$2")
			if style == "comma" {
				bare = swap.Replace(bare)
			}
			want := ""
			if plain.MatchString(bare) {
				r, ok := new(big.Rat).SetString(strings.ReplaceAll(bare, ",", ""))
				if !ok {
					t.Fatalf("%q is no number to Go", bare)
				}
				if want = r.FloatString(4); strings.Trim(want, "-0.") == "" {
					want = "0.0000"
				}
				if len(strings.TrimPrefix(want, "-")) > 17 { // rounded up to a 13th digit
					want = ""
				}
			}
			var got sql.NullString
			if err := e.conn.QueryRowContext(t.Context(), "SELECT CAST(try_cast(sk_num(x, '"+style+"') AS DECIMAL(16,4)) AS VARCHAR) FROM (SELECT CAST(? AS VARCHAR) AS x)", s).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if strings.Trim(got.String, "-0.") == "" && got.Valid {
				got.String = "0.0000"
			}
			if got.Valid != (want != "") || got.String != want {
				t.Fatalf("%q with decimal %s is %q (%v), want %q", s, style, got.String, got.Valid, want)
			}
		}
	})
}

// FuzzDate: the statement that reads dates reads what Go reads, whatever the text.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"2025-11-28", "28/11/2025", "11/28/25", "20251128", "2025-11", "1900-02-29", "2025-2-30", "1/1/1", "0000-00-00", "2199.12.31", "--", "infinity"} {
		f.Add(s)
	}
	e := fuzzEngine(f)
	if err := e.exec(f.Context(), "CREATE TEMP TABLE parsed (date_text VARCHAR, line_no BIGINT, rule VARCHAR)"); err != nil {
		f.Fatal(err)
	}
	statement, err := shared.Statement(shared.Dates)
	if err != nil {
		f.Fatal(err)
	}
	layouts := [3][]string{
		{"2006-1-2", "2006/1/2", "2006.1.2", "20060102", "2006-01"},
		{"2/1/2006", "2-1-2006", "2.1.2006", "2/1/06", "2.1.06"},
		{"1/2/2006", "1-2-2006", "1.2.2006", "1/2/06", "1.2.06"},
	}
	oneSeparator := regexp.MustCompile(`^[0-9]+([-/.]?)[0-9]*([-/.]?)[0-9]*$`)
	f.Fuzz(func(t *testing.T, s string) {
		m := oneSeparator.FindStringSubmatch(s)
		mixed := m != nil && m[1] != m[2] && m[2] != "" // 1/2-2025 is read, but not by Go
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || mixed {
			return
		}
		if _, err := e.conn.ExecContext(t.Context(), "DELETE FROM parsed"); err != nil {
			t.Fatal(err)
		}
		if _, err := e.conn.ExecContext(t.Context(), "INSERT INTO parsed VALUES (?, 2, NULL)", s); err != nil {
			t.Fatal(err)
		}
		var text string
		var lines, first int64
		var got [3]sql.NullTime
		if err := e.row(t.Context(), statement, &text, &lines, &first, &got[0], &got[1], &got[2]); err != nil {
			t.Fatal(err)
		}
		for i, set := range layouts {
			var want time.Time
			for _, l := range set {
				at, err := time.Parse(l, s)
				if err != nil || at.Year() < 1900 && !strings.HasSuffix(l, "/06") || at.Year() >= 2200 {
					continue
				}
				if y := at.Year(); (strings.HasSuffix(l, "/06") || strings.HasSuffix(l, ".06")) && y < 2000 {
					at = at.AddDate(100, 0, 0) // Go takes 69 to 99 for the last century
					if at.Day() != atDay(s, i) {
						continue
					}
				}
				want = at
			}
			if got[i].Valid != !want.IsZero() || got[i].Valid && !got[i].Time.Equal(want) {
				t.Fatalf("%q in order %d is %v (%v), want %v", s, i, got[i].Time, got[i].Valid, want)
			}
		}
	})
}

// atDay is the day as written, for 29 February of a century that has none.
func atDay(s string, order int) int {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '.' })
	day := 0
	for _, c := range parts[order-1] {
		day = day*10 + int(c-'0')
	}
	return day
}
