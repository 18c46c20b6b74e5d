package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

type outcome string

const (
	pass outcome = "pass"
	fail outcome = "FAIL"
	skip outcome = "skip"
)

// result is what came of a test.
type result struct {
	name    string
	outcome outcome
	why     string // "" = see what the test printed
}

func (r result) String() string {
	if r.why == "" {
		return string(r.outcome) + " " + r.name
	}
	return fmt.Sprintf("%s %s (%s)", r.outcome, r.name, r.why)
}

// readKnown reads the tests that are known to fail: lines of a name and the reason, and of
// comments that begin with #.
func readKnown(file string) (map[string]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, why, _ := strings.Cut(line, " ")
		if why = strings.TrimSpace(why); why == "" {
			return nil, fmt.Errorf("%s:%d: %s is known to fail, but not why", file, n, name)
		}
		known[name] = why
	}
	return known, nil
}

// verdict prints the sum, and what is not as known; 0 if all is as known. If not all tests
// were run, only those are judged. A test that skips itself for a reason of its own is not
// counted.
func verdict(w io.Writer, suite string, results []result, known map[string]string, all bool) int {
	code, passed, offered := 0, 0, 0
	complain := func(format string, args ...any) {
		code = 1
		fmt.Fprintf(w, suite+": "+format+"\n", args...)
	}
	slices.SortFunc(results, func(a, b result) int { return strings.Compare(a.name, b.name) })
	ran := map[string]bool{}
	for _, r := range results {
		ran[r.name] = true
		_, expected := known[r.name]
		switch {
		case r.outcome == pass && expected:
			complain("%s passes, and is listed as known to fail", r.name)
		case r.outcome == fail && !expected:
			complain("%s fails, and is not listed as known to fail", r.name)
		}
		if r.outcome != skip {
			offered++
		}
		if r.outcome == pass {
			passed++
		}
	}
	if offered == 0 {
		complain("no test was run")
	}
	if all {
		for name := range known {
			if !ran[name] {
				complain("%s is listed as known to fail, and there is no such test", name)
			}
		}
	}
	fmt.Fprintf(w, "%s: %d of %d\n", suite, passed, offered)
	return code
}
