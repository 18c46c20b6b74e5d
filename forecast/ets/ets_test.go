package ets_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/modeltest"
)

// With α given the recursion is the same to rounding. Estimated models differ
// in how the initial states and the optimum are found, and the level carries
// a share of the last error: a few percent is agreement.
func TestReference(t *testing.T) {
	modeltest.Reference(t, ets.Model{Alpha: 0.3}, "smooth", "ses_0.3", 1e-6)
	modeltest.Reference(t, ets.Model{Season: true}, "smooth", "ets_ana", 0.03)
	modeltest.Reference(t, ets.Model{Season: true, Trend: true}, "smooth", "ets_aada", 0.03)
}

func nan() float64 { return math.NaN() }

// The recursion by hand: l = 2, α = 0.5 over 4, missing, 6.
func TestSESByHand(t *testing.T) {
	m := ets.Model{Alpha: 0.5}
	f, err := m.Fit(forecast.Series{Y: []float64{2, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	f.Append([]float64{4, math.NaN(), 6})
	var got [1]float64
	f.PredictTo(got[:])
	if got[0] != 4.5 { // 2 → 3 → 3 → 4.5
		t.Fatalf("level is %v, want 4.5", got[0])
	}
}

// A weekday pattern that turns around halfway: the season must follow.
func TestSeasonAdapts(t *testing.T) {
	y := make([]float64, 420)
	amplitude := func(i int) float64 { return 10 * math.Sin(2*math.Pi*float64(i)/7) }
	for i := range y {
		y[i] = 50 + amplitude(i)
		if i >= 210 {
			y[i] = 50 - amplitude(i)
		}
	}
	for _, m := range []ets.Model{{Season: true}, {Season: true, Trend: true}} {
		f, err := m.Fit(forecast.Series{Y: y, Season: 7})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 7)
		f.PredictTo(got)
		for j, v := range got {
			if want := 50 - amplitude(420+j); math.Abs(v-want) > 1 {
				t.Errorf("%+v, step %d: got %.2f, want %.2f", m, j, v, want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	zeros := func(n int) []float64 { return make([]float64, n) }
	for name, c := range map[string]struct {
		m    forecast.Model
		s    forecast.Series
		want error
	}{
		"level of two":        {ets.Model{}, forecast.Series{Y: zeros(2)}, forecast.ErrTooShort},
		"season of 13 days":   {ets.Model{Season: true}, forecast.Series{Y: zeros(13), Season: 7}, forecast.ErrTooShort},
		"auto of two":         {ets.Auto{}, forecast.Series{Y: zeros(2)}, forecast.ErrTooShort},
		"nothing":             {ets.Auto{}, forecast.Series{}, forecast.ErrTooShort},
		"only missing":        {ets.Model{}, forecast.Series{Y: []float64{nan(), nan(), nan(), nan()}}, forecast.ErrTooShort},
		"infinite":            {ets.Model{}, forecast.Series{Y: []float64{1, 2, math.Inf(1), 3}}, forecast.ErrNotFinite},
		"infinite, auto":      {ets.Auto{}, forecast.Series{Y: []float64{1, 2, math.Inf(-1), 3}}, forecast.ErrNotFinite},
		"season of 65":        {ets.Model{Season: true}, forecast.Series{Y: zeros(300), Season: 65}, ets.ErrSeason},
		"negative alpha":      {ets.Model{Alpha: -0.1}, forecast.Series{Y: zeros(30)}, ets.ErrParameter},
		"alpha of NaN":        {ets.Model{Alpha: nan()}, forecast.Series{Y: zeros(30)}, ets.ErrParameter},
		"beyond forecastable": {ets.Model{Trend: true, Linear: true, Season: true, Alpha: 0.9, Beta: 0.9, Gamma: 0.9}, forecast.Series{Y: zeros(30), Season: 7}, ets.ErrParameter},
	} {
		if _, err := c.m.Fit(c.s); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	for name, s := range map[string]ets.State{
		"alpha of 2":       {Form: ets.ANN, Alpha: 2},
		"no season":        {Form: ets.ANA, Alpha: 0.1, Gamma: 0.1},
		"season too long":  {Form: ets.ANA, Alpha: 0.1, Gamma: 0.1, Season: make([]float64, 65)},
		"not forecastable": {Form: ets.AAA, Alpha: 0.9, Beta: 0.9, Gamma: 0.9, Season: make([]float64, 7)},
	} {
		if _, err := ets.New(s); !errors.Is(err, ets.ErrParameter) {
			t.Errorf("%s: New gives error %v", name, err)
		}
	}
}

// Numbers at the ends of the range give forecasts or an error, never NaN.
func TestExtremeNumbers(t *testing.T) {
	base := make([]float64, 60)
	for i := range base {
		base[i] = float64(1 + i*7919%11)
	}
	for _, scale := range []float64{1e-300, 1e-200, 1e150, 1e300, 1e307, -1e307} {
		y := make([]float64, len(base))
		for i, v := range base {
			y[i] = v * scale
		}
		for _, m := range []forecast.Model{ets.Model{}, ets.Model{Trend: true, Season: true}, ets.Auto{}} {
			f, err := m.Fit(forecast.Series{Y: y, Season: 7})
			if err != nil {
				continue
			}
			dst := make([]float64, 20)
			f.PredictTo(dst)
			for h, v := range dst {
				if math.IsNaN(v) || math.Abs(v/scale) > 1e3 || math.Abs(scale) < 1e300 && math.Abs(v/scale) < 0.1 {
					t.Errorf("%+v, scale %g: step %d is %g", m, scale, h, v)
				}
			}
		}
	}
}

// A state that is stored and set up again goes on as before.
func TestStateRoundTrip(t *testing.T) {
	y, m := battery(10, 0)
	for _, form := range forms() {
		f, err := modelOf(form).FitIn(new(ets.Workspace), forecast.Series{Y: y, Season: m})
		if err != nil {
			t.Fatal(err)
		}
		f.Append(y[:3])
		again, err := ets.New(f.State())
		if err != nil {
			t.Fatalf("%v: %v", form, err)
		}
		a, b := make([]float64, 20), make([]float64, 20)
		f.Append(y[3:20])
		again.Append(y[3:20])
		f.PredictTo(a)
		again.PredictTo(b)
		if !slices.Equal(a, b) {
			t.Errorf("%v: %v from the stored state, %v without", form, b, a)
		}
		if n := testing.AllocsPerRun(10, func() { f.Append(y[:9]); f.PredictTo(a) }); n != 0 {
			t.Errorf("%v: Append and PredictTo allocate %v times", form, n)
		}
	}
}

// A missing period costs no likelihood and moves nothing but the slope.
func TestGaps(t *testing.T) {
	y := []float64{5, 7, 6, 8, 7, 9, 6, 8, 7, 7, 6, 9}
	gappy := append([]float64{nan(), nan()}, y...)
	gappy = append(gappy, nan(), nan(), nan())
	a, err := ets.Model{}.FitIn(new(ets.Workspace), forecast.Series{Y: y})
	if err != nil {
		t.Fatal(err)
	}
	b, err := ets.Model{}.FitIn(new(ets.Workspace), forecast.Series{Y: gappy})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a.LogLikelihood()-b.LogLikelihood()) > 1e-9 || math.Abs(a.State().Level-b.State().Level) > 1e-6 {
		t.Errorf("%v %+v with gaps at the ends, %v %+v without", b.LogLikelihood(), b.State(), a.LogLikelihood(), a.State())
	}
	// A weekday on which nothing is ever observed: the others are as if the
	// season had one day less.
	var week []float64
	for i := range 140 {
		if i%7 == 6 {
			week = append(week, nan())
			continue
		}
		week = append(week, 20+float64(i%7)+float64(i*7919%13)/10)
	}
	f, err := ets.Model{Season: true}.Fit(forecast.Series{Y: week, Season: 7})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, 7)
	f.PredictTo(dst)
	for i, v := range dst[:6] {
		if math.Abs(v-20.6-float64(i)) > 1 {
			t.Errorf("day %d is %.2f, want about %.2f", i, v, 20.6+float64(i))
		}
	}
	if dst[6] < 20 || dst[6] > 27 {
		t.Errorf("the day that is never observed is forecast as %v", dst[6])
	}
}

// Whatever the numbers, Fit answers with an error or with numbers.
func FuzzFit(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, uint8(7), uint8(5))
	f.Add([]byte{0, 0, 0, 255, 255, 255, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1}, uint8(4), uint8(0))
	f.Add([]byte{200, 1, 200, 1, 200, 1, 200, 1, 200, 1, 200, 1}, uint8(2), uint8(4))
	f.Fuzz(func(t *testing.T, raw []byte, season, form uint8) {
		y := make([]float64, 0, len(raw))
		for _, b := range raw[:min(len(raw), 120)] {
			switch {
			case b >= 250:
				y = append(y, nan())
			case b >= 240:
				y = append(y, math.Ldexp(1, int(b-240)*100))
			default:
				y = append(y, float64(b)-20)
			}
		}
		all := forms()
		s := forecast.Series{Y: y, Season: int(season % 30)}
		for _, m := range []forecast.Model{modelOf(all[int(form)%len(all)]), ets.Auto{}} {
			fit, err := m.Fit(s)
			if err != nil {
				continue
			}
			var dst [12]float64
			fit.PredictTo(dst[:])
			for h, v := range dst {
				if math.IsNaN(v) {
					t.Fatalf("%+v: step %d is NaN", m, h)
				}
			}
			if e := fit.(*ets.Fitted); math.IsNaN(e.Sigma()) || math.IsNaN(e.LogLikelihood()) {
				t.Fatalf("%+v: σ %v, log likelihood %v", m, e.Sigma(), e.LogLikelihood())
			}
		}
	})
}

func ExampleModel() {
	f, err := ets.Model{Alpha: 0.5}.Fit(forecast.Series{Y: []float64{10, 10, 10, 10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	f.Append([]float64{14})
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Println(mean)
	// Output: [12 12]
}
