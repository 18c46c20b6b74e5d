package prophet_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

//go:embed testdata/intervals.json
var intervalsJSON []byte

// drawn are numbers that Python drew, with their standard errors.
type drawn struct{ Mean, Error []float64 }

func (d drawn) check(t *testing.T, what string, got []float64) {
	t.Helper()
	if len(got) != len(d.Mean) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(d.Mean))
	}
	for i, v := range got {
		// Some hundred numbers are compared: 4.5 standard errors; the
		// percentiles of finite samples are biased by a fraction of one.
		if !(math.Abs(v-d.Mean[i]) <= 4.5*d.Error[i]+1e-6*math.Abs(v)) {
			t.Errorf("%s %d: got %v, Python %v ± %v", what, i, v, d.Mean[i], d.Error[i])
		}
	}
}

// The exact intervals are those of 100,000 draws of the Python package, and the
// quantiles of sums those of its sums of draws.
func TestIntervalsAgainstPython(t *testing.T) {
	var all []struct {
		Name          string
		Probabilities []float64
		Lower, Upper  drawn
		TrendLower    drawn `json:"trend_lower"`
		TrendUpper    drawn `json:"trend_upper"`
		Sum           drawn
		PoissonSum    drawn `json:"poisson_sum"`
	}
	if err := json.Unmarshal(intervalsJSON, &all); err != nil || len(all) != 6 {
		t.Fatalf("%d models, %v", len(all), err)
	}
	for _, want := range all {
		t.Run(want.Name, func(t *testing.T) {
			g := goldenOf(t, want.Name)
			f, future := readModel(t, g.Model), g.future(t)
			f.Model.UncertaintySamples = 40000 // for logistic growth
			b, err := f.Intervals(future)
			if err != nil {
				t.Fatal(err)
			}
			if want.Name == "logistic" { // drawn on both sides
				for _, d := range []*drawn{&want.Lower, &want.Upper, &want.TrendLower, &want.TrendUpper, &want.Sum} {
					for i := range d.Error {
						d.Error[i] = 2*d.Error[i] + 2e-4*math.Abs(d.Mean[i])
					}
				}
			}
			want.Lower.check(t, "lower", b.Lower)
			want.Upper.check(t, "upper", b.Upper)
			want.TrendLower.check(t, "trend lower", b.TrendLower)
			want.TrendUpper.check(t, "trend upper", b.TrendUpper)
			end := f.Start.Add(f.TScale) // history_dates goes on where the last values are missing
			past := 0
			for _, at := range future.Time {
				if !at.After(end) {
					past++
				}
			}
			if past == 0 || past == len(future.Time) {
				t.Fatalf("%d rows in the past: the test shows less than it should", past)
			}
			sum, err := f.WindowQuantiles(future, past, len(future.Time), want.Probabilities)
			if err != nil {
				t.Fatal(err)
			}
			want.Sum.check(t, "sum", sum)

			paths, err := f.Simulate(future, 40000, 5, prophet.ByPoisson)
			if err != nil {
				t.Fatal(err)
			}
			predictor, err := f.Predictor()
			if err != nil {
				t.Fatal(err)
			}
			u := predictor.Uncertainty()
			u.Sampler = prophet.ByPoisson
			if err := u.WindowQuantilesTo(sum, &future, past, len(future.Time), want.Probabilities); err != nil {
				t.Fatal(err)
			}
			want.PoissonSum.check(t, "exact Poisson sum", sum)
			for i := range want.PoissonSum.Error { // drawn on both sides
				want.PoissonSum.Error[i] *= 1.3
			}
			want.PoissonSum.check(t, "Poisson sum", sumQuantiles(paths, past, want.Probabilities))
		})
	}
}

// sumQuantiles are the quantiles of the sums of rows from … of paths.
func sumQuantiles(paths [][]float64, from int, probabilities []float64) []float64 {
	sums := make([]float64, len(paths))
	for i, p := range paths {
		for _, v := range p[from:] {
			sums[i] += v
		}
	}
	slices.Sort(sums)
	out := make([]float64, len(probabilities))
	for i, p := range probabilities {
		out[i] = sums[int(p*float64(len(sums)-1))]
	}
	return out
}

func TestQuantilesDoNotDependOnOrder(t *testing.T) {
	g := goldenOf(t, "multiplicative")
	f, future := readModel(t, g.Model), g.future(t)
	probs := []float64{0.1, 0.5, 0.95}
	want, err := f.Quantiles(future, probs)
	if err != nil {
		t.Fatal(err)
	}
	wantSum, err := f.WindowQuantiles(future, 7, 12, probs)
	if err != nil {
		t.Fatal(err)
	}
	n := len(future.Time)
	back := prophet.Future{Conditions: map[string][]bool{}, Regressors: map[string][]float64{}}
	for i := range n {
		back.Time = append(back.Time, future.Time[n-1-i])
		back.Conditions["high"] = append(back.Conditions["high"], future.Conditions["high"][n-1-i])
		for _, name := range []string{"promo", "price"} {
			back.Regressors[name] = append(back.Regressors[name], future.Regressors[name][n-1-i])
		}
	}
	got, err := f.Quantiles(back, probs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		sameNumbers(t, "row", got.Values[n-1-i], want.Values[i])
		if !slices.IsSorted(want.Values[i]) {
			t.Errorf("row %d: quantiles cross: %v", i, want.Values[i])
		}
	}
	gotSum, err := f.WindowQuantiles(back, 7, 12, probs)
	if err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, "sum", gotSum, wantSum)
	if !reflect.DeepEqual(got.Probabilities, probs) {
		t.Errorf("probabilities %v", got.Probabilities)
	}
}

// Within the history only the noise is uncertain; a window over its end has
// both.
func TestQuantilesOfThePast(t *testing.T) {
	f := readModel(t, goldenOf(t, "additive").Model)
	past := prophet.Future{Time: f.History.Time[:5]}
	out, err := f.Predict(past)
	if err != nil {
		t.Fatal(err)
	}
	q, err := f.Quantiles(past, []float64{0.9})
	if err != nil {
		t.Fatal(err)
	}
	const z = 1.2815515655446004
	sd := f.Params.Sigma * f.YScale
	var sum float64
	for i, y := range out.YHat {
		sum += y
		if math.Abs(q.Values[i][0]-y-z*sd) > 1e-9 {
			t.Errorf("row %d: %v, want %v", i, q.Values[i][0], y+z*sd)
		}
	}
	s, err := f.WindowQuantiles(past, 0, 5, []float64{0.9})
	if err != nil || math.Abs(s[0]-sum-z*sd*math.Sqrt(5)) > 1e-9 {
		t.Errorf("sum %v, %v; want %v", s, err, sum+z*sd*math.Sqrt(5))
	}
	b, err := f.Intervals(past)
	if err != nil || !reflect.DeepEqual(b.TrendLower, b.TrendUpper) {
		t.Errorf("the past trend is uncertain: %+v, %v", b, err)
	}
	// The last day of the history and the first after it: two noises, one change.
	f.Params.Delta[0] = 3
	both := prophet.Future{Time: append(slices.Clone(f.History.Time[43:]), f.FutureTimes(1, prophet.Daily(), false)...)}
	two, err1 := f.WindowQuantiles(both, 0, 2, []float64{0.9})
	one, err2 := f.WindowQuantiles(prophet.Future{Time: both.Time[1:]}, 0, 1, []float64{0.9})
	out, err3 := f.Predict(both)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if a, b := two[0]-out.YHat[0]-out.YHat[1], one[0]-out.YHat[1]; !(a > b && a < b+z*sd) {
		t.Errorf("two rows %v above the mean, the second %v", a, b)
	}
}

func TestSimulate(t *testing.T) {
	g := goldenOf(t, "mixed")
	f, future := readModel(t, g.Model), g.future(t)
	for _, s := range []prophet.Sampler{prophet.ByStep, prophet.ByPoisson} {
		a, err := f.Simulate(future, 20, 3, s)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := f.Simulate(future, 50, 3, s)
		c, _ := f.Simulate(future, 20, 4, s)
		if len(a) != 20 || len(a[0]) != len(future.Time) || !reflect.DeepEqual(a, b[:20]) {
			t.Error("the first paths depend on how many are drawn")
		}
		if reflect.DeepEqual(a, c) {
			t.Error("the seed has no influence")
		}
	}
	// Logistic paths ByStep have the forecast as their mean: the noise remains.
	g = goldenOf(t, "logistic")
	f, future = readModel(t, g.Model), g.future(t)
	f.Params.Sigma = 0
	paths, err := f.Simulate(future, 200, 1, prophet.ByStep)
	if err != nil {
		t.Fatal(err)
	}
	mean := make([]float64, len(future.Time))
	for _, p := range paths {
		for i, v := range p {
			mean[i] += v / 200
		}
	}
	sameNumbers(t, "mean of logistic paths", mean, g.Predicted["yhat"])
}

// Exact quantiles, of rows and of sums, split the paths of either sampler as they
// should, within four standard errors, whatever the order of the rows: the way
// from a fitted model to the law is the right one too.
func TestQuantilesOfBothSamplers(t *testing.T) {
	const n = 40_000
	probs := []float64{0.05, 0.5, 0.8, 0.975}
	for _, name := range []string{"additive", "multiplicative"} {
		g := goldenOf(t, name)
		f, future := readModel(t, g.Model), g.future(t)
		for j := range f.Params.Delta {
			f.Params.Delta[j] = 2 * (float64(j%2) - 0.3) // the trend, not the noise, decides
		}
		rows := len(future.Time)
		p, err := f.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []prophet.Sampler{prophet.ByStep, prophet.ByPoisson} {
			paths, err := f.Simulate(future, n, 11, s)
			if err != nil {
				t.Fatal(err)
			}
			u := p.Uncertainty()
			u.Sampler = s
			row, sum := make([]float64, rows*len(probs)), make([]float64, len(probs))
			if err := errors.Join(u.QuantilesTo(row, &future, probs), u.WindowQuantilesTo(sum, &future, 2, rows-1, probs)); err != nil {
				t.Fatal(err)
			}
			for i, q := range probs {
				se := math.Sqrt(q * (1 - q) / n)
				below := make([]float64, rows+1)
				for _, path := range paths {
					var total float64
					for j, v := range path {
						if v <= row[j*len(probs)+i] {
							below[j] += 1. / n
						}
						if j >= 2 && j < rows-1 { // some of them in the history
							total += v
						}
					}
					if total <= sum[i] {
						below[rows] += 1. / n
					}
				}
				for j, share := range below {
					if math.Abs(share-q) > 4*se {
						t.Errorf("%s, sampler %v, p = %v: %v of the paths are below in row %d of %d", name, s, q, share, j, rows)
					}
				}
			}
		}
	}
}

func TestUncertaintyDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"additive", "multiplicative", "flat"} {
		g := goldenOf(t, name)
		f, future := readModel(t, g.Model), g.future(t)
		p, err := f.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		u := p.Uncertainty()
		probs := []float64{0.1, 0.9}
		dst, sum := make([]float64, 2*len(future.Time)), make([]float64, 2)
		for _, u.Sampler = range []prophet.Sampler{prophet.ByStep, prophet.ByPoisson} {
			allocs := testing.AllocsPerRun(5, func() {
				err = errors.Join(u.QuantilesTo(dst, &future, probs), u.WindowQuantilesTo(sum, &future, 2, 11, probs))
			})
			if err != nil || allocs != 0 {
				t.Errorf("%s, sampler %v: %v allocations, %v", name, u.Sampler, allocs, err)
			}
		}
	}
}

func TestIntervalEdges(t *testing.T) {
	f := readModel(t, goldenOf(t, "additive").Model)
	q, err := f.Quantiles(prophet.Future{}, []float64{0.5})
	if err != nil || len(q.Values) != 0 {
		t.Errorf("no rows: %+v, %v", q, err)
	}
	one := prophet.Future{Time: f.FutureTimes(1, prophet.Daily(), false)}
	full, err1 := f.Quantiles(one, []float64{0.1, 0.9})
	f.History = prophet.History{} // as after CompactJSON: the step is the distance from the end
	small, err2 := f.Quantiles(one, []float64{0.1, 0.9})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, "a single day", small.Values[0], full.Values[0])
	far, err := f.Quantiles(prophet.Future{Time: f.FutureTimes(10000, prophet.Daily(), false)}, []float64{0.9})
	if err != nil || !(far.Values[9999][0] > far.Values[100][0]) || math.IsInf(far.Values[9999][0], 0) {
		t.Errorf("10,000 days: %v, %v", far.Values[9999], err)
	}
	if _, err := f.Quantiles(prophet.Future{Time: []time.Time{{}}}, nil); !errors.Is(err, prophet.ErrTime) {
		t.Errorf("year 1: %v", err)
	}
	f.Params.Sigma = math.NaN()
	if _, err := f.Quantiles(one, []float64{0.9}); !errors.Is(err, prophet.ErrNotFinite) {
		t.Errorf("no noise: %v", err)
	}
	for name, call := range map[string]func(){
		"probability":  func() { _, _ = f.Quantiles(one, []float64{1.5}) },
		"empty window": func() { _, _ = f.WindowQuantiles(one, 1, 1, []float64{0.5}) },
		"long window":  func() { _, _ = f.WindowQuantiles(one, 0, 2, []float64{0.5}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
