package main

import (
	"fmt"
	"strings"
)

// row is one line of the table: what was measured of ours, and what was asked for.
type row struct {
	what      string
	seconds   float64 // ours, of one series
	must, aim float64 // seconds; 0 = none
	peer      string  // key of the peers' seconds; "" = none
	ratio     float64 // by which the peer must be slower; 0 = none
}

// table is Markdown. A row is met if both its time and its ratio are.
func table(rows []row, peers map[string]float64) string {
	var b strings.Builder
	b.WriteString("| what, one core | ours | must | aim | peer | peer's time | times ours | must | |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		name, took, times, ratio := "–", "–", "–", "–"
		met := r.must == 0 || r.seconds <= r.must
		if r.peer != "" {
			name = r.peer
			if s, ok := peers[r.peer]; ok {
				took, times = span(s), fmt.Sprintf("%.0f", s/r.seconds)
				met = met && s >= r.ratio*r.seconds
			} else {
				took, met = "not measured", false
			}
		}
		if r.ratio > 0 {
			ratio = fmt.Sprintf("%.0f", r.ratio)
		}
		fmt.Fprintf(&b, "| %s | **%s** | %s | %s | %s | %s | %s | %s | %s |\n",
			r.what, span(r.seconds), limit(r.must), limit(r.aim), name, took, times, ratio, map[bool]string{true: "met", false: "NOT MET"}[met])
	}
	return b.String()
}

func limit(s float64) string {
	if s == 0 {
		return "–"
	}
	return span(s)
}

// span is a time with three digits.
func span(s float64) string {
	switch {
	case s >= 1:
		return fmt.Sprintf("%.3g s", s)
	case s >= 1e-3:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g µs", s*1e6)
}
