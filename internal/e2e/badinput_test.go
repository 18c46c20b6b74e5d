package e2e

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/run"
)

const header = "date,sku,units\n"

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("sales.csv")
	if err == nil {
		_, err = w.Write([]byte(s))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// utf16 is how spreadsheets save "Unicode text".
func utf16(s string) string {
	b := []byte{0xff, 0xfe}
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return string(b)
}

// Every unusable file ends in a failed run with a reason that a person can act on.
func TestBadFilesFailWithAReason(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file, body, reason string
		args                     []string
	}{
		{"empty", "a.csv", "", "empty_file", nil},
		{"header only", "a.csv", header, "no_rows", nil},
		{"no SKU column", "a.csv", "date,units\n2026-01-01,3\n", "missing_column", nil},
		{"no date column", "a.csv", "sku,units\nx,3\n", "missing_column", nil},
		{"no quantity column", "a.csv", "date,sku\n2026-01-01,x\n", "missing_column", nil},
		{"mapped to a header that is not there", "a.csv", header + "2026-01-01,x,3\n", "missing_column", []string{"--map", "units=bottles"}},
		{"binary", "a.csv", "\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00\x01\x02\xff", 500), "not_text", nil},
		{"ambiguous dates", "a.csv", header + "01/02/2026,x,3\n02/03/2026,x,4\n", "ambiguous_dates", nil},
		{"one endless line", "a.csv", header + strings.Repeat("x", 300<<20), "line_too_long", nil},
		{"wrong encoding", "a.csv", utf16(header + "2026-01-01,x,3\n"), "wrong_encoding", nil},
		{"zip archive", "a.csv", zipped(t, header+"2026-01-01,x,3\n"), "zip_archive", nil},
		{"cut-off gzip", "a.csv.gz", gzipped(t, header+strings.Repeat("2026-01-01,x,3\n", 5000))[:120], "bad_gzip", nil},
		{"every row bad", "a.csv", header + "yesterday,x,3\nsoon,y,many\n", "every_row_rejected", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(c.body), 0o644); err != nil {
				t.Fatal(err)
			}
			out := t.TempDir()
			stdout, stderr, code := skucast(t, append([]string{"run", file, "--out", out, "--reconcile-every", "200ms"}, c.args...)...)
			if code != 1 {
				t.Fatalf("exit %d, want 1\n%s", code, tail(stderr))
			}
			var f run.Failed
			if err := json.Unmarshal([]byte(stdout), &f); err != nil || f.Reason != c.reason || f.Message == "" || f.WayOut == "" {
				t.Errorf("failure %+v (%v), want %s with a message and a way out", f, err, c.reason)
			}
			if strings.Contains(stderr+stdout, "goroutine ") || !strings.Contains(stderr, c.reason) {
				t.Errorf("stderr:\n%s", tail(stderr))
			}
			if read(t, out, "_failed.json") == "" {
				t.Error("no _failed.json was delivered")
			}
		})
	}
}

func TestMisuseOfTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":           {nil, 2, "usage"},
		"unknown command":   {[]string{"forcast"}, 2, "forcast"},
		"no file":           {[]string{"run", "--out", dir}, 2, "FILE"},
		"no such file":      {[]string{"run", filepath.Join(dir, "x.csv"), "--out", dir}, 2, "x.csv"},
		"no out":            {[]string{"run", os.Args[0]}, 2, "--out"},
		"a folder":          {[]string{"run", dir, "--out", dir}, 1, "folder"},
		"bad flag":          {[]string{"run", os.Args[0], "--out", dir, "--horizont", "3"}, 2, "horizont"},
		"bad horizon":       {[]string{"run", os.Args[0], "--out", dir, "--horizon", "-3"}, 2, "horizon"},
		"bad map":           {[]string{"run", os.Args[0], "--out", dir, "--map", "units"}, 2, "meaning=header"},
		"unknown meaning":   {[]string{"run", os.Args[0], "--out", dir, "--map", "shop=x"}, 2, "shop"},
		"unknown fault":     {[]string{"run", os.Args[0], "--out", dir, "--faults", "rain=1"}, 2, "rain"},
		"status of nothing": {[]string{"status", "--data", filepath.Join(dir, "none")}, 1, "none"},
		"open to the world": {[]string{"up", "--data", filepath.Join(dir, "d"), "--addr", "0.0.0.0:0"}, 1, "loopback"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := skucast(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("exit %d, want %d; stderr %q, stdout %q", code, c.code, stderr, stdout)
			}
		})
	}
}

func TestHelpEverywhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"demo", "up", "run", "generate", "status", "forecast", "config", "version"} {
		stdout, stderr, code := skucast(t, name, "-h")
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "skucast "+name) {
			t.Errorf("skucast %s -h: exit %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
}
