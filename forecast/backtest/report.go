package backtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
)

// Report is what a backtest found. Encoded as JSON without Timings it is the
// same, byte for byte, for any number of workers.
type Report struct {
	Horizon int `json:"horizon"`
	Windows int `json:"windows"`
	Season  int `json:"season"`
	Series  int `json:"series"` // in the source
	Tested  int `json:"tested"` // of them; the others were left out by Settings.Limit
	// Models are in the order of every list of Scores: Product, Naive, then as
	// they were asked for.
	Models []string `json:"models"`
	Total  []Score  `json:"total"`
	// Classes and Volumes are those at the origin; what has no series is left
	// out. Origins begin with the latest. Ahead are thirds of the horizon and
	// Steps its single steps (groups of steps beyond 60).
	Classes []Group `json:"classes"`
	Volumes []Group `json:"volumes"`
	Origins []Group `json:"origins"`
	Ahead   []Group `json:"ahead"`
	Steps   []Group `json:"steps"`
	// History is the longest history at each origin, in periods.
	History []int `json:"history"`
	// Known says for how many series an input was known ahead at the latest
	// origin.
	Known []Input `json:"known,omitempty"`
	// Unfitted counts, for each model, the series and origins that it had no
	// forecast for: histories too short for it, and Failures.
	Unfitted []int64 `json:"unfitted"`
	// Failures are defects: errors other than a short history, and numbers
	// that are no forecast. The first maxFailures are listed.
	NFailures int       `json:"n_failures"`
	Failures  []Failure `json:"failures,omitempty"`
	Examples  []Example `json:"examples,omitempty"`
	Timings   []Timing  `json:"timings,omitempty"`
}

const maxFailures = 20

// Group is one group of series, origins or steps.
type Group struct {
	Name   string  `json:"name"`
	Scores []Score `json:"scores"` // in the order of Report.Models
}

// Score are the figures of one model.
type Score struct {
	Model string `json:"model"`
	metric.Figures
}

// Input is a known input.
type Input struct {
	Name   string `json:"name"`
	Series int64  `json:"series"`
}

// Failure is a defect of a model on one series.
type Failure struct {
	Key
	Lag   int    `json:"lag"` // periods between the origin and the last period
	Model string `json:"model"`
	Error string `json:"error"`
}

// Timing is what a model took for one series from one origin, wall clock on
// one goroutine.
type Timing struct {
	Model string        `json:"model"`
	Runs  int64         `json:"runs"`
	Total time.Duration `json:"total_ns"`
	Mean  time.Duration `json:"mean_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Of returns the score of a model in a group.
func (g *Group) Of(model string) (Score, bool) {
	for _, s := range g.Scores {
		if s.Model == model {
			return s, true
		}
	}
	return Score{}, false
}

// report reads the tallies.
func (t *test) report(s *scores) *Report {
	r := &Report{
		Horizon: t.set.Horizon, Windows: t.set.Windows, Season: t.season, Series: t.src.Len(), Tested: len(t.tested),
		Models: t.names, Unfitted: s.unfitted, NFailures: len(s.failures),
		Failures: s.failures[:min(maxFailures, len(s.failures))],
	}
	r.History = make([]int, t.set.Windows)
	for i := range t.periods {
		for k, n := range t.periods[i] {
			r.History[k] = max(r.History[k], n)
		}
	}
	group := func(g int, name string) Group {
		out := Group{Name: name}
		for m, model := range t.names {
			out.Scores = append(out.Scores, Score{Model: model, Figures: s.tallies[g][m].Figures()})
		}
		return out
	}
	some := func(to []Group, g Group) []Group {
		if slices.ContainsFunc(g.Scores, func(s Score) bool { return s.Series > 0 }) {
			return append(to, g)
		}
		return to
	}
	r.Total = group(total, "").Scores
	for c := range forecast.Class(forecast.NClasses) {
		r.Classes = some(r.Classes, group(classes+int(c), c.String()))
	}
	for v, name := range volumeNames() {
		r.Volumes = some(r.Volumes, group(volumes+v, name))
	}
	for k, lag := range t.lags[1:] {
		r.Origins = some(r.Origins, group(origins+k, fmt.Sprintf("T-%d", lag)))
	}
	for g := range thirds {
		r.Ahead = some(r.Ahead, group(ahead+g, stepName(g, thirds, t.set.Horizon)))
	}
	for g, n := 0, t.stepGroups(); g < n; g++ {
		r.Steps = some(r.Steps, group(t.firstStep()+g, stepName(g, n, t.set.Horizon)))
	}
	for _, name := range slices.SortedFunc(maps.Keys(s.known), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.known[b], s.known[a]), cmp.Compare(a, b))
	}) {
		r.Known = append(r.Known, Input{name, s.known[name]})
	}
	if t.set.Now != nil {
		for m, x := range s.timings {
			r.Timings = append(r.Timings, Timing{
				Model: t.names[m], Runs: x.n, Total: x.total, Mean: x.total / time.Duration(max(1, x.n)), Max: x.max,
			})
		}
	}
	return r
}

// stepName is "7" or "1-10", counting from 1.
func stepName(g, n, h int) string {
	from, to := cut(g, n, h)+1, cut(g+1, n, h)
	if from >= to {
		return strconv.Itoa(to)
	}
	return fmt.Sprintf("%d-%d", from, to)
}
