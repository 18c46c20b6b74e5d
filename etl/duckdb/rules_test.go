package duckdb

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

func readQuality(t *testing.T, job Job) etl.Quality {
	t.Helper()
	var q etl.Quality
	if err := json.Unmarshal(readBlob(t, job, QualityFile), &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// readRejects returns line → "column=value rule".
func readRejects(t *testing.T, job Job) map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(string(readBlob(t, job, RejectsFile)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(records[0], ","); got != "file,line,column,value,rule" {
		t.Errorf("header of rejects.csv is %s", got)
	}
	out := map[string]string{}
	for _, r := range records[1:] {
		if r[0] != job.Drop.Blob {
			t.Errorf("reject of file %q", r[0])
		}
		out[r[1]] = r[2] + "=" + r[3] + " " + r[4]
	}
	return out
}

// TestRules breaks every rule that a line can break on its own, once.
func TestRules(t *testing.T) {
	var b strings.Builder
	b.WriteString("Sales by item\nDay,Shop,Item,Qty,Price,Promo,Stock\n")
	rejects := map[string]string{}
	counts := map[string]int64{}
	n := 2
	add := func(line string) int { b.WriteString(line + "\n"); n++; return n }
	for d := range 40 {
		add(fmt.Sprintf("%v,1,A,5,2.50,0,7", retail.NewDate(2026, 1, 1+d)))
	}
	reject := func(line, what string) {
		at := add(line)
		rejects[fmt.Sprint(at)] = what
		counts[what[strings.LastIndex(what, " ")+1:]]++
	}
	count := func(line string, rules ...string) {
		add(line)
		for _, r := range rules {
			counts[r]++
		}
	}
	reject(`2026-01-05,1,"A,5,2.50,0,7`, "= "+etl.RuleUnbalancedQuote)
	reject(`2026-01-05,1,B,5,2.50,0`, "= "+etl.RuleFieldCount)
	reject(`2026-01-05,1,B,5,2.50,0,7,8`, "= "+etl.RuleFieldCount)
	reject(`2026-01-05,1,B,5,2.50,0,7,,x,`, "= "+etl.RuleFieldCount)
	reject(`Day,Shop,Item,Qty,Price,Promo,Stock`, "= "+etl.RuleRepeatedHeader)
	reject(`2026-01-05,1,POST,5,2.50,0,7`, "Item=POST "+etl.RuleExcludedSKU)
	reject(`2026-01-05,1,FEE.7,5,2.50,0,7`, "Item=FEE.7 "+etl.RuleExcludedSKU)
	reject("2026-01-05,1,B\x00,5,2.50,0,7", "Item=B\x01 "+etl.RuleKeyUnusable)
	reject(`2026-01-05,1,  ,5,2.50,0,7`, "Item= "+etl.RuleSKUMissing)
	reject(`2026-01-05,,B,5,2.50,0,7`, "Shop= "+etl.RuleStoreMissing)
	reject("2026-01-05,1,B\x02,5,2.50,0,7", "Item=B\x02 "+etl.RuleKeyUnusable)
	reject(`2026-01-05,1,`+strings.Repeat("B", 201)+`,5,2.50,0,7`, "Item="+strings.Repeat("B", 100)+" "+etl.RuleKeyUnusable)
	reject(`,1,B,5,2.50,0,7`, "Day= "+etl.RuleDateMissing)
	reject(`2026-02-30,1,B,5,2.50,0,7`, "Day=2026-02-30 "+etl.RuleDateUnreadable)
	reject(`soon,1,B,5,2.50,0,7`, "Day=soon "+etl.RuleDateUnreadable)
	reject(`2026-01-05,1,B,five,2.50,0,7`, "Qty=five "+etl.RuleQuantityUnreadable)
	reject(`2026-01-05,1,B,1_000,2.50,0,7`, "Qty=1_000 "+etl.RuleQuantityUnreadable)
	reject(`2026-03-20,1,B,5,2.50,0,7`, "Day=2026-03-20 "+etl.RuleSaleInFuture)
	count(`2026-01-05,1,B,,2.50,0,7`, etl.RuleQuantityMissing)
	count(`2026-01-06,1,B,NA,2.50,0,7`, etl.RuleQuantityMissing)
	count(`2026-02-09,1,B,null,2.50,0,7`, etl.RuleQuantityMissing) // the origin itself
	count(`2026-02-10,1,B,-,2.50,0,7`, etl.RuleFutureInput)
	count(`2026-03-11,1,B,,2.50,1,`, etl.RuleFutureInput)
	count(`2026-01-05,1,C,-5,2.50,0,7`, etl.RuleReturned)
	count(`2026-01-05,1,D,5,cheap,0,7`, etl.RulePriceUnreadable)
	count(`2026-01-05,1,E,5,0.00,0,7`, etl.RulePriceNotPositive)
	count(`2026-01-05,1,F,5,2.50,maybe,7`, etl.RuleFlagUnreadable)
	count(`2026-01-05,1,G,5,2.50,yes,lots`, etl.RuleStockUnreadable)
	count("2026-01-05,1,H\xe4,5,2.50,0,7", etl.RuleDecodedCP1252)
	count(`2026-01-05,1,A,4,2.50,0,7`, etl.RuleSummed)
	count(`2026-01-05,1,"I",5,2.50,0,7,`)
	count(`2026-01-05,1,FEEX,5,2.50,0,7,,, ,`)        // not one of FEE.*
	count(`46027,1,K,5,2.50,0,7`, etl.RuleSerialDate) // 2026-01-05
	count(`2026-01-05,1,L,70000,2.50,0,7`, etl.RuleCancelledPair)
	count(`2026-01-05,1,L,-70000,2.50,0,7`, etl.RuleCancelledPair, etl.RuleReturned, etl.RuleSummed)
	count(`2026-01-07,1,A,5000,2.50,0,7`, etl.RuleSummed, etl.RuleGiantQuantity)
	count(`2026-01-09,1,M,5,2.50,0,7`)
	reject(`2026-01-09,1,M,5,2.50,0,7`, "= "+etl.RuleDuplicateLine)
	counts[etl.RuleTitleLine] = 1
	count(`,,,,,,`, etl.RuleBlankLine)
	count(``, etl.RuleBlankLine)

	m, job := runCSV(t, b.String(), run.Options{ExcludeSKUs: []string{"POST", "FEE.*"}, Duplicates: "drop"})
	verify(t, m, job)
	if got := readRejects(t, job); !maps.Equal(got, rejects) {
		for _, line := range slices.Sorted(maps.Keys(rejects)) {
			if got[line] != rejects[line] {
				t.Errorf("line %s: %q, want %q", line, got[line], rejects[line])
			}
		}
		t.Errorf("%d rejects, want %d: %q", len(got), len(rejects), got)
	}
	q := readQuality(t, job)
	for _, r := range etl.Rules() {
		got, ok := q.Rules[r.Name]
		if !ok || got != counts[r.Name] {
			t.Errorf("quality.json counts %s %d times, want %d", r.Name, got, counts[r.Name])
		}
	}
	if len(q.Rules) != len(etl.Rules()) {
		t.Errorf("quality.json has %d rules, want %d", len(q.Rules), len(etl.Rules()))
	}
	if g := q.Giants; len(g) != 1 || g[0].SKU != "A" || g[0].Units != 5005 || g[0].Date != retail.NewDate(2026, 1, 7) {
		t.Errorf("giants %+v", g)
	}
	if m.Rows.Rejected != int64(len(rejects)) || m.Origin != retail.NewDate(2026, 2, 9) {
		t.Errorf("manifest %+v", m)
	}
	if q.Rows != m.Rows || q.DateOrder != "iso" || q.NumberStyle != "point" || q.Separator != "," {
		t.Errorf("quality %+v", q)
	}
}

// TestForms: how a cell reads. Each case is one file, because a file has one style.
func TestForms(t *testing.T) {
	const none = -12345
	for _, tt := range []struct {
		name  string
		cells map[string]float64 // quantity text → value
		sep   string
	}{
		{"point", map[string]float64{
			"1": 1, "+2": 2, "-3": -3, "4.5": 4.5, "5.": 5, ".5": 0.5, "-.5": -0.5, "007": 7, "0.1234": 0.1234, `"1,234"`: 1234, `"1,234,567.5"`: 1234567.5,
			"$12.50": 12.5, "12.50 €": 12.5, "1 234.5": 1234.5, "1'234": 1234, "999999999999": 999999999999,
			`"1,23"`: none, "1e3": none, "1.2.3": none, "0x1F": none, "1_000": none, "--1": none, "9999999999999": none, "٣": none, "6-": -6, "(7.5)": -7.5, "1--": none, "(-1)": none, "(1": none,
			"¥12": 12, "₹12.5": 12.5,
		}, ","},
		{"comma", map[string]float64{
			"1": 1, "4,5": 4.5, "-4,5": -4.5, "1.234,5": 1234.5, "1.234": 1234, "12,5 €": 12.5, "1 234,5": 1234.5, ",5": 0.5,
			"4.5": none, "1,2,3": none,
		}, ";"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString(strings.ReplaceAll("date,sku,units\n", ",", tt.sep))
			texts := slices.Sorted(maps.Keys(tt.cells))
			for i, text := range texts {
				fmt.Fprintf(&b, "2026-01-01%s%03d%s%s\n", tt.sep, i, tt.sep, text)
			}
			m, job := runCSV(t, b.String(), run.Options{})
			got := map[string]float64{}
			for _, r := range verify(t, m, job) {
				if r.Store != "all" {
					t.Errorf("store %q, want all", r.Store)
				}
				got[r.SKU] = *r.Units - *r.Returned
			}
			for i, text := range texts {
				v, ok := got[fmt.Sprintf("%03d", i)]
				if want := tt.cells[text]; ok != (want != none) || ok && v != want {
					t.Errorf("%s is %v (read: %v), want %v", text, v, ok, want)
				}
			}
		})
	}
}

func TestDateForms(t *testing.T) {
	read := func(texts map[string]string, o run.Options) {
		t.Helper()
		var b strings.Builder
		b.WriteString("date,sku,units\n")
		keys := slices.Sorted(maps.Keys(texts))
		for i, text := range keys {
			fmt.Fprintf(&b, "\"%s\",%03d,1\n", text, i)
		}
		m, job := runCSV(t, b.String(), o)
		got := map[string]string{}
		for _, r := range verify(t, m, job) {
			got[r.SKU] = retail.Date(r.Date).String()
		}
		for i, text := range keys {
			if v := got[fmt.Sprintf("%03d", i)]; v != texts[text] {
				t.Errorf("%q is %q, want %q", text, v, texts[text])
			}
		}
	}
	read(map[string]string{
		"2025-11-28": "2025-11-28", "2025/11/3": "2025-11-03", "2025.11.03": "2025-11-03", "20251128": "2025-11-28", "2025-11": "2025-11-01",
		"2025-11-28 08:48:00": "2025-11-28", "2025-11-28T23:59:59.123Z": "2025-11-28", "2025-11-28T23:59+02:00": "2025-11-28",
		"28/11/2025": "2025-11-28", "3.11.2025": "2025-11-03", "03-11-2025": "2025-11-03", "28/11/25": "2025-11-28", "5/4/2025 7:05 am": "2025-04-05",
		"2025-13-01": "", "2025-02-29": "", "31/04/2025": "", "2025": "", "today": "", "2025-11-28xyz": "", "0025-11-28": "", "2025-11-28 late": "", "45989": "2025-11-28", "45989.75": "2025-11-28", "12345": "",
		"28-Nov-2025": "2025-11-28", "28 November 2025": "2025-11-28", "3 Nov 25": "2025-11-03", "Nov 28, 2025": "2025-11-28", "November 3, 2025 10:15:00 PM": "2025-11-03",
		"28 Nov 2025 23:59": "2025-11-28", "2025-Nov-28": "2025-11-28", "Nov 2025": "2025-11-01", "Nov-2025": "2025-11-01", "28. März 2025": "2025-03-28", "28 juin 2025": "2025-06-28",
		"28 juil 2025": "2025-07-28", "28 août 2025": "2025-08-28", "28-dic-2025": "2025-12-28", "28.Okt.2025": "2025-10-28",
		"31 Nov 2025": "", "28 Foo 2025": "", "Nov 28": "", "28 Nov": "", "28 Nov 2025 late": "",
	}, run.Options{})
	read(map[string]string{"11/28/2025": "2025-11-28", "5/4/2025": "2025-05-04", "5/4/2025 12:30 PM": "2025-05-04", "28.11.2025 10:00": ""}, run.Options{DateOrder: "mdy"})
	read(map[string]string{"5/4/2025": "2025-04-05", "5/6/2025": "2025-06-05"}, run.Options{DateOrder: "dmy"})
}

// TestTime runs the rules of time through the SQL: labels, missing, future inputs.
func TestTime(t *testing.T) {
	rows := func(m run.Manifest, job Job) string {
		var out []string
		for _, r := range verify(t, m, job) {
			out = append(out, fmt.Sprintf("%s %v %s", r.SKU, retail.Date(r.Date), show(r.Units)))
		}
		return strings.Join(out, "\n")
	}
	for _, tt := range []struct {
		name, text string
		o          run.Options
		freq       retail.Frequency
		origin     string
		want       string
		rejected   int64
	}{
		{
			"missing and future inputs", "date,sku,units,price\n2026-01-01,A,1,2\n2026-01-02,A,,2\n2026-01-03,A,3,2\n2026-01-04,A,,2\n2026-01-03,B,0,\n",
			run.Options{},
			"D", "2026-01-03",
			"A 2026-01-01 1\nA 2026-01-02 null\nA 2026-01-03 3\nA 2026-01-04 null\nB 2026-01-03 0", 0,
		},
		{
			"fridays", "date,sku,units\n2026-01-02,A,1\n2026-01-09,A,2\n2026-01-23,A,3\n2026-01-30,A,\n",
			run.Options{},
			"W", "2026-01-23",
			"A 2026-01-02 1\nA 2026-01-09 2\nA 2026-01-23 3\nA 2026-01-30 null", 0,
		},
		{
			"month ends", "date,sku,units\n2025-11-30,A,1\n2025-12-31,A,2\n2026-02-28,A,3\n",
			run.Options{},
			"M", "2026-02-28",
			"A 2025-11-30 1\nA 2025-12-31 2\nA 2026-02-28 3", 0,
		},
		{
			"weeks from days", "date,sku,units\n2026-01-01,A,9\n" + // a Thursday: its week is cut
				"2026-01-05,A,1\n2026-01-06,B,2\n2026-01-11,A,4\n2026-01-12,A,8\n2026-01-17,A,16\n2026-01-18,A,\n2026-01-20,A,\n",
			run.Options{Freq: "W"},
			"W", "2026-01-05", // Sundays trade, so the week that ends on Saturday is cut too
			"A 2026-01-05 5\nA 2026-01-12 null\nA 2026-01-19 null\nB 2026-01-05 2", 3,
		},
		{
			"several lines of a key", "date,sku,units,price,promo\n2026-01-01,A,1,10,0\n2026-01-01,A,3,20,1\n2026-01-01,A,-2,99,0\n2026-01-01,A,,50,0\n",
			run.Options{},
			"D", "2026-01-01",
			"A 2026-01-01 4", 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, job := runCSV(t, tt.text, tt.o)
			if got := rows(m, job); got != tt.want {
				t.Errorf("rows\n%s\nwant\n%s", got, tt.want)
			}
			if m.Frequency != tt.freq || m.Origin.String() != tt.origin || m.Rows.Rejected != tt.rejected {
				t.Errorf("frequency %s, origin %v, %d rejected; want %s, %s, %d\n%s", m.Frequency, m.Origin, m.Rows.Rejected, tt.freq, tt.origin, tt.rejected, readBlob(t, job, RejectsFile))
			}
			if (tt.name == "month ends") != m.MonthEnd {
				t.Errorf("month_end %v", m.MonthEnd)
			}
		})
	}
}

func TestSumsOfOneKey(t *testing.T) {
	m, job := runCSV(t, "date,sku,units,price,promo,in_stock,stock\n2026-01-01,A,1,10,0,,4\n2026-01-01,A,3,20,1,0,9\n2026-01-01,A,-2,99,0,,\n2026-01-01,A,,50,0,,\n2026-01-02,A,0,7,,,\n2026-01-02,A,0,8,,,\n2026-01-03,A,1,0,,,\n2026-01-03,A,1,-3,,,\n", run.Options{})
	rows := verify(t, m, job)
	if r := rows[0]; *r.Units != 4 || *r.Returned != 2 || *r.Price != 17.5 || *r.Promo != 1 || *r.InStock != 0 || *r.Stock != 9 || r.Open != nil {
		t.Errorf("first day %v %v %v %v %v %v", show(r.Units), show(r.Returned), show(r.Price), *r.Promo, *r.InStock, show(r.Stock))
	}
	if r := rows[1]; *r.Units != 0 || *r.Price != 7.5 || r.Promo != nil {
		t.Errorf("second day %v at %v", show(r.Units), show(r.Price))
	}
	if r := rows[2]; *r.Units != 2 || r.Price != nil {
		t.Errorf("third day %v at %v, want no price", show(r.Units), show(r.Price))
	}
}

// TestKeys: how codes are read, and what sku_case and exclude_skus make of them.
func TestKeys(t *testing.T) {
	const text = "date,sku,units\n2026-01-05,ab1,1\n2026-01-05,AB1,2\n2026-01-05,=\"007\",3\n" +
		"2026-01-05,\"=\"\"008\"\"\",4\n2026-01-05, x y ,5\n2026-01-05,post,6\n2026-01-05,\u00e41,7\nDate,SKU,Units\n"
	for name, c := range map[string]struct {
		o    run.Options
		want map[string]float64
	}{
		"as they are": {run.Options{}, map[string]float64{"ab1": 1, "AB1": 2, "007": 3, "008": 4, "x y": 5, "post": 6, "\u00e41": 7}},
		"one case": {
			run.Options{SKUCase: "upper", ExcludeSKUs: []string{"Post", "x*"}},
			map[string]float64{"AB1": 3, "007": 3, "008": 4, "\u00e41": 7},
		},
		"exact codes": {run.Options{ExcludeSKUs: []string{"POST", "x", "00*"}}, map[string]float64{"ab1": 1, "AB1": 2, "x y": 5, "post": 6, "\u00e41": 7}},
	} {
		t.Run(name, func(t *testing.T) {
			m, job := runCSV(t, text, c.o)
			got := map[string]float64{}
			for _, r := range verify(t, m, job) {
				got[r.SKU] = *r.Units
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestCancelledPairs: only exact opposites of one day at one price cancel, as many as there
// are of both.
func TestCancelledPairs(t *testing.T) {
	m, job := runCSV(t, "date,sku,units,price\n"+
		"2026-01-05,A,10,2\n2026-01-05,A,10,2\n2026-01-05,A,-10,2\n2026-01-05,A,3,4\n"+
		"2026-01-05,B,5,2\n2026-01-05,B,-5,3\n"+
		"2026-01-05,C,5,\n2026-01-06,C,-5,\n"+
		"2026-01-05,D,7,\n2026-01-05,D,-7,\n", run.Options{})
	type sum struct{ units, returned, price float64 }
	want := map[string]sum{
		"A 2026-01-05": {13, 0, 2.4615}, "B 2026-01-05": {5, 5, 2}, "C 2026-01-05": {5, 0, 0},
		"C 2026-01-06": {0, 5, 0}, "D 2026-01-05": {0, 0, 0},
	}
	got := map[string]sum{}
	for _, r := range verify(t, m, job) {
		s := sum{units: *r.Units, returned: *r.Returned}
		if r.Price != nil {
			s.price = *r.Price
		}
		got[r.SKU+" "+retail.Date(r.Date).String()] = s
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := readQuality(t, job).Rules[etl.RuleCancelledPair]; n != 4 {
		t.Errorf("%d cancelled lines, want 4", n)
	}
}
