package duckdb

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// parityCase is one file that both engines read.
type parityCase struct {
	name    string
	text    string
	options run.Options
	buckets int
	connect bool // over Spark Connect too
}

// TestSparkParity runs the Spark job and this driver on the same files and compares every
// value of what they leave: sales, index, calendar, rejects, quality, manifest, or the
// refusal. It needs a Python with PySpark 4 (SKUCAST_SPARK_PYTHON; make peers installs one)
// and runs once with a session of its own and once over Spark Connect, as serverless
// compute does.
func TestSparkParity(t *testing.T) {
	python := os.Getenv("SKUCAST_SPARK_PYTHON")
	if python == "" {
		t.Skip("no Spark to compare with: make peers sets SKUCAST_SPARK_PYTHON to a Python that has PySpark")
	}
	cases := parityCases(t)
	jobs, errs := make([]Job, len(cases)), make([]error, len(cases))
	for i, c := range cases {
		jobs[i] = drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(c.text), c.options)
		jobs[i].Buckets = c.buckets
		_, errs[i] = Run(t.Context(), jobs[i])
	}
	for mode, remote := range map[string]string{"classic": "", "connect": "local[2]"} {
		t.Run(mode, func(t *testing.T) {
			var chosen []int
			var drops []Job
			for i, c := range cases {
				if remote == "" || c.connect {
					chosen, drops = append(chosen, i), append(drops, jobs[i])
				}
			}
			outcomes := runSpark(t, python, remote, drops)
			for k, i := range chosen {
				t.Run(cases[i].name, func(t *testing.T) { comparePair(t, jobs[i], errs[i], outcomes[k]) })
			}
		})
	}
}

func parityCases(t *testing.T) []parityCase {
	t.Helper()
	full := run.Options{Regressors: []string{"temp"}, SKUCase: "upper", Duplicates: "drop", ExcludeSKUs: []string{"post", "FEE.*"}}
	cases := []parityCase{
		{"torture", torture(0, ",", 2000), run.Options{Regressors: []string{"temp"}}, 4, false},
		{"torture, semicolon", torture(9, ";", 2000), full, 1, true},
		{"torture, tab, weekly", "Sales of all stores\n\n" + torture(11, "\t", 2000), run.Options{Freq: "W"}, 2, false},
		{"2,000 columns", wide(2000), run.Options{}, 1, false},
		{"column renamed in the middle", "date,sku,units\n2026-01-01,a,1\n2026-01-02,a,1\ndate,sku,quantity\n2026-01-03,a,1\n", run.Options{}, 1, false},
		{"headers alone", "date,sku,units\n", run.Options{}, 1, false},
		{"blank lines after the header", "date,sku,units\n\n,,\n", run.Options{}, 1, false},
		{"every row rejected", "date,sku,units\nsoon,a,1\nlater,,2\n", run.Options{}, 1, false},
		{"no quantity", "date,sku,units\n2026-01-01,a,\n2026-01-02,b,NA\n", run.Options{}, 1, false},
		{"sales in the future", "date,sku,units\n2027-01-01,a,1\n", run.Options{}, 1, true},
		{"ambiguous dates", "date,sku,units\n05/04/2025,a,1\n", run.Options{}, 1, false},
		{"mixed orders", "date,sku,units\n28/11/2025,a,1\n11/28/2025,a,1\n", run.Options{}, 1, false},
		{"two names for one column", "date,sku,units,qty,units\n2026-01-01,a,1,2,3\n", run.Options{}, 1, false},
		{"no such regressor", "date,sku,units\n2026-01-01,a,1\n", run.Options{Regressors: []string{"price of milk"}}, 1, false},
		{"a zip archive", "PK\x03\x04", run.Options{}, 1, false},
		{"UTF-16", "\xff\xfed\x00", run.Options{}, 1, false},
		{"cut gzip", "\x1f\x8b\x08\x00", run.Options{}, 1, false},
		{"empty", "", run.Options{}, 1, false},
	}
	for _, name := range []string{"eu_semicolon_cp1252.csv", "us_dates_utf8_bom.csv", "week_2011-11-28.tsv"} {
		if text, ok := dirtyFile(t, name); ok {
			cases = append(cases, parityCase{name, text, run.Options{Duplicates: "drop"}, 3, name[:2] == "eu"})
		}
	}
	return cases
}

// wide is a file of many columns of which three are used.
func wide(columns int) string {
	var b strings.Builder
	b.WriteString("date,sku,units")
	for i := range columns - 3 {
		fmt.Fprintf(&b, ",extra %d", i)
	}
	for day := range 20 {
		fmt.Fprintf(&b, "\n2026-01-%02d,a,%d%s", day+1, day, strings.Repeat(",x", columns-3))
	}
	return b.String()
}

func dirtyFile(t *testing.T, name string) (string, bool) {
	dir := os.Getenv("SKUCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	b, err := os.ReadFile(filepath.Join(dir, "dirty", name))
	if err != nil {
		t.Logf("without %s: %v", name, err)
		return "", false
	}
	return string(b), true
}

// sparkOutcome is what the job made of one case.
type sparkOutcome struct {
	Dir     string
	Reason  string
	Message string
}

// runSpark runs the Spark job on a copy of every job's storage, in one session.
func runSpark(t *testing.T, python, remote string, jobs []Job) []sparkOutcome {
	t.Helper()
	type given struct {
		Dir     string `json:"dir"`
		ETLID   string `json:"etl_id"`
		Drop    string `json:"drop"`
		Buckets int    `json:"buckets"`
	}
	cases := make([]given, len(jobs))
	for i, job := range jobs {
		dir := t.TempDir()
		copyDrop(t, job, dir)
		cases[i] = given{Dir: dir, ETLID: job.ETLID, Drop: job.Drop.Drop().Record(), Buckets: job.Buckets}
	}
	list := filepath.Join(t.TempDir(), "cases.json")
	b, err := json.Marshal(cases)
	if err == nil {
		err = os.WriteFile(list, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "../databricks/job/tests/many.py", list)
	cmd.Env = append(os.Environ(), "SKUCAST_SPARK_REMOTE="+remote)
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, failure.String())
	}
	var outcomes []sparkOutcome
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o sparkOutcome
		if json.Unmarshal(lines.Bytes(), &o) == nil && o.Dir != "" {
			outcomes = append(outcomes, o)
		}
	}
	if len(outcomes) != len(jobs) {
		t.Fatalf("%d of %d cases have an outcome\n%.4000s", len(outcomes), len(jobs), failure.String())
	}
	return outcomes
}

// copyDrop gives the Spark job the same drop: the file with its time, and the record.
func copyDrop(t *testing.T, job Job, dir string) {
	t.Helper()
	store, err := dirblob.Open(dir, dirblob.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	from, err := job.Store.(*dirblob.Store).Path(job.Drop.Drop().Place())
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for place, b := range map[string][]byte{job.Drop.Drop().Place(): body, job.Drop.Drop().Record(): run.Canonical(job.Drop)} {
		to, err := store.Path(place)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(to, arrived, job.Drop.LastModified); err != nil {
			t.Fatal(err)
		}
	}
}

// comparePair compares what the two engines left.
func comparePair(t *testing.T, job Job, err error, spark sparkOutcome) {
	t.Helper()
	if err != nil {
		want := err.Error()
		if event.ReasonOf(err) != spark.Reason || want != spark.Message && event.ReasonOf(err) != etl.ReasonBadGzip {
			t.Errorf("refused by Spark as %s: %s\nhere as %s: %s", spark.Reason, spark.Message, event.ReasonOf(err), want)
		}
		return
	}
	if spark.Reason != "" {
		t.Fatalf("refused by Spark only, as %s: %s", spark.Reason, spark.Message)
	}
	store, err := dirblob.Open(spark.Dir, dirblob.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	theirs := job
	theirs.Store = store
	for _, name := range []string{RejectsFile, QualityFile} {
		if a, b := readBlob(t, job, name), readBlob(t, theirs, name); !bytes.Equal(a, b) {
			t.Errorf("%s differs; Spark:\n%.600s\nhere:\n%.600s", name, b, a)
		}
	}
	compareManifests(t, job, theirs)
	compareTables(t, job, theirs)
}

// compareManifests compares all but the engine's name and what follows from the bytes of
// Parquet files.
func compareManifests(t *testing.T, ours, theirs Job) {
	t.Helper()
	texts := make([]string, 2)
	for i, job := range []Job{ours, theirs} {
		m, ok, err := existing(t.Context(), job)
		if err != nil || !ok {
			t.Fatalf("manifest: %v", err)
		}
		m.Engine = ""
		for j, f := range m.Files {
			if strings.HasSuffix(f.Path, ".parquet") {
				m.Files[j] = run.File{Path: strings.Split(f.Path, "/")[0] + filepath.Dir(f.Path), Rows: f.Rows}
			}
		}
		texts[i] = string(run.Canonical(m))
	}
	if texts[0] != texts[1] {
		t.Errorf("manifests differ; Spark:\n%s\nhere:\n%s", texts[1], texts[0])
	}
}

// compareTables compares the Parquet files value by value, and the order of sales.
func compareTables(t *testing.T, ours, theirs Job) {
	t.Helper()
	e, err := openEngine(t.Context(), Job{MemoryLimit: "500MB", Threads: 2}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	folder := func(job Job) string { return job.Store.(*dirblob.Store).Dir() + "/" + run.ETLDir(job.ETLID) }
	for name, query := range map[string]string{
		"sales":        "SELECT * EXCLUDE (filename), regexp_extract(filename, 'bucket=..') FROM read_parquet('%s/sales/*/*.parquet', filename = true, file_row_number = true, hive_partitioning = false)",
		"series_index": "SELECT * REPLACE (regexp_extract(file, 'bucket=..') AS file) FROM read_parquet('%s/" + IndexFile + "')",
		"calendar":     "SELECT * FROM read_parquet('%s/" + CalendarFile + "')",
	} {
		a, b := fmt.Sprintf(query, folder(ours)), fmt.Sprintf(query, folder(theirs))
		for which, except := range map[string]string{"only here": a + " EXCEPT ALL " + b, "only in Spark": b + " EXCEPT ALL " + a} {
			var n int64
			if err := e.row(t.Context(), "SELECT count(*) FROM ("+except+")", &n); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n > 0 {
				t.Errorf("%s: %d rows %s, the first %s", name, n, which, firstRow(t, e, except))
			}
		}
	}
}

func firstRow(t *testing.T, e *engine, query string) string {
	t.Helper()
	var text string
	if err := e.row(context.WithoutCancel(t.Context()), "SELECT CAST(r AS VARCHAR) FROM ("+query+" LIMIT 1) AS r", &text); err != nil {
		return err.Error()
	}
	return text
}

// torture is a file in which every kind of dirt that a line can have comes many times.
// Most lines are clean, so that the file is read and not refused.
func torture(seed uint64, sep string, lines int) string {
	rng := rand.New(rand.NewPCG(seed, 77))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	var b strings.Builder
	b.WriteString(strings.Join([]string{"date", "store", "sku", "units", "price", "promo", "open", "in_stock", "stock", "temp"}, sep) + "\n")
	var previous string
	for range lines {
		day := 1 + rng.IntN(28)
		month := 1 + rng.IntN(12)
		f := []string{
			fmt.Sprintf("2025-%02d-%02d", month, day), pick("1", "2", "Ä 3"), fmt.Sprintf("S%02d", rng.IntN(40)),
			fmt.Sprint(rng.IntN(20)), fmt.Sprintf("%d.%02d", rng.IntN(9)+1, rng.IntN(100)), pick("0", "1", ""), pick("1", ""), pick("1", "0", ""),
			fmt.Sprint(rng.IntN(100)), fmt.Sprintf("%.1f", 20*rng.Float64()-5),
		}
		if rng.IntN(4) == 0 {
			dirtyField(rng, f, day, month, sep)
		}
		line := strings.Join(f, sep)
		switch rng.IntN(60) {
		case 0:
			line = previous
		case 1:
			line += sep
		case 2:
			line += sep + " " + sep + sep
		case 3:
			line += sep + "x"
		case 4:
			line = strings.Join(f[:6], sep)
		case 5:
			line = strings.Repeat(sep, rng.IntN(12))
		case 6:
			line = strings.Join([]string{"date", "store", "sku", "units", "price", "promo", "open", "in_stock", "stock", "temp"}, sep)
		case 7:
			line = "\"" + strings.Join(f, "\""+sep+"\"") + "\""
		case 8:
			line += "\r"
		}
		previous = line
		b.WriteString(line + "\n")
	}
	return b.String()
}

// dirtyField spoils one field of a line.
func dirtyField(rng *rand.Rand, f []string, day, month int, sep string) {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	months := []string{"Jan", "Feb", "March", "avr", "MAI", "juin", "juil.", "August", "sept", "Okt", "nov", "déc"}
	switch rng.IntN(9) {
	case 0:
		f[0] = pick(
			fmt.Sprintf("%d/%d/2025", day, month), fmt.Sprintf("%02d.%02d.25", day, month), fmt.Sprintf("28/%d/2025 7:05 am", month),
			fmt.Sprintf("2025%02d%02d", month, day), fmt.Sprintf("%d %s 2025", day, months[month-1]), fmt.Sprintf("%s-%d-%d", months[month-1], day, 2025),
			fmt.Sprintf("%d-%s-25 23:59", day, months[month-1]), fmt.Sprint(45658+rng.IntN(365)), fmt.Sprintf("%d.5", 45658+rng.IntN(365)),
			fmt.Sprintf("2025-%02d-%02dT10:11:12.5+02:00", month, day), "", "soon", "2025-02-30", "0000-00-00", "2025", "1700-01-01", "99999", "3 Foo 2025", "29 Feb 2025",
			fmt.Sprintf("\u00a02025-%02d-%02d\u3000", month, day), "2999-01-01", "infinity", "2025-05", "May 2025",
		)
	case 1:
		f[2] = pick("s01", "S01 ", "="+`"S01"`, "\"S,0;1\t\"", "\"S\"\"1\"\"\"", "", " ", "POST", "Post", "FEE.1", "FEEX", "S\x0201", "S\x0001", strings.Repeat("x", 201), strings.Repeat("ü", 200), "straße", "STRASSE", "İ", "\"open", "S01\"")
	case 2:
		f[3] = pick("1.5", "-3", "3-", "(4)", "+2", ".5", "5.", "1e3", "0x1F", "1_000", "NA", "", "-", "null", "five", "12345678901234", "999999999999.9999", "٣", "1 234", "1'234", "−3", "00012", "--1", "1.23456", "9000")
	case 3:
		f[4] = pick("$4.95", "4.95 €", "0", "-1", "free", "£1", "12345678.1234", "123456789012", "¥100", "1.005", "2.675", "0.00005")
		if sep != "," {
			f[4] = pick(f[4], "1,234.50", "4,95")
		}
	case 4:
		f[5] = pick("yes", "NO", "ja", "2", "0.0", "maybe", "x", "TRUE", "-1", "NaN")
	case 5:
		f[6] = pick("0", "f", "off", "closed")
		f[3] = pick("", "0", f[3])
	case 6:
		f[8] = pick("", "lots", "1.5", "-4", "1,5")
	case 7:
		f[9] = pick("", "warm", "-12.3456789", "1e2", "999999999999")
	case 8: // an order taken back
		f[3] = pick("7", "-7", "70000", "-70000")
		f[2], f[0], f[4] = "S05", "2025-03-03", pick("2.50", "2.50", "")
	}
}
