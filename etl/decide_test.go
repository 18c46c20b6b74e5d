package etl

import (
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/event"
)

func TestDecideNumbers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sep     string
		columns []NumberShapes
		want    NumberStyle
	}{
		{"whole numbers", ",", []NumberShapes{{Texts: 9}}, PointStyle},
		{"whole numbers, semicolons", ";", []NumberShapes{{Texts: 9}}, CommaStyle},
		{"points", ";", []NumberShapes{{Texts: 9, PointSure: 1}}, PointStyle},
		{"commas", ",", []NumberShapes{{Texts: 9, CommaSure: 1}}, CommaStyle},
		{"the price decides for the quantity", ",", []NumberShapes{{Texts: 9, CommaThree: 2}, {Texts: 9, CommaSure: 9}}, CommaStyle},
		{"majority", ",", []NumberShapes{{Texts: 9, CommaSure: 1, PointSure: 2}}, PointStyle},
		{"some with three digits are thousands", ",", []NumberShapes{{Texts: 9, CommaThree: 2}}, PointStyle},
		{"some with three digits, semicolons", ";", []NumberShapes{{Texts: 9, PointThree: 2}}, CommaStyle},
		{"all with three digits after a comma", ",", []NumberShapes{{Texts: 9, CommaThree: 9}}, CommaStyle},
		{"all with three digits after a point", ";", []NumberShapes{{Texts: 9, PointThree: 9}}, PointStyle},
		{"no numbers", ",", []NumberShapes{{}, {}}, PointStyle},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := DecideNumbers(tt.sep, tt.columns...); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecideDateOrder(t *testing.T) {
	day, month, either, same := Proof{7, "28/11/2011"}, Proof{9, "11/28/2011"}, Proof{2, "05/04/2011"}, Proof{3, "05/05/2011"}
	for _, tt := range []struct {
		name, option string
		e            DateEvidence
		want         DateOrder
		says         []string
	}{
		{"iso", "", DateEvidence{}, ISO, nil},
		{"day first", "", DateEvidence{OnlyDayFirst: day, Either: either}, DayFirst, nil},
		{"month first", "", DateEvidence{OnlyMonthFirst: month, Either: either}, MonthFirst, nil},
		{"same either way", "", DateEvidence{Same: same}, DayFirst, nil},
		{"both", "", DateEvidence{OnlyDayFirst: day, OnlyMonthFirst: month}, "", []string{"line 7 (28/11/2011)", "line 9 (11/28/2011)", "date_order"}},
		{"neither", "", DateEvidence{Either: either, Same: same}, "", []string{"line 2 (05/04/2011)", "date_order"}},
		{"the option settles both", "mdy", DateEvidence{OnlyDayFirst: day, OnlyMonthFirst: month}, MonthFirst, nil},
		{"the option settles neither", "dmy", DateEvidence{Either: either}, DayFirst, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecideDateOrder("f.csv", tt.option, tt.e)
			if got != tt.want || (err != nil) != (tt.says != nil) {
				t.Fatalf("%q (%v), want %q", got, err, tt.want)
			}
			for _, s := range tt.says {
				if event.ReasonOf(err) != ReasonAmbiguousDates || !strings.Contains(err.Error(), s) {
					t.Errorf("%v, want %s with %q", err, ReasonAmbiguousDates, s)
				}
			}
		})
	}
}

func TestBuckets(t *testing.T) {
	for _, tt := range []struct {
		bytes int64
		want  int
	}{{0, 1}, {12 << 20, 1}, {12<<20 + 1, 2}, {85 << 20, 8}, {359 << 20, 32}, {1 << 40, 64}} {
		if got := Buckets(tt.bytes); got != tt.want {
			t.Errorf("%d buckets for %d bytes, want %d", got, tt.bytes, tt.want)
		}
	}
}
