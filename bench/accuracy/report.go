package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Names of the product in tables: on the series that are compared, and, beside peers, on
// every series of the file.
const (
	ours       = "skucast"
	everything = "skucast, all series"
)

// report is what was measured on one set.
type report struct {
	Set     string   `json:"set"`
	Series  int      `json:"series_in_file"`
	Horizon int      `json:"horizon"`
	Origins []string `json:"origins"`
	Models  []model  `json:"models"`

	// Combinations are the best equal mean of two peers by RMSSE and by SPL, chosen after
	// the fact, which nobody could have done.
	Combinations []model `json:"best_combinations,omitempty"`

	tallies map[string]*modelTally
	pairs   map[string]*modelTally
}

// model is the score of one model on one set.
type model struct {
	Name string `json:"name"`
	figures
	CPUMillis float64            `json:"cpu_ms_per_series"`
	Version   string             `json:"version,omitempty"`
	Failed    int                `json:"failed,omitempty"` // series for which it gave up
	Classes   map[string]figures `json:"classes"`
	ByOrigin  []figures          `json:"by_origin"`
}

type modelTally struct {
	all     tally
	class   map[string]*tally
	origins []*tally
	cost    cost
	version string
	failed  int
}

// cost is the CPU time of some series.
type cost struct {
	seconds float64
	series  int
}

func newReport(h history) report {
	return report{
		Set: h.set.name, Series: len(h.series), Horizon: h.grid.Frequency.DefaultHorizon(),
		tallies: map[string]*modelTally{}, pairs: map[string]*modelTally{},
	}
}

// score adds the forecasts of one model from one origin.
func (r *report) score(name string, actual []judged, forecasts map[key]prediction, c cost) error {
	return scoreInto(r.tallies, name, actual, forecasts, c)
}

func scoreInto(to map[string]*modelTally, name string, actual []judged, forecasts map[key]prediction, c cost) error {
	m := to[name]
	if m == nil {
		m = &modelTally{class: map[string]*tally{}}
		to[name] = m
	}
	m.cost.seconds += c.seconds
	m.cost.series += c.series
	here := new(tally)
	m.origins = append(m.origins, here)
	for _, j := range actual {
		p, ok := forecasts[j.key]
		if !ok {
			return fmt.Errorf("%s has no forecast for %v", name, j.key)
		}
		if m.class[j.class] == nil {
			m.class[j.class] = new(tally)
		}
		for _, t := range []*tally{&m.all, m.class[j.class], here} {
			t.add(j, p)
		}
	}
	return nil
}

// finish turns sums into figures: ours first, then peers by name.
func (r *report) finish() {
	names := slices.Sorted(maps.Keys(r.tallies))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range names {
		r.Models = append(r.Models, r.tallies[name].model(name))
	}
	var best [2]*model
	for _, name := range slices.Sorted(maps.Keys(r.pairs)) {
		m := r.pairs[name].model(name)
		for i, metric := range metrics() {
			if best[i] == nil || metric.of(&m) < metric.of(best[i]) {
				best[i] = &m
			}
		}
	}
	if best[0] != nil {
		r.Combinations = []model{*best[0], *best[1]}
	}
}

// rank puts ours before the peers.
func rank(name string) int {
	switch name {
	case ours:
		return 0
	case everything:
		return 1
	}
	return 2
}

func (t *modelTally) model(name string) model {
	m := model{
		Name: name, figures: t.all.figures(), CPUMillis: 1000 * t.cost.seconds / float64(max(t.cost.series, 1)),
		Version: t.version, Failed: t.failed, Classes: map[string]figures{},
	}
	for class, c := range t.class {
		m.Classes[class] = c.figures()
	}
	for _, o := range t.origins {
		m.ByOrigin = append(m.ByOrigin, o.figures())
	}
	return m
}

// find returns the model of a name, nil if it was not measured.
func (r *report) find(name string) *model {
	for i := range r.Models {
		if r.Models[i].Name == name {
			return &r.Models[i]
		}
	}
	return nil
}

// widest is ours on as many series as there are.
func (r *report) widest() *model {
	if m := r.find(everything); m != nil {
		return m
	}
	return r.find(ours)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// print writes a report as tables that are Markdown too.
func (r report) print(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n%d series in the file; horizon %d; origins %s\n\n", r.Set, r.Series, r.Horizon, strings.Join(r.Origins, ", "))
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(t, "| model\t| RMSSE\t| SPL\t| WAPE\t| bias\t| skill\t| q.025\t| q.1\t| q.9\t| q.975\t| CPU ms\t|\n")
	fmt.Fprint(t, strings.Repeat("|---\t", 11)+"|\n")
	for _, m := range r.Models {
		name := m.Name
		if m.Failed > 0 {
			name += fmt.Sprintf(" (%d failed)", m.Failed)
		}
		fmt.Fprintf(t, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s", name,
			num(m.RMSSE, 4), num(m.SPL, 4), num(m.WAPE, 4), num(m.Bias, 3), num(m.Skill, 3))
		for i := range 4 {
			fmt.Fprintf(t, "\t| %s", boundText(m.Calibration, i))
		}
		fmt.Fprintf(t, "\t| %.1f\t|\n", m.CPUMillis)
	}
	_ = t.Flush() // an error of w shows when its owner closes it
	own := r.widest()
	if len(r.Combinations) > 0 {
		fmt.Fprint(w, "\nBest equal mean of two peers, chosen after the fact:")
		for i, metric := range metrics() {
			m := &r.Combinations[i]
			fmt.Fprintf(w, " %s of %s %.4f;", metric.name, m.Name, metric.of(m))
		}
		fmt.Fprint(w, "\n")
	}
	fmt.Fprintf(w, "\n%s, by demand class:\n\n", own.Name)
	t = tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(t, "| class\t| series × origins\t| RMSSE\t| SPL\t| value added\t|\n"+strings.Repeat("|---\t", 5)+"|\n")
	for _, class := range slices.Sorted(maps.Keys(own.Classes)) {
		f := own.Classes[class]
		fmt.Fprintf(t, "| %s\t| %d\t| %s\t| %s\t| %s\t|\n", class, f.Series, num(f.RMSSE, 4), num(f.SPL, 4), num(f.Skill, 3))
	}
	_ = t.Flush() // as above
	if own.Faulty > 0 {
		fmt.Fprintf(w, "\n%d values of ours are negative, not numbers, or cross\n", own.Faulty)
	}
	var by []string
	for i, f := range own.ByOrigin {
		by = append(by, fmt.Sprintf("%s: %s, %s", r.Origins[i], num(f.RMSSE, 4), num(f.SPL, 4)))
	}
	fmt.Fprintf(w, "\nRMSSE, SPL by origin: %s\n", strings.Join(by, "; "))
}

func num(v *float64, digits int) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, *v)
}

// boundText is "below–at or below", with a star where it is out of bounds.
func boundText(c []bound, i int) string {
	if i >= len(c) {
		return "–"
	}
	star := ""
	if !c[i].OK {
		star = " *"
	}
	return fmt.Sprintf("%.3f–%.3f%s", c[i].Below, c[i].AtOrBelow, star)
}
