package sales

import (
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/retail"
)

// testOrigin is a Sunday, so that strings of seven periods are weeks from Monday on.
var testOrigin = retail.NewDate(2024, 6, 30)

// storeOf reads a store's history from text, one character per period up to the origin,
// then a bar and the future: x a row, 1 a row known to be open, 0 one known to be
// closed, a dot no row.
func storeOf(f retail.Frequency, history string) *Store {
	past, future, _ := strings.Cut(history, "|")
	var periods []period
	for i, c := range past + future {
		p := period{at: int32(i - len(past) + 1)}
		switch c {
		case '.':
			continue
		case '1':
			p.open = Yes
		case '0':
			p.open = No
		}
		periods = append(periods, p)
	}
	return newStore(retail.Grid{Frequency: f, Origin: testOrigin}, periods)
}

func statesOf(s *Store, n int) string {
	var b strings.Builder
	for at := 1 - n; at <= 0; at++ {
		b.WriteByte("btqCsf"[s.at(at)])
	}
	return b.String()
}

func TestTradingRule(t *testing.T) {
	week, noSunday := "xxxxxxx", "xxxxxx."
	rep := strings.Repeat
	tests := []struct {
		name    string
		freq    retail.Frequency
		history string
		want    string // b before, t traded, q quiet, C closure, s shut, f closed weekday
	}{
		{"a store trades in a period that has a row whose open is not 0", retail.Weekly, "x1.0x", "ttqst"},
		{"before its first trading nothing is known", retail.Weekly, "..00x.x", "bbsstqt"},
		{"a store that never traded", retail.Weekly, "00.0", "ssbs"},

		{"closed weekday: never traded on", retail.Daily, rep(noSunday, 4), rep("ttttttf", 4)},
		{"closed weekday: needs 4 weeks from first trading to origin", retail.Daily, "xxxxx." + rep(noSunday, 3), "tttttq" + rep("ttttttq", 3)},
		{"closed weekday: 1 of 40 weeks is under 5 %", retail.Daily, week + rep(noSunday, 39), "ttttttf" + rep("ttttttf", 39)},
		{"closed weekday: 2 of 40 weeks is not under 5 %", retail.Daily, week + week + rep(noSunday, 38), "tttttttttttttt" + rep("ttttttq", 38)},
		{
			"closed weekday: not if that is as often as a 20th of the busiest", retail.Daily,
			rep("x............."+rep(".......", 28), 20) + "......x", // 20 Mondays and 1 Sunday in 601 weeks
			"",
		},
		{"closed weekday: rows with open 0 are no trading", retail.Daily, rep("xxxxxx0", 5), rep("ttttttf", 5)},
		{"weekly and monthly data have no weekdays", retail.Weekly, rep("xxxxxx.", 5), rep("ttttttq", 5)},

		{"absent run of 6 in a dense store is quiet", retail.Weekly, rep("x", 20) + "......x", rep("t", 20) + "qqqqqqt"},
		{"absent run of 7 in a dense store is a closure", retail.Weekly, rep("x", 20) + ".......x", rep("t", 20) + "CCCCCCCt"},
		{"absent run of 6 that ends at the origin is quiet", retail.Weekly, rep("x", 20) + "......", rep("t", 20) + "qqqqqq"},
		{"absent run of 7 that ends at the origin is a closure", retail.Weekly, rep("x", 20) + ".......", rep("t", 20) + "CCCCCCC"},
		{"usual gap 3: a run of 8 is quiet", retail.Weekly, rep("x..", 10) + "x........x", rep("tqq", 10) + "tqqqqqqqqt"},
		{"usual gap 3: a run of 9 is a closure", retail.Weekly, rep("x..", 10) + "x.........x", rep("tqq", 10) + "tCCCCCCCCCt"},
		{"g is of nearest rank: 1 long gap in 10 does not count", retail.Weekly, rep("x", 10) + ".......x", rep("t", 10) + "CCCCCCCt"},
		{"g is of nearest rank: 2 long gaps in 10 count", retail.Weekly, rep("x", 9) + ".......x.......x", rep("t", 9) + "qqqqqqqtqqqqqqqt"},
		{"one trading period only: g is 1", retail.Weekly, "x.......", "tCCCCCCC"},
		{"known closed periods lengthen a run and stay what they are", retail.Weekly, rep("x", 20) + "...00..x", rep("t", 20) + "CCCssCCt"},

		{
			"g is counted on the remaining periods: Wednesdays and Saturdays follow each other", retail.Daily,
			rep("..x..x.", 8) + rep(".......", 4) + "..x..x.", "bbtfftf" + rep("fftfftf", 7) + rep("ffCffCf", 4) + "fftfftf",
		},
		{
			"runs are counted on the remaining periods: a week is 6 of them", retail.Daily,
			rep(noSunday, 8) + "......." + noSunday, rep("ttttttf", 8) + "qqqqqqf" + "ttttttf",
		},
		{
			"runs are counted on the remaining periods: 7 of them are a closure", retail.Daily,
			rep(noSunday, 8) + "......." + ".xxxxx.", rep("ttttttf", 8) + "CCCCCCf" + "Ctttttf",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := storeOf(tt.freq, tt.history)
			got := statesOf(s, len(tt.history))
			if tt.want == "" {
				if s.ClosedDay(0) || s.ClosedDay(6) || !s.ClosedDay(1) {
					t.Errorf("closed Monday %v, Sunday %v, Tuesday %v; want only Tuesday", s.ClosedDay(0), s.ClosedDay(6), s.ClosedDay(1))
				}
				return
			}
			if got != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.history, got, tt.want)
			}
		})
	}
}

func TestFutureOfAStore(t *testing.T) {
	s := storeOf(retail.Daily, strings.Repeat("xxxxxx.", 5)+"|x0....1......")
	type known struct {
		flag      Flag
		closedDay bool
	}
	for at, want := range map[int]known{1: {Unknown, false}, 2: {No, false}, 3: {Unknown, false}, 7: {Yes, true}, 14: {Unknown, true}, 400: {Unknown, false}} {
		flag, day := s.ahead(at)
		if (known{flag, day}) != want {
			t.Errorf("period %d: flag %v, closed weekday %v; want %+v", at, flag, day, want)
		}
	}
}
