package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dirty is a file with one of several things to see: a title, a rejected line, a code that
// is no product, one in another case, a giant, an order taken back.
func dirty() string {
	var b strings.Builder
	b.WriteString("Sales by item\n\nDatum;Artikel;Menge;Preis\n")
	for i := range 400 {
		day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i%40)
		fmt.Fprintf(&b, "%s;A%02d;%d;4,95\n", day.Format("02.01.2006"), i/40, 1+i%3)
	}
	b.WriteString("05.01.2025;A03;9000;4,95\n05.01.2025;a04;2;4,95\n05.01.2025;A05;77;4,95\n05.01.2025;A05;-77;4,95\n")
	b.WriteString("gestern;A01;5;4,95\n")
	return b.String()
}

func runCLI(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	p := program{Stdout: &out, Stderr: &err, Getenv: func(string) string { return "" }}
	code = p.Main(t.Context(), args)
	return out.String(), err.String(), code
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "absatz.csv")
	text := dirty() + "05.01.2025;PORTO;3;4,95\n"
	for i := range 20 { // enough coded SKUs that one without a digit stands out
		text += fmt.Sprintf("05.01.2025;B%d;1;4,95\n", i)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := runCLI(t, "check", file)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"426 rows read, 425 used, 1 rejected", "date=Datum sku=Artikel units=Menge price=Preis",
		"separated by semicolon, dates with the day first, decimal comma", "daily up to 2025-02-09", "32 of 32 SKUs",
		"title_line", "cancelled_pair", "giant_quantity", "line 408", "date_unreadable", `Datum = "gestern"`,
		`"A03"`, `unlike products: "PORTO"`, `only in case: "a04"`, "--duplicates drop", "█",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	stdout, stderr, code = runCLI(t, "check", "--json", "--exclude-sku", "PORTO", "--sku-case", "upper", file)
	var c checked
	if err := json.Unmarshal([]byte(stdout), &c); err != nil || code != 0 {
		t.Fatalf("%v, exit code %d: %s", err, code, stderr)
	}
	if c.Manifest.SKUs != 30 || len(c.CaseOnly) != 0 || len(c.Unlike) != 0 || len(c.Rejects) != 2 || c.Rejects[1].Rule != "excluded_sku" {
		t.Errorf("%d SKUs, case %v, unlike %v, rejects %+v", c.Manifest.SKUs, c.CaseOnly, c.Unlike, c.Rejects)
	}
}

func TestCheckRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(file, []byte("a,b,c\n1,2,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such file": {[]string{"check", filepath.Join(dir, "none.csv")}, 2, "there is no file"},
		"no columns":   {[]string{"check", file}, 1, "missing_column"},
		"no file":      {[]string{"check"}, 2, ""},
		"bad option":   {[]string{"check", "--sku-case", "lower", file}, 2, "sku_case"},
		"bad pattern":  {[]string{"check", "--exclude-sku", "*", file}, 2, "exclude_skus"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := runCLI(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
