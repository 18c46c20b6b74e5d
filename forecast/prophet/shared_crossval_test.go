package prophet_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// plainFold fits and forecasts one fold with nothing but Model.Fit.
func plainFold(t *testing.T, f *prophet.Fitted, cutoff time.Time, horizon time.Duration) []prophet.CVPoint {
	t.Helper()
	m, h := f.Model, f.History.Clone()
	m.Yearly, m.Weekly, m.Daily, m.Seasonalities = prophet.Off, prophet.Off, prophet.Off, f.Seasonalities
	last, ahead := time.Time{}, prophet.Future{}
	var y []float64
	var rows []int
	for i, at := range h.Time {
		switch {
		case !at.After(cutoff):
			last = at
		default:
			if !at.After(cutoff.Add(horizon)) {
				ahead.Time, rows, y = append(ahead.Time, at), append(rows, i), append(y, h.Y[i])
			}
			h.Y[i] = math.NaN() // not part of the fit
		}
	}
	if m.Changepoints != nil {
		m.Changepoints = []time.Time{}
		for _, at := range f.Changepoints {
			if at.Before(last) {
				m.Changepoints = append(m.Changepoints, at)
			}
		}
	}
	if len(h.Regressors) > 0 {
		ahead.Regressors = map[string][]float64{}
		for name, x := range h.Regressors {
			for _, i := range rows {
				ahead.Regressors[name] = append(ahead.Regressors[name], x[i])
			}
		}
	}
	fold := fit(t, m, h)
	yhat := predict(t, fold, ahead).YHat
	bounds, err := fold.Intervals(ahead)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]prophet.CVPoint, len(rows))
	for i := range out {
		out[i] = prophet.CVPoint{Time: ahead.Time[i], Cutoff: cutoff, Y: y[i], Yhat: yhat[i], Lower: bounds.Lower[i], Upper: bounds.Upper[i]}
	}
	return out
}

// Folds by sums are folds by Model.Fit.
func TestCrossValidateAgainstFit(t *testing.T) {
	inputs := ownRegressors(800, 1)
	regressors := prophet.Model{Regressors: []prophet.Regressor{{Name: "price"}, {Name: "promo"}}}
	repeated := append(days(400), days(402)[400], days(402)[400])
	changepoints := []time.Time{days(800)[100], days(800)[400], days(800)[699], days(800)[760]}
	for name, c := range map[string]struct {
		model prophet.Model
		h     prophet.History
	}{
		"default":            {h: prophet.History{Time: days(800), Y: retailSales(800, 1)}},
		"counts":             {h: prophet.History{Time: days(800), Y: counts(800, 2)}},
		"missing":            {h: prophet.History{Time: days(800), Y: without(retailSales(800, 3), func(i int) bool { return i%31 == 7 })}},
		"closed":             {h: prophet.History{Time: days(800), Y: without(retailSales(800, 3), func(i int) bool { return i%7 == 6 })}},
		"minmax":             {model: prophet.Model{Scaling: prophet.MinMax}, h: prophet.History{Time: days(800), Y: retailSales(800, 4)}},
		"flat":               {model: prophet.Model{Growth: prophet.Flat}, h: prophet.History{Time: days(800), Y: retailSales(800, 5)}},
		"given changepoints": {model: prophet.Model{Changepoints: changepoints, ChangepointPriorScale: 5}, h: prophet.History{Time: days(800), Y: retailSales(800, 6)}},
		"regressors":         {model: regressors, h: prophet.History{Time: days(800), Y: retailSales(800, 7), Regressors: inputs}},
		"multiplicative":     {model: prophet.Model{SeasonalityMode: prophet.Multiplicative}, h: prophet.History{Time: days(800), Y: counts(800, 8)}},
		"multiplicative, given": {
			model: prophet.Model{SeasonalityMode: prophet.Multiplicative, Changepoints: changepoints, ChangepointPriorScale: 5},
			h:     prophet.History{Time: days(800), Y: counts(800, 8)},
		},
		"repeated times": {h: prophet.History{Time: repeated, Y: retailSales(402, 9)}},
		"no effects":     {model: prophet.Model{Yearly: prophet.Off, Weekly: prophet.Off}, h: prophet.History{Time: days(800), Y: retailSales(800, 10)}},
		"constant":       {h: prophet.History{Time: days(800), Y: make([]float64, 800)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fit(t, c.model, c.h)
			last := f.History.Time[len(f.History.Time)-1]
			samePoints(t, f, prophet.CrossValidation{Horizon: 28 * day, Cutoffs: []time.Time{
				last.Add(-28 * day), last.Add(-90*day - time.Hour), last.Add(-300 * day), f.History.Time[25],
				last.Add(-100 * day), // the day of a given changepoint, which is not one of the fold
			}})
			// A single day, whose step is that of the history.
			samePoints(t, f, prophet.CrossValidation{Horizon: day, Cutoffs: []time.Time{last.Add(-day), last.Add(-100 * day)}})
		})
	}
}

// samePoints compares a cross-validation with fits by hand.
func samePoints(t *testing.T, f *prophet.Fitted, cv prophet.CrossValidation) {
	t.Helper()
	got, err := f.CrossValidate(cv)
	if err != nil {
		t.Fatal(err)
	}
	var want []prophet.CVPoint
	for _, cutoff := range cv.Cutoffs {
		want = append(want, plainFold(t, f, cutoff, cv.Horizon)...)
	}
	if len(got) != len(want) || len(want) < 2*int(cv.Horizon/day) {
		t.Fatalf("%d points, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Time != w.Time || g.Cutoff != w.Cutoff || g.Y != w.Y {
			t.Fatalf("%+v, want %+v", g, w)
		}
		what := fmt.Sprintf("%v from %v", g.Time, g.Cutoff)
		closeTo(t, "forecast of "+what, g.Yhat, w.Yhat, 1e-7*f.YScale)
		closeTo(t, "lower bound of "+what, g.Lower, w.Lower, 2e-7*f.YScale)
		closeTo(t, "upper bound of "+what, g.Upper, w.Upper, 2e-7*f.YScale)
	}
}

// Origins of a shared calendar give the forecasts of CrossValidate.
func TestCrossValidateTo(t *testing.T) {
	inputs := ownRegressors(800, 1)
	for name, c := range map[string]struct {
		model  prophet.Model
		y      []float64
		common bool // regressors of the dates, not of the series
	}{
		"all dates":          {y: retailSales(800, 1)},
		"start later":        {y: without(retailSales(800, 2), func(i int) bool { return i < 90 })},
		"missing":            {y: without(retailSales(800, 3), func(i int) bool { return i%53 == 20 && i < 700 })},
		"regressors":         {model: prophet.Model{Regressors: []prophet.Regressor{{Name: "promo"}, {Name: "price"}}}, y: retailSales(800, 4)},
		"common regressors":  {model: prophet.Model{Regressors: []prophet.Regressor{{Name: "promo"}, {Name: "price"}}}, y: retailSales(800, 4), common: true},
		"given changepoints": {model: prophet.Model{Changepoints: []time.Time{days(800)[200], days(800)[710]}}, y: retailSales(800, 5)},
		"multiplicative":     {model: prophet.Model{SeasonalityMode: prophet.Multiplicative, NChangepoints: 3}, y: counts(800, 6)},
		"both": {
			model: prophet.Model{SeasonalityMode: prophet.Multiplicative, Changepoints: []time.Time{days(800)[200], days(800)[710]}},
			y:     counts(800, 6),
		},
		"no effects": {model: prophet.Model{Yearly: prophet.Off, Weekly: prophet.Off}, y: retailSales(800, 7)},
	} {
		t.Run(name, func(t *testing.T) {
			h := prophet.History{Time: days(800), Y: c.y}
			dates, own := prophet.Future{Time: days(800)}, map[string][]float64(nil)
			if len(c.model.Regressors) > 0 {
				h.Regressors, own = inputs, inputs
				if c.common {
					dates.Regressors, own = inputs, nil
				}
			}
			origins := []int{772, 711, 701, 600}
			cv := prophet.CrossValidation{Horizon: 28 * day}
			for _, n := range origins {
				cv.Cutoffs = append(cv.Cutoffs, days(800)[n-1])
			}
			points, err := fit(t, c.model, h).CrossValidate(cv)
			if err != nil {
				t.Fatal(err)
			}
			want := map[[2]time.Time]float64{}
			for _, p := range points {
				want[[2]time.Time{p.Cutoff, p.Time}] = p.Yhat
			}
			got, again := make([]float64, 28*len(origins)), make([]float64, 28*len(origins))
			s := share(t, c.model, dates)
			if err := s.Fitter().CrossValidateTo(got, c.y, own, origins, 28); err != nil {
				t.Fatal(err)
			}
			// A Fitter that knows series on the dates of the folds, some of which
			// have other seasonalities, does the same.
			w := s.Fitter()
			var e prophet.Estimate
			for _, n := range origins {
				if err := w.Fit(&e, without(c.y, func(i int) bool { return i >= n }), own); err != nil && c.model.Changepoints == nil {
					t.Fatal(err)
				}
			}
			if err := w.CrossValidateTo(again, c.y, own, origins, 28); err != nil || !slices.Equal(again, got) {
				t.Errorf("%v, or other forecasts after other series", err)
			}
			// And the other way round.
			w = s.Fitter()
			if err := w.CrossValidateTo(again, c.y, own, origins, 28); err != nil {
				t.Fatal(err)
			}
			var fresh prophet.Estimate
			part := without(c.y, func(i int) bool { return i >= 701 })
			if w.Fit(&e, part, own) == nil && s.Fitter().Fit(&fresh, part, own) == nil && !reflect.DeepEqual(e.Params, fresh.Params) {
				t.Errorf("%v after folds, %v without", e.Params, fresh.Params)
			}
			compared := 0
			for k, n := range origins {
				for i := range 28 {
					if v, ok := want[[2]time.Time{cv.Cutoffs[k], days(800)[n+i]}]; ok {
						compared++
						closeTo(t, fmt.Sprintf("forecast %d from %d", i, n), got[28*k+i], v, 1e-7*(1+math.Abs(v)))
					}
				}
			}
			if compared < 80 {
				t.Errorf("%d forecasts compared", compared)
			}
		})
	}
}

func TestBadOrigins(t *testing.T) {
	s := share(t, prophet.Model{Regressors: []prophet.Regressor{{Name: "price"}}}, prophet.Future{Time: days(90)})
	w, y := s.Fitter(), retailSales(90, 1)
	own := map[string][]float64{"price": y}
	for name, c := range map[string]struct {
		y       []float64
		own     map[string][]float64
		origins []int
		want    error
	}{
		"too early":      {y, own, []int{1}, prophet.ErrCutoffs},
		"too late":       {y, own, []int{86}, prophet.ErrCutoffs},
		"of another day": {y[:80], own, []int{50}, prophet.ErrLength},
		"no regressor":   {y, nil, []int{50}, prophet.ErrMissing},
		"a short one":    {y, map[string][]float64{"price": y[:3]}, []int{50}, prophet.ErrLength},
		"no values":      {without(y, func(i int) bool { return i < 50 }), own, []int{50}, prophet.ErrTooFewRows},
		"infinite":       {append(y[:89:89], math.Inf(1)), own, []int{50}, nil},
	} {
		err := w.CrossValidateTo(make([]float64, 5), c.y, c.own, c.origins, 5)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
