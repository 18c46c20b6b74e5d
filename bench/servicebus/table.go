package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// read takes the best of each benchmark's runs, by "name unit": the most of what is per
// second, the least of everything else.
func read(r io.Reader) (map[string]float64, error) {
	best := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-")
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", lines.Text(), err)
			}
			key := name + " " + fields[i+1]
			old, seen := best[key]
			if perSecond := strings.HasSuffix(key, "/s"); !seen || (perSecond && v > old) || (!perSecond && v < old) {
				best[key] = v
			}
		}
	}
	return best, lines.Err()
}

// budget is a line of the table: a measurement and what it must and should be. Of what is
// per second more is better, of everything else less.
type budget struct {
	what, key string
	must, aim float64 // aim 0 = none
	show      func(float64) string
}

var budgets = []budget{
	{"sent in batches", "FanOut sent/s", 80_000, 150_000, rate},
	{"received and settled one by one by 8 receivers", "FanOut settled/s", 25_000, 50_000, rate},
	{"sent, every message on disk before it is confirmed", "FanOutDurable sent/s", 10_000, 0, rate},
	{"received and settled by 8 receivers, every settlement on disk before it is confirmed", "FanOutDurable settled/s", 10_000, 0, rate},
	{"1,000,000 queued messages: most memory that the process has had (RSS)", "Memory bytes", 1e9, 0, megabytes},
	{"recovery of 1,000,000 messages", "RecoverMillion ns/op", 10e9, 0, seconds},
}

func table(measured map[string]float64) (string, error) {
	var b strings.Builder
	b.WriteString("| what | must | aim | measured | |\n|---|---|---|---|---|\n")
	for _, line := range budgets {
		got, ok := measured[line.key]
		if !ok {
			return "", fmt.Errorf("no benchmark has measured %q", line.key)
		}
		aim := "–"
		if line.aim > 0 {
			aim = line.show(line.aim)
		}
		met := "met"
		if perSecond := strings.HasSuffix(line.key, "/s"); perSecond && got < line.must || !perSecond && got > line.must {
			met = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** | %s |\n", line.what, line.show(line.must), aim, line.show(got), met)
	}
	return b.String(), nil
}

func rate(v float64) string { return thousands(v) + "/s" }

func megabytes(v float64) string { return thousands(v/1e6) + " MB" }

func seconds(ns float64) string { return strconv.FormatFloat(ns/1e9, 'f', 1, 64) + " s" }

// thousands writes a number without its fraction, in groups of three digits.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
