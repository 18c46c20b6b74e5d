package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
)

// testSet is a set of daily sales whose promotions, prices and holidays are known ahead.
func testSet() set {
	return set{name: "made", file: "made.csv.gz", frequency: retail.Daily, ahead: known{rows: true, price: true, promo: true, holidays: true}}
}

const (
	testDays   = 260
	testSeries = 30
)

// madeCSV is a file of 30 series in three stores that are closed on Sundays. change may
// alter a row: day 0 is the last.
func madeCSV(change func(day int, row *madeRow)) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("date,store,sku,units,price,promo,open,state_holiday,school_holiday\n")
	last := retail.NewDate(2024, 6, 30)
	for i := range testSeries {
		for day := 1 - testDays; day <= 0; day++ {
			d := last + retail.Date(day)
			row := madeRow{Units: math.Floor(float64(1+i) * (1 + r.Float64()) * (1 + .5*math.Sin(float64(d.Weekday())))), Price: 2, Open: 1}
			if d.Weekday() == 6 {
				row.Units, row.Open = 0, 0
			}
			if r.IntN(7) == 0 {
				row.Promo, row.Units = 1, 2*row.Units
			}
			row.Holiday = "0"
			if change != nil {
				change(day, &row)
			}
			fmt.Fprintf(&b, "%s,S%d,P%02d,%v,%v,%d,%d,%s,0\n", d, i%3, i/3, row.Units, row.Price, row.Promo, row.Open, row.Holiday)
		}
	}
	return b.String()
}

type madeRow struct {
	Units, Price float64
	Promo, Open  int
	Holiday      string
}

func made(t *testing.T, s set, change func(day int, row *madeRow)) history {
	t.Helper()
	h, err := read(strings.NewReader(madeCSV(change)), s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func originOf(t *testing.T, h history, before int) *origin {
	t.Helper()
	o, err := newOrigin(t.Context(), h, before, 2)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func exported(t *testing.T, o *origin, chosen []sales.Series) string {
	t.Helper()
	var b strings.Builder
	if err := o.exportTo(&b, chosen); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
