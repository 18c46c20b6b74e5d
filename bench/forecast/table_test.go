package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	text := table([]row{
		{what: "fast enough", seconds: 12e-6, must: 40e-6, aim: 10e-6},
		{what: "too slow", seconds: 2, must: 1},
		{what: "fast beside a peer", seconds: 1e-3, must: 5e-3, peer: "p", ratio: 10},
		{what: "slow beside a peer", seconds: 1e-3, peer: "q", ratio: 10},
		{what: "without its peer", seconds: 1e-3, peer: "absent", ratio: 10},
	}, map[string]float64{"p": 0.02, "q": 0.009})
	for _, want := range []string{
		"| fast enough | **12 µs** | 40 µs | 10 µs | – | – | – | – | met |",
		"| too slow | **2 s** | 1 s | – | – | – | – | – | NOT MET |",
		"| fast beside a peer | **1 ms** | 5 ms | – | p | 20 ms | 20 | 10 | met |",
		"| slow beside a peer | **1 ms** | – | – | q | 9 ms | 9 | 10 | NOT MET |",
		"| without its peer | **1 ms** | – | – | absent | not measured | – | 10 | NOT MET |",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
}

// Both sides fit the same numbers.
func TestSeriesAreRepeatable(t *testing.T) {
	t.Parallel()
	a, b := daily(400, 3), daily(400, 3)
	other := daily(400, 4)
	same := true
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("value %d is %v and %v", i, a[i], b[i])
		}
		same = same && a[i] == other[i]
	}
	if same {
		t.Error("two seeds give one series")
	}
}
