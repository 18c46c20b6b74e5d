package auto_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// noisyWeeks is a series with a weekly pattern, of which several candidates do well.
func noisyWeeks(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	y := make([]float64, n)
	for i := range y {
		y[i] = math.Round(20 + 8*math.Sin(2*math.Pi*float64(i%7)/7) + 4*rng.NormFloat64())
	}
	return y
}

// The champion of an earlier run stays where what is found now is not clearly better, and
// goes where it is.
func TestChampion(t *testing.T) {
	t.Parallel()
	var e auto.Engine
	s := auto.Settings{Horizon: horizon}
	in := auto.Input{Y: noisyWeeks(400, 1), Season: 7, Integer: true}
	free := e.Forecast(in, s)
	for name, c := range map[string]struct {
		champion map[string]float64
		kept     bool
	}{
		"its own weights":             {free.Weights, true},
		"others that are as good":     {map[string]float64{"profile_level": 0.45, "profile_mean": 0.25, "regression": 0.3}, true},
		"a bad model alone":           {map[string]float64{"seasonal_naive": 1}, false},
		"models that are not here":    {map[string]float64{"crystal_ball": 1}, false},
		"half of it not here":         {map[string]float64{"profile_level": 0.5, "crystal_ball": 0.5}, false},
		"weights that are no weights": {map[string]float64{"profile_level": -3, "ses": math.NaN()}, false},
		"nothing":                     {nil, false},
	} {
		in.Champion = c.champion
		r := e.Forecast(in, s)
		if msg := valid(r, in, horizon); msg != "" {
			t.Errorf("%s: %s", name, msg)
		}
		if kept := len(c.champion) > 0 && reflect.DeepEqual(rounded(r.Weights), rounded(c.champion)); kept != c.kept {
			t.Errorf("%s: weights %v, free ones %v", name, r.Weights, free.Weights)
		}
		if !c.kept && !reflect.DeepEqual(r.Weights, free.Weights) {
			t.Errorf("%s: a champion that is not kept has changed the weights to %v", name, r.Weights)
		}
	}
}

func rounded(w map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, v := range w {
		out[name] = math.Round(100 * v)
	}
	return out
}

// A series that never sold is forecast nothing, unless the pool has seen such series begin.
func TestUnsoldLearnsFromOthers(t *testing.T) {
	t.Parallel()
	var e auto.Engine
	quiet := auto.Input{Y: make([]float64, 300), Season: 7, Integer: true}
	var never, begin []auto.Sample
	for i := range 60 {
		y := make([]float64, 300)
		for j := range noisyWeeks(100, uint64(i)) {
			y[100+j] = 0
		}
		never = append(never, e.Sample(auto.Input{Y: y, Season: 7, Integer: true}, horizon))
		late := make([]float64, 300)
		for j := 260 - i%20; j < 300; j += 2 {
			late[j] = 3
		}
		begin = append(begin, e.Sample(auto.Input{Y: late, Season: 7, Integer: true}, horizon))
	}
	at := func(samples []auto.Sample) auto.Result {
		return e.Forecast(quiet, auto.Settings{Horizon: horizon, Pool: auto.NewPool(samples, horizon, 7)})
	}
	if r := at(never); r.Mean[0] != 0 || r.Model != "zero" {
		t.Errorf("where nothing ever began: %s, mean %v", r.Model, r.Mean[0])
	}
	r := at(begin)
	if !(r.Mean[0] > 0) || r.Model != "class_profile" || r.Status != auto.Fallback {
		t.Errorf("where such series begin: %s (%s), mean %v", r.Model, r.Status, r.Mean[0])
	}
	if msg := valid(r, quiet, horizon); msg != "" {
		t.Error(msg)
	}
	if top := r.Quantiles[0][forecast.NQuantiles-1]; !(top > 0) {
		t.Errorf("the upper quantile is %v", top)
	}
}
