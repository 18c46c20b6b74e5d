package main

import (
	"bufio"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
)

// inputNames are the columns of an export that hold known inputs.
func inputNames() []string {
	return []string{"price", "promo", "state_holiday", "school_holiday"}
}

// export writes series.csv into a folder.
func (o *origin) export(dir string, chosen []sales.Series) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "series.csv"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // a second time after success
	if err := o.exportTo(f, chosen); err != nil {
		return err
	}
	return f.Close()
}

// exportTo writes what peers are given, exactly the series that ours are: one line per
// series and period up to the end of the horizon (value is empty where it is missing or
// to be forecast), for every series of the set, since global models learn from all; score
// is 1 for those whose forecasts are wanted.
func (o *origin) exportTo(f io.Writer, chosen []sales.Series) error {
	wanted := map[key]bool{}
	for _, s := range chosen {
		wanted[s.Key] = true
	}
	all := o.known.series
	lines := make([][][]string, len(all))
	err := o.each(all, func(i int, _ *auto.Engine, p sales.Prepared) {
		lines[i] = o.lines(p, wanted[p.Key])
	})
	if err != nil {
		return err
	}
	b := bufio.NewWriter(f)
	w := csv.NewWriter(b)
	header := append([]string{"sku", "store", "score", "step", "date", "value", "closed"}, inputNames()...)
	if err := w.WriteAll(append([][]string{header}, slices.Concat(lines...)...)); err != nil {
		return err
	}
	return b.Flush()
}

// lines are those of one series from its first positive quantity on; step is 0 at the
// origin and 1 in the first period of the horizon.
func (o *origin) lines(p sales.Prepared, score bool) [][]string {
	y := p.Input.Y
	from := 0
	for from < len(y)-1 && !(y[from] > 0) {
		from++
	}
	var out [][]string
	for i := from; i < len(y)+o.horizon; i++ {
		step := i + 1 - len(y)
		value, closed := math.NaN(), false
		if step <= 0 {
			value = y[i]
		} else {
			closed = p.Input.Closed != nil && p.Input.Closed[step-1]
		}
		line := []string{
			string(p.Key.SKU), string(p.Key.Store), strconv.Itoa(boolInt(score)), strconv.Itoa(step),
			o.known.grid.At(step).String(), decimal(value), strconv.Itoa(boolInt(closed)),
		}
		for _, name := range inputNames() {
			v := math.NaN()
			if k := slices.IndexFunc(p.Input.Known, func(r forecast.Regressor) bool { return r.Name == name }); k >= 0 {
				v = p.Input.Known[k].Values[i]
			}
			line = append(line, decimal(v))
		}
		out = append(out, line)
	}
	return out
}

func decimal(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// key names a series in exports and in the forecasts of peers.
type key = retail.SeriesKey
