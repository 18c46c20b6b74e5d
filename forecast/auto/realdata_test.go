package auto_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/auto"
)

// TestRealData asks for skill over seasonal naive on real sales, where they
// are at hand. The rows are read in a simple way: dense, missing is missing.
func TestRealData(t *testing.T) {
	for _, c := range []struct {
		file    string
		season  int
		horizon int
		skill   float64 // asked; a few points below what was measured
	}{
		{"m5_sample_train.csv.gz", 7, 28, 0.20},
		{"rossmann_120_train.csv.gz", 7, 42, 0.18},
		{"carparts_monthly_train.csv.gz", 12, 12, 0.18},
	} {
		t.Run(c.file, func(t *testing.T) {
			in := readSales(t, c.file, c.season)
			pool := pooled(in[:min(len(in), 120)], c.horizon)
			var e auto.Engine
			a := newTally()
			for i := range in {
				r := e.Forecast(in[i], auto.Settings{Horizon: c.horizon, Pool: pool})
				if msg := valid(r, in[i], c.horizon); msg != "" {
					t.Fatalf("series %d: %s", i, msg)
				}
				a.addScore(r.Score)
			}
			if skill := a.skill(); skill < c.skill {
				t.Errorf("skill over seasonal naive is %.3f, want at least %v", skill, c.skill)
			}
			t.Logf("rmsse %.4f, seasonal naive %.4f, wape %.4f, calibration: %q",
				a.rmsse/a.n, a.naive/a.n, a.absError/a.absActual, a.uncalibrated())
		})
	}
}

// readSales reads at most 300 series of a file of real sales, or skips.
func readSales(t *testing.T, name string, season int) []auto.Input {
	t.Helper()
	dir := os.Getenv("SKUCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no real sales at %s: set SKUCAST_DATA to their folder", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(z)
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, h := range header {
		col[h] = i
	}
	index := map[string]int{}
	var in []auto.Input
	var next []int
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return in
		}
		if err != nil {
			t.Fatal(err)
		}
		key := row[col["store"]] + "\t" + row[col["sku"]]
		at := period(t, row[col["date"]], season)
		i, ok := index[key]
		if !ok {
			if len(in) == 300 {
				continue
			}
			i = len(in)
			index[key] = i
			in = append(in, auto.Input{Season: season, Phase: at % season, Integer: true})
			next = append(next, at)
		}
		for ; next[i] < at; next[i]++ {
			in[i].Y = append(in[i].Y, math.NaN())
		}
		v, err := strconv.ParseFloat(row[col["units"]], 64)
		if open, ok := col["open"]; err != nil || ok && row[open] == "0" {
			v = math.NaN()
		}
		in[i].Y = append(in[i].Y, v)
		next[i]++
	}
}

// period numbers days from a Monday, or months from a January.
func period(t *testing.T, date string, season int) int {
	t.Helper()
	d, err := time.Parse("2006-01-02", date)
	if err != nil {
		t.Fatal(err)
	}
	if season == 12 {
		return d.Year()*12 + int(d.Month()) - 1
	}
	return int(d.Unix()/86400) + 3 // 1970-01-01 was a Thursday
}
