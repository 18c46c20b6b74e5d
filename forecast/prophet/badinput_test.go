package prophet_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
)

func series(y ...float64) prophet.History { return prophet.History{Time: days(len(y)), Y: y} }

func repeat(v float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// noisy is weekly seasonal with noise, scaled.
func noisy(n int, scale float64) []float64 {
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	out := make([]float64, n)
	for i := range out {
		out[i] = scale * (10 + 2*math.Sin(2*math.Pi*float64(i)/7) + rng.NormFloat64())
	}
	return out
}

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

func TestFitErrors(t *testing.T) {
	ok := noisy(30, 1)
	with := func(edit func(*prophet.History)) prophet.History {
		h := series(ok...)
		edit(&h)
		return h
	}
	logistic := prophet.Model{Growth: prophet.Logistic}
	price := prophet.Model{Regressors: []prophet.Regressor{{Name: "price"}}}
	for name, c := range map[string]struct {
		m    prophet.Model
		h    prophet.History
		want error
	}{
		"no rows":                      {h: series(), want: prophet.ErrTooFewRows},
		"one row":                      {h: series(3), want: prophet.ErrTooFewRows},
		"too short, as forecast says":  {h: series(3), want: forecast.ErrTooShort},
		"all missing":                  {h: series(nan, nan, nan), want: prophet.ErrTooFewRows},
		"one observation":              {h: series(nan, 4, nan), want: prophet.ErrTooFewRows},
		"one time":                     {h: prophet.History{Time: []time.Time{days(1)[0], days(1)[0]}, Y: []float64{1, 2}}, want: prophet.ErrTooFewRows},
		"infinite":                     {h: series(1, 2, inf), want: prophet.ErrNotFinite},
		"negative infinite":            {h: series(1, -inf, 3), want: prophet.ErrNotFinite},
		"range beyond floating point":  {m: prophet.Model{Scaling: prophet.MinMax}, h: series(-1.5e308, 1.5e308), want: prophet.ErrNotFinite},
		"lengths":                      {h: prophet.History{Time: days(3), Y: []float64{1, 2}}, want: prophet.ErrLength},
		"year 1500":                    {h: with(func(h *prophet.History) { h.Time[3] = date(1500, 1, 1) }), want: prophet.ErrTime},
		"zero time":                    {h: with(func(h *prophet.History) { h.Time[0] = time.Time{} }), want: prophet.ErrTime},
		"five centuries":               {h: with(func(h *prophet.History) { h.Time[0], h.Time[1] = date(1700, 1, 1), date(2200, 1, 1) }), want: prophet.ErrTime},
		"no cap":                       {m: logistic, h: series(ok...), want: prophet.ErrCap},
		"cap at the floor":             {m: logistic, h: with(func(h *prophet.History) { h.Cap = repeat(0, 30) }), want: prophet.ErrCap},
		"cap below the floor":          {m: logistic, h: with(func(h *prophet.History) { h.Cap, h.Floor = repeat(5, 30), repeat(6, 30) }), want: prophet.ErrCap},
		"cap not a number":             {m: logistic, h: with(func(h *prophet.History) { h.Cap = repeat(nan, 30) }), want: prophet.ErrNotFinite},
		"cap length":                   {m: logistic, h: with(func(h *prophet.History) { h.Cap = repeat(50, 29) }), want: prophet.ErrLength},
		"floor length":                 {m: logistic, h: with(func(h *prophet.History) { h.Cap, h.Floor = repeat(50, 30), repeat(1, 2) }), want: prophet.ErrLength},
		"regressor missing":            {m: price, h: series(ok...), want: prophet.ErrMissing},
		"regressor length":             {m: price, h: with(func(h *prophet.History) { h.Regressors = map[string][]float64{"price": {1}} }), want: prophet.ErrLength},
		"regressor NaN":                {m: price, h: with(func(h *prophet.History) { h.Regressors = map[string][]float64{"price": repeat(nan, 30)} }), want: prophet.ErrNotFinite},
		"condition missing":            {m: prophet.Model{Seasonalities: []prophet.Seasonality{{Name: "a", Period: 3, Order: 1, Condition: "x"}}}, h: series(ok...), want: prophet.ErrMissing},
		"changepoint before":           {m: prophet.Model{Changepoints: []time.Time{date(2020, 1, 1)}}, h: series(ok...), want: prophet.ErrChangepoints},
		"changepoint after":            {m: prophet.Model{Changepoints: []time.Time{date(2025, 1, 1)}}, h: series(ok...), want: prophet.ErrChangepoints},
		"changepoint out of all years": {m: prophet.Model{Changepoints: []time.Time{{}}}, h: series(ok...), want: prophet.ErrChangepoints},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := c.m.Fit(c.h); !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v; want %v", f, err, c.want)
			}
		})
	}
}

func TestModelErrors(t *testing.T) {
	season := func(s prophet.Seasonality) prophet.Model {
		return prophet.Model{Seasonalities: []prophet.Seasonality{s}}
	}
	holiday := func(h ...prophet.Holiday) prophet.Model { return prophet.Model{Holidays: h} }
	at := date(2021, 1, 5)
	for name, m := range map[string]prophet.Model{
		"growth":              {Growth: 3},
		"scaling":             {Scaling: -1},
		"mode":                {SeasonalityMode: 7},
		"holidays mode":       {HolidaysMode: -7},
		"solver":              {Solver: 9},
		"changepoints":        {NChangepoints: -2},
		"range":               {ChangepointRange: 1.1},
		"range NaN":           {ChangepointRange: nan},
		"width":               {IntervalWidth: 1},
		"tau":                 {ChangepointPriorScale: -0.05},
		"seasonality scale":   {SeasonalityPriorScale: inf},
		"holidays scale":      {HolidaysPriorScale: nan},
		"order":               {Yearly: -3},
		"reserved":            season(prophet.Seasonality{Name: "trend_lower", Period: 3, Order: 1}),
		"no name":             season(prophet.Seasonality{Period: 3, Order: 1}),
		"delimiter":           season(prophet.Seasonality{Name: "a_delim_b", Period: 3, Order: 1}),
		"period":              season(prophet.Seasonality{Name: "a", Order: 1}),
		"no terms":            season(prophet.Seasonality{Name: "a", Period: 3}),
		"scale":               season(prophet.Seasonality{Name: "a", Period: 3, Order: 1, PriorScale: -1}),
		"condition":           season(prophet.Seasonality{Name: "a", Period: 3, Order: 1, Condition: "y"}),
		"twice":               {Seasonalities: []prophet.Seasonality{{Name: "a", Period: 3, Order: 1}, {Name: "a", Period: 4, Order: 1}}},
		"lower window":        holiday(prophet.Holiday{Name: "a", Date: at, Lower: 1}),
		"upper window":        holiday(prophet.Holiday{Name: "a", Date: at, Upper: -1}),
		"endless window":      holiday(prophet.Holiday{Name: "a", Date: at, Upper: 1e6}),
		"holiday date":        holiday(prophet.Holiday{Name: "a"}),
		"holiday name":        holiday(prophet.Holiday{Name: "yhat", Date: at}),
		"inconsistent scales": holiday(prophet.Holiday{Name: "a", Date: at, PriorScale: 2}, prophet.Holiday{Name: "a", Date: at, PriorScale: 3}),
		"regressor twice":     {Regressors: []prophet.Regressor{{Name: "a"}, {Name: "a"}}},
		"regressor name":      {Regressors: []prophet.Regressor{{Name: "floor"}}},
		"standardization":     {Regressors: []prophet.Regressor{{Name: "a", Standardize: 5}}},
		"regressor and holiday": {
			Regressors: []prophet.Regressor{{Name: "a"}}, Holidays: []prophet.Holiday{{Name: "a", Date: at}},
		},
		"seasonality and holiday": {
			Seasonalities: []prophet.Seasonality{{Name: "a", Period: 3, Order: 1}}, Holidays: []prophet.Holiday{{Name: "a", Date: at}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := m.Fit(series(noisy(30, 1)...)); !errors.Is(err, prophet.ErrModel) {
				t.Errorf("got %v, want %v", err, prophet.ErrModel)
			}
		})
	}
	if err := (prophet.Model{}).Validate(); err != nil {
		t.Errorf("the zero model: %v", err)
	}
}

// TestUnusualSeries: series that a fit must survive, with forecasts that stay
// within a stated distance of the data.
func TestUnusualSeries(t *testing.T) {
	gap := series(noisy(120, 1)...)
	for i := 60; i < 120; i++ {
		gap.Time[i] = gap.Time[i].AddDate(3, 0, 0)
	}
	double := series(noisy(60, 1)...)
	for i := range double.Time {
		double.Time[i] = days(60)[i/2]
	}
	shuffled := series(noisy(60, 1)...)
	rand.New(rand.NewPCG(1, 1)).Shuffle(60, func(i, j int) {
		shuffled.Time[i], shuffled.Time[j] = shuffled.Time[j], shuffled.Time[i]
		shuffled.Y[i], shuffled.Y[j] = shuffled.Y[j], shuffled.Y[i]
	})
	holes := series(noisy(90, 1)...)
	for i := range holes.Y {
		if i%3 == 1 {
			holes.Y[i] = nan
		}
	}
	line := make([]float64, 100)
	for i := range line {
		line[i] = 3 + float64(i)/10
	}
	for name, c := range map[string]struct {
		m      prophet.Model
		h      prophet.History
		lo, hi float64 // of the forecast of 28 days
		status prophet.Status
	}{
		"all zero":            {h: series(repeat(0, 50)...), status: prophet.Constant},
		"constant":            {h: series(repeat(7, 50)...), lo: 7, hi: 7, status: prophet.Constant},
		"constant, flat":      {m: prophet.Model{Growth: prophet.Flat}, h: series(repeat(-7, 50)...), lo: -7, hi: -7, status: prophet.Constant},
		"constant, minmax":    {m: prophet.Model{Scaling: prophet.MinMax}, h: series(repeat(7, 50)...), lo: 7, hi: 7, status: prophet.Constant},
		"two points":          {h: series(3, 5), lo: 3, hi: 5, status: prophet.Converged | prophet.FellBack},
		"three points":        {h: series(3, 5, 4), lo: 3, hi: 5, status: prophet.Converged | prophet.FellBack},
		"tiny":                {h: series(noisy(60, 1e-300)...), lo: 4e-300, hi: 16e-300, status: prophet.Converged},
		"huge":                {h: series(noisy(60, 1e300)...), lo: 4e300, hi: 16e300, status: prophet.Converged},
		"smallest numbers":    {h: series(5e-324, 0, 5e-324, 0, 5e-324, 0, 5e-324, 0), lo: -5e-323, hi: 5e-323, status: prophet.Converged},
		"gap over the season": {h: gap, lo: 0, hi: 20, status: prophet.Converged},
		"repeated dates":      {h: double, lo: 4, hi: 16, status: prophet.Converged},
		"holes":               {h: holes, lo: 2, hi: 18, status: prophet.Converged},
		"a line":              {h: series(line...), lo: 12.9, hi: 15.8, status: prophet.Converged | prophet.SigmaFloored},
	} {
		t.Run(name, func(t *testing.T) {
			f := fit(t, c.m, c.h)
			fc := predict(t, f, prophet.Future{Time: f.FutureTimes(28, prophet.Daily(), false)})
			for i, v := range fc.YHat {
				if !(v >= c.lo-1e-9*math.Abs(c.lo) && v <= c.hi+1e-9*math.Abs(c.hi)) {
					t.Fatalf("day %d: %v is not within %v and %v (%+v)", i, v, c.lo, c.hi, f.Diagnostics)
				}
			}
			if !f.Diagnostics.Status.Has(c.status) {
				t.Errorf("status %v, want %v", f.Diagnostics.Status, c.status)
			}
		})
	}

	t.Run("order does not matter", func(t *testing.T) {
		a, b := fit(t, prophet.Model{}, series(noisy(60, 1)...)), fit(t, prophet.Model{}, shuffled)
		if a.Params.K != b.Params.K || !slices.Equal(a.Params.Beta, b.Params.Beta) {
			t.Errorf("parameters %+v and %+v", a.Params, b.Params)
		}
	})
	t.Run("no look ahead into the caller's slices", func(t *testing.T) {
		h := series(noisy(60, 1)...)
		f := fit(t, prophet.Model{}, h)
		future := prophet.Future{Time: f.FutureTimes(5, prophet.Daily(), false)}
		want := predict(t, f, future).YHat
		for i := range h.Y {
			h.Y[i], h.Time[i] = -1, date(1999, 1, 1)
		}
		if got := predict(t, f, future).YHat; !slices.Equal(got, want) || f.History.Y[0] == -1 {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestUnusualSeriesInEveryMode: whatever the mode and the growth, an estimate is
// found, and forecasts are numbers near the data.
func TestUnusualSeriesInEveryMode(t *testing.T) {
	with := func(n int, y func(i int) float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = y(i)
		}
		return out
	}
	modes := map[string]prophet.Model{
		"multiplicative":          {SeasonalityMode: prophet.Multiplicative},
		"flat multiplicative":     {Growth: prophet.Flat, SeasonalityMode: prophet.Multiplicative},
		"multiplicative minmax":   {Scaling: prophet.MinMax, SeasonalityMode: prophet.Multiplicative},
		"logistic":                {Growth: prophet.Logistic},
		"logistic multiplicative": {Growth: prophet.Logistic, SeasonalityMode: prophet.Multiplicative},
	}
	for name, y := range map[string][]float64{
		"all zero": repeat(0, 50), "constant": repeat(7, 50), "two points": {3, 5}, "three points": {3, 5, 4},
		"tiny": noisy(60, 1e-300), "huge": noisy(60, 1e300),
		"a line":      with(100, func(i int) float64 { return 3 + float64(i)/10 }),
		"one sale":    with(100, func(i int) float64 { return float64(i / 40 % 2 * (1 - min(1, i%40))) }),
		"rare sales":  with(200, func(i int) float64 { return float64((1 + i%3) * (1 - min(1, i%17))) }),
		"a jump":      with(100, func(i int) float64 { return float64(10 * (i / 50)) }),
		"around zero": with(80, func(i int) float64 { return math.Sin(float64(i) * float64(i)) }),
		"an outlier":  with(80, func(i int) float64 { return 10 + math.Sin(float64(i*i)) + 1e4*float64(1-min(1, (i-30)*(i-30))) }),
	} {
		for kind, m := range modes {
			t.Run(name+", "+kind, func(t *testing.T) {
				h := series(y...)
				lo, hi := slices.Min(y), slices.Max(y)
				future := prophet.Future{}
				if m.Growth == prophet.Logistic {
					limit := 1.2 * hi
					if limit == 0 {
						limit = 1
					}
					h.Cap, future.Cap = repeat(limit, len(y)), repeat(limit, 28)
				}
				f := fit(t, m, h)
				future.Time = f.FutureTimes(28, prophet.Daily(), false)
				// A trend that ends with a jump goes on at its mean rate.
				spread := math.Max(hi-lo, 1e-3*hi)
				for i, v := range predict(t, f, future).YHat {
					if !(v >= lo-spread-1e-6 && v <= hi+spread+1e-6) {
						t.Fatalf("day %d: %v, history %v to %v (%+v)", i, v, lo, hi, f.Diagnostics)
					}
				}
				if d := f.Diagnostics; !d.Status.Has(prophet.Converged) && !d.Status.Has(prophet.Constant) && !d.Status.Has(prophet.SigmaFloored) {
					t.Errorf("diagnostics %+v", d)
				}
			})
		}
	}
}

// TestCapBelowValues: the trend stays below its capacity, whatever the values,
// and the diagnostics say that the values do not.
func TestCapBelowValues(t *testing.T) {
	for name, c := range map[string]struct {
		limit float64
		above bool
	}{"below all": {5, true}, "below some": {11, true}, "above": {20, false}} {
		h := series(noisy(200, 1)...)
		h.Cap = repeat(c.limit, 200)
		f := fit(t, prophet.Model{Growth: prophet.Logistic}, h)
		fc := predict(t, f, prophet.Future{Time: f.FutureTimes(28, prophet.Daily(), false), Cap: repeat(c.limit, 28)})
		for i, v := range fc.Trend {
			if !(v > 0 && v <= c.limit) || math.IsNaN(fc.YHat[i]) {
				t.Fatalf("%s: day %d: trend %v, forecast %v", name, i, v, fc.YHat[i])
			}
		}
		if d := f.Diagnostics; !d.Status.Has(prophet.Converged) || d.Status.Has(prophet.AboveCap) != c.above {
			t.Errorf("%s: status %v", name, d.Status)
		}
	}
}

// TestShortSeries: for every length from 2 days on, forecasts stay near the
// data, although the columns can reproduce them exactly up to about 30.
func TestShortSeries(t *testing.T) {
	for kind, m := range map[string]prophet.Model{
		"default": {}, "multiplicative": {SeasonalityMode: prophet.Multiplicative},
		"logistic": {Growth: prophet.Logistic}, "minmax": {Scaling: prophet.MinMax},
	} {
		for n := 2; n <= 45; n++ {
			for seed := range uint64(4) {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				y := make([]float64, n)
				for i := range y {
					y[i] = math.Round(20 + 3*rng.NormFloat64())
				}
				h, future := series(y...), prophet.Future{}
				if m.Growth == prophet.Logistic {
					h.Cap, future.Cap = repeat(40, n), repeat(40, 7)
				}
				f := fit(t, m, h)
				future.Time = f.FutureTimes(7, prophet.Daily(), false)
				lo, hi := slices.Min(y), slices.Max(y)
				for i, v := range predict(t, f, future).YHat {
					if spread := hi - lo; v < lo-3*spread || v > hi+3*spread {
						t.Errorf("%s, %d days, seed %d: day %d is %v, history %v to %v (%+v)", kind, n, seed, i, v, lo, hi, f.Diagnostics)
						break
					}
				}
			}
		}
	}
}

// TestInterpolation: where free columns reproduce the data, a simpler model is
// fitted and the diagnostics say which.
func TestInterpolation(t *testing.T) {
	var h prophet.History
	seed := &prophet.Fitted{HistoryDates: []time.Time{date(2018, 1, 1)}}
	h.Time = seed.FutureTimes(26, prophet.Monthly(), false)
	rng := rand.New(rand.NewPCG(5, 5))
	for range h.Time {
		h.Y = append(h.Y, 100+10*rng.NormFloat64())
	}
	m := prophet.Model{Yearly: 12, SeasonalityPriorScale: 1000}
	f := fit(t, m, h)
	d := f.Diagnostics
	if !d.Status.Has(prophet.FellBack) || d.Status.Has(prophet.SigmaFloored) || len(d.Simplified) == 0 || d.Simplified[0] != "changepoints" {
		t.Fatalf("diagnostics %+v", d)
	}
	fc := predict(t, f, prophet.Future{Time: f.FutureTimes(12, prophet.Monthly(), false)})
	for i, v := range fc.YHat {
		closeTo(t, fc.Time[i].Format(time.DateOnly), v, 100, 60)
	}
	m.Literal = true
	if d := fit(t, m, h).Diagnostics; !d.Status.Has(prophet.SigmaFloored) || d.Status.Has(prophet.FellBack) {
		t.Errorf("Literal: %+v", d)
	}
}
