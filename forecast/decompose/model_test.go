package decompose_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/decompose"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/modeltest"
)

func TestProperties(t *testing.T) {
	for name, m := range map[string]forecast.Model{
		"default":  decompose.Model{},
		"robust":   decompose.Model{Options: decompose.Options{Robust: true}},
		"two":      decompose.Model{Periods: []int{7, 28}, Base: ets.Model{}},
		"smoothed": decompose.Model{Periods: []int{7, 28}, Smooth: 5, Base: ets.Model{Trend: true}},
		"exact":    decompose.Model{Options: decompose.Options{Exact: true}},
		"window":   decompose.Model{Window: 100},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{MinObserved: 60})
		})
	}
}

// days are n days with a week, a year, a slow level and noise of size noise.
func days(n int, noise float64) (y, signal []float64) {
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	level := 0.0
	for t := range n {
		x := 2 * math.Pi * float64(t) / 365
		v := 100 + 30*math.Sin(x) + 8*math.Sin(2*x) + []float64{-9, -4, 0, 1, 2, 4, 6}[t%7] + level
		signal = append(signal, v)
		y = append(y, v+noise*rng.NormFloat64())
		level += 0.05 * rng.NormFloat64()
	}
	return y, signal
}

func rmse(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(sum / float64(len(a)))
}

// A year that meets a week is found, where a model of the week alone knows
// nothing of the year; smoothing the year takes out noise.
func TestYearOfDays(t *testing.T) {
	const n, h = 1096, 90
	y, signal := days(n+h, 5)
	s := forecast.Series{Y: y[:n], Season: 7}
	fit := func(m forecast.Model) float64 {
		f, err := m.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, h)
		f.PredictTo(got)
		return rmse(got, signal[n:])
	}
	week := fit(ets.Auto{})
	raw := fit(decompose.Model{Smooth: -1})
	smooth := fit(decompose.Model{})
	if raw > 5 || smooth > 0.8*raw || smooth > week/3 {
		t.Errorf("errors against the signal: %.2f with a week, %.2f with a year, %.2f smoothed", week, raw, smooth)
	}
}

// Gaps: a tenth missing, and a weekday that is never observed.
func TestGaps(t *testing.T) {
	const n = 900
	full, signal := days(n+60, 2)
	y := slices.Clone(full[:n])
	for i := range y {
		if i%11 == 4 || i%7 == 6 || i > 400 && i < 430 {
			y[i] = math.NaN()
		}
	}
	f, err := decompose.Model{}.Fit(forecast.Series{Y: y, Season: 7})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 60)
	f.PredictTo(got)
	var a, b []float64
	for h, v := range got {
		if (n+h)%7 != 6 {
			a, b = append(a, v), append(b, signal[n+h])
		}
		if v < 50 || v > 150 {
			t.Errorf("step %d is %v", h, v)
		}
	}
	if e := rmse(a, b); e > 3 {
		t.Errorf("error against the signal with gaps: %.2f", e)
	}
	d, err := decompose.MSTL(y, []int{7, 365}, decompose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		sum := d.Trend[i] + d.Remainder[i]
		for _, s := range d.Seasons {
			sum += s[i]
		}
		if v == v && math.Abs(sum-v) > 1e-9 || v != v && sum == sum {
			t.Fatalf("value %d is %v, the components add up to %v", i, v, sum)
		}
	}
}

// Robust decomposition keeps single days out of the season.
func TestRobust(t *testing.T) {
	y := make([]float64, 120)
	for i := range y {
		y[i] = 10 + 3*math.Sin(2*math.Pi*float64(i)/12) + float64(i*7919%7)/20
	}
	clean, err := decompose.STL(y, 12, 0, decompose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	y[50] += 500
	off := func(o decompose.Options) (worst float64) {
		d, err := decompose.STL(y, 12, 0, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range d.Seasons[0] {
			worst = math.Max(worst, math.Abs(v-clean.Seasons[0][i]))
		}
		return worst
	}
	if plain, robust := off(decompose.Options{}), off(decompose.Options{Robust: true}); robust > plain/20 || plain < 10 {
		t.Errorf("one outlier moves the season by %.2f, and by %.2f with robust weights", plain, robust)
	}
}

func TestErrors(t *testing.T) {
	y := make([]float64, 50)
	huge := slices.Clone(y)
	huge[3], huge[5] = 1.7e308, -1.7e308
	infinite := slices.Clone(y)
	infinite[7] = math.Inf(1)
	for name, c := range map[string]struct {
		y       []float64
		periods []int
		o       decompose.Options
		want    error
	}{
		"no period":       {y, nil, decompose.Options{}, decompose.ErrPeriods},
		"period of one":   {y, []int{1}, decompose.Options{}, decompose.ErrPeriods},
		"not increasing":  {y, []int{12, 7}, decompose.Options{}, decompose.ErrPeriods},
		"twice the same":  {y, []int{7, 7}, decompose.Options{}, decompose.ErrPeriods},
		"missing windows": {y, []int{7, 12}, decompose.Options{Windows: []int{7}}, decompose.ErrPeriods},
		"tiny window":     {y, []int{7}, decompose.Options{Windows: []int{1}}, decompose.ErrPeriods},
		"two cycles less": {y, []int{26}, decompose.Options{}, forecast.ErrTooShort},
		"nothing":         {nil, []int{7}, decompose.Options{}, forecast.ErrTooShort},
		"infinite":        {infinite, []int{7}, decompose.Options{}, forecast.ErrNotFinite},
	} {
		if _, err := decompose.MSTL(c.y, c.periods, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	if d, err := decompose.MSTL(huge, []int{7}, decompose.Options{Robust: true}); err == nil {
		for i, v := range d.Trend {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("trend %d of huge values is %v", i, v)
			}
		}
	}
	for name, s := range map[string]forecast.Series{
		"no season":  {Y: y, Season: 1},
		"one season": {Y: y, Season: 30},
		"empty":      {Season: 7},
	} {
		if _, err := (decompose.Model{}).Fit(s); !errors.Is(err, forecast.ErrTooShort) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	y, _ := days(800, 3)
	f, err := decompose.Model{}.Fit(forecast.Series{Y: y, Season: 7})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, 400)
	if n := testing.AllocsPerRun(10, func() { f.Append(y[:5]); f.PredictTo(dst) }); n != 0 {
		t.Errorf("Append and PredictTo allocate %v times", n)
	}
}

func FuzzMSTL(f *testing.F) {
	f.Add([]byte{1, 5, 2, 6, 3, 7, 4, 8, 5, 9, 255, 255, 1, 2}, uint8(2), uint8(3), false)
	f.Add(make([]byte, 40), uint8(7), uint8(0), true)
	f.Fuzz(func(t *testing.T, raw []byte, first, second uint8, robust bool) {
		y := make([]float64, 0, len(raw))
		for _, b := range raw[:min(len(raw), 200)] {
			v := float64(b)
			if b > 250 {
				v = math.NaN()
			}
			y = append(y, v)
		}
		periods := []int{int(first % 30)}
		if second > 0 {
			periods = append(periods, int(second%50))
		}
		d, err := decompose.MSTL(y, periods, decompose.Options{Robust: robust})
		if err != nil {
			return
		}
		for i, v := range y {
			sum := d.Trend[i]
			for _, s := range d.Seasons {
				sum += s[i]
			}
			if math.IsNaN(sum) || math.Abs(sum) > 1e6 {
				t.Fatalf("trend and seasons of period %d add up to %v (observed: %v)", i, sum, v)
			}
		}
	})
}

func benchmark(b *testing.B, n, season int) {
	y := make([]float64, n)
	for i := range y {
		y[i] = 40 + 10*math.Sin(2*math.Pi*float64(i)/float64(season)) + float64(i*7919%23)/4
	}
	s := forecast.Series{Y: y, Season: season}
	for name, m := range map[string]forecast.Model{
		"MSTL":       nil,
		"SES":        decompose.Model{Base: ets.Model{}},
		"ETS":        decompose.Model{},
		"robust SES": decompose.Model{Base: ets.Model{}, Options: decompose.Options{Robust: true}},
	} {
		b.Run(name, func(b *testing.B) {
			periods := []int{season}
			if season == 7 {
				periods = []int{7, 365}
			}
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if m == nil {
					_, err = decompose.MSTL(y, periods, decompose.Options{})
				} else {
					_, err = m.Fit(s)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWeeks260(b *testing.B) { benchmark(b, 260, 52) }

func BenchmarkDays1096(b *testing.B) { benchmark(b, 1096, 7) }

func ExampleModel() {
	y := make([]float64, 156) // three years of weeks
	for t := range y {
		y[t] = 100 + 30*math.Sin(2*math.Pi*float64(t)/52)
	}
	// Without noise there is nothing to smooth.
	f, err := decompose.Model{Base: ets.Model{}, Smooth: -1}.Fit(forecast.Series{Y: y, Season: 52})
	if err != nil {
		fmt.Println(err)
		return
	}
	year := make([]float64, 52)
	f.PredictTo(year)
	fmt.Printf("%.0f %.0f %.0f %.0f\n", year[0], year[13], year[26], year[39])
	// Output: 100 130 100 70
}

func ExampleMSTL() {
	y := make([]float64, 48)
	for t := range y {
		y[t] = 10 + float64(t) + []float64{1, 6, -3, -4}[t%4]
	}
	d, err := decompose.MSTL(y, []int{4}, decompose.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("trend %.1f, season %.1f\n", d.Trend[20], d.Seasons[0][20:24])
	// Output: trend 30.0, season [1.0 6.0 -3.0 -4.0]
}
