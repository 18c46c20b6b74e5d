package design_test

import (
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

func TestChangepoints(t *testing.T) {
	for name, c := range map[string]struct {
		rows, n int
		share   float64
		want    []int
	}{
		"even":                       {11, 4, 1, []int{2, 5, 8, 10}}, // 2.5 and 7.5 go to the even neighbour
		"share of the rows":          {10, 2, 0.8, []int{4, 7}},      // 3.5 to 4
		"fewer rows than asked for":  {5, 25, 0.8, []int{1, 2, 3}},
		"two rows":                   {2, 25, 0.8, nil},
		"three rows":                 {3, 25, 0.8, []int{1}},
		"none wanted":                {100, 0, 0.8, nil},
		"none, by a negative number": {100, -1, 0.8, nil},
	} {
		if got := design.Changepoints(c.rows, c.n, c.share); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestDays(t *testing.T) {
	for _, c := range []struct {
		ns   int64
		days float64
		day  int64
	}{
		{0, 0, 0},
		{design.Day, 1, 1},
		{design.Day + design.Day/4, 1.25, 1},
		{-1, -1e-9 / 86400, -1},
		{-design.Day, -1, -1},
		{-design.Day - 1, -1 - 1e-9/86400, -2},
	} {
		if got := design.Days(c.ns); math.Abs(got-c.days) > 1e-15 {
			t.Errorf("Days(%d) = %v, want %v", c.ns, got, c.days)
		}
		if got := design.DayOf(c.ns); got != c.day {
			t.Errorf("DayOf(%d) = %d, want %d", c.ns, got, c.day)
		}
	}
}

func TestFourier(t *testing.T) {
	got := make([]float64, 4)
	design.FourierTo(got, 10.5, 7) // half a period
	for j, want := range []float64{0, -1, 0, 1} {
		if math.Abs(got[j]-want) > 1e-12 {
			t.Errorf("term %d is %v, want %v", j, got[j], want)
		}
	}
}
