package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web/chart"
)

// view is what the template reads.
type view struct {
	Title, Subtitle string
	Findings        []string // sentences
	Tiles           []tile
	Fans            []fanView
	FanWidth        float64
	FanHeight       float64

	Accuracy []accuracyTable
	Naive    string // what seasonal naive repeats
	Period   string
	Periods  string

	Calibration *calibrationView
	Worst       []products.Found
	States      []stateRow
	Quality     []Rule
	Timings     []timing

	Run      run.Complete
	ETLID    string
	Why      string
	Modified string
	Files    int64
	Bytes    int64
	Rows     int64 // of forecasts
	Tested   int64 // periods
}

// tile is a number at the top.
type tile struct{ Value, Label, Note string }

type accuracyTable struct {
	ID, Caption, Head string
	Rows              []accuracyRow
}

type accuracyRow struct {
	Name, Meaning string
	*products.Accuracy
	Better string // css class of the skill
}

type stateRow struct {
	Name, Meaning string
	Count         int64
	Share         string
	Sub           bool // a reason within the state above
}

type timing struct {
	Name, Meaning, Text string
	Percent             float64
}

func newView(d Data) view {
	one, many, season := chart.Period(d.Run.Frequency)
	v := view{
		Title: "Forecasts for " + d.Run.Feed, Run: d.Run, ETLID: d.ETLID, Why: because(d.Reason),
		FanWidth: fanWidth, FanHeight: fanHeight, Naive: season, Period: one, Periods: many,
		Worst: d.Summary.Worst, Files: int64(len(d.Run.Files)),
		Rows: d.Summary.ForecastRows, Tested: d.Summary.Total.NScored,
		Modified: d.Run.Source.LastModified.UTC().Format("2 Jan 2006 15:04:05 UTC"),
	}
	first, last := d.Grid.At(1), d.Grid.At(d.Run.Horizon)
	v.Subtitle = fmt.Sprintf("%s ahead, %s to %s, from sales up to %s.",
		chart.Plural(d.Run.Horizon, one, many), chart.Date(first), chart.Date(last), chart.Date(d.Run.Origin))
	for _, f := range d.Run.Files {
		v.Bytes += f.Bytes
	}
	for i, f := range d.Fans {
		v.Fans = append(v.Fans, newFan(i, f, d.Run.Frequency))
	}
	v.Calibration = newCalibration(&d.Summary.Total)
	v.Findings = findings(d, one, season, v.Calibration)
	v.Tiles = tiles(d, v.Calibration)
	v.Accuracy = accuracyTables(d.Summary, one)
	v.States = states(d.Summary)
	v.Quality = quality(d.Quality)
	v.Timings = timings(d.Run.Timings)
	return v
}

// findings says in sentences what a planner wants to know first.
func findings(d Data, one, season string, cal *calibrationView) []string {
	var f []string
	a := &d.Summary.Total
	if a.Scored == 0 {
		return []string{"No history was long enough to test the forecasts against sales that are known already, so their accuracy is unknown."}
	}
	if skill := a.Skill(); skill != nil {
		how, by := "better", *skill
		if by < 0 {
			how, by = "worse", -by
		}
		f = append(f, fmt.Sprintf("Tested on past sales that the models had not seen, the forecasts are %s %s than repeating %s.",
			chart.WholePercent(by), how, season))
	}
	if cal != nil {
		f = append(f, fmt.Sprintf("%s of the actual sales fell inside the range that is meant to hold 80%s%% of them: %s.",
			chart.WholePercent(cal.Inside80), chart.NBSP, cal.Verdict))
	}
	if w := a.WAPE(); w != nil {
		f = append(f, fmt.Sprintf("For a single SKU in a single store and %s, errors add up to %s of what was sold; summed over stores or %ss they shrink.",
			one, chart.WholePercent(*w), one))
	}
	return f
}

func tiles(d Data, cal *calibrationView) []tile {
	s, a := d.Run.Series, &d.Summary.Total
	inside := tile{chart.Undefined, "inside the 80" + chart.NBSP + "% range", "aim: 80" + chart.NBSP + "%, more for small counts"}
	if cal != nil {
		inside.Value = chart.Share(cal.Inside80)
	}
	return []tile{
		{chart.Count(s.Fitted + s.Fallback), "series with a forecast", "of " + chart.Count(s.Total) + "; " + chart.Count(d.Run.SKUs) + " SKUs"},
		{chart.Signed(a.Skill()), "against seasonal naive", "RMSSE " + chart.Figure(a.RMSSE()) + " instead of " + chart.Figure(a.RMSSESNaive())},
		inside,
		{chart.Percent(a.WAPE()), "error per unit sold (WAPE)", "over " + chart.Count(a.NScored) + " tested periods"},
	}
}

func accuracyTables(s *products.Summary, one string) []accuracyTable {
	class := accuracyTable{ID: "by-class", Caption: "By kind of demand", Head: "Demand"}
	for _, name := range ordered(s.ByClass) {
		class.Rows = append(class.Rows, newAccuracyRow(chart.Words(name), chart.ClassMeaning(name), s.ByClass[name]))
	}
	model := accuracyTable{ID: "by-model", Caption: "By model", Head: "Model"}
	for _, name := range ordered(s.ByModel) {
		model.Rows = append(model.Rows, newAccuracyRow(chart.Words(name), "", s.ByModel[name]))
	}
	volume := accuracyTable{ID: "by-volume", Caption: "By volume", Head: "Units a " + one}
	for i, name := range products.VolumeTiers() {
		if s.ByVolume[i].Series > 0 {
			volume.Rows = append(volume.Rows, newAccuracyRow(name, "", &s.ByVolume[i]))
		}
	}
	all := newAccuracyRow("all", "", &s.Total)
	class.Rows = append(class.Rows, all)
	return []accuracyTable{class, model, volume}
}

// ordered puts the largest groups first.
func ordered(m map[string]*products.Accuracy) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b].Series, m[a].Series), cmp.Compare(a, b))
	})
}

func newAccuracyRow(name, meaning string, a *products.Accuracy) accuracyRow {
	r := accuracyRow{Name: name, Meaning: meaning, Accuracy: a}
	if s := a.Skill(); s != nil && *s > 0 {
		r.Better = "good"
	} else if s != nil && *s < 0 {
		r.Better = "bad"
	}
	return r
}

func states(s *products.Summary) []stateRow {
	var rows []stateRow
	add := func(name, meaning string, n int64, sub bool) {
		rows = append(rows, stateRow{
			Name: chart.Words(name), Meaning: meaning, Count: n, Sub: sub,
			Share: chart.Share(float64(n) / float64(max(1, s.Series.Total))),
		})
	}
	reasons := func(m map[string]int64) {
		for _, r := range slices.SortedFunc(maps.Keys(m), func(a, b string) int {
			return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
		}) {
			add(r, reasonMeaning(r), m[r], true)
		}
	}
	add("fitted", "forecast by the models meant for its kind of demand", s.Series.Fitted, false)
	add("fallback", "forecast by a simpler rule", s.Series.Fallback, false)
	reasons(s.Fallbacks)
	add("rejected", "no forecast", s.Series.Rejected, false)
	reasons(s.Rejections)
	return rows
}

// quality lists the rules that applied, in the order given.
func quality(rules []Rule) []Rule {
	var out []Rule
	for _, r := range rules {
		if r.Count != 0 {
			r.Effect = effectMeaning(r.Effect)
			out = append(out, r)
		}
	}
	return out
}

func timings(t run.Timings) []timing {
	out := []timing{
		{Name: "ETL", Meaning: "read, check and sort the file"},
		{Name: "Plan", Meaning: "learn from a sample, cut the work"},
		{Name: "Train", Meaning: "test, fit and forecast every series"},
		{Name: "Publish", Meaning: "add up, report, register"},
	}
	for i, s := range []float64{t.ETL, t.Plan, t.Train, t.Publish} {
		out[i].Text = chart.Seconds(s)
		if all := t.ETL + t.Plan + t.Train + t.Publish; all > 0 {
			out[i].Percent = 100 * s / all
		}
	}
	return append(out, timing{Name: "Total", Meaning: "from the file's arrival", Text: chart.Seconds(t.Total)})
}

// calibrationView shows whether ranges hold as many sales as they promise.
type calibrationView struct {
	Rows     []calibrationRow
	Ranges   []rangeRow
	Inside80 float64
	Verdict  string
	Side     float64
	Ticks    []calTick
}

type calibrationRow struct {
	Name                      string
	Nominal, Below, AtOrBelow string
	X, Low, High              string // of the bar in the plot
	Judged, Good              bool
}

type rangeRow struct{ Name, Inside string }

type calTick struct{ X, Y, Text, Anchor string }

// calibrationSlack is how far a share may miss (design: bounds for counts).
const calibrationSlack = .03

func newCalibration(a *products.Accuracy) *calibrationView {
	shares, ok := a.Calibration()
	if !ok {
		return nil
	}
	c := &calibrationView{Side: calSide}
	x := func(p float64) float64 { return calLeft + (calEnd-calLeft)*p }
	y := func(p float64) float64 { return calBottom - (calBottom-calTop)*p }
	good := true
	for i, p := range forecast.Probabilities() {
		s := shares[i]
		r := calibrationRow{
			Name: products.QuantileName(p), Nominal: chart.Share(p), Below: chart.Share(s.Below), AtOrBelow: chart.Share(s.AtOrBelow),
			X: chart.Coordinate(x(p)), Low: chart.Coordinate(y(s.Below)), High: chart.Coordinate(y(s.AtOrBelow)),
			Good: s.Below <= p+calibrationSlack && s.AtOrBelow >= p-calibrationSlack,
		}
		r.Judged = slices.Contains([]int{0, 2, 6, 8}, i)
		good = good && (r.Good || !r.Judged)
		c.Rows = append(c.Rows, r)
	}
	for _, p := range []float64{0, .25, .5, .75, 1} {
		t := calTick{chart.Coordinate(x(p)), chart.Coordinate(y(p)), chart.WholePercent(p), "middle"}
		if p == 1 {
			t.Anchor = "end"
		}
		c.Ticks = append(c.Ticks, t)
	}
	for _, r := range []struct {
		name   string
		lo, hi int
	}{{"50", 3, 5}, {"80", 2, 6}, {"90", 1, 7}, {"95", 0, 8}} {
		inside := shares[r.hi].AtOrBelow - shares[r.lo].Below
		c.Ranges = append(c.Ranges, rangeRow{r.name + chart.NBSP + "%", chart.Share(inside)})
		if r.name == "80" {
			c.Inside80 = inside
		}
	}
	c.Verdict = "the ranges can be relied on"
	if !good {
		c.Verdict = "the ranges are not reliable everywhere, see Calibration"
	}
	return c
}
