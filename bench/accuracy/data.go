package main

import (
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
)

// set is one file of real sales and what its owner would have known beforehand.
type set struct {
	name      string
	file      string
	frequency retail.Frequency
	// ahead says which columns are known for the periods to be forecast. Files that have
	// rows only where something sold have none: the rows themselves would tell.
	ahead known
}

// known selects columns of the periods after an origin.
type known struct {
	rows     bool // there are rows at all, and open flags with them
	price    bool
	promo    bool
	holidays bool
}

// sets are all that can be measured, cheapest first.
func sets() []set {
	return []set{
		{name: "online_retail_demo", file: "online_retail_demo_train.csv.gz", frequency: retail.Daily},
		{name: "rossmann_120", file: "rossmann_120_train.csv.gz", frequency: retail.Daily, ahead: known{rows: true, promo: true, holidays: true}},
		{name: "rossmann_120_blind", file: "rossmann_120_train.csv.gz", frequency: retail.Daily, ahead: known{rows: true}},
		{name: "iowa_statewide_weekly", file: "iowa_statewide_weekly_train.csv.gz", frequency: retail.Weekly},
		{name: "carparts_monthly", file: "carparts_monthly_train.csv.gz", frequency: retail.Monthly},
		{name: "m5_sample", file: "m5_sample_train.csv.gz", frequency: retail.Daily, ahead: known{rows: true, price: true}},
		{name: "iowa_store_item", file: "iowa_store_item_train.csv.gz", frequency: retail.Daily},
		{name: "store_item_simulated", file: "store_item_simulated_train.csv.gz", frequency: retail.Daily},
	}
}

// regressors are the numeric columns that a user of the product would name, with the
// column of the file that each is made from: a holiday's letter becomes 1.
func (s set) regressors() []string {
	if s.ahead.holidays {
		return []string{"state_holiday", "school_holiday"}
	}
	return nil
}

// history is a whole file: its series by key, and the grid that ends at its last period.
type history struct {
	set    set
	grid   retail.Grid
	series []sales.Series
}

// load reads a set of dir. The error is os.ErrNotExist where the file is not there.
func load(dir string, s set) (history, error) {
	f, err := os.Open(filepath.Join(dir, s.file))
	if err != nil {
		return history{}, err
	}
	defer func() { _ = f.Close() }() // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		return history{}, fmt.Errorf("%s: %w", s.file, err)
	}
	h, err := read(z, s)
	if err != nil {
		return history{}, fmt.Errorf("%s: %w", s.file, err)
	}
	return h, nil
}

// read parses a CSV with the columns that the files of real sales have.
func read(r io.Reader, s set) (history, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return history{}, err
	}
	at := map[string]int{}
	for i, name := range header {
		at[name] = i
	}
	rows := map[retail.SeriesKey][]sales.Row{}
	origin := retail.Date(math.MinInt32)
	for {
		v, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return history{}, err
		}
		key, row, err := parse(v, at, s)
		if err != nil {
			line, _ := in.FieldPos(0)
			return history{}, fmt.Errorf("line %d: %w", line, err)
		}
		rows[key] = append(rows[key], row)
		if !math.IsNaN(row.Units) {
			origin = max(origin, row.Date)
		}
	}
	h := history{set: s, grid: retail.Grid{Frequency: s.frequency, Origin: origin}}
	for key, r := range rows {
		slices.SortFunc(r, func(a, b sales.Row) int { return cmp.Compare(a.Date, b.Date) })
		h.series = append(h.series, sales.Series{Key: key, Rows: r})
	}
	slices.SortFunc(h.series, func(a, b sales.Series) int { return a.Key.Compare(b.Key) })
	return h, nil
}

func parse(v []string, at map[string]int, s set) (retail.SeriesKey, sales.Row, error) {
	text := func(name string) string {
		if i, ok := at[name]; ok {
			return v[i]
		}
		return ""
	}
	var failed error
	number := func(name string) float64 {
		t := text(name)
		if t == "" {
			return math.NaN()
		}
		x, err := strconv.ParseFloat(t, 64)
		failed = cmp.Or(failed, err)
		return x
	}
	flag := func(name string) sales.Flag {
		return map[string]sales.Flag{"0": sales.No, "1": sales.Yes}[text(name)]
	}
	date, err := retail.ParseDate(text("date"))
	failed = cmp.Or(failed, err)
	row := sales.Row{
		Date: date, Units: number("units"), Price: number("price"), Stock: math.NaN(),
		Promo: flag("promo"), Open: flag("open"),
	}
	for _, name := range s.regressors() {
		x := 0.0
		if t := text(name); t != "" && t != "0" {
			x = 1
		}
		row.Regressors = append(row.Regressors, x)
	}
	return retail.SeriesKey{SKU: retail.SKU(text("sku")), Store: retail.Store(text("store"))}, row, failed
}

// periods is the length of the history.
func (h history) periods() int {
	first := h.grid.Origin
	for _, s := range h.series {
		first = min(first, s.Rows[0].Date)
	}
	i, _ := h.grid.Index(first)
	return 1 - i
}

// spacing is the distance of origins: a horizon, so that no day is forecast twice, or a
// third of it, as in the product's own backtest, where the file is too short to leave the
// earliest of three origins two horizons of history.
func (h history) spacing() int {
	horizon := h.grid.Frequency.DefaultHorizon()
	if h.periods() >= 5*horizon {
		return horizon
	}
	return (horizon + 2) / 3
}

// cut is the history as it was some periods before its end, with the rows of the next
// horizon as far as they are known: without quantities, and without any column that
// set.ahead does not name.
func (h history) cut(before, horizon int) history {
	out := history{set: h.set, grid: h.grid}
	out.grid.Origin = h.grid.At(-before)
	end := h.grid.At(horizon - before)
	ahead := h.set.ahead
	for _, s := range h.series {
		var rows []sales.Row
		past := 0
		for _, r := range s.Rows {
			switch {
			case r.Date <= out.grid.Origin:
				past++
			case !ahead.rows || r.Date > end:
				continue
			default:
				r.Units, r.Stock, r.InStock = math.NaN(), math.NaN(), sales.Unknown
				if !ahead.price {
					r.Price = math.NaN()
				}
				if !ahead.promo {
					r.Promo = sales.Unknown
				}
				if !ahead.holidays {
					r.Regressors = nil
				}
			}
			rows = append(rows, r)
		}
		if past > 0 {
			out.series = append(out.series, sales.Series{Key: s.Key, Rows: rows})
		}
	}
	return out
}
