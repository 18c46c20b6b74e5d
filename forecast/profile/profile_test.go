package profile_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/profile"
)

func repeat(week []float64, n int) []float64 {
	y := make([]float64, 0, n*len(week))
	for range n {
		y = append(y, week...)
	}
	return y
}

// A long history speaks for itself, a short one borrows the prior's shape.
func TestShrinkage(t *testing.T) {
	week := []float64{7, 7, 7, 7, 7, 21, 0} // mean 8
	prior := []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 4}
	forecastOf := func(weeks int, phase int) []float64 {
		f, err := profile.Model{Prior: prior}.Fit(forecast.Series{Y: repeat(week, weeks), Season: 7, Phase: phase})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 7)
		f.PredictTo(got)
		return got
	}
	long := forecastOf(300, 0)
	for p, v := range week {
		if math.Abs(long[p]-v) > 0.8 {
			t.Errorf("300 weeks, weekday %d: got %v, want near %v", p, long[p], v)
		}
	}
	if short := forecastOf(2, 0); short[6] < 1.5*short[0] {
		t.Errorf("2 weeks: the prior's Sunday peak is missing: %v", short)
	}
	// The phase shifts the profile with the calendar.
	if shifted := forecastOf(300, 3); math.Abs(shifted[5]-long[5]) > 0.8 {
		t.Errorf("a series that begins on a Thursday: got %v, want %v", shifted, long)
	}
}

// Sums over a series whose level doubles: the profile must not see the trend.
func TestSumsIgnoreTrend(t *testing.T) {
	y := make([]float64, 140)
	for i := range y {
		y[i] = 100 + float64(i)
		if i%7 == 2 {
			y[i] *= 2
		}
	}
	demand, exposure := make([]float64, 7), make([]float64, 7)
	profile.Sums(demand, exposure, forecast.Series{Y: y, Season: 7})
	for p := range demand {
		want := 7.0 / 8
		if p == 2 {
			want = 2 * 7.0 / 8
		}
		if got := demand[p] / exposure[p]; math.Abs(got-want) > 0.01 {
			t.Errorf("phase %d: got %v, want %v", p, got, want)
		}
	}
}

func ExampleModel() {
	f, err := profile.Model{Window: 14, Strength: 0.001}.Fit(forecast.Series{
		Y: repeat([]float64{2, 2, 2, 2, 2, 4, 0}, 20), Season: 7,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 7)
	f.PredictTo(mean)
	fmt.Printf("%.2f\n", mean)
	// Output: [2.00 2.00 2.00 2.00 2.00 4.00 0.00]
}
