package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skucast/skucast/etl"
	shared "github.com/skucast/skucast/etl/sql"
	"github.com/skucast/skucast/shared/run"
)

// TestSparkParity runs every shared statement on Spark too, with the parameters that were
// decided here, and compares every value. It needs a Python with PySpark 4
// (SKUCAST_SPARK_PYTHON; make peers installs one).
func TestSparkParity(t *testing.T) {
	python := os.Getenv("SKUCAST_SPARK_PYTHON")
	if python == "" {
		t.Skip("no Spark to compare with: make peers sets SKUCAST_SPARK_PYTHON to a Python that has PySpark")
	}
	dir := t.TempDir()
	var cases []string
	add := func(name, text string, o run.Options) {
		cases = append(cases, parityCase(t, filepath.Join(dir, name), text, o))
	}
	regressors := run.Options{Regressors: []string{"temp"}}
	for seed := range uint64(2) {
		add(fmt.Sprintf("torture-%d", seed), torture(seed, ",", 2000), regressors)
	}
	add("torture-semicolon", torture(9, ";", 2000), run.Options{
		Regressors: []string{"temp"}, SKUCase: "upper", Duplicates: "drop", ExcludeSKUs: []string{"post", "FEE.*"},
	})
	add("torture-tab-weekly", torture(11, "\t", 2000), run.Options{Freq: "W"})
	for _, name := range []string{"eu_semicolon_cp1252.csv", "us_dates_utf8_bom.csv", "week_2011-11-28.tsv"} {
		if text, ok := dirtyFile(t, name); ok {
			add(name, text, run.Options{Duplicates: "drop"})
		}
	}
	sql, err := filepath.Abs("../sql")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/parity.py", sql}, cases...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "differences") || strings.HasPrefix(line, "  ") {
			t.Log(strings.TrimRight(line, "\n"))
		}
	}
	if err != nil {
		t.Errorf("%v: %.4000s", err, out)
	}
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

// parityCase writes what Spark needs and what DuckDB made of it.
func parityCase(t *testing.T, dir, text string, o run.Options) string {
	t.Helper()
	ctx := t.Context()
	job := drop(t, openStore(t, arrived), "sales.csv", strings.NewReader(text), o)
	job.Buckets = 1
	job, err := job.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	src, err := stage(ctx, job, filepath.Join(work, linesFile))
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, src.path, filepath.Join(dir, "lines.txt"))
	params := etl.NewParams(src.header, job.Drop.Options.ETL(), 1)
	e, err := openEngine(ctx, job, work)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	x := &transformer{engine: e, job: job, dir: work, sql: params.SQL, out: output{source: src, params: params, quality: etl.NewQuality()}}
	for _, step := range []func(context.Context) error{x.parse, x.decide, x.timeline} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	statement := func(name string, more ...map[string]string) string {
		t.Helper()
		s, err := shared.Statement(name, append(more, x.sql)...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	do := func(format string, args ...any) {
		t.Helper()
		if err := x.exec(ctx, fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	save := func(name, query string) {
		do("COPY (%s) TO %s (FORMAT parquet)", query, quote(filepath.Join(dir, name+".parquet")))
	}
	evidence := make([]int64, 14)
	var dst []any
	for i := range evidence {
		dst = append(dst, &evidence[i])
	}
	if err := x.row(ctx, statement(shared.Decision), dst...); err != nil {
		t.Fatal(err)
	}
	save("dates", "SELECT * FROM dates")
	save("days", statement(shared.Periods))
	do("COPY (SELECT date, label, rule, sold_rule FROM periods) TO %s (FORMAT csv, HEADER)", quote(filepath.Join(dir, "periods.csv")))
	do("CREATE TEMP TABLE judged AS %s", statement(shared.Judged))
	do("CREATE TEMP TABLE cancelled AS %s", statement(shared.Cancelled))
	save("cancelled", "SELECT * FROM cancelled")
	do("CREATE TEMP TABLE written AS %s", statement(shared.Sales))
	save("sales", "SELECT * FROM written")
	save("rejects", statement(shared.Rejects))
	save("quality", statement(shared.Quality))
	save("index", statement(shared.Index, map[string]string{"file": "'f'"}))
	save("calendar", statement(shared.Calendar))
	save("giants", statement(shared.Giants))
	b, err := json.Marshal(map[string]any{"sql": x.sql, "evidence": evidence})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "params.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	r, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	w, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
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
