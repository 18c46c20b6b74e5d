package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	known := map[string]string{"TestB": "a reason"}
	for _, c := range []struct {
		name    string
		results []result
		all     bool
		code    int
		want    string
	}{
		{"as known", []result{{"TestA", pass, ""}, {"TestB", fail, ""}, {"TestC", skip, "why"}}, true, 0, "s: 1 of 2\n"},
		{"a new failure", []result{{"TestA", fail, ""}, {"TestB", fail, ""}}, true, 1, "TestA fails, and is not listed"},
		{"a known failure passes", []result{{"TestB", pass, ""}}, true, 1, "TestB passes, and is listed"},
		{"a known failure is gone", []result{{"TestA", pass, ""}}, true, 1, "TestB is listed as known to fail, and there is no such test"},
		{"some tests only", []result{{"TestA", pass, ""}}, false, 0, "s: 1 of 1\n"},
		{"all skip themselves", []result{{"TestA", skip, "why"}}, false, 1, "no test was run"},
		{"none", nil, false, 1, "no test was run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if code := verdict(&out, "s", c.results, known, c.all); code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("code %d, %q; want %d and %q", code, out.String(), c.code, c.want)
			}
		})
	}
}

func TestReadKnown(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "known")
	for _, c := range []struct {
		name, text, want, bad string
	}{
		{"comments and reasons", "# x\n\nTestA  because of it\n", "because of it", ""},
		{"no reason", "# x\nTestA\n", "", ":2: TestA is known to fail, but not why"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := readKnown(file)
		switch {
		case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)):
			t.Errorf("%s: error %v, want %s", c.name, err, c.bad)
		case c.bad == "" && (err != nil || known["TestA"] != c.want):
			t.Errorf("%s: %v, %v", c.name, known, err)
		}
	}
}

// The lists of the suites say why, so that readKnown takes them.
func TestListsAreReadable(t *testing.T) {
	t.Parallel()
	for name := range suites {
		if _, err := readKnown(filepath.Join("..", name, "known")); err != nil {
			t.Error(err)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	ended := errors.New("exit status 1")
	for _, c := range []struct {
		name, out string
		err       error
		want      string
	}{
		{"passes", "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", nil, "pass TestA"},
		{"fails", "--- FAIL: TestA (0.00s)\nFAIL\n", ended, "FAIL TestA"},
		{"panics after it passed", "--- PASS: TestA (0.00s)\npanic: x\n", ended, "FAIL TestA"},
		{"skips itself", "=== RUN   TestA\n    a_test.go:7: no injector\n--- SKIP: TestA (0.00s)\nPASS\n", nil, "skip TestA (no injector)"},
		{"skips a part", "    --- SKIP: TestA/b (0.00s)\n--- PASS: TestA (0.00s)\nPASS\n", nil, "pass TestA"},
		{"is another", "--- PASS: TestAB (0.00s)\nPASS\n", nil, "FAIL TestA (it did not run)"},
		{"hangs", "panic: test timed out after 1m\n", ended, "FAIL TestA (it takes longer than 1m30s)"},
	} {
		if got := judge("TestA", []byte(c.out), c.err).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSkipped(t *testing.T) {
	t.Parallel()
	out := "--- PASS: TestA (0.00s)\n--- SKIP: TestB (0.00s)\n    --- SKIP: TestC/x (0.00s)\n    --- SKIP: TestC/y (0.00s)\n--- PASS: TestC (0.00s)\n"
	if got := strings.Join(skipped([]byte(out)), " "); got != "TestB TestC" {
		t.Errorf("%q", got)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"help", []string{"-h"}, 0, "Usage: golang"},
		{"no suite", []string{"x"}, 2, "there are azservicebus and goamqp"},
		{"no broker", []string{"-suite", "goamqp"}, 2, "one broker"},
		{"no jobs", []string{"-suite", "goamqp", "-jobs", "0", "x"}, 2, "-jobs 0"},
	} {
		var stderr strings.Builder
		if code := run(t.Context(), c.args, &stderr, &stderr); code != c.code || !strings.Contains(stderr.String(), c.text) {
			t.Errorf("%s: code %d, %q", c.name, code, stderr.String())
		}
	}
}
