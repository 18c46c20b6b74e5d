package prophet_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// TestPredictTo: the same numbers as Predict, in any order of rows, without
// allocation.
func TestPredictTo(t *testing.T) {
	refs := readReferences(t)
	for name, m := range referenceModels() {
		t.Run(name, func(t *testing.T) {
			f := referenceFit(t, m, refs[name])
			future := refs[name].Future.future(t)
			want := predict(t, f, future)
			p, err := f.Predictor()
			if err != nil {
				t.Fatal(err)
			}
			dst := make([]float64, len(future.Time))
			if n := testing.AllocsPerRun(10, func() { err = p.PredictTo(dst, &future) }); n != 0 || err != nil {
				t.Errorf("%v allocations, error %v", n, err)
			}
			if !slices.Equal(dst, want.YHat) {
				t.Errorf("got %v, want %v", dst, want.YHat)
			}
			additive, multiplicative := want.Component(prophet.AdditiveTerms), want.Component(prophet.MultiplicativeTerms)
			for i, v := range want.YHat {
				closeTo(t, "yhat from its components", want.Trend[i]*(1+multiplicative[i])+additive[i], v, 1e-9*f.YScale)
			}

			last := len(future.Time) - 1
			reversed := prophet.Future{Conditions: map[string][]bool{}, Regressors: map[string][]float64{}}
			back := func(x []float64) []float64 { x = slices.Clone(x); slices.Reverse(x); return x }
			reversed.Time, reversed.Cap, reversed.Floor = slices.Clone(future.Time), back(future.Cap), back(future.Floor)
			slices.Reverse(reversed.Time)
			for k, v := range future.Regressors {
				reversed.Regressors[k] = back(v)
			}
			on := slices.Clone(future.Conditions["on"])
			slices.Reverse(on)
			reversed.Conditions["on"] = on
			for i, v := range predict(t, f, reversed).YHat {
				closeTo(t, "reversed", v, want.YHat[last-i], 0)
			}
		})
	}
}

func TestPredictErrors(t *testing.T) {
	refs := readReferences(t)
	mixed := referenceFit(t, referenceModels()["mixed"], refs["mixed"])
	logistic := referenceFit(t, referenceModels()["logistic"], refs["logistic"])
	for name, c := range map[string]struct {
		f    *prophet.Fitted
		edit func(*prophet.Future)
		want error
	}{
		"no regressor":     {mixed, func(f *prophet.Future) { delete(f.Regressors, "price") }, prophet.ErrMissing},
		"regressor length": {mixed, func(f *prophet.Future) { f.Regressors["price"] = []float64{1} }, prophet.ErrLength},
		"regressor NaN":    {mixed, func(f *prophet.Future) { f.Regressors["price"][3] = nan }, prophet.ErrNotFinite},
		"regressor huge":   {mixed, func(f *prophet.Future) { f.Regressors["price"][3] = 1e308 }, prophet.ErrNotFinite},
		"no condition":     {mixed, func(f *prophet.Future) { f.Conditions = nil }, prophet.ErrMissing},
		"condition length": {mixed, func(f *prophet.Future) { f.Conditions["on"] = []bool{true} }, prophet.ErrLength},
		"year 3000":        {mixed, func(f *prophet.Future) { f.Time[0] = date(3000, 1, 1) }, prophet.ErrTime},
		"no cap":           {logistic, func(f *prophet.Future) { f.Cap = nil }, prophet.ErrCap},
		"cap infinite":     {logistic, func(f *prophet.Future) { f.Cap[1] = inf }, prophet.ErrNotFinite},
		"cap below floor":  {logistic, func(f *prophet.Future) { f.Cap[1] = 1 }, prophet.ErrCap},
		"no floor":         {logistic, func(f *prophet.Future) { f.Floor = nil }, prophet.ErrMissing},
	} {
		t.Run(name, func(t *testing.T) {
			ref := refs["mixed"]
			if c.f == logistic {
				ref = refs["logistic"]
			}
			future := ref.Future.future(t)
			future.Time, future.Cap, future.Floor = slices.Clone(future.Time), slices.Clone(future.Cap), slices.Clone(future.Floor)
			future.Regressors["price"] = slices.Clone(future.Regressors["price"])
			c.edit(&future)
			if fc, err := c.f.Predict(future); !errors.Is(err, c.want) {
				t.Errorf("got %v, %v; want %v", fc, err, c.want)
			}
		})
	}
}

// TestInconsistentFitted: a model whose parts were edited is refused.
func TestInconsistentFitted(t *testing.T) {
	ref := readReferences(t)["mixed"]
	for name, edit := range map[string]func(*prophet.Fitted){
		"delta":     func(f *prophet.Fitted) { f.Params.Delta = f.Params.Delta[1:] },
		"beta":      func(f *prophet.Fitted) { f.Params.Beta = append(f.Params.Beta, 1) },
		"t scale":   func(f *prophet.Fitted) { f.TScale = 0 },
		"y scale":   func(f *prophet.Fitted) { f.YScale = nan },
		"sd":        func(f *prophet.Fitted) { f.Regressors[0].SD = 0 },
		"columns":   func(f *prophet.Fitted) { f.Columns[0].Name = "x" },
		"mode":      func(f *prophet.Fitted) { f.Columns[9].Mode = 3 - f.Columns[9].Mode },
		"order":     func(f *prophet.Fitted) { slices.Reverse(f.ChangepointT) },
		"holidays":  func(f *prophet.Fitted) { f.HolidayNames = f.HolidayNames[1:] },
		"no season": func(f *prophet.Fitted) { f.Seasonalities = f.Seasonalities[1:] },
	} {
		f := referenceFit(t, referenceModels()["mixed"], ref)
		edit(f)
		if _, err := f.Predict(ref.Future.future(t)); !errors.Is(err, prophet.ErrParameters) {
			t.Errorf("%s: got %v, want %v", name, err, prophet.ErrParameters)
		}
	}
}

func TestHorizons(t *testing.T) {
	f := fit(t, prophet.Model{}, series(noisy(100, 1)...))
	if fc := predict(t, f, prophet.Future{}); len(fc.YHat) != 0 || len(fc.Component("weekly")) != 0 {
		t.Errorf("horizon 0: %+v", fc)
	}
	fc := predict(t, f, prophet.Future{Time: f.FutureTimes(10000, prophet.Daily(), false)})
	if len(fc.YHat) != 10000 || slices.ContainsFunc(fc.YHat, math.IsNaN) {
		t.Errorf("horizon 10000: %d values", len(fc.YHat))
	}
}

// TestWallClock: the clock on the wall counts, not the instant.
func TestWallClock(t *testing.T) {
	berlin := time.FixedZone("somewhere", 2*60*60)
	utc, local := series(noisy(60, 1)...), series(noisy(60, 1)...)
	for i, at := range local.Time {
		local.Time[i] = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, berlin)
	}
	a, b := fit(t, prophet.Model{}, utc), fit(t, prophet.Model{}, local)
	if !slices.Equal(a.History.Time, b.History.Time) || a.Params.K != b.Params.K {
		t.Error("a time zone moved the model")
	}
	if got := predict(t, a, prophet.Future{Time: local.Time}).YHat; !slices.Equal(got, predict(t, a, utc.Future()).YHat) {
		t.Error("a time zone moved the forecast")
	}
}

// TestFutureTimes holds month rules against pandas: date_range with freq MS and
// ME from the date on.
func TestFutureTimes(t *testing.T) {
	for name, c := range map[string]struct {
		last time.Time
		step prophet.Step
		want []string
	}{
		"days":        {date(2024, 2, 28), prophet.Daily(), []string{"2024-02-29", "2024-03-01", "2024-03-02"}},
		"weeks":       {date(2023, 12, 25), prophet.Weekly(), []string{"2024-01-01", "2024-01-08", "2024-01-15"}},
		"month start": {date(2023, 12, 1), prophet.Monthly(), []string{"2024-01-01", "2024-02-01", "2024-03-01"}},
		"month end":   {date(2023, 11, 30), prophet.Monthly(), []string{"2023-12-31", "2024-01-31", "2024-02-29"}},
		"the 30th":    {date(2024, 1, 30), prophet.Monthly(), []string{"2024-02-29", "2024-03-30", "2024-04-30"}},
		"quarters":    {date(2024, 1, 31), prophet.Step{Months: 3}, []string{"2024-04-30", "2024-07-31", "2024-10-31"}},
	} {
		f := &prophet.Fitted{HistoryDates: []time.Time{c.last}}
		for i, at := range f.FutureTimes(3, c.step, false) {
			if got := at.Format(time.DateOnly); got != c.want[i] {
				t.Errorf("%s: period %d is %s, want %s", name, i+1, got, c.want[i])
			}
		}
	}
	f := &prophet.Fitted{HistoryDates: days(2)}
	if got := f.FutureTimes(1, prophet.Hourly(), true); len(got) != 3 || got[2] != days(2)[1].Add(time.Hour) {
		t.Errorf("with history: %v", got)
	}
	h := series(1, 2, 3, nan) // the last date counts although it has no value
	if got := fit(t, prophet.Model{Solver: prophet.Stan}, h).FutureTimes(1, prophet.Daily(), false)[0]; got != days(5)[4] {
		t.Errorf("after a missing value: %v", got)
	}
}

func FuzzFit(f *testing.F) {
	f.Add(uint8(20), int64(86400), 1.0, 10.0, uint16(0), []byte{1, 2, 3})
	f.Add(uint8(3), int64(3600), 1e-300, -1e300, uint16(0xffff), []byte{255, 0})
	f.Add(uint8(40), int64(0), math.Inf(1), math.NaN(), uint16(0x0a5a), []byte{})
	f.Add(uint8(60), int64(2592000), 1e3, 0.0, uint16(0x1234), []byte("abcdefghijklmnop"))
	f.Fuzz(func(t *testing.T, n uint8, step int64, scale, level float64, flags uint16, noise []byte) {
		bit := func(k int) bool { return flags&(1<<k) != 0 }
		pick := func(k, of int) int { return int(flags>>k) % of }
		m := prophet.Model{
			Growth: prophet.Growth(pick(0, 3)), Scaling: prophet.Scaling(pick(2, 2)), SeasonalityMode: prophet.Mode(pick(3, 3)),
			Literal: bit(5),
		}
		h := prophet.History{Cap: []float64{}, Regressors: map[string][]float64{"x": {}}}
		for i := range int(n) % 64 {
			v := level
			if len(noise) > 0 {
				v += scale * float64(noise[i%len(noise)])
			}
			h.Time = append(h.Time, time.Unix(int64(i)*(step%1e8), 0).UTC())
			h.Y = append(h.Y, v)
			h.Cap = append(h.Cap, 2*math.Abs(v)+1)
			h.Regressors["x"] = append(h.Regressors["x"], math.Mod(v, 7))
		}
		if bit(6) {
			m.Regressors = []prophet.Regressor{{Name: "x"}}
		}
		if bit(7) && len(h.Time) > 0 {
			m.Holidays = []prophet.Holiday{{Name: "h", Date: h.Time[0], Lower: -1, Upper: 2}}
		}
		fitted, err := m.Fit(h)
		if err != nil {
			return
		}
		fc, err := fitted.Predict(h.Future())
		if err != nil {
			if !errors.Is(err, prophet.ErrNotFinite) && !errors.Is(err, prophet.ErrTime) {
				t.Fatalf("predicting the history: %v", err)
			}
			return
		}
		for i, v := range fc.YHat {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("row %d is %v", i, v)
			}
		}
	})
}

func BenchmarkPredictTo(b *testing.B) {
	h := series(noisy(1000, 1)...)
	f := fit(b, prophet.Model{Solver: prophet.StanLBFGS}, h)
	p, err := f.Predictor()
	if err != nil {
		b.Fatal(err)
	}
	future := prophet.Future{Time: f.FutureTimes(90, prophet.Daily(), false)}
	dst := make([]float64, 90)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.PredictTo(dst, &future); err != nil {
			b.Fatal(err)
		}
	}
}
