package forecast_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/skucast/skucast/forecast"
)

func TestRound6(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{
		{0, 0},
		{math.Copysign(0, -1), 0},
		{1, 1},
		{-3, -3},
		{999999, 999999},
		{1234567, 1234570},
		{0.1234567, 0.123457},
		{12.3456789, 12.3457},
		{-12.3456789, -12.3457},
		{99999.96, 100000},
		{999999.7, 1e6},
		{1e-300, 1e-300},
		{1.23456789e-300, 1.23457e-300},
		{1.23456789e300, 1.23457e300},
		{math.MaxFloat64, 1.79769e308},
		{5e-324, 5e-324},
		{-1e-320, -1e-320},
		{0.3, 0.3},
		{2.0 / 3, 0.666667},
		{math.Inf(1), math.Inf(1)},
	} {
		got := forecast.Round6(c.in)
		if got != c.want || math.Signbit(got) != math.Signbit(c.want) {
			t.Errorf("Round6(%v) = %v, want %v", c.in, got, c.want)
		}
	}
	if !math.IsNaN(forecast.Round6(math.NaN())) {
		t.Error("Round6(NaN) is a number")
	}
}

// Rounded numbers are what their 6-digit decimal reads as, and stay.
func FuzzRound6(f *testing.F) {
	for _, v := range []float64{0.1, 123456.5, 1e-9, 3.14159265e14, 2.5e-11, 1e15, -7.77777777} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		r := forecast.Round6(x)
		if again := forecast.Round6(r); again != r {
			t.Fatalf("Round6(%v) = %v, and again %v", x, r, again)
		}
		digits, err := strconv.ParseFloat(strconv.FormatFloat(r, 'e', 5, 64), 64)
		if err != nil || digits != r {
			t.Fatalf("Round6(%v) = %v has more than 6 digits", x, r)
		}
		if math.Abs(x) > 1e-300 && math.Abs(r-x) > 5.0001e-6*math.Abs(x) {
			t.Fatalf("Round6(%v) = %v is off", x, r)
		}
	})
}

func TestClassify(t *testing.T) {
	nan := math.NaN()
	every := func(n, k int, sizes ...float64) []float64 {
		y := make([]float64, n)
		for i := 0; i < n; i += k {
			y[i] = sizes[i/k%len(sizes)]
		}
		return y
	}
	for name, c := range map[string]struct {
		y      []float64
		season int
		want   forecast.Class
	}{
		"same every day":         {every(100, 1, 5), 7, forecast.Smooth},
		"wild every day":         {every(100, 1, 1, 1, 1, 20), 7, forecast.Erratic},
		"same every third day":   {every(100, 3, 5), 7, forecast.Intermittent},
		"wild every third day":   {every(100, 3, 1, 1, 1, 20), 7, forecast.Lumpy},
		"27 days":                {every(27, 1, 5), 7, forecast.New},
		"28 days":                {every(28, 1, 5), 7, forecast.Smooth},
		"11 months":              {every(11, 1, 5), 12, forecast.New},
		"stopped 85 days ago":    {append(every(100, 1, 5), make([]float64, 85)...), 7, forecast.Dead},
		"stopped 83 days ago":    {append(every(100, 1, 5), make([]float64, 83)...), 7, forecast.Intermittent},
		"rare, silent 85 days":   {append(every(400, 30, 5), make([]float64, 85)...), 7, forecast.Intermittent},
		"no demand":              {make([]float64, 50), 7, forecast.Dead},
		"nothing":                {nil, 7, forecast.Dead},
		"gaps are not zeros":     {[]float64{5, nan, 5, nan, 5, nan, 5, nan, 5, 5, 5, 5, 5, nan, 5, 5, 5, 5, 5, 5}, 12, forecast.Smooth},
		"no overflow at 1e300":   {every(100, 1, 1e300), 7, forecast.Smooth},
		"no underflow at 1e-300": {every(100, 1, 1e-300), 7, forecast.Smooth},
	} {
		t.Run(name, func(t *testing.T) {
			if got := forecast.Classify(c.y, c.season); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestClassNames(t *testing.T) {
	for c := range forecast.Class(forecast.NClasses) {
		if got, ok := forecast.ParseClass(c.String()); !ok || got != c {
			t.Errorf("ParseClass(%q) = %v, %v", c, got, ok)
		}
	}
	if _, ok := forecast.ParseClass("unknown"); ok {
		t.Error("unknown is a class")
	}
}

func TestRepair(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	q := [forecast.NQuantiles]float64{-1, 2, 1, nan, 3, 3, 5, 4, inf, inf}
	forecast.Repair(&q)
	want := [forecast.NQuantiles]float64{0, 2, 2, 2, 3, 3, 5, 5, math.MaxFloat64, math.MaxFloat64}
	if q != want {
		t.Errorf("got %v, want %v", q, want)
	}
}

func ExampleRound6() {
	fmt.Println(forecast.Round6(1.0/3), forecast.Round6(1234567.8))
	// Output: 0.333333 1.23457e+06
}

func ExampleClassify() {
	fmt.Println(forecast.Classify([]float64{
		2, 0, 0, 2, 0, 0, 2, 0, 0, 2, 0, 0, 2, 0, 0, 2,
		0, 0, 2, 0, 0, 2, 0, 0, 2, 0, 0, 2, 0, 0, 2, 0,
	}, 7))
	// Output: intermittent
}
