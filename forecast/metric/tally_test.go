package metric_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
)

type quantiles = [forecast.NQuantiles]float64

func ramp() quantiles { return quantiles{1, 2, 3, 4, 5, 6, 7, 8, 9, 10} }

func certain(x float64) (q quantiles) {
	for i := range q {
		q[i] = x
	}
	return q
}

func TestIntervalsByHand(t *testing.T) {
	nan := math.NaN()
	actual, low, high := []float64{3, nan, 5, 10}, []float64{2, 0, 6, 4}, []float64{4, 9, 8, 7}
	for name, c := range map[string]struct{ got, want float64 }{
		"width":             {metric.Width(actual, low, high), 7.0 / 3},
		"width of nothing":  {metric.Width([]float64{nan}, []float64{1}, []float64{2}), nan},
		"coverage":          {metric.Coverage(actual, low, high), 1.0 / 3},
		"coverage at edges": {metric.Coverage([]float64{2, 4}, []float64{2, 2}, []float64{4, 4}), 1},
		"score inside":      {metric.IntervalScore(3, 2, 4, 0.05), 2},
		"score below":       {metric.IntervalScore(5, 6, 8, 0.05), 2 + 40},
		"score above":       {metric.IntervalScore(10, 4, 7, 0.05), 3 + 120},
		"msis":              {metric.MSIS(actual, low, high, 0.05, 2), (2.0 + 42 + 123) / 3 / 2},
		"msis without":      {metric.MSIS(actual, low, high, 0.05, 0), nan},
	} {
		if !same(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

func TestSeriesFiguresByHand(t *testing.T) {
	nan := math.NaN()
	history := []float64{0, 0, 4, nan, 6, 3, 7} // two apart: 4→6 and 6→7, and nan→3
	for name, c := range map[string]struct{ got, want float64 }{
		"seasonal scale":            {metric.SeasonalScale(history, 2), 1.5},
		"seasonal scale, no season": {metric.SeasonalScale(history, 0), 3.5}, // 6→3→7
		"seasonal scale, too short": {metric.SeasonalScale(history, 5), nan},
		"value added":               {metric.ValueAdded(0.75, 1), 0.25},
		"value lost":                {metric.ValueAdded(3, 2), -0.5},
		"value over nothing":        {metric.ValueAdded(1, 0), nan},
		"tracking signal":           {metric.TrackingSignal([]float64{3, nan, 5}, []float64{1, 9, 6}), -1 / 1.5},
		"tracking, always too high": {metric.TrackingSignal([]float64{1, 1, 1}, []float64{2, 3, 4}), 3},
		"tracking, no error":        {metric.TrackingSignal([]float64{1}, []float64{1}), 0},
		"tracking, nothing":         {metric.TrackingSignal(nil, nil), nan},
		"tracking limit":            {metric.TrackingLimit(28), 2 * math.Sqrt(14*math.Pi)},
		"spl":                       {metric.SPL([]float64{2, nan}, []quantiles{{}, {}}, 4), metric.MeanPinball(2, &quantiles{}) / 4},
		"spl without a scale":       {metric.SPL([]float64{2}, []quantiles{{}}, nan), nan},
	} {
		if !same(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

// The other side of the definition: the integral of (F(x) − 1{y ≤ x})² over
// units, on a fine grid.
func crpsByUnits(y float64, q quantiles) float64 {
	p := forecast.Probabilities()
	cdf := func(x float64) float64 {
		if x < q[0] {
			return 0
		}
		for i := 1; i < len(q); i++ {
			if x < q[i] {
				return p[i-1] + (p[i]-p[i-1])*(x-q[i-1])/(q[i]-q[i-1])
			}
		}
		return 1
	}
	const step = 1e-3
	var sum float64
	for x := -2 + step/2; x < 20; x += step {
		f := cdf(x)
		if x >= y {
			f--
		}
		sum += f * f * step
	}
	return sum
}

func TestCRPS(t *testing.T) {
	for name, c := range map[string]struct {
		y    float64
		q    quantiles
		want float64
		tol  float64
	}{
		"certain and right":   {4, certain(4), 0, 1e-12},
		"certain and too low": {10, certain(4), 6, 1e-12},
		"certain, too high":   {1, certain(4), 3, 1e-12},
		"below all":           {0, ramp(), crpsByUnits(0, ramp()), 2e-3},
		"between":             {4.3, quantiles{0, 1, 2, 4, 9, 10, 11, 12, 13, 14}, crpsByUnits(4.3, quantiles{0, 1, 2, 4, 9, 10, 11, 12, 13, 14}), 2e-3},
		"at a quantile":       {5, ramp(), crpsByUnits(5, ramp()), 2e-3},
		"above all":           {12, ramp(), crpsByUnits(12, ramp()), 2e-3},
		"counts":              {1, quantiles{0, 0, 0, 0, 1, 1, 2, 2, 3, 4}, crpsByUnits(1, quantiles{0, 0, 0, 0, 1, 1, 2, 2, 3, 4}), 2e-3},
	} {
		if got := metric.CRPS(c.y, &c.q); math.Abs(got-c.want) > c.tol {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func near(t *testing.T, name string, got metric.Figure, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

// Two series by hand: errors −1, +2 (of 4 and 2) and 0, −3 (of 1 and 5).
func TestTallyByHand(t *testing.T) {
	var tally metric.Tally
	q := []quantiles{certain(3), certain(4)}
	tally.Add(metric.Case{
		Actual: []float64{4, 2, math.NaN()}, Mean: []float64{3, 4, 9}, Naive: []float64{0, 2, 9}, Quantiles: append(q, certain(9)),
		Scales: metric.Scales{Squared: 1, Absolute: 2, Seasonal: 3}, Weight: 3,
	})
	tally.Add(metric.Case{
		Actual: []float64{1, 5}, Mean: []float64{1, 2}, Naive: []float64{1, 5}, Quantiles: []quantiles{certain(1), certain(2)},
		Scales: metric.Scales{Squared: 4, Absolute: 1, Seasonal: math.NaN()}, Weight: 1,
	})
	tally.Add(metric.Case{Actual: []float64{math.NaN()}, Mean: []float64{1}})
	f := tally.Figures()
	if f.Series != 2 || f.Periods != 4 {
		t.Errorf("%d series, %d periods", f.Series, f.Periods)
	}
	mean := func(y, q float64) float64 { c := certain(q); return metric.MeanPinball(y, &c) }
	first, second := (mean(4, 3)+mean(2, 4))/2, (mean(1, 1)+mean(5, 2))/2
	near(t, "rmsse", f.RMSSE, (math.Sqrt(2.5)+math.Sqrt(4.5/4))/2)
	near(t, "rmsse of naive", f.RMSSENaive, (math.Sqrt(8)+0)/2)
	near(t, "fva", f.FVA, 1-(math.Sqrt(2.5)+math.Sqrt(4.5/4))/math.Sqrt(8))
	near(t, "mase", f.MASE, 1.5/3)
	near(t, "wape", f.WAPE, 6.0/12)
	near(t, "wape of naive", f.WAPENaive, 4.0/12)
	near(t, "fva by wape", f.FVAWAPE, 1-6.0/4)
	near(t, "bias", f.Bias, (1.0-3)/12)
	near(t, "alarms", f.Alarms, 0)
	near(t, "pinball", f.Pinball, (first+second)/2)
	near(t, "spl", f.SPL, (first/2+second)/2)
	near(t, "wspl", f.WSPL, (3*first/2+second)/4)
	near(t, "crps", f.CRPS, 6.0/4)
	near(t, "msis", f.MSIS, (40+80)/2.0/3)
	near(t, "width", f.Width80, 0)
	near(t, "width of 95", f.Width95, 0)
	if b := f.Calibration[4]; b.P != 0.5 || b.Below != 0.25 || b.AtOrBelow != 0.5 { // one below 4, one at 1, two above
		t.Errorf("median: %+v", b)
	}
	if ok, known := f.Calibrated(); ok || !known {
		t.Error("certain forecasts that miss are called calibrated")
	}
}

func TestAlarms(t *testing.T) {
	var tally metric.Tally
	actual, high, mixed := make([]float64, 14), make([]float64, 14), make([]float64, 14)
	for i := range actual {
		actual[i], high[i], mixed[i] = 5, 6, 5+math.Pow(-1, float64(i))
	}
	for _, mean := range [][]float64{high, mixed, mixed, actual} {
		tally.Add(metric.Case{Actual: actual, Mean: mean})
	}
	near(t, "share of biased series", tally.Figures().Alarms, 0.25)
}

func randomCases(n int) []metric.Case {
	rng := rand.New(rand.NewPCG(8, 9))
	cases := make([]metric.Case, n)
	for i := range cases {
		c := &cases[i]
		c.Scales = metric.Scales{Squared: rng.ExpFloat64(), Absolute: rng.ExpFloat64(), Seasonal: rng.ExpFloat64()}
		c.Weight = rng.ExpFloat64()
		for range 7 {
			c.Actual = append(c.Actual, 10*rng.ExpFloat64())
			c.Mean = append(c.Mean, 10*rng.ExpFloat64())
			c.Naive = append(c.Naive, 10*rng.ExpFloat64())
			q := ramp()
			for j := range q {
				q[j] *= 1 + rng.Float64()/100
			}
			c.Quantiles = append(c.Quantiles, q)
		}
	}
	return cases
}

func encode(t *testing.T, tally *metric.Tally) string {
	t.Helper()
	b, err := json.Marshal(tally.Figures())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %v", b, tally.Figures())
}

func TestTallyDoesNotDependOnOrderOrMerging(t *testing.T) {
	cases := randomCases(300)
	var all metric.Tally
	for _, c := range cases {
		all.Add(c)
	}
	want := encode(t, &all)
	rng := rand.New(rand.NewPCG(1, 1))
	for workers := 1; workers < 9; workers++ {
		rng.Shuffle(len(cases), func(a, b int) { cases[a], cases[b] = cases[b], cases[a] })
		parts := make([]metric.Tally, workers)
		for _, c := range cases {
			parts[rng.IntN(workers)].Add(c)
		}
		var sum metric.Tally
		for _, w := range rng.Perm(workers) {
			sum.Merge(&parts[w])
		}
		if got := encode(t, &sum); got != want {
			t.Fatalf("%d workers: %s, want %s", workers, got, want)
		}
	}
}

func TestFigureJSON(t *testing.T) {
	in := []metric.Figure{1.5, metric.Figure(math.NaN()), metric.Figure(math.Inf(1)), 1e-7}
	b, err := json.Marshal(in)
	if err != nil || string(b) != "[1.5,null,null,1e-07]" {
		t.Fatalf("%s, %v", b, err)
	}
	var back []metric.Figure
	if err := json.Unmarshal(b, &back); err != nil || back[0] != 1.5 || back[1].Defined() || back[3] != 1e-7 {
		t.Errorf("read back %v, %v", back, err)
	}
	if json.Unmarshal([]byte(`["x"]`), &back) == nil {
		t.Error("a text is a figure")
	}
}

// A tally of nothing has figures that do not exist.
func TestEmptyTally(t *testing.T) {
	var tally metric.Tally
	f := tally.Figures()
	for name, v := range map[string]metric.Figure{"rmsse": f.RMSSE, "fva": f.FVA, "wape": f.WAPE, "bias": f.Bias, "spl": f.SPL, "alarms": f.Alarms, "crps": f.CRPS} {
		if v.Defined() {
			t.Errorf("%s of nothing is %v", name, v)
		}
	}
	if ok, known := f.Calibrated(); ok || known {
		t.Error("nothing is calibrated")
	}
}

func BenchmarkTallyAdd(b *testing.B) {
	c := randomCases(1)[0]
	var tally metric.Tally
	b.ReportAllocs()
	for b.Loop() {
		tally.Add(c)
	}
}

func ExampleTally() {
	var t metric.Tally
	t.Add(metric.Case{
		Actual: []float64{3, 5}, Mean: []float64{3, 4}, Naive: []float64{5, 3},
		Scales: metric.ScalesOf([]float64{2, 4, 2, 4}, 2),
	})
	f := t.Figures()
	fmt.Printf("RMSSE %.3f, value added %.0f %%, WAPE %.3f, bias %.3f\n", f.RMSSE, 100*f.FVA, f.WAPE, f.Bias)
	// Output: RMSSE 0.354, value added 65 %, WAPE 0.125, bias -0.125
}

func ExampleCRPS() {
	q := [forecast.NQuantiles]float64{4, 4, 4, 4, 4, 4, 4, 4, 4, 4}
	fmt.Println(metric.CRPS(10, &q))
	// Output: 6
}
