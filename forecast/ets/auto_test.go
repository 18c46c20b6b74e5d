package ets_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
)

// The form with the smallest AICc wins, and leaving out what cannot win costs
// next to nothing.
func TestAutoSelectsByAICc(t *testing.T) {
	var ws ets.Workspace
	same, loss := 0, 0.0
	const count = 60
	for k := range count {
		y, m := battery(k, 0)
		s := forecast.Series{Y: y, Season: m}
		full, err := ets.Auto{Exhaustive: true}.FitIn(&ws, s)
		if err != nil {
			t.Fatal(err)
		}
		best := math.Inf(1)
		for _, f := range forms() {
			fit, err := modelOf(f).FitIn(&ws, s)
			if err != nil {
				t.Fatal(err)
			}
			best = math.Min(best, fit.AICc())
		}
		if full.AICc() > best+1e-6 {
			t.Errorf("series %d: Auto has AICc %.4f with %v, a single form %.4f", k, full.AICc(), full.Form(), best)
		}
		quick, err := ets.Auto{}.FitIn(&ws, s)
		if err != nil {
			t.Fatal(err)
		}
		if quick.Form() == full.Form() {
			same++
		}
		loss += quick.AICc() - full.AICc()
		if d := quick.AICc() - full.AICc(); d > 3 {
			t.Errorf("series %d: %v with AICc %.3f, exhaustive %v with %.3f", k, quick.Form(), quick.AICc(), full.Form(), full.AICc())
		}
	}
	if same < count*9/10 || loss/count > 0.1 {
		t.Errorf("same form in %d of %d, mean loss of AICc %.3f", same, count, loss/count)
	}
	t.Logf("same form in %d of %d, mean loss of AICc %.4f", same, count, loss/count)
}

// AICc by hand for a fit that is known: k = 3 for ANN.
func TestAICcCounts(t *testing.T) {
	y, m := battery(4, 0)
	n := float64(len(y))
	for f, k := range map[ets.Form]float64{
		ets.ANN: 3, ets.AAN: 5, ets.AAdN: 6,
		ets.ANA: 3 + float64(m), ets.AAA: 5 + float64(m), ets.AAdA: 6 + float64(m),
	} {
		got, err := modelOf(f).FitIn(new(ets.Workspace), forecast.Series{Y: y, Season: m})
		if err != nil {
			t.Fatal(err)
		}
		want := -2*got.LogLikelihood() + 2*k + 2*k*(k+1)/(n-k-1)
		if math.Abs(got.AICc()-want) > 1e-9*math.Abs(want) {
			t.Errorf("%v: AICc %v, want %v", f, got.AICc(), want)
		}
		// σ² is S/(n−k+1), and S follows from the likelihood.
		sse := n / (2 * math.Pi) * math.Exp(-2*got.LogLikelihood()/n-1)
		if v := got.Sigma() * got.Sigma() * (n - k + 1); math.Abs(v-sse) > 1e-9*sse {
			t.Errorf("%v: σ² belongs to a sum of squares of %v, the likelihood to %v", f, v, sse)
		}
	}
}

func TestAutoRecoversForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	n := 400
	season := []float64{-8, -3, 0, 1, 2, 3, 5}
	for name, c := range map[string]struct {
		f     func(t int) float64
		trend bool
		seas  bool
	}{
		"level":        {func(int) float64 { return 30 }, false, false},
		"season":       {func(t int) float64 { return 30 + season[t%7] }, false, true},
		"trend":        {func(t int) float64 { return 30 + 0.2*float64(t) }, true, false},
		"trend season": {func(t int) float64 { return 30 + 0.2*float64(t) + season[t%7] }, true, true},
	} {
		y := make([]float64, n)
		for i := range y {
			y[i] = c.f(i) + rng.NormFloat64()
		}
		fit, err := ets.Auto{}.FitIn(new(ets.Workspace), forecast.Series{Y: y, Season: 7})
		if err != nil {
			t.Fatal(err)
		}
		f := fit.Form()
		if (f == ets.AAN || f == ets.AAA) != c.trend || (f >= ets.ANA) != c.seas {
			t.Errorf("%s: chose %v", name, f)
		}
	}
}

func TestAutoPermits(t *testing.T) {
	y, _ := battery(8, 0)
	for name, c := range map[string]struct {
		a      ets.Auto
		season int
		want   []ets.Form
	}{
		"given forms":    {ets.Auto{Forms: []ets.Form{ets.AAN, ets.AAdN}}, 7, []ets.Form{ets.AAN, ets.AAdN}},
		"no season":      {ets.Auto{}, 1, []ets.Form{ets.ANN, ets.AAN, ets.AAdN}},
		"long season":    {ets.Auto{}, 52, []ets.Form{ets.ANN, ets.AAN, ets.AAdN}},
		"short window":   {ets.Auto{Window: 13}, 7, []ets.Form{ets.ANN, ets.AAN, ets.AAdN}},
		"only Holt":      {ets.Auto{Forms: []ets.Form{ets.AAA}}, 7, []ets.Form{ets.AAA}},
		"unknown form":   {ets.Auto{Forms: []ets.Form{ets.ANN, 77}}, 7, []ets.Form{ets.ANN}},
		"everything":     {ets.Auto{Exhaustive: true}, 7, forms()},
		"everything, it": {ets.Auto{Region: ets.Wide}, 7, forms()},
	} {
		fit, err := c.a.FitIn(new(ets.Workspace), forecast.Series{Y: y, Season: c.season})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Contains(c.want, fit.Form()) {
			t.Errorf("%s: chose %v, allowed are %v", name, fit.Form(), c.want)
		}
	}
	if _, err := (ets.Auto{Forms: []ets.Form{ets.AAA}}).Fit(forecast.Series{Y: y}); !errors.Is(err, forecast.ErrTooShort) {
		t.Errorf("no form left: error %v", err)
	}
}

// A workspace that has seen other series gives the same bytes.
func TestWorkspaceLeavesNoTrace(t *testing.T) {
	var used ets.Workspace
	for k := range 24 {
		y, m := battery(k, 0)
		if k%3 == 0 {
			for i := 2; i < len(y); i += 5 {
				y[i] = nan()
			}
		}
		s := forecast.Series{Y: y, Season: m}
		a, err := ets.Auto{}.FitIn(&used, s)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ets.Auto{}.FitIn(new(ets.Workspace), s)
		if err != nil {
			t.Fatal(err)
		}
		if x, y := fmt.Sprintf("%+v", a.State()), fmt.Sprintf("%+v", b.State()); x != y {
			t.Fatalf("series %d: %s in a used workspace, %s in a new one", k, x, y)
		}
		model := modelOf(forms()[k%6])
		c, err := model.FitIn(&used, s)
		if err != nil {
			t.Fatal(err)
		}
		d, err := model.FitIn(new(ets.Workspace), s)
		if err != nil {
			t.Fatal(err)
		}
		if x, y := fmt.Sprintf("%+v", c.State()), fmt.Sprintf("%+v", d.State()); x != y {
			t.Fatalf("series %d, %v: %s in a used workspace, %s in a new one", k, c.Form(), x, y)
		}
	}
	y, m := battery(11, 0)
	s := forecast.Series{Y: y, Season: m}
	if n := testing.AllocsPerRun(5, func() { _, _ = ets.Auto{}.FitIn(&used, s) }); n > 2 {
		t.Errorf("a fit in a used workspace allocates %v times, want the result alone", n)
	}
}

func ExampleAuto() {
	y := make([]float64, 70)
	for i := range y {
		y[i] = 20 + []float64{-3, -1, 0, 0, 1, 1, 2}[i%7] + float64(i*7919%5)/10
	}
	var ws ets.Workspace // keep it for the next series
	f, err := ets.Auto{}.FitIn(&ws, forecast.Series{Y: y, Season: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 3)
	f.PredictTo(mean)
	fmt.Printf("%v %.1f\n", f.Form(), mean)
	// Output: ANA [17.2 19.2 20.2]
}
