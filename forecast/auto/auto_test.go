package auto_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

const horizon = 28

func text(r auto.Result) string { return fmt.Sprintf("%+v", r) }

// Degenerate input: every series with an observed value gets a forecast.
func TestDegenerate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	fill := func(n int, v ...float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = v[i%len(v)]
		}
		return y
	}
	for name, c := range map[string]struct {
		y              []float64
		status, reason string
	}{
		"nothing":               {nil, auto.Rejected, auto.ReasonNoObservation},
		"all missing":           {fill(100, nan), auto.Rejected, auto.ReasonNoObservation},
		"infinite only":         {fill(10, inf, math.Inf(-1)), auto.Rejected, auto.ReasonNoObservation},
		"one zero":              {[]float64{0}, auto.Fallback, auto.ReasonNoDemand},
		"all zero":              {fill(400, 0), auto.Fallback, auto.ReasonNoDemand},
		"one sale":              {[]float64{3}, auto.Fallback, auto.ReasonClassProfile},
		"one sale at the end":   {append(fill(100, 0), 3), auto.Fallback, auto.ReasonClassProfile},
		"one sale, then gaps":   {append([]float64{3}, fill(100, nan)...), auto.Fallback, auto.ReasonClassProfile},
		"one sale long ago":     {append([]float64{3}, fill(500, 0)...), auto.Fitted, ""},
		"seven sales":           {fill(49, 2, 0, 0, 0, 0, 0, 0), auto.Fitted, ""},
		"eight sales in a row":  {fill(8, 4, 5), auto.Fitted, ""},
		"constant":              {fill(400, 6), auto.Fitted, ""},
		"two years":             {fill(730, 3, 5, 2, 8, 1, 4, 4, 9), auto.Fitted, ""},
		"every other missing":   {fill(300, 3, nan), auto.Fitted, ""},
		"stopped selling":       {append(fill(300, 3, 1, 4), fill(200, 0)...), auto.Fitted, ""},
		"tiny":                  {fill(200, 1e-300, 3e-300, 0), auto.Fitted, ""},
		"huge":                  {fill(200, 1e300, 3e300, 0), auto.Fitted, ""},
		"tiny and huge":         {fill(200, 1e-300, 1e300), auto.Fitted, ""},
		"subnormal":             {fill(200, 5e-324), auto.Fitted, ""},
		"largest":               {fill(200, math.MaxFloat64), auto.Fitted, ""},
		"negative":              {fill(200, -5, 3, 8), auto.Fitted, ""},
		"negative only":         {fill(200, -5), auto.Fallback, auto.ReasonNoDemand},
		"one giant":             {append(fill(200, 1, 2, 0), 1e12), auto.Fitted, ""},
		"infinite among others": {fill(200, inf, 3, 8), auto.Fitted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var e auto.Engine
			for _, season := range []int{7, 12, 52} {
				for _, integer := range []bool{false, true} {
					in := auto.Input{Y: c.y, Season: season, Integer: integer}
					for _, h := range []int{1, 13, horizon} {
						r := e.Forecast(in, auto.Settings{Horizon: h})
						if msg := valid(r, in, h); msg != "" {
							t.Fatalf("season %d, horizon %d: %s: %s", season, h, msg, text(r))
						}
						if r.Status != c.status || r.Reason != c.reason {
							t.Fatalf("season %d, horizon %d: %s (%s), want %s (%s)", season, h, r.Status, r.Reason, c.status, c.reason)
						}
						if _, err := json.Marshal(e.Sample(in, h)); err != nil {
							t.Fatalf("season %d, horizon %d: the sample is no JSON: %v", season, h, err)
						}
					}
				}
			}
		})
	}
}

// A constant must come back as itself, with no spread worth the name.
func TestConstant(t *testing.T) {
	y := slices.Repeat([]float64{250}, 400)
	var e auto.Engine
	r := e.Forecast(auto.Input{Y: y, Season: 7, Integer: true}, auto.Settings{Horizon: horizon})
	for j, m := range r.Mean {
		if math.Abs(m-250) > 0.01 || r.Quantiles[j][0] != 250 || r.Quantiles[j][9] != 250 {
			t.Fatalf("step %d: %v %v", j, m, r.Quantiles[j])
		}
	}
}

// Ten times the demand is ten times the forecast where demand is not counted,
// and a power of two is exact.
func TestScaleEquivariance(t *testing.T) {
	in := shop(5, 6, 500)
	for i := range in {
		in[i].Integer = false
		var e auto.Engine
		base := e.Forecast(in[i], auto.Settings{Horizon: horizon})
		for _, k := range []float64{1024, 10, 1e-7, 1e200} {
			big := in[i]
			big.Y = make([]float64, len(in[i].Y))
			for t, v := range in[i].Y {
				big.Y[t] = k * v
			}
			r := e.Forecast(big, auto.Settings{Horizon: horizon})
			for j := range r.Mean {
				if math.Abs(r.Mean[j]-k*base.Mean[j]) > 2e-5*k*base.Mean[j] {
					t.Fatalf("series %d × %v, step %d: %v, base %v", i, k, j, r.Mean[j], base.Mean[j])
				}
			}
			if math.Abs(r.Score.RMSSE-base.Score.RMSSE) > 1e-4 {
				t.Fatalf("series %d × %v: rmsse %v, base %v", i, k, r.Score.RMSSE, base.Score.RMSSE)
			}
		}
	}
}

// The same bytes whatever the engine did before, and whatever the order.
func TestEngineReuse(t *testing.T) {
	in := shop(1, 40, 400)
	pool := pooled(in, horizon)
	want := make([]string, len(in))
	for i := range in {
		var e auto.Engine
		want[i] = text(e.Forecast(in[i], auto.Settings{Horizon: horizon, Pool: pool}))
	}
	var e auto.Engine
	for _, i := range rand.New(rand.NewPCG(9, 9)).Perm(len(in)) {
		e.Forecast(in[(i+7)%len(in)], auto.Settings{Horizon: 5})
		if got := text(e.Forecast(in[i], auto.Settings{Horizon: horizon, Pool: pool})); got != want[i] {
			t.Fatalf("series %d: a used engine says\n%s, a new one\n%s", i, got, want[i])
		}
	}
}

// The pool is the same for any order of the samples, also through JSON.
func TestPoolOrder(t *testing.T) {
	in := shop(2, 60, 300)
	var e auto.Engine
	samples := make([]auto.Sample, len(in))
	for i := range in {
		samples[i] = e.Sample(in[i], horizon)
	}
	want := auto.NewPool(samples, horizon, 7)
	raw, err := json.Marshal(samples)
	if err != nil {
		t.Fatal(err)
	}
	var back []auto.Sample
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
	if !reflect.DeepEqual(auto.NewPool(back, horizon, 7), want) {
		t.Fatal("shuffled samples make another pool")
	}
	if reflect.DeepEqual(auto.NewPool(samples[:30], horizon, 7), want) {
		t.Fatal("half the samples make the same pool: it does not learn")
	}
	if !reflect.DeepEqual(auto.NewPool(samples[:19], horizon, 7), auto.NewPool(nil, horizon, 7)) {
		t.Fatal("19 series moved the priors")
	}
}

// Forecasting must not write to its input.
func TestInputIsLeftAlone(t *testing.T) {
	in := shop(3, 1, 300)[0]
	before := slices.Clone(in.Y)
	var e auto.Engine
	r := e.Forecast(in, auto.Settings{Horizon: horizon})
	first := slices.Clone(r.Mean)
	e.Sample(in, horizon)
	e.Forecast(shop(4, 1, 300)[0], auto.Settings{Horizon: horizon})
	if !slices.Equal(in.Y, before) {
		t.Fatal("the history was changed")
	}
	if !slices.Equal(r.Mean, first) {
		t.Fatal("the result was overwritten by a later call")
	}
}

func TestClosed(t *testing.T) {
	in := shop(6, 1, 400)[0]
	in.Y = slices.Clone(in.Y)
	in.Closed = make([]bool, horizon)
	for j := range in.Closed {
		in.Closed[j] = (len(in.Y)+j+3)%7 == 6
	}
	for i := range in.Y {
		in.Y[i]++
		if (i+3)%7 == 6 {
			in.Y[i] = math.NaN()
		}
	}
	var e auto.Engine
	r := e.Forecast(in, auto.Settings{Horizon: horizon})
	if msg := valid(r, in, horizon); msg != "" {
		t.Fatal(msg)
	}
	for j, m := range r.Mean {
		if m == 0 != in.Closed[j] {
			t.Fatalf("step %d: mean %v, closed %v", j, m, in.Closed[j])
		}
	}
	if r.Score.NScored != 24 {
		t.Fatalf("%d periods scored, want the 24 open ones", r.Score.NScored)
	}
}

// On generated demand the honest figures beat seasonal naive clearly and the
// quantiles are calibrated within the bounds asked of the whole program; what
// is claimed also holds for the next periods, which nobody has seen.
func TestAccuracyAndCalibration(t *testing.T) {
	in := shop(7, 200, 600+horizon)
	truth := make([][]float64, len(in))
	for i := range in {
		y := in[i].Y
		in[i].Y, truth[i] = y[:600], y[600:]
	}
	pool := pooled(in, horizon)
	var e auto.Engine
	claimed, kept := newTally(), newTally()
	for i := range in {
		r := e.Forecast(in[i], auto.Settings{Horizon: horizon, Pool: pool})
		if msg := valid(r, in[i], horizon); msg != "" {
			t.Fatalf("series %d: %s", i, msg)
		}
		claimed.addScore(r.Score)
		kept.addForecast(in[i].Y, truth[i], r)
	}
	for name, a := range map[string]*tally{"claimed": claimed, "kept": kept} {
		if skill := a.skill(); skill < 0.2 {
			t.Errorf("%s: skill %.3f over seasonal naive, want at least 0.2", name, skill)
		}
		if bad := a.uncalibrated(); bad != "" {
			t.Errorf("%s: %s", name, bad)
		}
	}
	if a, b := claimed.rmsse/claimed.n, kept.rmsse/kept.n; b > 1.06*a {
		t.Errorf("claimed an rmsse of %.4f, kept %.4f", a, b)
	}
}

// A promotion that the past explains and the future announces must be used,
// and one whose future has a hole must not.
func TestKnownInputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	n := 400
	promo := make([]float64, n+horizon)
	y, truth := make([]float64, n), make([]float64, horizon)
	for i := range promo {
		if rng.Float64() < 0.35 {
			promo[i] = 1
		}
		v := math.Round((200 + 200*promo[i]) * math.Exp(0.08*rng.NormFloat64()))
		if i < n {
			y[i] = v
		} else {
			truth[i-n] = 200 + 200*promo[i]
		}
	}
	in := auto.Input{Y: y, Season: 7, Integer: true, Known: []forecast.Regressor{
		{Name: "promo", Kind: forecast.Flag, Values: promo},
	}}
	var e auto.Engine
	r := e.Forecast(in, auto.Settings{Horizon: horizon})
	for j := range truth {
		if math.Abs(r.Mean[j]/truth[j]-1) > 0.15 {
			t.Errorf("step %d: %v, the truth is %v (weights %v)", j, r.Mean[j], truth[j], r.Weights)
		}
	}
	promo[n+5] = math.NaN()
	holed := e.Forecast(in, auto.Settings{Horizon: horizon})
	in.Known = nil
	if blind := e.Forecast(in, auto.Settings{Horizon: horizon}); text(blind) != text(holed) {
		t.Error("an input with a hole in its future was used")
	}
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(e *auto.Engine){
		"horizon": func(e *auto.Engine) { e.Forecast(auto.Input{Y: []float64{1}}, auto.Settings{}) },
		"closed": func(e *auto.Engine) {
			e.Forecast(auto.Input{Y: []float64{1}, Closed: make([]bool, 2)}, auto.Settings{Horizon: 3})
		},
		"known": func(e *auto.Engine) {
			e.Forecast(auto.Input{Y: []float64{1}, Known: make([]forecast.Regressor, 1)}, auto.Settings{Horizon: 3})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(auto.Engine))
		})
	}
}

// The short path serves hundreds of thousands of series: it may allocate the
// result and little else.
func TestShortPathAllocations(t *testing.T) {
	y := make([]float64, 365)
	y[20], y[100], y[300] = 2, 1, 6
	in := auto.Input{Y: y, Season: 7, Integer: true}
	var e auto.Engine
	s := auto.Settings{Horizon: horizon}
	e.Forecast(in, s)
	if n := testing.AllocsPerRun(50, func() { e.Forecast(in, s) }); n > 4 {
		t.Errorf("%v allocations for a sparse series", n)
	}
}

func ExampleEngine_Forecast() {
	y := make([]float64, 200)
	for i := range y {
		y[i] = float64(20 + i%7)
	}
	var e auto.Engine
	r := e.Forecast(auto.Input{Y: y, Season: 7, Integer: true}, auto.Settings{Horizon: 3})
	fmt.Println(r.Status, r.Class)
	fmt.Printf("%.0f\n", r.Mean)
	// Output:
	// fitted smooth
	// [24 25 26]
}
