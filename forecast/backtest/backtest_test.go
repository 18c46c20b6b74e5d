package backtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/forecast/naive"
)

const horizon = 14

// shop makes n series of daily sales: seasonal, slow, wild, short, never sold.
func shop(n int) backtest.Memory {
	rng := rand.New(rand.NewPCG(7, 11))
	m := backtest.Memory{Horizon: horizon}
	for i := range n {
		days := 200
		if i%11 == 5 {
			days = 20 + i%30
		}
		s := backtest.Series{Key: backtest.Key{SKU: fmt.Sprintf("S%03d", i), Store: "all"}, Season: 7, Phase: i % 7}
		level := math.Exp(float64(i%5)) / 2
		for t := range days {
			mean := level * (1 + .6*math.Sin(2*math.Pi*float64(t+i)/7))
			v := math.Floor(mean * 2 * rng.Float64())
			switch {
			case i%13 == 12:
				v = 0
			case i%7 == 3 && rng.Float64() < .7:
				v = 0
			case (t+i)%41 == 0:
				v = math.NaN()
			}
			s.Y = append(s.Y, v)
		}
		if i%4 == 0 {
			promo := make([]float64, days)
			for t := range promo {
				promo[t] = float64((t / 5) % 2)
				s.Y[t] *= 1 + promo[t]
			}
			s.Known = []forecast.Regressor{{Name: "promo", Kind: forecast.Flag, Values: promo}}
		}
		m.Series = append(m.Series, s)
	}
	return m
}

func settings() backtest.Settings {
	return backtest.Settings{Horizon: horizon, Windows: 3, Models: backtest.Models(7)[:4]}
}

func run(t testing.TB, src backtest.Source, s backtest.Settings) *backtest.Report {
	t.Helper()
	r, err := backtest.Run(context.Background(), src, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func encode(t testing.TB, r *backtest.Report) string {
	t.Helper()
	c := *r
	c.Timings = nil
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWorkersDoNotChangeAByte(t *testing.T) {
	src := shop(24)
	all := settings()
	all.Models = backtest.Models(7)
	want := encode(t, run(t, src, all))
	if strings.Contains(want, "NaN") || !strings.Contains(want, `"fva"`) {
		t.Error("the report does not look like one")
	}
	for _, workers := range []int{2, 7} {
		s := all
		s.Workers = workers
		s.Now = steady()
		if got := encode(t, run(t, src, s)); got != want {
			t.Errorf("%d workers give another report", workers)
		}
	}
	slices.Reverse(src.Series)
	r := run(t, src, settings())
	r.Examples, r.Failures = nil, nil
	first := run(t, shop(24), settings())
	first.Examples, first.Failures = nil, nil
	if encode(t, r) != encode(t, first) {
		t.Error("the order of the series changes the figures")
	}
}

// steady is a clock that advances by a millisecond whenever it is read.
func steady() func() time.Time {
	ticks := make(chan time.Time, 1)
	ticks <- time.Unix(0, 0)
	return func() time.Time {
		now := <-ticks
		ticks <- now.Add(time.Millisecond)
		return now
	}
}

// peek is a model that writes down what it was given, and forecasts it.
type peek struct {
	naive.Seasonal
	saw func(s forecast.Series)
}

func (p peek) Fit(s forecast.Series) (forecast.Fitted, error) {
	p.saw(s)
	return p.Seasonal.Fit(s)
}

// Whatever happens after an origin, the forecasts from it are the same.
func TestNoLookAhead(t *testing.T) {
	forecasts := func(m backtest.Memory) (seen, examples string) {
		var b strings.Builder
		s := settings()
		s.Windows = 2
		s.Models = append(s.Models, backtest.Model{Name: "peek", Model: peek{saw: func(in forecast.Series) {
			if n := len(in.Y); n%200 == 200-2*horizon {
				fmt.Fprintln(&b, in.Y, in.Known)
			}
		}}})
		r := run(t, m, s)
		origin := r.Origins[1]
		for i := range origin.Scores { // what the model saw, and what it forecast, without how that was scored
			fmt.Fprintln(&b, origin.Scores[i].Model, origin.Scores[i].Series, origin.Scores[i].Width80, origin.Scores[i].Width95)
		}
		return b.String(), fmt.Sprint(r.Volumes[0].Scores[0].Series)
	}
	m := shop(30)
	for i := range m.Series { // all of one length, so that every series is there at both origins
		m.Series[i].Y = append([]float64(nil), m.Series[i].Y...)
	}
	want, volumes := forecasts(m)
	for i := range m.Series {
		y := m.Series[i].Y
		for j := max(0, len(y)-2*horizon); j < len(y); j++ {
			if !math.IsNaN(y[j]) {
				y[j] = float64(1000 + (j*i)%97)
			}
		}
	}
	got, _ := forecasts(m)
	if got != want {
		t.Error("altering the future changed what a model saw or forecast at an earlier origin")
	}
	if volumes == "0" {
		t.Error("nobody is large")
	}
}

// A forecast that repeats what is truly periodic is perfect, at every origin.
func TestFiguresOfAPerfectForecast(t *testing.T) {
	s := backtest.Series{Key: backtest.Key{SKU: "a"}, Season: 7}
	for t := range 140 {
		s.Y = append(s.Y, float64(1+t%7))
	}
	drift := s
	drift.SKU = "b"
	drift.Y = make([]float64, 140)
	for t := range drift.Y { // seasonal naive is 2 too low in the first week ahead and 4 in the second
		drift.Y[t] = 50 + float64(2*(t/7))
	}
	r := run(t, backtest.Memory{Series: []backtest.Series{s, drift}, Horizon: horizon}, backtest.Settings{
		Horizon: horizon, Windows: 2, Models: []backtest.Model{{Name: "last", Model: naive.Last{}}},
	})
	f := r.Total[1]
	if f.Model != backtest.Naive || f.Series != 4 || f.Periods != 4*horizon {
		t.Fatalf("seasonal naive: %+v", f)
	}
	if f.FVA != 0 || f.FVAWAPE != 0 {
		t.Errorf("seasonal naive adds %v over itself", f.FVA)
	}
	// Errors 0 in half of the cases, 2 and 4 in the others, over a mean squared
	// lag-1 difference of 4·(steps between weeks)/(days − 1).
	var rmsse float64
	for _, n := range []float64{112, 126} {
		rmsse += math.Sqrt(10/(4*(n/7-1)/(n-1))) / 4
	}
	if got := float64(f.RMSSE); math.Abs(got-rmsse) > 1e-5*rmsse {
		t.Errorf("rmsse %v, want %v", got, rmsse)
	}
	steps := r.Steps
	if len(steps) != horizon || steps[0].Name != "1" || steps[13].Name != "14" {
		t.Fatalf("steps %v", steps)
	}
	var abs, all float64
	for _, n := range []int{112, 126} {
		abs += 2
		all += drift.Y[n] + s.Y[n]
	}
	if got := float64(steps[0].Scores[1].WAPE); math.Abs(got-abs/all) > 1e-6 {
		t.Errorf("wape of step 1 is %v, want %v", got, abs/all)
	}
	if b := float64(steps[0].Scores[1].Bias); math.Abs(b+abs/all) > 1e-6 {
		t.Errorf("bias of step 1 is %v, want %v", b, -abs/all)
	}
	if len(r.Ahead) != 3 || r.Ahead[0].Name != "1-5" || r.Ahead[2].Name != "11-14" {
		t.Errorf("thirds of the horizon: %v", r.Ahead)
	}
	if r.Origins[0].Name != "T-14" || r.Origins[1].Name != "T-28" {
		t.Errorf("origins: %v", r.Origins)
	}
}

// Groups partition what is scored.
func TestGroupsAddUp(t *testing.T) {
	r := run(t, shop(60), settings())
	sum := func(groups []backtest.Group, model int) (series, periods int64) {
		for _, g := range groups {
			series += g.Scores[model].Series
			periods += g.Scores[model].Periods
		}
		return series, periods
	}
	for m, want := range r.Total {
		for name, groups := range map[string][]backtest.Group{"class": r.Classes, "volume": r.Volumes, "origin": r.Origins} {
			if series, periods := sum(groups, m); series != want.Series || periods != want.Periods {
				t.Errorf("%s by %s: %d series and %d periods, in all %d and %d", want.Model, name, series, periods, want.Series, want.Periods)
			}
		}
		for name, groups := range map[string][]backtest.Group{"third": r.Ahead, "step": r.Steps} {
			if _, periods := sum(groups, m); periods != want.Periods {
				t.Errorf("%s by %s: %d periods, in all %d", want.Model, name, periods, want.Periods)
			}
		}
	}
	if n := r.Total[0].Series; n != r.Total[1].Series || n < 150 || r.NFailures != 0 {
		t.Errorf("%d of the product, %d of seasonal naive, failures %v", n, r.Total[1].Series, r.Failures)
	}
	if len(r.Known) != 1 || r.Known[0].Name != "promo" || r.Known[0].Series != 15 {
		t.Errorf("known inputs: %v", r.Known)
	}
	if fmt.Sprint(r.History) != fmt.Sprint([]int{200 - horizon, 200 - 2*horizon, 200 - 3*horizon}) {
		t.Errorf("histories %v", r.History)
	}
	if r.Total[0].FVA <= 0 {
		t.Errorf("the product adds %v over seasonal naive on noisy seasonal sales", r.Total[0].FVA)
	}
	if _, known := r.Total[0].Calibrated(); !known || r.Total[1].Calibration != nil {
		t.Error("the product has quantiles, seasonal naive has none")
	}
}

func TestVolumeClasses(t *testing.T) {
	m := backtest.Memory{Horizon: horizon}
	for i, level := range []float64{80, 15, 3, 2} {
		s := backtest.Series{Key: backtest.Key{SKU: fmt.Sprint(i)}, Season: 7}
		for range 60 {
			s.Y = append(s.Y, level)
		}
		m.Series = append(m.Series, s)
	}
	m.Series[3].Y[59] = 1e6 // after the origin: does not make it an A
	r := run(t, m, backtest.Settings{Horizon: horizon, Windows: 1})
	for i, want := range []int64{1, 1, 2} {
		if got := r.Volumes[i].Scores[0].Series; got != want {
			t.Errorf("class %s has %d series, want %d", r.Volumes[i].Name, got, want)
		}
	}
}

func TestExamples(t *testing.T) {
	r := run(t, shop(60), settings())
	var last metric.Figure
	places := map[string]int{}
	for _, e := range r.Examples {
		if e.RMSSE < last {
			t.Error("examples are not in order")
		}
		last = e.RMSSE
		places[e.Place]++
		if len(e.Mean) != horizon || len(e.Actual) != horizon || len(e.History) != 3*horizon {
			t.Errorf("%s: %d means, %d actuals, %d periods of history", e.SKU, len(e.Mean), len(e.Actual), len(e.History))
		}
	}
	if places[backtest.Best] != 2 || places[backtest.Worst] != 2 || places[backtest.Median] == 0 {
		t.Errorf("examples: %v", places)
	}
	if one := run(t, backtest.Memory{Series: shop(1).Series, Horizon: horizon}, settings()); len(one.Examples) != 1 {
		t.Errorf("%d examples of one series", len(one.Examples))
	}
}

// Closed periods that lie ahead are forecast as zero, by every model.
func TestClosedPeriods(t *testing.T) {
	m := shop(8)
	for i := range m.Series {
		s := &m.Series[i]
		s.Closed = make([]bool, len(s.Y))
		for t := range s.Y {
			if t%7 == 6 {
				s.Closed[t], s.Y[t] = true, 0 // observed, so that a forecast above zero would be an error
			}
		}
	}
	shown := 0
	for _, e := range run(t, m, settings()).Examples {
		if e.SKU == "S005" {
			continue // short: its weeks begin elsewhere
		}
		for j, v := range e.Mean {
			if (200-horizon+j)%7 == 6 {
				shown++
				if v != 0 || e.Quantiles[j] != ([forecast.NQuantiles]float64{}) {
					t.Errorf("%s step %d: forecast %v while closed", e.SKU, j, v)
				}
			}
		}
	}
	if shown < 8 {
		t.Errorf("%d closed steps were looked at", shown)
	}
}

func ExampleRun() {
	s := backtest.Series{Key: backtest.Key{SKU: "tea", Store: "north"}, Season: 7}
	for t := range 100 {
		s.Y = append(s.Y, float64(3+t%7+t/30))
	}
	r, err := backtest.Run(context.Background(), backtest.Memory{Series: []backtest.Series{s}, Horizon: 7}, backtest.Settings{
		Horizon: 7, Windows: 2, Models: []backtest.Model{{Name: "mean", Model: naive.Mean{Window: 28}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range r.Total[1:] {
		fmt.Printf("%s: RMSSE %.3f, added over seasonal naive %.0f %%\n", s.Model, s.RMSSE, 100*s.FVA)
	}
	// Output:
	// seasonal_naive: RMSSE 0.287, added over seasonal naive 0 %
	// mean: RMSSE 0.849, added over seasonal naive -196 %
}
