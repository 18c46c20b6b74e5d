package etl

import (
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
)

func date(t testing.TB, s string) retail.Date {
	t.Helper()
	d, err := retail.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// span makes n days from first, step apart, of the same number of rows.
func span(t testing.TB, first string, n, step int, rows int64) []Day {
	days := make([]Day, n)
	for i := range days {
		days[i] = Day{Date: date(t, first) + retail.Date(i*step), Rows: rows, Sold: rows, Trading: rows, FirstLine: int64(i + 2)}
	}
	return days
}

// months makes days on the given day of n months, 0 for the last.
func months(t testing.TB, first string, n, day int, rows int64) []Day {
	y, m, _ := date(t, first).Civil()
	days := make([]Day, n)
	for i := range days {
		at := retail.NewDate(y, m, 1)
		if day == 0 {
			at = retail.NewDate(y, m+1, 1) - 1
		} else {
			at += retail.Date(day - 1)
		}
		days[i] = Day{Date: at, Rows: rows, Sold: rows, Trading: rows, FirstLine: int64(i + 2)}
		m++
		if m > 12 {
			y, m = y+1, 1
		}
	}
	return days
}

func one(t testing.TB, at string, rows, sold int64) Day {
	return Day{Date: date(t, at), Rows: rows, Sold: sold, Trading: rows, FirstLine: 99}
}

func TestDecidePeriods(t *testing.T) {
	without := func(days []Day, drop func(retail.Date) bool) []Day {
		return slices.DeleteFunc(days, func(d Day) bool { return drop(d.Date) })
	}
	sunday := func(d retail.Date) bool { return d.Weekday() == 6 }
	for _, tt := range []struct {
		name     string
		days     []Day
		freq     retail.Frequency
		arrived  string // default 2024-12-31
		want     retail.Frequency
		origin   string
		monthEnd bool
		rules    map[string]string // date → rule, or "sold:" rule
		labels   map[string]string
		reason   string
		says     string
	}{
		{name: "daily", days: span(t, "2024-01-01", 100, 1, 1), want: "D", origin: "2024-04-09"},
		{name: "one date", days: span(t, "2024-01-01", 1, 1, 1), want: "D", origin: "2024-01-01"},
		{name: "two fridays are daily", days: span(t, "2024-01-05", 2, 7, 1), want: "D", origin: "2024-01-12"},
		{name: "three fridays are weekly", days: span(t, "2024-01-05", 3, 7, 1), want: "W", origin: "2024-01-19"},
		{name: "weeks with holes", days: span(t, "2024-01-05", 10, 21, 1), want: "W", origin: "2024-07-12"},
		{name: "monthly on the 1st", days: months(t, "2023-11-01", 6, 1, 1), want: "M", origin: "2024-04-01"},
		{name: "monthly on the 15th", days: months(t, "2023-11-01", 6, 15, 1), want: "M", origin: "2024-04-15"},
		{name: "month ends", days: months(t, "2023-11-01", 6, 0, 1), want: "M", origin: "2024-04-30", monthEnd: true},
		{name: "two months are daily", days: months(t, "2023-11-01", 2, 1, 1), want: "D", origin: "2023-12-01"},
		{
			name: "a weekly file with a stray row", days: append(span(t, "2022-01-07", 100, 7, 20), one(t, "2022-03-08", 1, 1)), want: "W", origin: "2023-12-01",
			rules: map[string]string{"2022-03-08": RuleOffGrid},
		},
		{name: "too many strays", days: append(span(t, "2022-01-07", 100, 7, 20), one(t, "2022-03-08", 3, 3)), want: "D", origin: "2023-12-01"},
		{
			name: "a monthly file with a stray row", days: append(months(t, "2020-01-01", 40, 1, 50), one(t, "2021-03-09", 2, 2)), want: "M", origin: "2023-04-01",
			rules: map[string]string{"2021-03-09": RuleOffGrid},
		},

		{name: "future inputs do not move the origin", days: append(span(t, "2024-01-01", 10, 1, 5), one(t, "2024-01-11", 5, 0)), want: "D", origin: "2024-01-10"},
		{
			name: "sale after the arrival", days: span(t, "2024-12-29", 5, 1, 5), want: "D", origin: "2024-12-31",
			rules: map[string]string{"2025-01-01": "sold:" + RuleSaleInFuture, "2025-01-02": "sold:" + RuleSaleInFuture},
		},
		{
			name: "mistyped year 2199 among sales", days: append(span(t, "2024-01-01", 10, 1, 5), one(t, "2199-01-01", 1, 1)), want: "D", origin: "2024-01-10",
			rules: map[string]string{"2199-01-01": "sold:" + RuleSaleInFuture},
		},
		{
			name: "week of the arrival, labelled by its end", days: span(t, "2024-12-06", 6, 7, 5), arrived: "2024-12-30", want: "W", origin: "2025-01-03",
			rules: map[string]string{"2025-01-10": "sold:" + RuleSaleInFuture},
		},
		{
			name: "month of the arrival, labelled by its end", days: months(t, "2024-08-01", 6, 0, 5), arrived: "2024-12-05", want: "M", origin: "2024-12-31", monthEnd: true,
			rules: map[string]string{"2025-01-31": "sold:" + RuleSaleInFuture},
		},
		{name: "every sale after the arrival", days: span(t, "2025-01-01", 5, 1, 5), reason: ReasonEveryRowRejected, says: "line 2 (2025-01-01)"},
		{name: "no quantity", days: []Day{one(t, "2024-01-01", 5, 0)}, reason: ReasonNoQuantity},

		{
			name: "isolated before", days: append(span(t, "2024-01-01", 100, 1, 20), one(t, "1900-01-01", 1, 1)), want: "D", origin: "2024-04-09",
			rules: map[string]string{"1900-01-01": RuleIsolatedDate},
		},
		{
			name: "isolated on both sides", days: append(span(t, "2020-01-01", 100, 1, 20), one(t, "1900-01-01", 1, 1), one(t, "2024-01-01", 1, 1)), want: "D", origin: "2020-04-09",
			rules: map[string]string{"1900-01-01": RuleIsolatedDate, "2024-01-01": RuleIsolatedDate},
		},
		{
			name: "isolated future input", days: append(span(t, "2024-01-01", 100, 1, 20), one(t, "2031-01-01", 1, 0)), want: "D", origin: "2024-04-09",
			rules: map[string]string{"2031-01-01": RuleIsolatedDate},
		},
		{name: "a year exactly is no isolation", days: append(span(t, "2022-01-01", 1, 1, 5), one(t, "2023-01-02", 1, 1)), want: "D", origin: "2023-01-02"},
		{name: "two halves", days: append(span(t, "2020-01-01", 50, 1, 5), span(t, "2024-01-01", 60, 1, 5)...), reason: ReasonIsolatedDates, says: "250 of 550 rows"},
		{name: "one in a thousand is too many", days: append(span(t, "2024-01-01", 100, 1, 10), one(t, "1900-01-01", 2, 2)), reason: ReasonIsolatedDates, says: "line 99 (1900-01-01)"},

		{
			name: "weeks from days", days: span(t, "2024-01-01", 21, 1, 1), freq: "W", want: "W", origin: "2024-01-15",
			labels: map[string]string{"2024-01-07": "2024-01-01", "2024-01-08": "2024-01-08"},
		},
		{
			name: "weeks from days, ends cut", days: span(t, "2024-01-03", 21, 1, 1), freq: "W", want: "W", origin: "2024-01-15",
			rules: map[string]string{"2024-01-03": RulePartialPeriod, "2024-01-22": RulePartialPeriod, "2024-01-23": RulePartialPeriod},
		},
		{name: "closed on Sundays, so the week is whole", days: without(span(t, "2024-01-01", 20, 1, 1), sunday), freq: "W", want: "W", origin: "2024-01-15"},
		{
			name: "months from days", days: span(t, "2024-01-15", 80, 1, 1), freq: "M", want: "M", origin: "2024-03-01",
			rules: map[string]string{"2024-01-31": RulePartialPeriod, "2024-04-01": RulePartialPeriod}, labels: map[string]string{"2024-02-29": "2024-02-01"},
		},
		{name: "months from Fridays", days: span(t, "2024-01-05", 13, 7, 1), freq: "M", want: "M", origin: "2024-03-01"},
		{
			name: "future inputs of the last, partial week stay", days: append(span(t, "2024-01-01", 17, 1, 1), one(t, "2024-01-18", 1, 0), one(t, "2024-01-25", 1, 0)), freq: "W", want: "W", origin: "2024-01-08",
			rules:  map[string]string{"2024-01-17": RulePartialPeriod, "2024-01-18": "sold:" + RulePartialPeriod},
			labels: map[string]string{"2024-01-25": "2024-01-22"},
		},
		{name: "the week of the arrival may be asked for", days: span(t, "2024-12-16", 14, 1, 1), freq: "W", arrived: "2024-12-29", want: "W", origin: "2024-12-23"},
		{name: "fridays stay when weeks are asked for", days: span(t, "2024-01-05", 9, 7, 1), freq: "W", want: "W", origin: "2024-03-01"},
		{name: "days from weeks", days: span(t, "2024-01-05", 9, 7, 1), freq: "D", want: "D", origin: "2024-03-01"},
		{name: "weeks from months", days: months(t, "2024-01-01", 9, 1, 1), freq: "W", reason: ReasonTooFine},
		{name: "not one whole week", days: span(t, "2024-01-03", 8, 1, 1), freq: "W", reason: ReasonTooShort, says: "no whole week"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			arrived := tt.arrived
			if arrived == "" {
				arrived = "2024-12-31"
			}
			got, err := DecidePeriods("f.csv", tt.days, tt.freq, date(t, arrived))
			if tt.reason != "" {
				if event.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("%q (%v), want %q with %q", event.ReasonOf(err), err, tt.reason, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := retail.Grid{Frequency: tt.want, Origin: date(t, tt.origin), MonthEnd: tt.monthEnd}
			if got.Grid != want {
				t.Errorf("grid %+v (origin %v), want %+v", got.Grid, got.Grid.Origin, want)
			}
			rules := map[string]string{}
			for _, p := range got.Periods {
				switch {
				case p.Rule != "":
					rules[p.Date.String()] = p.Rule
				case p.SoldRule != "":
					rules[p.Date.String()] = "sold:" + p.SoldRule
				default:
					if _, ok := got.Grid.Index(p.Label); !ok {
						t.Errorf("%v has label %v, which is not on the grid", p.Date, p.Label)
					}
				}
				if want, ok := tt.labels[p.Date.String()]; ok && p.Label.String() != want {
					t.Errorf("%v has label %v, want %v", p.Date, p.Label, want)
				}
			}
			for d, rule := range tt.rules {
				if rules[d] != rule {
					t.Errorf("%s: rule %q, want %q", d, rules[d], rule)
				}
			}
			if tt.freq == "" && len(rules) != len(tt.rules) {
				t.Errorf("rules %v, want %v", rules, tt.rules)
			}
		})
	}
}

// FuzzDecidePeriods: whatever the dates, the result is a grid that every kept label is on,
// and whose origin is the last kept period with a quantity.
func FuzzDecidePeriods(f *testing.F) {
	f.Add([]byte{0, 1, 1, 1, 1, 1, 1}, uint8(0), int32(19000))
	f.Add([]byte{7, 5, 5, 7, 5, 5, 7, 5, 5}, uint8(1), int32(19000))
	f.Add([]byte{30, 5, 0, 255, 5, 5, 30, 5, 9}, uint8(2), int32(19000))
	f.Fuzz(func(t *testing.T, b []byte, freq uint8, arrived int32) {
		at, days := retail.Date(19000), []Day(nil)
		for i := 0; i+2 < len(b); i += 3 {
			at += retail.Date(b[i]) + 1
			if b[i] == 255 {
				at += 1000
			}
			days = append(days, Day{Date: at, Rows: int64(b[i+1]) + 1, Sold: min(int64(b[i+2]), int64(b[i+1])+1), Trading: 1, FirstLine: 2})
		}
		got, err := DecidePeriods("f", days, []retail.Frequency{"", "D", "W", "M"}[freq%4], retail.Date(arrived%40000))
		if err != nil {
			if !event.IsPermanent(err) {
				t.Fatal(err)
			}
			return
		}
		last := retail.Date(-1 << 30)
		for i, p := range got.Periods {
			if p.Rule != "" || p.SoldRule != "" && days[i].Sold == days[i].Rows {
				continue // no line of the date stays
			}
			if _, ok := got.Grid.Index(p.Label); !ok {
				t.Fatalf("label %v is not on %+v", p.Label, got.Grid)
			}
			if p.SoldRule == "" && days[i].Sold > 0 {
				last = max(last, p.Label)
			}
		}
		if last != got.Grid.Origin {
			t.Fatalf("origin %v, last kept period with a quantity %v", got.Grid.Origin, last)
		}
	})
}
