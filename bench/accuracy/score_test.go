package main

import (
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
)

func near(a *float64, b float64) bool { return a != nil && math.Abs(*a-b) < 1e-12 }

// The history is 0 0 2 4 3 ? 5, whose differences after the first sale are 2, −1, 2.
func TestScoresByHand(t *testing.T) {
	nan := math.NaN()
	y := []float64{0, 0, 2, 4, 3, nan, 5}
	j := judged{
		class: "smooth", actual: []float64{6, nan, 1}, naive: []float64{5, 5, 5},
		squared: metric.SquaredScale(y), abs: metric.AbsoluteScale(y),
	}
	if j.squared != 3 || math.Abs(j.abs-5./3) > 1e-15 {
		t.Fatalf("scales %v and %v, want 3 and 5/3", j.squared, j.abs)
	}
	flat := [forecast.NQuantiles]float64{4, 4, 4, 4, 4, 4, 4, 4, 4, 4}
	p := prediction{mean: []float64{4, 7, 4}, quantiles: [][forecast.NQuantiles]float64{flat, flat, flat}}
	var a tally
	a.add(j, p)
	f := a.figures()
	mean := 0.0 // of the probabilities
	for _, p := range forecast.Probabilities() {
		mean += p / forecast.NQuantiles
	}
	for _, c := range []struct {
		name string
		got  *float64
		want float64
	}{
		{"RMSSE: errors 2 and −3", f.RMSSE, math.Sqrt(6.5 / 3)},
		{"RMSSE of naive: errors 1 and −4", f.NaiveRMSSE, math.Sqrt(8.5 / 3)},
		{"skill", f.Skill, 1 - math.Sqrt(6.5/8.5)},
		{"SPL: 2p above, 3(1−p) below", f.SPL, (2*mean + 3*(1-mean)) / 2 / (5. / 3)},
		{"WAPE", f.WAPE, 5. / 7},
		{"bias", f.Bias, 1. / 7},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, num(c.got, 12), c.want)
		}
	}
	for _, b := range f.Calibration { // one actual above 4, one below
		if b.Below != .5 || b.AtOrBelow != .5 || b.OK {
			t.Errorf("calibration %+v, want halves", b)
		}
	}
	if len(f.Calibration) != 4 || f.Calibrated || f.Faulty != 0 {
		t.Errorf("%d bounds, calibrated %v, %d faulty", len(f.Calibration), f.Calibrated, f.Faulty)
	}
}

func TestMeansAreOverSeriesAndOrigins(t *testing.T) {
	var a tally
	for _, actual := range []float64{1, 3} { // RMSSE 1 and 3
		a.add(judged{actual: []float64{actual}, naive: []float64{0}, squared: 1, abs: 1}, prediction{mean: []float64{0}})
	}
	a.add(judged{actual: []float64{9}, naive: []float64{0}, squared: math.NaN(), abs: 0}, prediction{mean: []float64{9}})
	f := a.figures()
	if !near(f.RMSSE, 2) || !near(f.WAPE, 4./13) || f.SPL != nil || f.Series != 3 {
		t.Errorf("RMSSE %v, WAPE %v, SPL %v of %d", num(f.RMSSE, 4), num(f.WAPE, 4), num(f.SPL, 4), f.Series)
	}
}

func TestCalibrationOfCountsIsABound(t *testing.T) {
	var a tally
	var q [forecast.NQuantiles]float64
	q[8], q[9] = 1, 1 // p ≥ .975
	for i := range 100 {
		y := 0.0
		if i < 4 {
			y = 1
		}
		a.add(judged{actual: []float64{y}, naive: []float64{0}, squared: 1, abs: 1}, prediction{[]float64{0}, [][forecast.NQuantiles]float64{q}})
	}
	if f := a.figures(); !f.Calibrated || f.Calibration[3].Below != .96 || f.Calibration[3].AtOrBelow != 1 {
		t.Errorf("4 %% above the 90 %% quantile of a count: %+v", f.Calibration)
	}
}

func TestFaultyForecastsAreCounted(t *testing.T) {
	j := judged{actual: []float64{1}, naive: []float64{1}, squared: 1, abs: 1}
	var ok [forecast.NQuantiles]float64
	crossing, negative := ok, ok
	crossing[3] = 2
	negative[0] = -1
	for _, c := range []struct {
		name string
		mean float64
		q    [forecast.NQuantiles]float64
		want int
	}{
		{"sound", 1, ok, 0},
		{"negative mean", -1, ok, 1},
		{"NaN", math.NaN(), ok, 1},
		{"infinite", math.Inf(1), ok, 1},
		{"crossing", 1, crossing, 1},
		{"negative quantile", 1, negative, 1},
	} {
		var a tally
		a.add(j, prediction{[]float64{c.mean}, [][forecast.NQuantiles]float64{c.q}})
		f := a.figures()
		if f.Faulty != c.want || f.RMSSE == nil || math.IsNaN(*f.RMSSE) {
			t.Errorf("%s: %d faults, RMSSE %v", c.name, f.Faulty, num(f.RMSSE, 3))
		}
	}
}

func TestSeasonalNaive(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		y      []float64
		season int
		want   []float64
	}{
		{"repeats", []float64{1, 2, 3, 4}, 2, []float64{3, 4, 3, 4, 3}},
		{"older where the last is missing", []float64{1, 2, nan, 4}, 2, []float64{1, 4, 1, 4, 1}},
		{"latest where the phase is unseen", []float64{nan, 2, nan, 4}, 2, []float64{4, 4, 4, 4, 4}},
		{"shorter than the season", []float64{5, 6}, 7, []float64{6, 6, 6, 6, 6}},
		{"nothing", []float64{nan}, 7, []float64{0, 0, 0, 0, 0}},
	} {
		if got := seasonalNaive(c.y, c.season, 5); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
