package retail

import (
	"testing"
	"time"
)

func date(t *testing.T, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestGridLabels(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		grid   Grid
		origin string
		at     map[int]string
	}{
		{"daily", Grid{Frequency: Daily}, "2024-02-28", map[int]string{0: "2024-02-28", 1: "2024-02-29", 2: "2024-03-01", -59: "2023-12-31"}},
		{"weekly keeps its Friday", Grid{Frequency: Weekly}, "2026-01-02", map[int]string{1: "2026-01-09", -1: "2025-12-26"}},
		{"monthly first", Grid{Frequency: Monthly}, "2025-12-01", map[int]string{1: "2026-01-01", 12: "2026-12-01", -12: "2024-12-01"}},
		{"month end", Grid{Frequency: Monthly, MonthEnd: true}, "2024-01-31", map[int]string{1: "2024-02-29", 2: "2024-03-31", 13: "2025-02-28", -1: "2023-12-31"}},
		{"the 30th stays", Grid{Frequency: Monthly}, "2025-01-30", map[int]string{1: "2025-02-28", 2: "2025-03-30"}},
		{"month end in February", Grid{Frequency: Monthly, MonthEnd: true}, "2025-02-28", map[int]string{1: "2025-03-31", -1: "2025-01-31"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.grid.Origin = date(t, c.origin)
			for i, want := range c.at {
				if got := c.grid.At(i); got.String() != want {
					t.Errorf("At(%d) = %s, want %s", i, got, want)
				}
			}
			for i := -500; i <= 500; i++ {
				if got, ok := c.grid.Index(c.grid.At(i)); got != i || !ok {
					t.Fatalf("Index(At(%d)) = %d, %t", i, got, ok)
				}
			}
		})
	}
}

func TestGridRefusesOtherLabels(t *testing.T) {
	t.Parallel()
	if _, ok := (Grid{Frequency: Weekly, Origin: date(t, "2026-01-02")}).Index(date(t, "2026-01-10")); ok {
		t.Error("a Saturday is on a Friday grid")
	}
	if _, ok := (Grid{Frequency: Monthly, Origin: date(t, "2026-01-01")}).Index(date(t, "2026-02-02")); ok {
		t.Error("the second is on a grid of firsts")
	}
}

func TestPhaseContinues(t *testing.T) {
	t.Parallel()
	for _, f := range []Frequency{Daily, Weekly, Monthly} {
		g := Grid{Frequency: f, Origin: date(t, "2026-01-01")}
		for i := -300; i < 300; i++ {
			if got, want := g.Phase(g.At(i+1)), (g.Phase(g.At(i))+1)%f.Season(); got != want {
				t.Fatalf("%s: phase of period %d is %d, want %d", f, i+1, got, want)
			}
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1969-12-28", "1970-01-01", "2024-02-29", "2026-11-23"} {
		d := date(t, s)
		if d.String() != s {
			t.Errorf("%s came back as %s", s, d)
		}
		if want := (int(d.Time().Weekday()) + 6) % 7; d.Weekday() != want {
			t.Errorf("%s: weekday %d, want %d", s, d.Weekday(), want)
		}
	}
	if DateOf(time.Date(2026, 1, 1, 23, 59, 0, 0, time.FixedZone("", -7200))) != date(t, "2026-01-02") {
		t.Error("DateOf is not the UTC date")
	}
	for _, s := range []string{"", "2026-1-1", "01.02.2026", "2026-02-30"} {
		if _, err := ParseDate(s); err == nil {
			t.Errorf("%q was taken for a date", s)
		}
	}
}
