package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/backtest"
	page "github.com/skucast/skucast/web/backtest"
)

// salesCSV writes a small shop: 9 series of 150 days with promotions.
func salesCSV(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 9))
	var b strings.Builder
	b.WriteString("day;item;shop;bottles;promo\n")
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for sku := range 3 {
		for shop := range 3 {
			for d := range 150 {
				promo := d / 6 % 3 / 2
				units := rng.IntN(3+4*sku) + 5*promo + d%7
				fmt.Fprintf(&b, "%s;sku-%d;shop-%d;%d;%d\n", first.AddDate(0, 0, d).Format(time.DateOnly), sku, shop, units, promo)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "sales.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
	code = p.Main(context.Background(), args)
	return code, out.String(), errs.String()
}

func TestBacktestOfAFile(t *testing.T) {
	file := salesCSV(t)
	html := filepath.Join(t.TempDir(), "page.html")
	flags := []string{"--map", "units=bottles", "--map", "sku=item", "--map", "store=shop", "--map", "date=day", "--horizon", "14", "--windows", "2"}
	t.Run("text and page", func(t *testing.T) {
		code, out, errs := invoke(t, append([]string{"backtest", file, "--html", html}, flags...)...)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		for _, want := range []string{
			"sales.csv: 9 series of 3 SKUs, 1,350 rows used, 0 rejected", "units=bottles", "14 days ahead from 2024-05-15, 2024-05-01",
			"in advance: promo (9 series)", "skucast", "seasonal_naive", "ets_ana", "added by demand class", "1-5", "T-28", "calibration of skucast", "CRPS",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("the table does not say %q:\n%s", want, out)
			}
		}
		if !strings.Contains(errs, "reading the file") || !strings.Contains(errs, "backtesting: 100 %") {
			t.Errorf("progress: %s", errs)
		}
		if b, err := os.ReadFile(html); err != nil || !bytes.Contains(b, []byte("Backtest of sales.csv")) {
			t.Errorf("page: %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(html), ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("json, some models, blind", func(t *testing.T) {
		read := func(workers string) page.Result {
			args := append([]string{"backtest", "--json", "--models", "ses, tsb", "--blind", "--limit", "4", "--workers", workers, file}, flags...)
			code, out, errs := invoke(t, args...)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, errs)
			}
			var r page.Result
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := read("1")
		if fmt.Sprint(r.Report.Models) != "[skucast seasonal_naive ses tsb]" || r.Report.Known != nil || r.Report.Tested != 4 || r.Report.Total[0].Series != 8 {
			t.Errorf("models %v, known %v, %d tested", r.Report.Models, r.Report.Known, r.Report.Tested)
		}
		if len(r.Report.Timings) != 4 || r.Report.Timings[0].Runs != 8 {
			t.Errorf("timings %v", r.Report.Timings)
		}
		more := read("3")
		r.Report.Timings, more.Report.Timings = nil, nil
		a, _ := json.Marshal(r)
		if b, _ := json.Marshal(more); !bytes.Equal(a, b) {
			t.Error("three workers give another result than one")
		}
	})
}

// Mistakes are named with the file and a way out, and the exit code says whose they are.
func TestBacktestMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	short := write("short.csv", "date,sku,units\n2024-01-01,a,1\n2024-01-02,a,2\n2024-01-03,a,2\n")
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"no file":             {nil, 2, []string{"skucast backtest FILE"}},
		"missing file":        {[]string{filepath.Join(dir, "none.csv")}, 2, []string{"there is no file"}},
		"folder":              {[]string{dir}, 1, []string{"is a folder"}},
		"unknown flag":        {[]string{short, "--nope"}, 2, []string{"nope"}},
		"no windows":          {[]string{short, "--windows", "0"}, 2, []string{"--windows 0"}},
		"unknown model":       {[]string{short, "--models", "ses,arima"}, 2, []string{`"arima"`, "profile_level"}},
		"negative limit":      {[]string{short, "--limit", "-1"}, 2, []string{"--limit"}},
		"no workers":          {[]string{short, "--workers", "0"}, 2, []string{"--workers"}},
		"horizon":             {[]string{short, "--horizon", "-4"}, 2, []string{"horizon"}},
		"empty file":          {[]string{write("empty.csv", "")}, 1, []string{"empty.csv", "way out: "}},
		"no units column":     {[]string{write("strange.csv", "date,sku,colour\n2024-01-01,a,red\n")}, 1, []string{"strange.csv", "way out: "}},
		"too short":           {[]string{short}, 1, []string{"short.csv", "28 periods back from 2024-01-03", "--horizon"}},
		"page in no folder":   {[]string{salesCSV(t), "--map", "units=bottles", "--models", "none", "--map", "sku=item", "--map", "store=shop", "--map", "date=day", "--html", filepath.Join(dir, "no", "x.html")}, 1, []string{"--html"}},
		"model for no season": {[]string{weekly(t), "--models", "ets_ana", "--windows", "1", "--freq", "W"}, 2, []string{"season of 52"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := invoke(t, append([]string{"backtest"}, c.args...)...)
			if code != c.code || out != "" {
				t.Errorf("exit %d, want %d; stdout %q", code, c.code, out)
			}
			for _, want := range c.want {
				if !strings.Contains(errs, want) {
					t.Errorf("stderr does not say %q: %s", want, errs)
				}
			}
		})
	}
}

// weekly writes two years of weeks, for a season that is not every model's.
func weekly(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("date,sku,units\n")
	for w := range 104 {
		fmt.Fprintf(&b, "%s,a,%d\n", time.Date(2022, 1, 7+7*w, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), 3+w%5)
	}
	file := filepath.Join(t.TempDir(), "weeks.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBacktestHelp(t *testing.T) {
	code, out, _ := invoke(t, "backtest", "-h")
	for _, want := range []string{"--windows", "--models", "--html", "--limit", "--map", "--horizon", "--blind"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d; help does not have %s", code, want)
		}
	}
	for _, m := range backtest.Models(7) {
		if strings.ContainsAny(m.Name, ", ") || m.Name == "none" {
			t.Errorf("--models cannot name %q", m.Name)
		}
	}
}
