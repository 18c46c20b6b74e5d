package main

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	t.Parallel()
	text := table([]row{
		{what: "fast enough", wall: 24 * time.Second, cpu: 43 * time.Second, peak: 660e6, mustWall: 40 * time.Second, aimWall: 20 * time.Second, mustPeak: 1e9},
		{what: "too slow", wall: 41 * time.Second, mustWall: 40 * time.Second},
		{what: "too large", wall: 2 * time.Minute, peak: 1001e6, mustPeak: 1e9},
		{what: "a peer", wall: 182 * time.Second, cpu: 295 * time.Second, ratio: 0.15, mustRatio: 0.25},
		{what: "a peer as good", wall: 20 * time.Second, ratio: 0.26, mustRatio: 0.25},
		{what: "small", wall: 210 * time.Millisecond, mustWall: time.Second},
	})
	for _, want := range []string{
		"| fast enough | **24 s** | 40 s | 20 s | 43 s | 660 MB | 1000 MB | – | – | met |",
		"| too slow | **41 s** | 40 s | – | – | – | – | – | – | NOT MET |",
		"| too large | **120 s** | – | – | – | 1001 MB | 1000 MB | – | – | NOT MET |",
		"| a peer | **182 s** | – | – | 295 s | – | – | 0.15 | 0.25 | met |",
		"| a peer as good | **20 s** | – | – | – | – | – | 0.26 | 0.25 | NOT MET |",
		"| small | **0.21 s** | 1 s | – | – | – | – | – | – | met |",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
}
