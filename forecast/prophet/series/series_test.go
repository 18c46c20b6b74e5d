package series_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
	"github.com/skucast/skucast/forecast/prophet/series"
)

// steps are the days of a period by season length.
func steps() map[int]float64 { return map[int]float64{7: 1, 52: 7, 12: 365.25 / 12, 24: 1, 1: 1} }

// demand is a generated history with trend, a season of m periods and a year.
func demand(m, n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	y := make([]float64, n)
	for t := range y {
		year := 2 * math.Pi * float64(t) * steps()[m] / 365.25
		y[t] = 60 + 0.02*float64(t) + 8*math.Sin(2*math.Pi*float64(t)/float64(m)) + 10*math.Cos(year) + 2*r.NormFloat64()
	}
	return y
}

func fit(t testing.TB, m series.Model, s forecast.Series) *series.Fitted {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	return f.(*series.Fitted)
}

func predict(f forecast.Fitted, n int) []float64 {
	dst := make([]float64, n)
	f.PredictTo(dst)
	return dst
}

// Without a level, forecasts are those of package prophet at the dates that the
// documentation names, whatever the step, the mode and the growth; and the
// seasonalities are Prophet's.
func TestForecastsAreProphets(t *testing.T) {
	for name, c := range map[string]struct {
		m      series.Model
		season int
		n      int
		want   []string // seasonalities
	}{
		"two years of days":    {series.Model{}, 7, 730, []string{"weekly"}},
		"a day more":           {series.Model{}, 7, 731, []string{"weekly", "yearly"}},
		"multiplicative":       {series.Model{Mode: prophet.Multiplicative}, 7, 200, []string{"weekly"}},
		"flat":                 {series.Model{Growth: prophet.Flat}, 7, 200, []string{"weekly"}},
		"flexible":             {series.Model{ChangepointPriorScale: 0.5}, 7, 200, []string{"weekly"}},
		"two years of weeks":   {series.Model{}, 52, 105, nil},
		"a week more":          {series.Model{}, 52, 106, []string{"yearly"}},
		"months":               {series.Model{}, 12, 60, []string{"yearly"}},
		"hours":                {series.Model{}, 24, 96, []string{"season"}},
		"no season":            {series.Model{}, 1, 60, nil},
		"weeks, with a season": {series.Model{Mode: prophet.Multiplicative}, 52, 160, []string{"yearly"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.m.Fixed = true
			s := forecast.Series{Y: demand(c.season, c.n, 1), Season: c.season}
			s.Y[3], s.Y[c.n/2] = math.NaN(), math.NaN()
			f := fit(t, c.m, s)
			p := f.Prophet()
			var names []string
			for _, w := range p.Seasonalities {
				names = append(names, w.Name)
			}
			if !slices.Equal(names, c.want) {
				t.Errorf("seasonalities %v, want %v", names, c.want)
			}
			var future prophet.Future
			for h := range 30 {
				day := float64(c.n+h) * steps()[c.season]
				future.Time = append(future.Time, time.Unix(int64(math.Round(day*86400)), 0))
			}
			want, err := p.Predict(future)
			if err != nil {
				t.Fatal(err)
			}
			for h, v := range predict(f, 30) {
				if math.Abs(v-want.YHat[h]) > 1e-9*math.Abs(want.YHat[h]) {
					t.Fatalf("step %d: %v, package prophet says %v", h, v, want.YHat[h])
				}
			}
			f.Append([]float64{1, 2, 3})
			if v := predict(f, 1)[0]; math.Abs(v-want.YHat[3]) > 1e-9*want.YHat[3] {
				t.Errorf("three periods later: %v, want %v", v, want.YHat[3])
			}
		})
	}
}

// What generated the history is found: trend, seasons and known inputs.
func TestWhatIsFound(t *testing.T) {
	const n, ahead = 800, 60
	y, promo, price := demand(7, n+ahead, 2), make([]float64, n+ahead), make([]float64, n+ahead)
	for i := range y {
		promo[i] = float64(i / 4 % 3 % 2)
		price[i] = 2 + float64(i%5)*0.2
		y[i] += 15*promo[i] - 12*math.Log(price[i]/2)
	}
	s := forecast.Series{Y: y[:n], Season: 7, Known: []forecast.Regressor{
		{Name: "promo", Kind: forecast.Flag, Values: promo},
		{Name: "price", Kind: forecast.Price, Values: price},
	}}
	rmse := func(m series.Model) float64 {
		var sum float64
		for h, v := range predict(fit(t, m, s), ahead) {
			sum += (v - y[n+h]) * (v - y[n+h]) / ahead
		}
		return math.Sqrt(sum)
	}
	if got := rmse(series.Model{}); got > 2.6 {
		t.Errorf("RMSE %v; the noise is 2", got)
	}
	if got := rmse(series.Model{Blind: true}); got < 6 {
		t.Errorf("RMSE %v without the inputs, which move demand by more", got)
	}
}

// Inputs that cannot be used leave no trace.
func TestInputsLeftOut(t *testing.T) {
	const n, ahead = 120, 10
	s := forecast.Series{Y: demand(7, n, 3), Season: 7}
	want := predict(fit(t, series.Model{}, s), ahead)
	some := func(change func([]float64)) []float64 {
		v := make([]float64, n+ahead)
		for i := range v {
			v[i] = 1 + float64(i*i%11)
		}
		change(v)
		return v
	}
	for name, r := range map[string]forecast.Regressor{
		"constant in the past": {Values: some(func(v []float64) {
			for i := range v[:n] {
				v[i] = 3
			}
		})},
		"unknown in the past":     {Values: some(func(v []float64) { v[50] = math.NaN() })},
		"unknown in the future":   {Values: some(func(v []float64) { v[n+5] = math.NaN() })},
		"no future":               {Values: some(func([]float64) {})[:n]},
		"infinite":                {Values: some(func(v []float64) { v[n] = math.Inf(1) })},
		"a price of nothing":      {Kind: forecast.Price, Values: some(func(v []float64) { v[7] = 0 })},
		"beyond floating numbers": {Kind: forecast.Number, Values: some(func(v []float64) { v[7], v[8] = 1.5e308, -1.5e308 })},
	} {
		s.Known = []forecast.Regressor{r}
		if got := predict(fit(t, series.Model{}, s), ahead); !slices.Equal(got, want) {
			t.Errorf("%s: %v, without it %v", name, got, want)
		}
	}
	// A period without demand may lack its input.
	s.Y[50], s.Known = math.NaN(), nil
	want = predict(fit(t, series.Model{}, s), ahead)
	s.Known = []forecast.Regressor{{Values: some(func(v []float64) { v[50] = math.NaN() })}}
	if got := predict(fit(t, series.Model{}, s), ahead); slices.Equal(got, want) || slices.ContainsFunc(got, math.IsNaN) {
		t.Errorf("an input with a hole where there is no demand: %v", got)
	}
	// Beyond its last value an input has no effect, and a typing error little.
	last := predict(fit(t, series.Model{}, s), 2*ahead)
	s.Known[0].Values[n+2] = 1e6
	typo := predict(fit(t, series.Model{}, s), 2*ahead)
	if slices.ContainsFunc(last, math.IsNaN) || math.Abs(typo[2]-last[2]) > 8 {
		t.Errorf("%v after a typing error, %v before", typo[2], last[2])
	}
}

// Demand that has moved since is followed by the level, with the parameters of
// the fit.
func TestLevelFollows(t *testing.T) {
	const n = 400
	r := rand.New(rand.NewPCG(4, 4))
	y := make([]float64, n)
	for i := range y {
		y[i] = 50 + r.NormFloat64()
		if i > 340 { // after the last possible change of the trend
			y[i] += 30
		}
	}
	s := forecast.Series{Y: y, Season: 7}
	f, fixed := fit(t, series.Model{}, s), fit(t, series.Model{Fixed: true}, s)
	alpha := func(f forecast.Fitted) float64 {
		for _, p := range f.Parameters(nil) {
			if p.Name == "alpha" {
				return p.Value
			}
		}
		t.Fatal("no alpha")
		return 0
	}
	if alpha(f) == 0 || alpha(fixed) != 0 {
		t.Fatalf("alpha %v, fixed %v", alpha(f), alpha(fixed))
	}
	down := make([]float64, 300)
	for i := range down {
		down[i] = 20
	}
	f.Append(down)
	fixed.Append(down)
	if v := predict(f, 1)[0]; math.Abs(v-20) > 8 {
		t.Errorf("after 300 days of 20: %v", v)
	}
	if v := predict(fixed, 1)[0]; v < 80 {
		t.Errorf("Prophet itself has followed: %v", v)
	}
	// Noise about a trend gives the level nothing to follow.
	if a := alpha(fit(t, series.Model{}, forecast.Series{Y: demand(7, 900, 5), Season: 7})); a > 0.025 {
		t.Errorf("alpha %v without anything to follow", a)
	}
}

// A falling trend ends at zero, and demand comes back from there.
func TestNeverNegative(t *testing.T) {
	y := make([]float64, 100)
	for i := range y {
		y[i] = 100 - float64(i) + float64(i*i%3)
	}
	f := fit(t, series.Model{}, forecast.Series{Y: y, Season: 7})
	for h, v := range predict(f, 500) {
		if v < 0 || h > 50 && v != 0 {
			t.Fatalf("step %d: %v", h, v)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		m    series.Model
		s    forecast.Series
		want error
	}{
		"13 days":            {series.Model{}, forecast.Series{Y: demand(7, 13, 1), Season: 7}, forecast.ErrTooShort},
		"51 weeks":           {series.Model{}, forecast.Series{Y: demand(52, 51, 1), Season: 52}, forecast.ErrTooShort},
		"23 months":          {series.Model{}, forecast.Series{Y: demand(12, 23, 1), Season: 12}, forecast.ErrTooShort},
		"infinite":           {series.Model{}, forecast.Series{Y: append(demand(7, 50, 1), math.Inf(1)), Season: 7}, forecast.ErrNotFinite},
		"logistic":           {series.Model{Growth: prophet.Logistic}, forecast.Series{Y: demand(7, 50, 1), Season: 7}, prophet.ErrModel},
		"negative scale":     {series.Model{ChangepointPriorScale: -1}, forecast.Series{Y: demand(7, 50, 1), Season: 7}, prophet.ErrModel},
		"centuries of weeks": {series.Model{}, forecast.Series{Y: demand(52, 16000, 1), Season: 52}, prophet.ErrTime},
	} {
		if f, err := c.m.Fit(c.s); !errors.Is(err, c.want) || f != nil {
			t.Errorf("%s: %v, %v; want %v", name, f, err, c.want)
		}
	}
}

// A workspace changes no forecast, and what it has seen before not a bit.
func TestWorkspace(t *testing.T) {
	gaps := func(y []float64) []float64 {
		for i := range y {
			if i%7 == 3 || i < 20 {
				y[i] = math.NaN()
			}
		}
		return y
	}
	promo := make([]float64, 430)
	for i := range promo {
		promo[i] = float64(i / 3 % 5 % 2)
	}
	known := []forecast.Regressor{{Values: promo}, {Kind: forecast.Number, Values: demand(12, 430, 9)}}
	var used series.Workspace
	var all []forecast.Series
	for n := range 20 { // more grids than are kept
		all = append(all, forecast.Series{Y: demand(7, 100+n, uint64(n)), Season: 7})
	}
	all = append(all,
		forecast.Series{Y: demand(7, 800, 1), Season: 7},
		forecast.Series{Y: gaps(demand(7, 800, 2)), Season: 7},
		forecast.Series{Y: demand(7, 400, 3), Season: 7, Known: known},
		forecast.Series{Y: gaps(demand(7, 400, 4)), Season: 7, Known: known},
		forecast.Series{Y: demand(52, 200, 5), Season: 52},
		forecast.Series{Y: demand(12, 60, 6), Season: 12},
		forecast.Series{Y: demand(1, 60, 7)},
	)
	for i, s := range all {
		for _, m := range []series.Model{{}, {Fixed: true}, {Growth: prophet.Flat}, {ChangepointPriorScale: 0.2}, {Mode: prophet.Multiplicative}} {
			if m.Mode == prophet.Multiplicative && i < len(all)-1 {
				continue
			}
			want := predict(fit(t, m, s), 30)
			a, err := m.FitIn(&used, s)
			if err != nil {
				t.Fatal(err)
			}
			b, err := m.FitIn(&series.Workspace{}, s)
			if err != nil {
				t.Fatal(err)
			}
			got := predict(a, 30)
			if !slices.Equal(got, predict(b, 30)) {
				t.Errorf("%+v, series %d: depends on the series before", m, i)
			}
			for h := range got {
				if math.Abs(got[h]-want[h]) > 1e-5*want[h] {
					t.Errorf("%+v, series %d, step %d: %v with a workspace, %v without", m, i, h, got[h], want[h])
					break
				}
			}
		}
	}
	if _, err := (series.Model{}).FitIn(&used, forecast.Series{Y: demand(52, 16000, 1), Season: 52}); !errors.Is(err, prophet.ErrTime) {
		t.Errorf("centuries: %v", err)
	}
}

func FuzzFit(f *testing.F) {
	f.Add(uint8(60), 7, 1.0, 10.0, []byte{1, 2, 3})
	f.Add(uint8(40), 12, 1e300, -1e300, []byte{255, 0, 9})
	f.Add(uint8(200), 52, 1e-300, 0.0, []byte("abcdefghijklmnop"))
	f.Fuzz(func(t *testing.T, n uint8, season int, scale, level float64, noise []byte) {
		y := make([]float64, n)
		for i := range y {
			y[i] = level
			if len(noise) > 0 {
				y[i] += scale * float64(noise[i%len(noise)])
				if noise[i%len(noise)] == 9 {
					y[i] = math.NaN()
				}
			}
		}
		known := make([]float64, int(n)+5)
		for i := range known {
			known[i] = math.Mod(level*float64(i), 11)
		}
		s := forecast.Series{Y: y, Season: season, Known: []forecast.Regressor{{Values: known, Kind: forecast.Number}}}
		for _, m := range []series.Model{{}, {Growth: prophet.Flat}, {Mode: prophet.Multiplicative}} {
			fitted, err := m.FitIn(&series.Workspace{}, s)
			if err != nil {
				if !errors.Is(err, forecast.ErrTooShort) && !errors.Is(err, forecast.ErrNotFinite) {
					t.Fatalf("unnamed error %v", err)
				}
				continue
			}
			fitted.Append(y)
			for h, v := range predict(fitted, 9) {
				if math.IsNaN(v) || v < 0 {
					t.Fatalf("step %d is %v", h, v)
				}
			}
		}
	})
}

func BenchmarkFit(b *testing.B) {
	for name, s := range map[string]forecast.Series{
		"three years of days":  {Y: demand(7, 1096, 1), Season: 7},
		"half a year of days":  {Y: demand(7, 182, 1), Season: 7},
		"five years of weeks":  {Y: demand(52, 260, 1), Season: 52},
		"five years of months": {Y: demand(12, 60, 1), Season: 12},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (series.Model{}).Fit(s); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("many: "+name, func(b *testing.B) {
			var ws series.Workspace
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (series.Model{}).FitIn(&ws, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
