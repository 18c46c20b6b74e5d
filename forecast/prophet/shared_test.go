package prophet_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/skucast/skucast/forecast/prophet"
)

// The same series gives what Model.Fit gives: optimum, diagnostics, forecast.
func TestSharedAgainstFit(t *testing.T) {
	all := plainCases()
	for name, c := range regressorCases() {
		all["regressors/"+name] = c
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			full := merged(&c, &c.dates, c.own)
			want, err := c.model.Fit(prophet.History{
				Time: full.Time, Y: c.y, Cap: full.Cap, Conditions: full.Conditions, Regressors: full.Regressors,
			})
			if (c.err == nil) != (err == nil) || !errors.Is(err, c.err) {
				t.Fatalf("Model.Fit: %v, want %v", err, c.err)
			}
			s := share(t, c.model, c.dates)
			w := s.Fitter()
			var e prophet.Estimate
			for range 2 { // with and without the factorisation of these dates
				if err := w.Fit(&e, c.y, c.own); !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
					t.Fatalf("%v, want %v", err, c.err)
				}
				if c.err != nil {
					return
				}
				if e.Path != c.path {
					t.Fatalf("path %v, want %v", e.Path, c.path)
				}
				if c.path == prophet.OtherDates {
					c.path = prophet.SameDates
				}
				sameEstimate(t, &e, want)
				got, err := e.Fitted(c.y, c.own)
				if err != nil {
					t.Fatal(err)
				}
				if &got.History.Y[0] == &c.y[0] {
					t.Error("the series belongs to the caller")
				}
				sameFitted(t, got, want)
				sameForecasts(t, &c, s, &e, got, want)
			}
		})
	}
}

func sameEstimate(t *testing.T, e *prophet.Estimate, want *prophet.Fitted) {
	t.Helper()
	d, o := e.Diagnostics, want.Diagnostics
	if d.Status != o.Status || d.Solver != o.Solver || !slices.Equal(d.Unobserved, o.Unobserved) || !slices.Equal(d.Simplified, o.Simplified) {
		t.Errorf("%v %v %v %v, want %v %v %v %v", d.Status, d.Solver, d.Unobserved, d.Simplified, o.Status, o.Solver, o.Unobserved, o.Simplified)
	}
	if e.Path != prophet.Separate && (d.KKT > 1e-6 || d.Gap > 1e-6) {
		t.Errorf("KKT %v, gap %v", d.KKT, d.Gap)
	}
	closeTo(t, "log posterior", d.LogPosterior, o.LogPosterior, 1e-9*math.Abs(o.LogPosterior)+1e-9)
	closeTo(t, "sigma floor", d.SigmaFloor, o.SigmaFloor, 1e-6*o.SigmaFloor)
	closeTo(t, "y scale", e.YScale, want.YScale, 0)
	closeTo(t, "y min", e.YMin, want.YMin, 0)
	closeTo(t, "sigma", e.Params.Sigma, want.Params.Sigma, 1e-8*want.Params.Sigma)
	// How far parameters can move while the log posterior stays depends on the
	// data; forecasts are compared more closely.
	closeTo(t, "k", e.Params.K, want.Params.K, 1e-6)
	closeTo(t, "m", e.Params.M, want.Params.M, 1e-6)
	if len(e.Params.Delta) != len(want.Params.Delta) || len(e.Params.Beta) != len(want.Params.Beta) {
		t.Fatalf("%d changes and %d effects, want %d and %d", len(e.Params.Delta), len(e.Params.Beta), len(want.Params.Delta), len(want.Params.Beta))
	}
	for j, v := range want.Params.Delta {
		closeTo(t, fmt.Sprintf("change %d", j), e.Params.Delta[j], v, 1e-6)
	}
	for j, v := range want.Params.Beta {
		closeTo(t, fmt.Sprintf("effect %d", j), e.Params.Beta[j], v, 1e-7)
	}
}

// sameFitted compares everything but the estimates.
func sameFitted(t *testing.T, got, want *prophet.Fitted) {
	t.Helper()
	a, b := *got, *want
	a.Params, b.Params = prophet.Params{}, prophet.Params{}
	a.Diagnostics, b.Diagnostics = prophet.Diagnostics{}, prophet.Diagnostics{}
	if !reflect.DeepEqual(a, b) {
		va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
		for i := range va.NumField() {
			if x, y := va.Field(i), vb.Field(i); va.Type().Field(i).IsExported() && !reflect.DeepEqual(x.Interface(), y.Interface()) {
				t.Errorf("%s: got %.200v, want %.200v", va.Type().Field(i).Name, x, y)
			}
		}
	}
}

func sameForecasts(t *testing.T, c *sharedCase, s *prophet.Shared, e *prophet.Estimate, got, want *prophet.Fitted) {
	t.Helper()
	common, own := c.ahead, ownRegressors(80, 2)
	if common.Time == nil {
		common, own = c.dates, c.own
	}
	future := merged(c, &common, own)
	yhat := make([]float64, len(future.Time))
	rows, err := s.Future(common)
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.PredictTo(yhat, e, own); err != nil {
		t.Fatal(err)
	}
	expected := predict(t, want, future).YHat
	tolerance := 1e-7 * want.YScale
	if c.model.Literal {
		tolerance *= 100 // only the prior of the level says what Sundays are like
	}
	for i, v := range expected {
		closeTo(t, fmt.Sprintf("forecast %d", i), yhat[i], v, tolerance)
	}
	for i, v := range predict(t, got, future).YHat {
		closeTo(t, fmt.Sprintf("forecast %d of Fitted", i), yhat[i], v, 1e-9*want.YScale)
	}
}

// Equal bytes whatever series came before and however many goroutines share the
// work.
func TestSharedOrder(t *testing.T) {
	const n, count = 400, 90
	m := prophet.Model{Regressors: []prophet.Regressor{{Name: "promo"}}}
	s := share(t, m, prophet.Future{Time: days(n)})
	series, own := make([][]float64, count), make([]map[string][]float64, count)
	for k := range series {
		rng := rand.New(rand.NewPCG(uint64(k), 5))
		start := []int{0, 0, k, 2 * k, n - 30}[k%5]
		series[k] = without(retailSales(n, uint64(k)), func(i int) bool { return i < start || k%3 == 0 && rng.IntN(50) == 0 })
		own[k] = ownRegressors(n, uint64(k))
	}
	one := func(w *prophet.Fitter, k int) string {
		var e prophet.Estimate
		if err := w.Fit(&e, series[k], own[k]); err != nil {
			t.Error(err)
		}
		e.Diagnostics.Unobserved = nil
		return fmt.Sprintf("%b %b %b %b %b %+v", e.Params.K, e.Params.M, e.Params.Sigma, e.Params.Delta, e.Params.Beta, e.Diagnostics)
	}
	want := make([]string, count)
	for k := range want {
		want[k] = one(s.Fitter(), k)
	}
	for workers := 1; workers <= 3; workers++ {
		order := rand.New(rand.NewPCG(9, uint64(workers))).Perm(count)
		var group sync.WaitGroup
		for worker := range workers {
			group.Go(func() {
				w := s.Fitter()
				for i := worker; i < count; i += workers {
					if got := one(w, order[i]); got != want[order[i]] {
						t.Errorf("series %d with %d workers: %s, alone %s", order[i], workers, got, want[order[i]])
					}
				}
			})
		}
		group.Wait()
	}
}

// Nothing allocates on dates that were seen before.
func TestSharedAllocations(t *testing.T) {
	s := share(t, prophet.Model{}, prophet.Future{Time: days(800)})
	future, err := s.Future(prophet.Future{Time: days(830)[800:]})
	if err != nil {
		t.Fatal(err)
	}
	w, yhat, folds := s.Fitter(), make([]float64, 30), make([]float64, 2*28)
	var e prophet.Estimate
	for name, y := range map[string][]float64{
		"all dates": retailSales(800, 1),
		"window":    without(retailSales(800, 2), func(i int) bool { return i < 33 }),
		"closed":    without(retailSales(800, 3), func(i int) bool { return i%7 == 6 }),
		"zeros":     make([]float64, 800),
	} {
		if n := testing.AllocsPerRun(5, func() {
			if err := w.Fit(&e, y, nil); err != nil {
				t.Fatal(err)
			}
			if err := future.PredictTo(yhat, &e, nil); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	y := retailSales(800, 4)
	if n := testing.AllocsPerRun(5, func() {
		if err := w.CrossValidateTo(folds, y, nil, []int{700, 750}, 28); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("cross-validation: %v allocations", n)
	}
}

// FromSums finds the same optimum and says nearly the same about it.
func TestFromSums(t *testing.T) {
	s := share(t, prophet.Model{}, prophet.Future{Time: days(800)})
	rows, sums := s.Fitter(), s.Fitter()
	sums.FromSums = true
	for k := range 30 {
		var a, b prophet.Estimate
		y := retailSales(800, uint64(100+k))
		if err := errors.Join(rows.Fit(&a, y, nil), sums.Fit(&b, y, nil)); err != nil {
			t.Fatal(err)
		}
		if b.Diagnostics.KKT > 1e-6 || !b.Diagnostics.Status.Has(prophet.Converged) || b.Path != prophet.SameDates {
			t.Errorf("series %d: %+v", k, b.Diagnostics)
		}
		closeTo(t, "log posterior", b.Diagnostics.LogPosterior, a.Diagnostics.LogPosterior, 1e-9*math.Abs(a.Diagnostics.LogPosterior))
		closeTo(t, "k", b.Params.K, a.Params.K, 1e-9)
		if a.Diagnostics.KKT == b.Diagnostics.KKT {
			t.Errorf("series %d: the certificate was computed the same way", k)
		}
	}
}
