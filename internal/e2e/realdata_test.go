package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// Every series file of the data folder goes through, every series is accounted for, and
// the forecasts beat seasonal naive.
func TestRealFiles(t *testing.T) {
	data := os.Getenv("SKUCAST_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(data); err != nil {
		t.Skipf("no real data: SKUCAST_DATA is unset and %s is not there", data)
	}
	for name, want := range map[string]struct {
		frequency, first string // first forecast date
		series           int64
	}{
		"m5_sample":             {"D", "2016-03-28", 280},
		"rossmann_120":          {"D", "2015-06-20", 120},
		"iowa_store_item":       {"D", "2022-07-30", 1403},
		"iowa_statewide_weekly": {"W", "2022-08-01", 300},
		"carparts_monthly":      {"M", "2001-04-01", 2674},
		"store_item_simulated":  {"D", "2017-10-03", 500},
		"online_retail_demo":    {"D", "2011-11-11", 189},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(data, name+"_train.csv.gz")
			if _, err := os.Stat(file); err != nil {
				t.Skipf("no real data: %v", err)
			}
			c, out := forecast(t, file)
			if s := c.Series; s.Total != want.series || s.Fitted+s.Fallback+s.Rejected != s.Total {
				t.Errorf("series %+v, want %d in all", s, want.series)
			}
			if string(c.Frequency) != want.frequency {
				t.Errorf("frequency %s, want %s", c.Frequency, want.frequency)
			}
			if c.Backtest.Skill == nil || *c.Backtest.Skill <= 0 {
				t.Errorf("skill over seasonal naive %v, want it positive", c.Backtest.Skill)
			}
			first := ""
			for key := range table(t, filepath.Join(out, "forecasts.csv")) {
				if first == "" || key[2] < first {
					first = key[2]
				}
			}
			if first != want.first {
				t.Errorf("first forecast %s, want %s", first, want.first)
			}
		})
	}
}
