package prophet_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

func TestSharedBadInput(t *testing.T) {
	twice := days(10)
	twice[4] = twice[3]
	m := prophet.Model{Regressors: []prophet.Regressor{{Name: "price"}}}
	for name, c := range map[string]struct {
		model prophet.Model
		dates prophet.Future
		want  error
	}{
		"no dates":            {dates: prophet.Future{}, want: prophet.ErrTooFewRows},
		"one date":            {dates: prophet.Future{Time: days(1)}, want: prophet.ErrTooFewRows},
		"a date twice":        {dates: prophet.Future{Time: twice}, want: prophet.ErrDates},
		"backwards":           {dates: prophet.Future{Time: []time.Time{days(2)[1], days(2)[0]}}, want: prophet.ErrDates},
		"year 1":              {dates: prophet.Future{Time: []time.Time{{}, days(1)[0]}}, want: prophet.ErrTime},
		"model":               {model: prophet.Model{Growth: 7}, dates: prophet.Future{Time: days(9)}, want: prophet.ErrModel},
		"no capacities":       {model: prophet.Model{Growth: prophet.Logistic}, dates: prophet.Future{Time: days(9)}, want: prophet.ErrCap},
		"regressor too short": {model: m, dates: prophet.Future{Time: days(9), Regressors: map[string][]float64{"price": {1}}}, want: prophet.ErrLength},
		"regressor with a hole": {
			model: m, dates: prophet.Future{Time: days(3), Regressors: map[string][]float64{"price": {1, math.NaN(), 2}}},
			want: prophet.ErrNotFinite,
		},
		"no condition": {
			model: prophet.Model{Seasonalities: []prophet.Seasonality{{Name: "x", Period: 7, Order: 1, Condition: "open"}}},
			dates: prophet.Future{Time: days(9)}, want: prophet.ErrMissing,
		},
	} {
		if _, err := c.model.Share(c.dates); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	s := share(t, m, prophet.Future{Time: days(90)})
	if got := s.Own(); !slices.Equal(got, []string{"price"}) || len(s.Dates()) != 90 {
		t.Errorf("own regressors %v on %d dates", got, len(s.Dates()))
	}
	var e prophet.Estimate
	w := s.Fitter()
	if err := w.Fit(&e, make([]float64, 89), nil); !errors.Is(err, prophet.ErrLength) {
		t.Errorf("too few values: %v", err)
	}
	if err := w.Fit(&e, make([]float64, 91), nil); !errors.Is(err, prophet.ErrLength) {
		t.Errorf("too many values: %v", err)
	}
	y := retailSales(90, 1)
	if err := w.Fit(&e, y, map[string][]float64{"price": y[:80]}); !errors.Is(err, prophet.ErrLength) {
		t.Errorf("a short regressor: %v", err)
	}
	if err := w.Fit(&e, y, map[string][]float64{"price": y}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Future(prophet.Future{Time: days(92)[90:]})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		own  map[string][]float64
		want error
	}{
		"no regressor":        {nil, prophet.ErrMissing},
		"a short one":         {map[string][]float64{"price": {1}}, prophet.ErrLength},
		"one without a value": {map[string][]float64{"price": {1, math.NaN()}}, prophet.ErrNotFinite},
	} {
		if err := rows.PredictTo(make([]float64, 2), &e, c.own); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := s.Future(prophet.Future{Time: []time.Time{{}}}); !errors.Is(err, prophet.ErrTime) {
		t.Errorf("a future in year 1: %v", err)
	}
	for name, f := range map[string]func(){
		"dst":    func() { _ = rows.PredictTo(make([]float64, 3), &e, nil) },
		"shared": func() { _ = rows.PredictTo(make([]float64, 2), &prophet.Estimate{}, nil) },
		"folds":  func() { _ = w.CrossValidateTo(make([]float64, 3), y, nil, []int{50}, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// FuzzShared fits whatever comes: an error, or an optimum and finite forecasts.
func FuzzShared(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 250, 251, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 252, 20}, uint8(0))
	f.Add([]byte("some sales of some days, and others on which the shop was closed, or nobody knows"), uint8(7))
	f.Add([]byte{255, 255, 1, 255}, uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, kind uint8) {
		if len(raw) < 2 || len(raw) > 400 {
			return
		}
		y, price := make([]float64, len(raw)), make([]float64, len(raw))
		for i, v := range raw {
			price[i] = float64(v % 5)
			switch {
			case v > 250:
				y[i] = math.NaN()
			case v == 250:
				y[i] = -1e300
			case v == 249:
				y[i] = 1e-300
			default:
				y[i] = float64(v)
			}
		}
		m := prophet.Model{ChangepointPriorScale: 0.05 * float64(1+kind%3)}
		if kind&4 != 0 {
			m.Regressors = []prophet.Regressor{{Name: "price"}}
		}
		if kind&8 != 0 {
			m.Scaling = prophet.MinMax
		}
		if kind&16 != 0 {
			m.Yearly = 2
		}
		s := share(t, m, prophet.Future{Time: days(len(raw))})
		own := map[string][]float64{"price": price}
		var e prophet.Estimate
		w := s.Fitter()
		if err := w.Fit(&e, y, own); err != nil {
			if !errors.Is(err, prophet.ErrTooFewRows) && !errors.Is(err, prophet.ErrNotFinite) && !errors.Is(err, prophet.ErrSolver) {
				t.Fatal(err)
			}
			return
		}
		if d := &e.Diagnostics; e.Path != prophet.Separate && !d.Status.Has(prophet.Constant) && !(d.KKT <= 1e-6) {
			t.Errorf("%v: %+v", e.Path, *d)
		}
		rows, err := s.Future(prophet.Future{Time: days(len(raw) + 9)[len(raw):]})
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.PredictTo(make([]float64, 9), &e, map[string][]float64{"price": price[:2:2]}); kind&4 != 0 && err == nil && e.Path != prophet.Separate {
			t.Error("a regressor of another length")
		}
		ahead := map[string][]float64{"price": make([]float64, 9)}
		if err := rows.PredictTo(make([]float64, 9), &e, ahead); err != nil && !errors.Is(err, prophet.ErrNotFinite) {
			t.Error(err)
		}
		if n := len(y) / 2; n > 3 {
			_ = w.CrossValidateTo(make([]float64, 2), y, own, []int{n}, 2) // does not panic
		}
	})
}
