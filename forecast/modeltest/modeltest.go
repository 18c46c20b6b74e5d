// Package modeltest holds the properties that every forecast.Model must have,
// to be run by the tests of each model.
package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast"
)

// Traits are the properties that differ between models.
type Traits struct {
	// MinObserved is the number of observations that always suffices.
	MinObserved int
	// Constant is the forecast of a constant demand of 1; 0 = 1.
	Constant float64
	// Tolerance of scale equivariance and of constants, relative; 0 = 1e-9.
	Tolerance float64
	// Errors of its own that the model may answer bad input with.
	Errors []error
}

// Run checks m on seeded series of several shapes.
func Run(t *testing.T, m forecast.Model, tr Traits) {
	t.Helper()
	if tr.Tolerance == 0 {
		tr.Tolerance = 1e-9
	}
	if tr.Constant == 0 {
		tr.Constant = 1
	}
	if tr.MinObserved == 0 {
		tr.MinObserved = 60
	}
	for name, s := range shapes() {
		t.Run("scale/"+name, func(t *testing.T) { scale(t, m, s, tr) })
		t.Run("look ahead/"+name, func(t *testing.T) { lookAhead(t, m, s) })
		t.Run("append/"+name, func(t *testing.T) { appendInSteps(t, m, s) })
		t.Run("clone/"+name, func(t *testing.T) { clone(t, m, s) })
		t.Run("finite/"+name, func(t *testing.T) { finite(t, m, s) })
	}
	t.Run("constant", func(t *testing.T) { constant(t, m, tr) })
	t.Run("bad input", func(t *testing.T) { BadInput(t, m, tr.Errors...) })
	t.Run("bad append", func(t *testing.T) { BadAppend(t, m) })
	t.Run("allocations", func(t *testing.T) { allocations(t, m) })
}

// shapes are a smooth seasonal series, an intermittent one, and one with gaps.
func shapes() map[string]forecast.Series {
	rng := rand.New(rand.NewPCG(1, 2))
	smooth, gappy, sparse := make([]float64, 210), make([]float64, 210), make([]float64, 210)
	for i := range smooth {
		smooth[i] = 40 + 0.05*float64(i) + 12*math.Sin(2*math.Pi*float64(i)/7) + rng.NormFloat64()*4
		gappy[i] = smooth[i]
		if i%7 == 6 || i > 100 && i < 120 {
			gappy[i] = math.NaN()
		}
		if rng.Float64() < 0.2 {
			sparse[i] = float64(1 + rng.IntN(5))
		}
	}
	sparse[0] = 2
	out := map[string]forecast.Series{}
	for name, y := range map[string][]float64{"smooth": smooth, "gaps": gappy, "sparse": sparse} {
		out[name] = forecast.Series{Y: y, Season: 7, Phase: 3}
	}
	return out
}

const horizon = 28

func predict(t *testing.T, m forecast.Model, s forecast.Series) []float64 {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatalf("Fit on %d observations: %v", forecast.Observed(s.Y), err)
	}
	dst := make([]float64, horizon)
	f.PredictTo(dst)
	return dst
}

// scale: a thousandfold demand is a thousandfold forecast.
func scale(t *testing.T, m forecast.Model, s forecast.Series, tr Traits) {
	const k = 1000
	want := predict(t, m, s)
	big := s
	big.Y = make([]float64, len(s.Y))
	for i, v := range s.Y {
		big.Y[i] = k * v
	}
	for j, got := range predict(t, m, big) {
		if !near(got, k*want[j], tr.Tolerance*k*(1+math.Abs(want[j]))) {
			t.Fatalf("step %d: forecast of %d·y is %v, of y %v", j, k, got, want[j])
		}
	}
}

// lookAhead: what lies behind the origin in the same array has no influence,
// nor has changing the history after the fit.
func lookAhead(t *testing.T, m forecast.Model, s forecast.Series) {
	n := len(s.Y) - 20
	y := append([]float64(nil), s.Y...)
	past := s
	past.Y = y[:n]
	f, err := m.Fit(past)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, horizon)
	f.PredictTo(want)
	for i := n; i < len(y); i++ {
		y[i] = 1e6
	}
	got := predict(t, m, past)
	if !equal(got, want) {
		t.Fatalf("changing the future moved the forecast: %v, was %v", got, want)
	}
	for i := range y {
		y[i] = -1
	}
	f.PredictTo(got)
	if !equal(got, want) {
		t.Fatal("the fitted model still looks at the caller's slice")
	}
}

// appendInSteps: one call or many make the same state, predicting changes
// nothing.
func appendInSteps(t *testing.T, m forecast.Model, s forecast.Series) {
	n := len(s.Y) - 30
	past := s
	past.Y = s.Y[:n]
	a, err := m.Fit(past)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Fit(past)
	if err != nil {
		t.Fatal(err)
	}
	a.Append(s.Y[n:])
	got, want := make([]float64, horizon), make([]float64, horizon)
	for _, v := range s.Y[n:] {
		b.PredictTo(got)
		b.Append([]float64{v})
	}
	a.PredictTo(want)
	b.PredictTo(got)
	for j := range got {
		if !near(got[j], want[j], 1e-9*(1+math.Abs(want[j]))) {
			t.Fatalf("step %d: %v after single steps, %v after one", j, got[j], want[j])
		}
	}
}

// clone: what happens to a copy does not happen to the original.
func clone(t *testing.T, m forecast.Model, s forecast.Series) {
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float64, horizon), make([]float64, horizon)
	f.PredictTo(want)
	c := f.Clone()
	c.PredictTo(got)
	if !equal(got, want) {
		t.Fatalf("the copy forecasts %v, the original %v", got, want)
	}
	c.Append([]float64{1e4, 2e4, 3e4, 4e4, 5e4, 6e4, 7e4, 8e4})
	f.PredictTo(got)
	if !equal(got, want) {
		t.Fatal("appending to the copy moved the original")
	}
}

func finite(t *testing.T, m forecast.Model, s forecast.Series) {
	for j, v := range predict(t, m, s) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("step %d is %v", j, v)
		}
	}
}

// constant: demand that never varies is forecast as it is, but for a bias
// correction that is part of the method.
func constant(t *testing.T, m forecast.Model, tr Traits) {
	y := make([]float64, max(200, tr.MinObserved))
	for i := range y {
		y[i] = 7
	}
	for j, v := range predict(t, m, forecast.Series{Y: y, Season: 7}) {
		if !near(v, 7*tr.Constant, 7*math.Max(tr.Tolerance, 1e-6)) {
			t.Fatalf("step %d of a constant 7 is %v", j, v)
		}
	}
}

func allocations(t *testing.T, m forecast.Model) {
	f, err := m.Fit(shapes()["smooth"])
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, horizon)
	f.PredictTo(dst)
	if n := testing.AllocsPerRun(20, func() { f.PredictTo(dst) }); n != 0 {
		t.Fatalf("PredictTo allocates %v times", n)
	}
}

func near(a, b, tol float64) bool { return math.Abs(a-b) <= tol }

func equal(a, b []float64) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
