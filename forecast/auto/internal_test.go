package auto

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/skucast/skucast/forecast"
)

func noisy(seed uint64, n int, level float64) Input {
	rng := rand.New(rand.NewPCG(seed, 5))
	y := make([]float64, n)
	for i := range y {
		y[i] = math.Round(level * (1 + 0.3*math.Sin(2*math.Pi*float64(i)/7)) * math.Exp(0.4*rng.NormFloat64()))
	}
	return Input{Y: y, Season: 7, Integer: true}
}

// honestForecast is what the engine would have said at the latest origin.
func honestForecast(in Input, h int, pool *Pool) string {
	var e Engine
	e.Forecast(in, Settings{Horizon: h, Pool: pool})
	e.prepare(in, h)
	n := len(e.task.y)
	e.trial.plan(n, h, e.minimum(n))
	var sc Score
	e.honest(&sc, true, pool, nil)
	return fmt.Sprint(e.quant[:e.trial.h], e.spread.scale, e.spread.dist.Dispersion)
}

// The forecast behind the reported accuracy, and the pool it leans on, must
// not change when the scored periods do.
func TestReportedAccuracySeesNoFuture(t *testing.T) {
	const h, n = 28, 400
	inputs := func(scramble bool) []Input {
		in := make([]Input, 60)
		for i := range in {
			in[i] = noisy(uint64(i), n, []float64{0.4, 3, 300}[i%3])
			in[i].Y[0] = 5 // the history begins at the same period in both worlds
			if scramble {
				for k := n - h; k < n; k++ {
					in[i].Y[k] = math.Round(in[i].Y[k]*3) + float64(k%5)
				}
			}
		}
		return in
	}
	build := func(in []Input) *Pool {
		var e Engine
		var s []Sample
		for _, x := range in {
			s = append(s, e.Sample(x, h))
		}
		return NewPool(s, h, 7)
	}
	a, b := inputs(false), inputs(true)
	poolA, poolB := build(a), build(b)
	if !reflect.DeepEqual(poolA.views[viewBefore], poolB.views[viewBefore]) {
		t.Error("the pool as of T−h knows what came after T−h")
	}
	if reflect.DeepEqual(poolA.views[viewNow], poolB.views[viewNow]) {
		t.Error("the pool as of T ignores the last horizon")
	}
	for i := range a {
		if x, y := honestForecast(a[i], h, poolA), honestForecast(b[i], h, poolB); x != y {
			t.Fatalf("series %d: the scored forecast changed with the scored periods:\n%s\n%s", i, x, y)
		}
	}
}

func TestOrigins(t *testing.T) {
	for name, c := range map[string]struct {
		n, h, minimum int
		origins       []int
		steps         int
	}{
		"all three":      {100, 28, 14, []int{52, 62, 72}, 28},
		"two":            {60, 28, 14, []int{22, 32}, 28},
		"one":            {45, 28, 14, []int{17}, 28},
		"h shrinks":      {30, 28, 14, []int{14}, 16},
		"short horizon":  {20, 1, 14, []int{17, 18, 19}, 1},
		"nothing before": {14, 28, 14, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trial
			ok := tr.plan(c.n, c.h, c.minimum)
			if ok != (c.origins != nil) {
				t.Fatalf("plan says %v", ok)
			}
			if ok && (!reflect.DeepEqual(tr.origins, c.origins) || tr.h != c.steps) {
				t.Errorf("origins %v of %d steps, want %v of %d", tr.origins, tr.h, c.origins, c.steps)
			}
		})
	}
}

func TestMinimiseOnSimplex(t *testing.T) {
	for name, c := range map[string]struct{ g, want []float64 }{
		"one":                {[]float64{3}, []float64{1}},
		"independent":        {[]float64{1, 0, 0, 3}, []float64{0.75, 0.25}}, // inverse variances
		"dominated":          {[]float64{1, 1.5, 1.5, 4}, []float64{1, 0}},
		"identical":          {[]float64{2, 2, 2, 2}, []float64{1, 0}},
		"three, one useless": {[]float64{1, 0, 0.9, 0, 1, 0.9, 0.9, 0.9, 9}, []float64{0.5, 0.5, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := make([]float64, len(c.want))
			minimiseOnSimplex(c.g, w)
			for i := range w {
				if math.Abs(w[i]-c.want[i]) > 1e-6 {
					t.Fatalf("got %v, want %v", w, c.want)
				}
			}
		})
	}
}

// Seasonal naive: the last observed value of the same phase, from the history
// before the first demand too.
func TestSeasonalNaive(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct{ y, want []float64 }{
		"plain":           {[]float64{1, 2, 3, 4, 5, 6}, []float64{4, 5, 6, 4}},
		"missing":         {[]float64{1, 2, 3, 4, nan, 6}, []float64{4, 2, 6, 4}},
		"leading zeros":   {[]float64{0, 0, 0, 0, 7}, []float64{0, 0, 7, 0}},
		"phase never had": {[]float64{nan, 2, nan, 8}, []float64{2, 8, 8, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var e Engine
			e.prepare(Input{Y: c.y, Season: 3, Integer: true}, 4)
			got := make([]float64, 4)
			e.task.seasonalNaive(got, len(e.task.y))
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// If the sample's values fall in the upper tenth three times too often, the
// probability to read for a wanted 0.9 must rise accordingly.
func TestPoolProbabilities(t *testing.T) {
	c := prior(keySparse)
	v := View{}
	for i := range 10000 {
		u := (float64(i) + 0.5) / 10000
		if u < 0.7 {
			u *= 0.9 / 0.7
		} else {
			u = 0.9 + (u-0.7)/3
		}
		v.PIT = append(v.PIT, u, u)
	}
	c.poolProbabilities([]*View{&v})
	// 0.9 = 0.7 + 0.2: two thirds into the upper tenth.
	if got := c.prob[6]; math.Abs(got-(0.9+0.2/3)) > 0.003 {
		t.Errorf("0.9 is read at %v, want %v", got, 0.9+0.2/3)
	}
	c.poolProbabilities(nil)
	for i, p := range forecast.Probabilities() {
		if got := c.prob[i]; math.Abs(got-p) > 1e-9 {
			t.Errorf("without a sample %v is read at %v", p, got)
		}
	}
}
