package main

import (
	"fmt"
	"strings"
	"time"
)

// row is one line of the table: what a transform took, and what was asked for. Zero is
// "not measured" or "nothing asked".
type row struct {
	what              string
	wall, cpu         time.Duration
	peak              int64 // bytes
	mustWall, aimWall time.Duration
	mustPeak          int64
	ratio, mustRatio  float64 // of the CPU seconds of DuckDB to this row's
}

// table is Markdown. A row is met if its time, its memory and its ratio are.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| what, two cores | wall | must | aim | CPU | peak memory | must | DuckDB's CPU to this | must | |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		met := (r.mustWall == 0 || r.wall <= r.mustWall) && (r.mustPeak == 0 || r.peak <= r.mustPeak) && (r.mustRatio == 0 || r.ratio <= r.mustRatio)
		fmt.Fprintf(&b, "| %s | **%s** | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.what,
			span(r.wall), span(r.mustWall), span(r.aimWall), span(r.cpu), megabytes(r.peak), megabytes(r.mustPeak),
			share(r.ratio), share(r.mustRatio), map[bool]string{true: "met", false: "NOT MET"}[met])
	}
	return b.String()
}

const none = "–"

func span(d time.Duration) string {
	switch {
	case d == 0:
		return none
	case d >= 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	return fmt.Sprintf("%.2g s", d.Seconds())
}

func megabytes(n int64) string {
	if n == 0 {
		return none
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

func share(x float64) string {
	if x == 0 {
		return none
	}
	return fmt.Sprintf("%.2f", x)
}

func millions(lines int64) string { return fmt.Sprintf("%.1f million", float64(lines)/1e6) }
