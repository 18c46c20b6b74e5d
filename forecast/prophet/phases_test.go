package prophet_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// weekdays is a history of about 68 on weekdays, without weekends.
func weekdays(n int, effect float64) prophet.History {
	rng := rand.New(rand.NewPCG(7, 1))
	var h prophet.History
	for i, t := range days(n) {
		if d := t.Weekday(); d != time.Saturday && d != time.Sunday {
			h.Time = append(h.Time, t)
			h.Y = append(h.Y, 68*(1+effect*float64(int(d)-3)/10)+rng.NormFloat64()+float64(i)/50)
		}
	}
	return h
}

// TestUnobservedPhases: the optimum trades the trend's level against the free
// weekend (the Python package's documentation warns of the result); here the
// weekend follows the weekdays, the fitted values stay, and the caller is told.
func TestUnobservedPhases(t *testing.T) {
	for name, c := range map[string]struct {
		m prophet.Model
	}{
		"additive":       {prophet.Model{}},
		"flat":           {prophet.Model{Growth: prophet.Flat}},
		"multiplicative": {prophet.Model{SeasonalityMode: prophet.Multiplicative}},
		"minmax":         {prophet.Model{Scaling: prophet.MinMax}},
		"mixed": {prophet.Model{SeasonalityMode: prophet.Multiplicative, Seasonalities: []prophet.Seasonality{
			{Name: "monthly", Period: 30.5, Order: 2, Mode: prophet.Additive},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := weekdays(300, 1)
			pinned := fit(t, c.m, h)
			c.m.Literal = true
			literal := fit(t, c.m, h)
			if d := pinned.Diagnostics; !d.Status.Has(prophet.Pinned) || !slices.Equal(d.Unobserved, []string{"weekly"}) {
				t.Fatalf("diagnostics %+v", d)
			}
			if literal.Diagnostics.Status.Has(prophet.Pinned) {
				t.Errorf("Literal was pinned: %v", literal.Diagnostics.Status)
			}
			a, b := predict(t, pinned, h.Future()), predict(t, literal, h.Future())
			for i := range a.YHat {
				closeTo(t, "fitted value", a.YHat[i], b.YHat[i], 1e-3*pinned.Params.Sigma*pinned.YScale)
			}
			if len(a.Unobserved) != 0 {
				t.Errorf("the history itself is said to be unobserved: %v", a.Unobserved)
			}
			future := prophet.Future{Time: pinned.FutureTimes(14, prophet.Daily(), false)}
			fc := predict(t, pinned, future)
			var week, end float64
			for i, at := range future.Time {
				if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
					end += fc.YHat[i] / 4
				} else {
					week += fc.YHat[i] / 10
				}
			}
			closeTo(t, "weekend", end, week, 0.1*week)
			if len(fc.Unobserved) != 1 || fc.Unobserved[0].Name != "weekly" || fc.Unobserved[0].Rows != 4 ||
				fc.Unobserved[0].First.Weekday() != time.Saturday {
				t.Errorf("unobserved rows: %v", fc.Unobserved)
			}
		})
	}
}

// TestUnobservedPhasesLogistic: the level of a logistic trend is part of its
// shape, so it is fitted again; the fit may lose a little, the weekend follows
// the weekdays.
func TestUnobservedPhasesLogistic(t *testing.T) {
	for name, mode := range map[string]prophet.Mode{"additive": prophet.Additive, "multiplicative": prophet.Multiplicative} {
		t.Run(name, func(t *testing.T) {
			h := weekdays(300, 1)
			h.Cap = repeat(107, len(h.Y))
			m := prophet.Model{Growth: prophet.Logistic, SeasonalityMode: mode}
			pinned := fit(t, m, h)
			m.Literal = true
			literal := fit(t, m, h)
			if d := pinned.Diagnostics; !d.Status.Has(prophet.Pinned|prophet.Converged) || !slices.Equal(d.Unobserved, []string{"weekly"}) {
				t.Fatalf("diagnostics %+v", d)
			}
			if literal.Diagnostics.Status.Has(prophet.Pinned) {
				t.Errorf("Literal was pinned: %v", literal.Diagnostics.Status)
			}
			if pinned.Params.Sigma > 1.05*literal.Params.Sigma {
				t.Errorf("sigma %v, of the optimum %v", pinned.Params.Sigma, literal.Params.Sigma)
			}
			a, b := predict(t, pinned, h.Future()), predict(t, literal, h.Future())
			for i := range a.YHat {
				closeTo(t, "fitted value", a.YHat[i], b.YHat[i], literal.Params.Sigma*literal.YScale)
			}
			future := prophet.Future{Time: pinned.FutureTimes(14, prophet.Daily(), false), Cap: repeat(107, 14)}
			fc, far := predict(t, pinned, future), predict(t, literal, future)
			var week, end, farEnd float64
			for i, at := range future.Time {
				if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
					end += fc.YHat[i] / 4
					farEnd += far.YHat[i] / 4
				} else {
					week += fc.YHat[i] / 10
				}
			}
			closeTo(t, "weekend", end, week, 0.1*week)
			if math.Abs(farEnd-week) < 0.2*week {
				t.Errorf("the optimum itself forecasts %v at weekends: the test shows nothing", farEnd)
			}
		})
	}
}

// TestConstantRegressor: what never changed has no known effect.
func TestConstantRegressor(t *testing.T) {
	for _, mode := range []prophet.Mode{prophet.Additive, prophet.Multiplicative} {
		for _, value := range []float64{0, 5} {
			h := prophet.History{Time: days(200), Y: make([]float64, 200)}
			x := make([]float64, 200)
			rng := rand.New(rand.NewPCG(1, 9))
			for i := range h.Y {
				h.Y[i], x[i] = 50+5*rng.NormFloat64(), value
			}
			h.Regressors = map[string][]float64{"price": x}
			f := fit(t, prophet.Model{Regressors: []prophet.Regressor{{Name: "price", Mode: mode}}}, h)
			future := prophet.Future{Time: f.FutureTimes(3, prophet.Daily(), false), Regressors: map[string][]float64{"price": {value, 7, 1}}}
			fc := predict(t, f, future)
			for _, v := range fc.YHat {
				closeTo(t, "forecast", v, 50, 8)
			}
			if len(fc.Unobserved) != 1 || fc.Unobserved[0].Name != "price" || fc.Unobserved[0].Rows != 2 {
				t.Errorf("%v %v: unobserved %v", mode, value, fc.Unobserved)
			}
			if !slices.Equal(f.Diagnostics.Unobserved, []string{"price"}) {
				t.Errorf("diagnostics %+v", f.Diagnostics)
			}
		}
	}
}

// TestObservedPhases: regular data of every kind have nothing unobserved in
// their own future.
func TestObservedPhases(t *testing.T) {
	for name, c := range map[string]struct {
		step prophet.Step
		n    int
		m    prophet.Model
	}{
		"daily":     {prophet.Daily(), 800, prophet.Model{}},
		"two weeks": {prophet.Daily(), 15, prophet.Model{}},
		"weekly":    {prophet.Weekly(), 120, prophet.Model{}},
		"monthly":   {prophet.Monthly(), 40, prophet.Model{}},
		"hourly":    {prophet.Hourly(), 24 * 20, prophet.Model{}},
	} {
		t.Run(name, func(t *testing.T) {
			seed := &prophet.Fitted{HistoryDates: days(1)}
			h := prophet.History{Time: seed.FutureTimes(c.n, c.step, false)}
			for i := range h.Time {
				h.Y = append(h.Y, 10+math.Sin(float64(i)*float64(i)))
			}
			c.m.Solver = prophet.Stan // phases do not depend on the solver
			f := fit(t, c.m, h)
			fc := predict(t, f, prophet.Future{Time: f.FutureTimes(c.n, c.step, false)})
			if len(fc.Unobserved) != 0 || len(f.Seasonalities) == 0 {
				t.Errorf("unobserved %v, seasonalities %v", fc.Unobserved, f.Seasonalities)
			}
		})
	}
}
