package sales

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/retail"
)

func row(at int, units float64, change ...func(*Row)) Row {
	r := Row{Date: testOrigin + retail.Date(at), Units: units, Price: nan, Stock: nan}
	for _, f := range change {
		f(&r)
	}
	return r
}

func open(f Flag) func(*Row)        { return func(r *Row) { r.Open = f } }
func inStock(f Flag) func(*Row)     { return func(r *Row) { r.InStock = f } }
func stock(x float64) func(*Row)    { return func(r *Row) { r.Stock = x } }
func price(x float64) func(*Row)    { return func(r *Row) { r.Price = x } }
func promo(f Flag) func(*Row)       { return func(r *Row) { r.Promo = f } }
func footfall(x float64) func(*Row) { return func(r *Row) { r.Regressors = []float64{x} } }

// demand is y as text: a dash where it is missing.
func demand(y []float64) string {
	var parts []string
	for _, v := range y {
		if math.IsNaN(v) {
			parts = append(parts, "-")
		} else {
			parts = append(parts, fmt.Sprint(v))
		}
	}
	return strings.Join(parts, " ")
}

func TestDemand(t *testing.T) {
	weekOpen, weekSundayFree := "xxxxxxx", "xxxxxx."
	fiveWeeks := strings.Repeat(weekSundayFree, 5)
	tests := []struct {
		name    string
		missing string
		store   string
		rows    []Row
		want    string
	}{
		{"an absence while the store trades is a zero sale", "", weekOpen, []Row{row(-3, 4), row(0, 2)}, "4 0 0 2"},
		{"the series begins with its first row and ends at the origin", "", weekOpen, []Row{row(-4, 1), row(-3, 2)}, "1 2 0 0 0"},
		{"an empty quantity is missing", "", weekOpen, []Row{row(-2, 4), row(-1, nan), row(0, 1)}, "4 - 1"},
		{"an infinite quantity is missing", "", weekOpen, []Row{row(-1, math.Inf(1)), row(0, 1)}, "- 1"},
		{"open 0 and no quantity above 0 is missing", "", weekOpen, []Row{row(-3, 4), row(-2, 0, open(No)), row(-1, nan, open(No)), row(0, 1)}, "4 - - 1"},
		{"open 0 with a sale is an observation", "", weekOpen, []Row{row(-1, 3, open(No)), row(0, 1)}, "3 1"},
		{"a store that is known closed: absence and zero are missing, a sale stays", "", "xxx0000", []Row{row(-4, 5), row(-3, 0), row(-1, 2)}, "5 - - 2 -"},
		{"a closed weekday is missing", "", fiveWeeks, []Row{row(-8, 4), row(0, 0)}, "4 - 0 0 0 0 0 0 -"},
		{"an observed sale on a closed weekday stays", "", fiveWeeks, []Row{row(-8, 4), row(-7, 6), row(-1, 1)}, "4 6 0 0 0 0 0 1 -"},
		{"a closure is missing", "", strings.Repeat("x", 20) + ".......xx", []Row{row(-10, 5), row(-9, 5), row(0, 2)}, "5 5 - - - - - - - 0 2"},
		{"a short absence of the store is a zero sale", "", strings.Repeat("x", 20) + "...x", []Row{row(-5, 5), row(0, 2)}, "5 0 0 0 0 2"},

		{"zero: every absence is a zero sale", "zero", strings.Repeat("x", 20) + ".......x", []Row{row(-8, 5), row(0, 2)}, "5 0 0 0 0 0 0 0 2"},
		{"zero: a closed weekday too", "zero", fiveWeeks, []Row{row(-8, 4), row(-1, 1)}, "4 0 0 0 0 0 0 1 0"},
		{"zero: what a row says still counts", "zero", weekOpen, []Row{row(-3, 4), row(-2, nan), row(-1, 0, open(No)), row(0, 0, inStock(No))}, "4 - - -"},
		{"gap: every absence is missing", "gap", weekOpen, []Row{row(-3, 4), row(-1, 0), row(0, 2)}, "4 - 0 2"},
		{"gap: a zero row on a closed weekday is what it says", "gap", fiveWeeks, []Row{row(-1, 4), row(0, 0)}, "4 0"},

		{"not in stock is missing, never zero", "", weekOpen, []Row{row(-2, 4), row(-1, 0, inStock(No)), row(0, 1, inStock(Yes))}, "4 - 1"},
		{"not in stock with sales is missing too: demand was cut off", "", weekOpen, []Row{row(-1, 4), row(0, 1, inStock(No))}, "4 -"},
		{"stock 0 without sales is missing", "", weekOpen, []Row{row(-2, 4, stock(3)), row(-1, 0, stock(0)), row(0, 1, stock(5))}, "4 - 1"},
		{"stock 0 with sales is an observation: it sold the last ones", "", weekOpen, []Row{row(-1, 4, stock(9)), row(0, 3, stock(0))}, "4 3"},
		{"a stock column that never shows any is not kept", "", weekOpen, []Row{row(-2, 4, stock(0)), row(-1, 0, stock(0)), row(0, 1, stock(0))}, "4 0 1"},
		{"a negative net quantity is no demand", "", weekOpen, []Row{row(-1, 2), row(0, -3)}, "2 0"},
		{"only future rows", "", weekOpen, []Row{row(2, nan, price(1))}, ""},
		{"rows after the origin have no quantity to see", "", weekOpen, []Row{row(0, 2), row(2, 7)}, "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := NewPreparer(retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, 3, tt.missing, nil)
			got, err := p.Prepare(Series{Rows: tt.rows}, storeOf(retail.Daily, tt.store))
			if err != nil {
				t.Fatal(err)
			}
			if d := demand(got.Input.Y); d != tt.want {
				t.Errorf("demand %s, want %s", d, tt.want)
			}
			if len(got.Input.Y) > 0 && got.First != tt.rows[0].Date {
				t.Errorf("first period %v, want %v", got.First, tt.rows[0].Date)
			}
		})
	}
}

func TestWhatIsKnownOfTheFuture(t *testing.T) {
	fiveWeeks := strings.Repeat("xxxxxx.", 5)
	all := func(f func(*Row)) []Row {
		rows := []Row{row(0, 1, price(3))}
		for at := 1; at <= 8; at++ {
			rows = append(rows, row(at, nan, f))
		}
		return rows
	}
	tests := []struct {
		name   string
		store  string
		rows   []Row
		closed string // x for each closed period; empty if none
		known  string
	}{
		{"nothing", strings.Repeat("x", 35), []Row{row(0, 1)}, "", ""},
		{"a closed weekday is closed", fiveWeeks, []Row{row(0, 1)}, "......x.", ""},
		{"unless a future row of the series says open", fiveWeeks, []Row{row(0, 1), row(7, nan, open(Yes))}, "", ""},
		{"unless a future row of another series says open", fiveWeeks + "|......1", []Row{row(0, 1)}, "", ""},
		{"a row that does not say open changes nothing", fiveWeeks + "|......x", []Row{row(0, 1), row(7, nan, price(2))}, "......x.", ""},
		{"open 0 is closed", strings.Repeat("x", 35), []Row{row(0, 1), row(2, nan, open(No))}, ".x......", ""},
		{"open 0 of another series is closed", strings.Repeat("x", 35) + "|.0", []Row{row(0, 1)}, ".x......", ""},
		{"the series' own flag counts first", strings.Repeat("x", 35) + "|.1", []Row{row(0, 1), row(2, nan, open(No))}, ".x......", ""},
		{"price for every future period is an input", strings.Repeat("x", 35), all(price(2)), "", "price"},
		{"price and promo", strings.Repeat("x", 35), all(func(r *Row) { r.Price, r.Promo = 2, No }), "", "price promo"},
		{"a regressor", strings.Repeat("x", 35), all(footfall(7)), "", "footfall"},
		{"one future price is missing", strings.Repeat("x", 35), append(all(price(2))[:5], all(price(2))[6:]...), "", ""},
		{"it is missing only where the store is closed", fiveWeeks, append(all(price(2))[:7], all(price(2))[8:]...), "......x.", "price"},
		{"a row without a price where the store is closed does no harm", fiveWeeks, append(all(price(2))[:7], append([]Row{row(7, nan)}, all(price(2))[8:]...)...), "......x.", "price"},
		{"a row without a flag leaves the store's", strings.Repeat("x", 35) + "|.0", []Row{row(0, 1), row(2, nan, price(2))}, ".x......", ""},
		{"a price of 0 is unknown", strings.Repeat("x", 35), all(price(0)), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.rows {
				if tt.rows[i].Regressors == nil {
					tt.rows[i].Regressors = []float64{nan}
				}
			}
			p := NewPreparer(retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, 8, "", []string{"footfall"})
			got, err := p.Prepare(Series{Rows: tt.rows}, storeOf(retail.Daily, tt.store))
			if err != nil {
				t.Fatal(err)
			}
			closed := ""
			for _, c := range got.Input.Closed {
				closed += map[bool]string{true: "x", false: "."}[c]
			}
			var known []string
			for _, k := range got.Input.Known {
				known = append(known, k.Name)
				if len(k.Values) != len(got.Input.Y)+8 {
					t.Errorf("%s has %d values for %d periods and 8 future ones", k.Name, len(k.Values), len(got.Input.Y))
				}
			}
			if closed != tt.closed || strings.Join(known, " ") != tt.known {
				t.Errorf("closed %q, known %v; want %q, %q", closed, known, tt.closed, tt.known)
			}
		})
	}
}

func TestPreparedFacts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		grid    retail.Grid
		rows    []Row
		phase   int
		season  int
		integer bool
		usable  bool
		dates   string
	}{
		{"daily", retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, []Row{row(-1, 2), row(0, 3)}, 5, 7, true, true, "2024-07-01 2024-07-02"},
		{"decimals", retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, []Row{row(0, 2.5)}, 6, 7, false, true, "2024-07-01 2024-07-02"},
		{"weekly", retail.Grid{Frequency: retail.Weekly, Origin: testOrigin}, []Row{row(-7, 2)}, 51, 52, true, true, "2024-07-07 2024-07-14"},
		{"month ends", retail.Grid{Frequency: retail.Monthly, Origin: testOrigin, MonthEnd: true}, []Row{row(-30, 2)}, 4, 12, true, true, "2024-07-31 2024-08-31"},
		{"no quantity at all", retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, []Row{row(0, nan)}, 6, 7, true, false, "2024-07-01 2024-07-02"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewPreparer(tt.grid, 2, "", nil).Prepare(Series{Rows: tt.rows}, nil)
			if err != nil {
				t.Fatal(err)
			}
			in := got.Input
			dates := fmt.Sprint(got.Dates[0], " ", got.Dates[1])
			if in.Phase != tt.phase || in.Season != tt.season || in.Integer != tt.integer || got.Usable != tt.usable || dates != tt.dates {
				t.Errorf("phase %d, season %d, integer %v, usable %v, dates %s; want %+v", in.Phase, in.Season, in.Integer, got.Usable, dates, tt)
			}
		})
	}
}

func TestPrepareRefusesRowsOffTheGrid(t *testing.T) {
	p := NewPreparer(retail.Grid{Frequency: retail.Weekly, Origin: testOrigin}, 2, "", nil)
	for name, rows := range map[string][]Row{
		"between periods": {row(-3, 1)},
		"repeated":        {row(-7, 1), row(-7, 1)},
	} {
		if _, err := p.Prepare(Series{Rows: rows}, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A preparer that has seen other series gives what a new one gives.
func TestPreparerHasNoMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	grid := retail.Grid{Frequency: retail.Daily, Origin: testOrigin}
	used := NewPreparer(grid, 9, "", []string{"footfall"})
	for range 300 {
		var s Series
		for at := -r.IntN(80); at <= 9; at++ {
			if at > 0 || r.IntN(3) > 0 {
				s.Rows = append(s.Rows, row(at, float64(r.IntN(4)), open(Flag(r.IntN(3))), price(float64(r.IntN(9))), promo(Flag(1+r.IntN(2))), footfall(r.Float64())))
			}
		}
		a, err := used.Prepare(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewPreparer(grid, 9, "", []string{"footfall"}).Prepare(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(a), fmt.Sprint(b); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func TestKnownInputsAreAligned(t *testing.T) {
	rows := []Row{row(-2, 1, price(10)), row(0, 1, price(12)), row(1, nan, price(13)), row(2, nan, price(14)), row(5, nan, price(15))}
	p := NewPreparer(retail.Grid{Frequency: retail.Daily, Origin: testOrigin}, 2, "", nil)
	got, err := p.Prepare(Series{Rows: rows}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Input.Known) != 1 || got.Input.Known[0].Kind != forecast.Price || demand(got.Input.Known[0].Values) != "10 - 12 13 14" {
		t.Errorf("known %+v, want price 10 - 12 13 14", got.Input.Known)
	}
}
