package main

import (
	"reflect"
	"testing"

	"github.com/skucast/skucast/shared/retail"
)

// Whatever happens after an origin must not change what is forecast from it, by ours or by
// a peer, except the inputs that were known beforehand, within the horizon.
func TestNothingOfTheFutureLeaks(t *testing.T) {
	const before = 56
	blind := testSet()
	blind.ahead = known{rows: true}
	sparse := testSet()
	sparse.ahead = known{}
	inside := func(day int) bool { return day > -before && day <= 28-before }
	tests := []struct {
		name    string
		set     set
		change  func(day int, r *madeRow)
		changes bool
	}{
		{"quantities", testSet(), func(day int, r *madeRow) {
			if day > -before {
				r.Units = 1000 - r.Units
			}
		}, false},
		{"inputs beyond the horizon", testSet(), func(day int, r *madeRow) {
			if day > 28-before {
				r.Price, r.Promo, r.Open, r.Holiday = 9, 1-r.Promo, 1-r.Open, "a"
			}
		}, false},
		{"inputs of a set that knows none", blind, func(day int, r *madeRow) {
			if day > -before {
				r.Price, r.Promo, r.Holiday = 9, 1-r.Promo, "a"
			}
		}, false},
		{"everything of a set without future rows", sparse, func(day int, r *madeRow) {
			if day > -before {
				*r = madeRow{Units: 1, Price: 9, Promo: 1, Open: 0, Holiday: "b"}
			}
		}, false},
		{"known promotions", testSet(), func(day int, r *madeRow) {
			if inside(day) {
				r.Promo = 1 - r.Promo
			}
		}, true},
		{"the past", testSet(), func(day int, r *madeRow) {
			if day <= -before {
				r.Units++
			}
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := originOf(t, made(t, tt.set, nil), before), originOf(t, made(t, tt.set, tt.change), before)
			chosen := smallest(a.known.series, 12)
			if got := exported(t, a, chosen) != exported(t, b, chosen); got != tt.changes {
				t.Errorf("what peers see changes: %v, want %v", got, tt.changes)
			}
			x, _, err := a.ours(chosen)
			if err != nil {
				t.Fatal(err)
			}
			y, _, err := b.ours(smallest(b.known.series, 12))
			if err != nil {
				t.Fatal(err)
			}
			if len(x) != 12 {
				t.Fatalf("%d forecasts, want 12", len(x))
			}
			if got := !reflect.DeepEqual(x, y); got != tt.changes {
				t.Errorf("our forecasts change: %v, want %v", got, tt.changes)
			}
		})
	}
}

func TestCutKeepsWhatWasKnown(t *testing.T) {
	h := made(t, testSet(), nil)
	o := originOf(t, h, 28)
	if want := retail.NewDate(2024, 6, 2); o.known.grid.Origin != want {
		t.Errorf("origin %v, want %v", o.known.grid.Origin, want)
	}
	for _, s := range o.known.series {
		if len(s.Rows) != testDays {
			t.Fatalf("%v has %d rows, want %d: past and horizon", s.Key, len(s.Rows), testDays)
		}
		for _, r := range s.Rows[testDays-28:] {
			if r.Units == r.Units {
				t.Fatalf("%v: %v has a quantity after the origin", s.Key, r.Date)
			}
		}
	}
	if got := h.spacing(); got != 28 {
		t.Errorf("origins are %d days apart, want 28", got)
	}
	short := h
	for i := range short.series {
		short.series[i].Rows = short.series[i].Rows[testDays-139:]
	}
	if got := short.spacing(); got != 10 {
		t.Errorf("origins of 139 days are %d apart, want 10", got)
	}
}

func TestClosedDaysAreNotScored(t *testing.T) {
	h := made(t, testSet(), nil)
	truth, err := h.truth(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	o := originOf(t, h, 28)
	judged, err := o.judge(o.known.series, truth)
	if err != nil {
		t.Fatal(err)
	}
	if len(judged) != testSeries {
		t.Fatalf("%d series judged, want %d", len(judged), testSeries)
	}
	for _, j := range judged {
		for i, y := range j.actual {
			sunday := o.known.grid.At(i+1).Weekday() == 6
			if missing := y != y; missing != sunday {
				t.Fatalf("%v, step %d: missing %v, Sunday %v", j.key, i+1, missing, sunday)
			}
		}
	}
}
