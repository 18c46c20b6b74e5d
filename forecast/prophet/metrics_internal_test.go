package prophet

import (
	"errors"
	"math"
	"testing"
	"time"
)

// The worked examples of Prophet's own tests.
func TestRollingWindows(t *testing.T) {
	x := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	each := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	ties := []int64{1, 2, 3, 4, 4, 4, 4, 4, 7, 7}
	for name, c := range map[string]struct {
		roll     func([]float64, []int64, int) ([]int64, []float64)
		h        []int64
		w        int
		horizons []int64
		want     []float64
	}{
		"mean, w = 1":            {rollingMean, each, 1, each, x},
		"mean, w = 4":            {rollingMean, each, 4, each[3:], []float64{1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}},
		"mean, equal horizons":   {rollingMean, ties, 3, []int64{3, 4, 7}, []float64{1, 5, 22. / 3}},
		"mean, all":              {rollingMean, ties, 10, []int64{7}, []float64{4.5}},
		"mean, every point":      {rollingMean, ties, -1, ties, x},
		"median, w = 1":          {rollingMedian, each, 1, each, x},
		"median, w = 4":          {rollingMedian, each, 4, each[3:], []float64{1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}},
		"median, equal horizons": {rollingMedian, ties, 3, []int64{3, 4, 7}, []float64{1, 5, 8}},
		"median, every point":    {rollingMedian, ties, -1, ties, x},
	} {
		t.Run(name, func(t *testing.T) {
			h, got := c.roll(x, c.h, c.w)
			if len(h) != len(c.horizons) || len(got) != len(c.want) {
				t.Fatalf("got %v %v, want %v %v", h, got, c.horizons, c.want)
			}
			for i := range h {
				if h[i] != c.horizons[i] || math.Abs(got[i]-c.want[i]) > 1e-12 {
					t.Fatalf("got %v %v, want %v %v", h, got, c.horizons, c.want)
				}
			}
		})
	}
}

func TestPerformanceMetrics(t *testing.T) {
	cutoff := time.Date(2020, 1, 31, 0, 0, 0, 0, time.UTC)
	at := func(days int, y, yhat float64) CVPoint {
		return CVPoint{Time: cutoff.AddDate(0, 0, days), Cutoff: cutoff, Y: y, Yhat: yhat, Lower: yhat - 1, Upper: yhat + 1}
	}
	points := []CVPoint{at(2, 4, 2), at(1, 2, 1), at(1, 4, 8)}
	got, err := PerformanceMetrics(points, 0, false)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	const day = 24 * time.Hour
	for i, want := range []Performance{
		{Horizon: day, MSE: 8.5, RMSE: math.Sqrt(8.5), MAE: 2.5, MAPE: 0.75, MDAPE: 0.75, SMAPE: (1/1.5 + 4./6) / 2, Coverage: 0.5},
		{Horizon: 2 * day, MSE: 4, RMSE: 2, MAE: 2, MAPE: 0.5, MDAPE: 0.5, SMAPE: 2. / 3, Coverage: 0},
	} {
		g := got[i]
		for name, v := range map[string][2]float64{
			"mse": {g.MSE, want.MSE}, "rmse": {g.RMSE, want.RMSE}, "mae": {g.MAE, want.MAE}, "mape": {g.MAPE, want.MAPE},
			"mdape": {g.MDAPE, want.MDAPE}, "smape": {g.SMAPE, want.SMAPE}, "coverage": {g.Coverage, want.Coverage},
			"horizon": {float64(g.Horizon), float64(want.Horizon)},
		} {
			if math.Abs(v[0]-v[1]) > 1e-12 {
				t.Errorf("row %d, %s: got %v, want %v", i, name, v[0], v[1])
			}
		}
	}
	if rows, _ := PerformanceMetrics(points, 1, false); len(rows) != 1 || rows[0].MSE != 7 {
		t.Errorf("window of everything: %+v", rows)
	}
	if rows, _ := PerformanceMetrics(points, -1, false); len(rows) != 3 || rows[1].MSE != 16 {
		t.Errorf("every point: %+v", rows)
	}
	if rows, _ := PerformanceMetrics(points, 0, true); len(rows) != 1 || rows[0].Months != 1 || rows[0].Horizon != 0 {
		t.Errorf("months: %+v", rows)
	}
	points = append(points, at(3, 0, 0))
	points[3].Lower = math.NaN()
	rows, _ := PerformanceMetrics(points, 0, false)
	if last := rows[2]; !math.IsNaN(last.MAPE) || last.SMAPE != 0 || last.MDAPE != 0 || !math.IsNaN(last.Coverage) {
		t.Errorf("zero demand: %+v", last)
	}
	if _, err := PerformanceMetrics(nil, 0.1, false); !errors.Is(err, ErrNoPoints) {
		t.Errorf("nothing: %v", err)
	}
}
