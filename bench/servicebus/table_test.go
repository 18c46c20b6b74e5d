package main

import (
	"strings"
	"testing"
)

const runs = `goos: linux
BenchmarkFanOut-2  1  11 ns/op  0.2 send-s  70000 sent/s  0.8 settle-s  24000 settled/s
BenchmarkFanOut-2  1  12 ns/op  0.1 send-s  90000 sent/s  0.9 settle-s  23000 settled/s
BenchmarkFanOutDurable-2  1  13 ns/op  0.3 send-s  321492 sent/s  1 settle-s  93534 settled/s
BenchmarkRecoverMillion-2  1  1600000000 ns/op  542.9 B/message
BenchmarkRecoverMillion-2  1  1400000000 ns/op  542.9 B/message
PASS
`

func TestTable(t *testing.T) {
	t.Parallel()
	measured, err := read(strings.NewReader(runs))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := table(measured); err == nil {
		t.Errorf("a table without the memory: %s", text)
	}
	measured["Memory bytes"] = 1.2345e9
	text, err := table(measured)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 80,000/s | 150,000/s | **90,000/s** | met |",
		"| 25,000/s | 50,000/s | **24,000/s** | **missed** |",
		"| 10,000/s | – | **321,492/s** | met |",
		"| 1,000 MB | – | **1,234 MB** | **missed** |",
		"| 10.0 s | – | **1.4 s** | met |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestPeak(t *testing.T) {
	t.Parallel()
	if got, err := peakOf("VmPeak:\t 9 kB\nVmHWM:\t    12 kB\nVmRSS:\t 3 kB\n"); err != nil || got != 12*1024 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := peakOf("VmRSS: 3 kB\n"); err == nil {
		t.Errorf("%v of nothing", got)
	}
}
