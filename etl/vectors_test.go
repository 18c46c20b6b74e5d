package etl

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// update writes what the Spark job shares with this package anew:
//
//	go test ./etl -run Shared -update
var update = flag.Bool("update", false, "write the tables and vectors of the Spark job")

// job is the folder of the Spark job.
const job = "databricks/job"

// shared holds a file of the job to what this package says.
func shared(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(job, name)
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(there, b.Bytes()) {
		t.Errorf("%s is out of date; go test ./etl -run Shared -update writes it", name)
	}
}

func TestSharedTables(t *testing.T) {
	t.Parallel()
	synonyms := map[string][]string{}
	for _, meaning := range run.Columns {
		synonyms[meaning] = Synonyms(meaning)
	}
	var rules []string
	for _, r := range Rules() {
		rules = append(rules, r.Name)
	}
	shared(t, "skucast_etl/tables.json", map[string]any{"columns": run.Columns, "synonyms": synonyms, "rules": rules})
}

// vector is one case: what goes in, and what this package makes of it.
type vector struct {
	In     map[string]any `json:"in"`
	Out    any            `json:"out,omitempty"`
	Reason string         `json:"reason,omitempty"` // of a refusal
	Error  string         `json:"error,omitempty"`
}

func newVector(in map[string]any, out any, err error) vector {
	if err == nil {
		return vector{In: in, Out: out}
	}
	return vector{In: in, Reason: event.ReasonOf(err), Error: err.Error()}
}

// TestSharedVectors writes down what this package decides in many cases, made and drawn;
// the Spark job's own tests decide the same cases.
func TestSharedVectors(t *testing.T) {
	t.Parallel()
	shared(t, "tests/vectors.json", map[string][]vector{
		"header": headerVectors(), "is_header": isHeaderVectors(), "date_order": dateVectors(), "number_style": numberVectors(),
		"periods": periodVectors(), "buckets": bucketVectors(), "quoted": quotedVectors(), "stage": stageVectors(t),
	})
}

// TestPythonDecidesAlike runs the job's tests of its decisions, which need no Spark.
func TestPythonDecidesAlike(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here, and the Spark job is written in Python: its decisions are not compared")
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "-m", "unittest", "discover", "-s", "tests", "-t", ".", "-p", "test_vectors.py")
	cmd.Dir = job
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%.4000s", err, out)
	}
}

func headerVectors() []vector {
	rng := rand.New(rand.NewPCG(1, 5))
	words := []string{
		"Date", "date", "Invoice Date", "Datum", "ds", "SKU", "sku", "Item-ID", "StockCode", "product", "Artikelnummer", "Units", "qty", "Quantity",
		"Menge", "Sales", "Stückzahl", "Store", "Filiale", "price", "Unit Price", "Preis", "promo", "open", "stock", "in_stock", "temp", "Temp ",
		"", "\u00a0", "x;y", "\"a,b\"", "\"say \"\"hi\"\"\"", "\"open", "İtem", "ΣΑΣ", "Größe", "naïve", "tab\there", "Verfügbar", "Straße", "y", "week",
		"\u200b", "日付", "🛒", "a\"b",
	}
	var vs []vector
	for range 90 {
		sep := separators()[rng.IntN(3)]
		n := 1 + rng.IntN(9)
		if rng.IntN(20) == 0 {
			n = 25
		}
		fields := make([]string, n)
		for i := range fields {
			fields[i] = words[rng.IntN(len(words))]
		}
		if rng.IntN(3) > 0 {
			fields = append(fields, words[rng.IntN(5)], words[5+rng.IntN(6)], words[11+rng.IntN(6)])
		}
		s := Staged{Header: strings.Join(fields, sep), HeaderLine: int64(1 + rng.IntN(4))}
		if rng.IntN(10) == 0 {
			s.Separator = []string{";", ",", "|"}[rng.IntN(3)]
		}
		for range rng.IntN(3) {
			s.Sample = append(s.Sample, strings.Repeat("1"+sep, len(fields)-1)+"1")
		}
		var o run.ETLOptions
		if rng.IntN(4) == 0 {
			o.Map = map[string]string{run.Columns[rng.IntN(len(run.Columns))]: words[rng.IntN(len(words))], "units": words[rng.IntN(len(words))]}
		}
		if rng.IntN(4) == 0 {
			o.Regressors = []string{"temp", "Open ", "TEMP", "promo", "Größe", " "}[rng.IntN(6):][:1]
		}
		if rng.IntN(4) == 0 {
			o.ExcludeSKUs = [][]string{{"POST"}, {"fee*", "a.b"}, {"M\\", "(x)", "Ä*"}}[rng.IntN(3)]
			o.SKUCase = []string{"", "upper"}[rng.IntN(2)]
		}
		if rng.IntN(3) == 0 {
			o.Duplicates = "drop"
		}
		vs = append(vs, headerVector(s, o, 1+rng.IntN(3)*rng.IntN(3)))
	}
	return vs
}

func headerVector(s Staged, o run.ETLOptions, buckets int) vector {
	in := map[string]any{
		"header": s.Header, "separator": s.Separator, "header_line": s.HeaderLine, "sample": s.Sample, "buckets": buckets,
		"options": map[string]any{"map": o.Map, "regressors": o.Regressors, "sku_case": o.SKUCase, "exclude_skus": o.ExcludeSKUs, "duplicates": o.Duplicates},
	}
	h, err := ResolveHeader("sales.csv", s, o)
	if err != nil {
		return newVector(in, nil, err)
	}
	before := NewParams(h, o, buckets)
	p := NewParams(h, o, buckets)
	p.Decide(MonthFirst, CommaStyle)
	return newVector(in, map[string]any{"fields": h.Fields, "mapping": h.Mapping(), "separator": h.Separator, "undecided": before.SQL["r_values"], "sql": p.SQL}, nil)
}

func isHeaderVectors() []vector {
	var vs []vector
	for _, line := range []string{
		"date,sku,units", "Sales report", "date;sku", "Datum;Artikel;Menge", "a,b,c", "\"date\",\"sku\",\"units\"", "date\tsku\tqty", "1,2,3", "", "date,sku,units,units",
	} {
		vs = append(vs, newVector(map[string]any{"line": line}, HeaderTest(run.ETLOptions{})(line), nil))
	}
	return vs
}

func dateVectors() []vector {
	var vs []vector
	texts := []string{"28/11/2011", "11/28/2011", "05/04/2011", strings.Repeat("ü", 50)}
	for bits := range 16 {
		for _, option := range []string{"", "dmy"} {
			var e DateEvidence
			for i, p := range []*Proof{&e.OnlyDayFirst, &e.OnlyMonthFirst, &e.Either, &e.Same} {
				if bits&(1<<i) != 0 {
					*p = Proof{Line: int64(10 + i), Text: texts[i]}
				}
			}
			order, err := DecideDateOrder("sales.csv", option, e)
			vs = append(vs, newVector(map[string]any{"option": option, "evidence": e}, order, err))
		}
	}
	return vs
}

func numberVectors() []vector {
	rng := rand.New(rand.NewPCG(2, 5))
	var vs []vector
	for range 150 {
		columns := make([]NumberShapes, 2)
		for i := range columns {
			n := func() int64 { return int64(rng.IntN(3)) * int64(rng.IntN(2)) }
			columns[i] = NumberShapes{Texts: n() + n(), CommaSure: n(), PointSure: n(), CommaThree: n(), PointThree: n()}
		}
		sep := separators()[rng.IntN(3)]
		vs = append(vs, newVector(map[string]any{"separator": sep, "columns": columns}, DecideNumbers(sep, columns...), nil))
	}
	return vs
}

func periodVectors() []vector {
	rng := rand.New(rand.NewPCG(3, 5))
	start := retail.NewDate(2024, time.January, 1)
	var vs []vector
	for range 60 {
		step := []int{1, 1, 1, 7, 7, 30}[rng.IntN(6)]
		from := start + retail.Date(rng.IntN(40))
		var days []Day
		seen := map[retail.Date]bool{}
		add := func(d retail.Date, rows int64) {
			if seen[d] {
				return
			}
			seen[d] = true
			sold := rows
			if rng.IntN(6) == 0 {
				sold = int64(rng.IntN(int(rows) + 1))
			}
			day := Day{Date: d, Rows: rows, Sold: sold, Trading: rows, FirstLine: int64(2 + len(days))}
			if d.Weekday() == 6 && rng.IntN(2) == 0 {
				day.Trading = 0
			}
			days = append(days, day)
		}
		for i := range 1 + rng.IntN(40) {
			d := from + retail.Date(step*i)
			if step == 30 {
				y, m, _ := from.Civil()
				d = retail.NewDate(y, m+time.Month(i), 1)
				if rng.IntN(2) == 0 && len(vs)%2 == 0 {
					d = retail.NewDate(y, m+time.Month(i)+1, 1) - 1
				}
			}
			if rng.IntN(12) > 0 {
				add(d, int64(1+rng.IntN(2000)))
			}
		}
		switch rng.IntN(6) {
		case 0:
			add(from+retail.Date(2000+rng.IntN(100)), int64(1+rng.IntN(3)))
		case 1:
			add(from-retail.Date(1500), int64(1+rng.IntN(40000)))
		case 2:
			add(from+3, 1)
		}
		if len(days) == 0 {
			continue
		}
		freq := []retail.Frequency{"", "", "D", "W", "M"}[rng.IntN(5)]
		arrived := from + retail.Date(rng.IntN(60*step))
		in := map[string]any{"days": days, "freq": freq, "arrived": arrived}
		tl, err := DecidePeriods("sales.csv", days, freq, arrived)
		if err != nil {
			vs = append(vs, newVector(in, nil, err))
			continue
		}
		var periods [][4]string
		for _, p := range tl.Periods {
			periods = append(periods, [4]string{p.Date.String(), p.Label.String(), p.Rule, p.SoldRule})
		}
		vs = append(vs, newVector(in, map[string]any{"frequency": tl.Grid.Frequency, "origin": tl.Grid.Origin, "month_end": tl.Grid.MonthEnd, "periods": periods}, nil))
	}
	return vs
}

func bucketVectors() []vector {
	var vs []vector
	for _, n := range []int64{0, 1, 12 << 20, 12<<20 + 1, 24 << 20, 100 << 20, 5 << 30} {
		vs = append(vs, newVector(map[string]any{"bytes": n}, Buckets(n), nil))
	}
	return vs
}

func quotedVectors() []vector {
	var vs []vector
	for _, s := range []string{"", "plain", "a\"b\\c", "\x00\x01\x1f\x7f", "\a\b\f\n\r\t\v", "ü日🛒", "\u00a0\u00ad\u200b\u2028\ufeff", "\U000e0001", strings.Repeat("é", 50)} {
		vs = append(vs, newVector(map[string]any{"text": s}, []string{fmt.Sprintf("%q", s), fmt.Sprintf("%.40q", s)}, nil))
	}
	return vs
}

// stageVectors are files of every kind of dirt that staging meets, small ones whole and
// some that are longer than a block.
func stageVectors(t *testing.T) []vector {
	t.Helper()
	const good = "date,sku,units\n2025-01-01,a,1\n2025-01-02,b,2\n"
	long := good + strings.Repeat("2025-01-03,c,3\n", 80_000) + "2025-01-04,\xe4,4\n" + strings.Repeat("2025-01-05,d\x00,5\r\n", 80_000)
	files := map[string]string{
		"good": good, "without a last line feed": strings.TrimSuffix(good, "\n"), "bom": "\ufeff" + good, "crlf": strings.ReplaceAll(good, "\n", "\r\n"),
		"empty": "", "blank": "\n\r\n \n\u00a0\n", "header only": "date,sku,units\n", "header and blanks": "date,sku,units\n\n\r\n",
		"sep": "sep=;\ndate;sku;units\n1;2;3\n", "SEP": "SEP=\t\ndate\tsku\tunits\n1\t2\t3\n", "cp1252": "date,sku,units\n2025-01-01,Gr\xfc\xdfe \x80\x81,1\nü,ß,2\n",
		"latin header": "date,Gr\xf6\xdfe,units,sku\n1,2,3,4\n", "marks": "date,sku,units\n1,a\x1fb\rc\x00d,3\n", "titles": "Sales of\n\nall stores, 2025\ndate,sku,units\n1,2,3\n",
		"no header": strings.Repeat("a title\n\n", 40) + good, "blank lines in front": "\n\n" + good, "no header at all": "a,b\n1,2\n\n3,4\n",
		"zip": "PK\x03\x04rest", "utf-16": "\xff\xfed\x00a\x00", "utf-16 without mark": "d\x00a\x00t\x00e\x00,\x00s\x00", "parquet": "PAR1rest", "pdf": "%PDF-1.4", "workbook": "\xd0\xcf\x11\xe0",
		"controls": "\x01\x02\x03\x04date\n", "tar": strings.Repeat("a", 257) + "ustar" + strings.Repeat("b", 300), "long": long, "long line": good + strings.Repeat("x", MaxLineBytes) + "\n1,2,3\n",
		"longest line": good + strings.Repeat("x", MaxLineBytes-1) + "\n1,2,3\n", "long last line": good + strings.Repeat("y", MaxLineBytes), "long header": strings.Repeat("z", MaxLineBytes) + "\n",
		"gzip": gzipped(t, good), "gzip long": gzipped(t, long), "two members": gzipped(t, good) + gzipped(t, "2025-01-03,c,3\n"), "gzip in gzip": gzipped(t, gzipped(t, good)),
		"cut gzip": gzipped(t, long)[:2000], "gzip and more": gzipped(t, good) + "more", "gzip header": "\x1f\x8b\x08", "bomb": gzipped(t, good+strings.Repeat("0", 200_000)+"\n"+strings.Repeat("1,2,3\n", 100_000)),
	}
	var vs []vector
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var out bytes.Buffer
		const bombFrom = 400_000
		s, err := stage(t.Context(), "sales.csv", strings.NewReader(files[name]), &out, HeaderTest(run.ETLOptions{}), bombFrom)
		in := map[string]any{"name": name, "bomb_from": bombFrom, "zlib": packed(t, files[name])}
		v := newVector(in, nil, err)
		if err == nil {
			v.Out = map[string]any{
				"header": s.Header, "separator": s.Separator, "header_line": s.HeaderLine, "sample_sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(s.Sample, "\n")))), "lines": s.Lines, "blank": s.Blank, "titles": s.Titles,
				"cp1252": s.CP1252Lines, "source_bytes": s.SourceBytes, "text_bytes": s.TextBytes, "sha256": s.SHA256, "staged_sha256": fmt.Sprintf("%x", sha256.Sum256(out.Bytes())),
			}
		}
		if v.Reason == ReasonBadGzip || v.Reason == ReasonTooLarge { // how far a reader got before it noticed is its own affair
			v.Error = ""
		}
		vs = append(vs, v)
	}
	return vs
}

// packed is a file of a vector, small enough to be kept.
func packed(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A refusal without a reason would be a bug here and not a property of the case.
func TestVectorsHaveReasons(t *testing.T) {
	t.Parallel()
	for _, v := range append(headerVectors(), periodVectors()...) {
		if v.Error != "" && v.Reason == "" {
			t.Errorf("%+v", v)
		}
	}
	if v := newVector(nil, nil, errors.New("x")); v.Error != "x" {
		t.Error("an error is lost")
	}
}
