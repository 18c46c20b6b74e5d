package theta_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/theta"
)

// The position of a flat minimum depends on the last digits of the data.
func TestProperties(t *testing.T) {
	for _, v := range variants {
		for name, how := range map[string]theta.Seasonality{"tested": theta.Tested, "additive": theta.Additive, "none": theta.None} {
			t.Run(v.name+"/"+name, func(t *testing.T) {
				modeltest.Run(t, theta.Model{Variant: v.Variant, Seasonality: how}, modeltest.Traits{Tolerance: 1e-6})
			})
		}
	}
}

func fit(t *testing.T, m theta.Model, s forecast.Series) *theta.Fitted {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	return f.(*theta.Fitted)
}

func TestErrors(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		y    []float64
		want error
	}{
		"nothing":            {nil, forecast.ErrTooShort},
		"three observations": {[]float64{1, nan, 2, 3, nan}, forecast.ErrTooShort},
		"infinity":           {[]float64{1, 2, 3, math.Inf(1), 5}, forecast.ErrNotFinite},
		"four observations":  {[]float64{1, nan, 2, 3, 5}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := (theta.Model{}).Fit(forecast.Series{Y: c.y, Season: 7}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A straight line is continued with the slope that theta gives it: half of it
// for the standard model, nearly all for the optimised one.
func TestTrend(t *testing.T) {
	y := make([]float64, 120)
	for i := range y {
		y[i] = 100 + 2*float64(i)
	}
	for _, c := range []struct {
		v           theta.Variant
		slope, near float64
	}{{theta.STM, 1, 0.02}, {theta.OTM, 2, 0.02}, {theta.DOTM, 2, 0.02}} {
		f := fit(t, theta.Model{Variant: c.v}, forecast.Series{Y: y, Season: 1})
		var dst [10]float64
		f.PredictTo(dst[:])
		if slope := (dst[9] - dst[0]) / 9; math.Abs(slope-c.slope) > c.near {
			t.Errorf("variant %d: slope %v, want %v", c.v, slope, c.slope)
		}
	}
}

// Missing periods move time: a line of which half is missing has the same
// slope per period, and the season keeps its phase.
func TestMissing(t *testing.T) {
	const n = 140
	full, gappy := make([]float64, n), make([]float64, n)
	season := [7]float64{0.8, 0.9, 1, 1.1, 1.3, 1.2, 0.7}
	for i := range full {
		full[i] = (200 + float64(i)) * season[i%7]
		gappy[i] = full[i]
		if i%3 == 1 || i > 60 && i < 80 {
			gappy[i] = math.NaN()
		}
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			m := theta.Model{Variant: v.Variant}
			var want, got [21]float64
			fit(t, m, forecast.Series{Y: full, Season: 7}).PredictTo(want[:])
			f := fit(t, m, forecast.Series{Y: gappy, Season: 7})
			f.PredictTo(got[:])
			for j := range got {
				if math.Abs(got[j]-want[j]) > 0.015*want[j] {
					t.Errorf("step %d: %v with gaps, %v without", j, got[j], want[j])
				}
			}
			if _, multiplicative := f.Season(); !multiplicative {
				t.Error("the season of positive data should multiply")
			}
		})
	}
}

// The season belongs to the phase: leading missing periods and another start
// phase change nothing.
func TestPhase(t *testing.T) {
	s := retail(300)
	want := make([]float64, 14)
	fit(t, theta.Model{}, s).PredictTo(want)
	shifted := forecast.Series{Y: append([]float64{math.NaN(), math.NaN()}, s.Y...), Season: 7, Phase: 4}
	got := make([]float64, 14)
	f := fit(t, theta.Model{}, shifted)
	f.PredictTo(got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	index, _ := f.Season()
	plain, _ := fit(t, theta.Model{}, s).Season()
	for p := range index { // period 0 of s is phase 4+2 = 6 of shifted
		if index[(p+6)%7] != plain[p] {
			t.Errorf("index of phase %d is %v, want %v", (p+6)%7, index[(p+6)%7], plain[p])
		}
	}
}

// A phase that is never observed has a neutral index and a finite forecast.
func TestUnseenPhase(t *testing.T) {
	s := retail(300)
	for i := 6; i < len(s.Y); i += 7 {
		s.Y[i] = math.NaN()
	}
	f := fit(t, theta.Model{}, s)
	index, multiplicative := f.Season()
	if !multiplicative || index[6] != 1 {
		t.Errorf("index %v, multiplicative %v; want 1 for phase 6", index, multiplicative)
	}
}

func ExampleModel() {
	y := []float64{112, 118, 121, 127, 130, 137, 139, 146, 150, 153}
	f, err := theta.Model{}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 3)
	f.PredictTo(mean)
	fmt.Printf("%.1f\n", mean)
	// Output: [157.9 162.2 166.4]
}

func ExampleModel_Filter() {
	// The standard model of 2000 with given parameters.
	m := theta.Model{Variant: theta.STM}
	f, err := m.Filter(forecast.Series{Y: []float64{10, 12, 11, 14, 13}}, theta.Params{Level: 10, Alpha: 0.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Printf("%.3f\n", mean)
	// Output: [13.688 14.088]
}
