package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// progress shows how far a run is: one line that is redrawn on a terminal, a line for
// each step elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	started  time.Time
	now      func() time.Time
	last     string
	tenths   int
	drawn    bool
}

func newProgress(p program, now func() time.Time) *progress {
	return &progress{w: p.Stderr, terminal: p.Terminal, started: now(), now: now, tenths: -1}
}

// phases in the words of a planner.
func phaseWords(phase string) string {
	switch phase {
	case run.PhaseETL:
		return "reading the file"
	case event.QueuePlanTraining:
		return "planning the training"
	case event.QueueTrainSKU:
		return "forecasting"
	case event.QueuePublishRun:
		return "publishing"
	default:
		return phase
	}
}

// show draws the state of a run; detail is of the ETL's stage and may be empty.
func (pr *progress) show(v ledger.View, detail string, fraction float64) {
	words := phaseWords(v.Phase)
	if v.Phase == event.QueueTrainSKU && v.Units > 0 {
		fraction = float64(v.UnitsDone) / float64(v.Units)
		detail = fmt.Sprintf("%d of %d units", v.UnitsDone, v.Units)
	}
	if detail != "" {
		words += ": " + detail
	}
	elapsed := pr.now().Sub(pr.started).Round(100 * time.Millisecond)
	if pr.terminal {
		const width = 24
		full := int(min(max(fraction, 0), 1) * width)
		fmt.Fprintf(pr.w, "\r\x1b[K[%s%s] %s  %s", strings.Repeat("█", full), strings.Repeat("·", width-full), elapsed, words)
		pr.drawn = true
		return
	}
	tenths := int(fraction * 10)
	if v.Phase == pr.last && tenths == pr.tenths {
		return
	}
	pr.last, pr.tenths = v.Phase, tenths
	fmt.Fprintf(pr.w, "%8s  %s\n", elapsed, words)
}

// end leaves the line.
func (pr *progress) end() {
	if pr.drawn {
		fmt.Fprint(pr.w, "\r\x1b[K")
		pr.drawn = false
	}
}
