package backtest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/web/chart"
)

// view is what the template reads.
type view struct {
	Title, Lead string
	Findings    []string
	Tiles       []tile
	Models      []modelRow // best first
	Added       []matrix
	Groups      []groupTable // of the product
	Steps       plot
	Calibration *calibrationView
	Examples    []fanView
	Timings     []timingRow
	Failures    []backtest.Failure
	NFailures   int
	Naive       string // what seasonal naive repeats
	Known       string
	Mapping     []string
	Rows        [3]int64
	Version     string
}

// tile is a number at the top.
type tile struct{ Value, Label, Note string }

// modelRow is a model over everything.
type modelRow struct {
	Name                                               string
	Series                                             int64
	RMSSE, FVA, MASE, WAPE, Bias, Alarms, SPL, CRPS, M string
	Tone                                               string
	Product                                            bool
}

// matrix is the forecast value added of every model in every group.
type matrix struct {
	ID, Caption string
	Heads       []string
	Notes       []string
	Rows        []matrixRow
}

type matrixRow struct {
	Name    string
	Product bool
	Cells   []cell
}

type cell struct{ Text, Note, Tone string }

// groupTable is the product in each group of one kind.
type groupTable struct {
	Caption, Head string
	Rows          []groupRow
}

type groupRow struct {
	Name, Meaning                                         string
	Series                                                int64
	RMSSE, Naive, FVA, WAPE, Bias, SPL, WSPL, Width, MSIS string
	Tone, Verdict, VerdictTone                            string
}

func newView(r Result) view {
	rep := r.Report
	one, many, season := chart.Period(r.Frequency)
	v := view{
		Title: "Backtest of " + r.File, Naive: season, Version: r.Version, Failures: rep.Failures, NFailures: rep.NFailures,
		Rows: [3]int64{r.Rows.Read, r.Rows.Accepted, r.Rows.Rejected},
	}
	var from []string
	for _, o := range r.Origins {
		from = append(from, chart.Date(o))
	}
	v.Lead = fmt.Sprintf("%s of %s, each forecast %s ahead as if it were the evening of %s.",
		chart.Plural(rep.Tested, "series", "series"), chart.Plural(int(r.SKUs), "SKU", "SKUs"),
		chart.Plural(rep.Horizon, one, many), list(from))
	if rep.Tested < rep.Series {
		v.Lead = fmt.Sprintf("%s drawn from %s series. ", chart.Plural(rep.Tested, "series", "series"), chart.Count(int64(rep.Series))) + v.Lead
	}
	product := rep.Total[0].Figures
	v.Calibration = newCalibration(&product)
	v.Findings = findings(r, season, v.Calibration)
	v.Tiles = tiles(rep, v.Calibration)
	v.Models = models(rep.Total)
	v.Added = []matrix{
		added(rep, "by-class", "By kind of demand", rep.Classes),
		added(rep, "by-volume", "By volume: A sells 80"+chart.NBSP+"% of all units, B the next 15"+chart.NBSP+"%", rep.Volumes),
		added(rep, "by-origin", "By origin", rep.Origins),
	}
	for i := range rep.Origins {
		v.Added[2].Heads[i] = chart.Date(r.Origins[originAt(rep, i)])
	}
	v.Groups = groups(rep, many)
	v.Steps = newPlot(rep, one)
	for i := range rep.Examples {
		v.Examples = append(v.Examples, newFan(i, &rep.Examples[i], r))
	}
	v.Timings = timings(rep.Timings)
	v.Known = known(r)
	for _, meaning := range slices.Sorted(maps.Keys(r.Mapping)) {
		v.Mapping = append(v.Mapping, meaning+" = "+r.Mapping[meaning])
	}
	return v
}

// originAt is the window of the i-th origin that has series.
func originAt(rep *backtest.Report, i int) int {
	for k := range rep.Windows {
		if rep.Origins[i].Name == fmt.Sprintf("T-%d", (k+1)*rep.Horizon) {
			return k
		}
	}
	return 0
}

func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

func findings(r Result, season string, cal *calibrationView) []string {
	rep := r.Report
	one, many, _ := chart.Period(r.Frequency)
	var f []string
	p := rep.Total[0].Figures
	if fva := p.FVA; fva.Defined() {
		how, by := "better", float64(fva)
		if by < 0 {
			how, by = "worse", -by
		}
		f = append(f, fmt.Sprintf("On sales that they had not seen, the forecasts are %s %s than repeating %s.", chart.WholePercent(by), how, season))
	}
	if cal != nil {
		f = append(f, fmt.Sprintf("%s of the actual sales fell inside the range that is meant to hold 80%s%% of them: %s.",
			chart.WholePercent(cal.Inside80), chart.NBSP, cal.Verdict))
	}
	best, beaten := rep.Total[0], 0
	for _, s := range rep.Total[2:] {
		if s.RMSSE < best.RMSSE && s.Series == rep.Total[0].Series {
			best = s
			beaten++
		}
	}
	switch {
	case len(rep.Total) <= 2:
	case beaten == 0:
		f = append(f, "No single model was better on all series together.")
	default:
		f = append(f, fmt.Sprintf("The single model %s was better on all series together: RMSSE %s instead of %s.",
			chart.Words(best.Model), figure(best.RMSSE), figure(p.RMSSE)))
	}
	var lost []string
	for _, g := range rep.Classes {
		if g.Scores[0].FVA < 0 {
			lost = append(lost, g.Name)
		}
	}
	if len(lost) > 0 {
		f = append(f, "Seasonal naive would have been better for the demand that is "+list(lost)+".")
	}
	for k, n := range rep.History {
		if n < 2*rep.Season && n < 2*rep.Horizon {
			f = append(f, fmt.Sprintf("At the origin %s no series had more than %s of history: a fair test needs fewer windows or a shorter horizon.",
				chart.Date(r.Origins[k]), chart.Plural(n, one, many)))
		}
	}
	if rep.NFailures > 0 {
		f = append(f, chart.Plural(rep.NFailures, "forecast", "forecasts")+" of a model failed, see Defects.")
	}
	return f
}

func tiles(rep *backtest.Report, cal *calibrationView) []tile {
	p := rep.Total[0].Figures
	verdict := tile{chart.Undefined, "calibration", ""}
	if cal != nil {
		verdict = tile{map[bool]string{true: "holds", false: "is off"}[cal.Good], "calibration", chart.Share(cal.Inside80) + " inside the 80" + chart.NBSP + "% range"}
	}
	return []tile{
		{signed(p.FVA), "value added over seasonal naive", "RMSSE " + figure(p.RMSSE) + " instead of " + figure(p.RMSSENaive)},
		{percent(p.WAPE), "error per unit sold (WAPE)", "seasonal naive: " + percent(p.WAPENaive)},
		{signed(p.Bias), "bias", "positive is too high"},
		verdict,
	}
}

func models(total []backtest.Score) []modelRow {
	var rows []modelRow
	sorted := slices.Clone(total)
	slices.SortStableFunc(sorted, func(a, b backtest.Score) int { return byAdded(a.FVA, b.FVA) })
	for _, s := range sorted {
		rows = append(rows, modelRow{
			Name: chart.Words(s.Model), Series: s.Series, Product: s.Model == backtest.Product,
			RMSSE: figure(s.RMSSE), FVA: signed(s.FVA), Tone: tone(s.FVA), MASE: figure(s.MASE), WAPE: percent(s.WAPE), Bias: signed(s.Bias),
			Alarms: percent(s.Alarms), SPL: figure(s.SPL), CRPS: figure(s.CRPS), M: figure(s.MSIS),
		})
	}
	return rows
}

// byAdded puts the most value first, and what is not known last.
func byAdded(a, b metric.Figure) int {
	if a.Defined() && b.Defined() {
		return cmp.Compare(b, a)
	}
	return map[bool]int{true: -1, false: 0}[a.Defined()] + map[bool]int{true: 1, false: 0}[b.Defined()]
}

// added tabulates forecast value added, models in the order of their total.
func added(rep *backtest.Report, id, caption string, in []backtest.Group) matrix {
	m := matrix{ID: id, Caption: caption}
	for _, g := range in {
		m.Heads = append(m.Heads, g.Name)
		m.Notes = append(m.Notes, chart.Count(g.Scores[1].Series))
	}
	order := make([]int, len(rep.Models))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return byAdded(rep.Total[a].FVA, rep.Total[b].FVA) })
	for _, i := range order {
		if rep.Models[i] == backtest.Naive {
			continue
		}
		row := matrixRow{Name: chart.Words(rep.Models[i]), Product: i == 0}
		for _, g := range in {
			s := g.Scores[i]
			c := cell{Text: signed(s.FVA), Tone: tone(s.FVA)}
			if s.Series != g.Scores[1].Series && s.Series > 0 {
				c.Note = "of " + chart.Count(s.Series)
			}
			row.Cells = append(row.Cells, c)
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func groups(rep *backtest.Report, periods string) []groupTable {
	table := func(caption, head string, in []backtest.Group, meaning func(string) string) groupTable {
		t := groupTable{Caption: caption, Head: head}
		for _, g := range in {
			t.Rows = append(t.Rows, newGroupRow(g.Name, meaning(g.Name), &g.Scores[0].Figures))
		}
		return t
	}
	none := func(string) string { return "" }
	class := table("By kind of demand", "Demand", rep.Classes, chart.ClassMeaning)
	class.Rows = append(class.Rows, newGroupRow("all", "", &rep.Total[0].Figures))
	return []groupTable{
		class,
		table("By volume", "Class", rep.Volumes, volumeMeaning),
		table("By horizon", strings.ToUpper(periods[:1])+periods[1:]+" ahead", rep.Ahead, none),
	}
}

func volumeMeaning(name string) string {
	return map[string]string{
		"A": "the largest series, 80" + chart.NBSP + "% of all units", "B": "the next 15" + chart.NBSP + "%", "C": "the last 5" + chart.NBSP + "%",
	}[name]
}

func newGroupRow(name, meaning string, f *metric.Figures) groupRow {
	r := groupRow{
		Name: name, Meaning: meaning, Series: f.Series, RMSSE: figure(f.RMSSE), Naive: figure(f.RMSSENaive), FVA: signed(f.FVA), Tone: tone(f.FVA),
		WAPE: percent(f.WAPE), Bias: signed(f.Bias), SPL: figure(f.SPL), WSPL: figure(f.WSPL), Width: units(f.Width80), MSIS: figure(f.MSIS),
	}
	if ok, known := f.Calibrated(); known {
		r.Verdict, r.VerdictTone = "holds", "good"
		if !ok {
			r.Verdict, r.VerdictTone = "off", "bad"
		}
	}
	return r
}

type timingRow struct {
	Name, Mean, Max, Total string
	Percent                float64
}

func timings(in []backtest.Timing) []timingRow {
	var top time.Duration
	for _, t := range in {
		top = max(top, t.Mean)
	}
	sorted := slices.Clone(in)
	slices.SortStableFunc(sorted, func(a, b backtest.Timing) int { return cmp.Compare(b.Mean, a.Mean) })
	var out []timingRow
	for _, t := range sorted {
		out = append(out, timingRow{
			Name: chart.Words(t.Model), Mean: duration(t.Mean), Max: duration(t.Max), Total: chart.Seconds(t.Total.Seconds()),
			Percent: 100 * float64(t.Mean) / float64(max(1, top)),
		})
	}
	return out
}

func duration(d time.Duration) string {
	switch {
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f%sµs", float64(d)/1e3, chart.NBSP)
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f%sms", float64(d)/1e6, chart.NBSP)
	}
	return chart.Seconds(d.Seconds())
}

// known says what models were allowed to know of the tested periods.
func known(r Result) string {
	if r.Blind {
		return "Models knew nothing of the tested periods but which days the stores open."
	}
	if len(r.Report.Known) == 0 {
		return "The file has no inputs that were known in advance."
	}
	var parts []string
	for _, k := range r.Report.Known {
		parts = append(parts, fmt.Sprintf("%s (%s)", chart.Words(k.Name), chart.Plural(int(k.Series), "series", "series")))
	}
	return "Taken as known in advance, because the file has them for every tested period: " + list(parts) + "."
}

func tone(fva metric.Figure) string {
	switch {
	case fva > 0:
		return "good"
	case fva < 0:
		return "bad"
	}
	return ""
}

func pointer(f metric.Figure) *float64 {
	if !f.Defined() {
		return nil
	}
	x := float64(f)
	return &x
}

func figure(f metric.Figure) string  { return chart.Figure(pointer(f)) }
func percent(f metric.Figure) string { return chart.Percent(pointer(f)) }
func signed(f metric.Figure) string  { return chart.Signed(pointer(f)) }

func units(f metric.Figure) string {
	if !f.Defined() || math.IsNaN(float64(f)) {
		return chart.Undefined
	}
	return chart.Units(float64(f))
}
