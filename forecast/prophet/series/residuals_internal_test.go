package series

import (
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet"
)

// The residuals that the level follows are those of package prophet's own
// forecast of the history: with changes of the trend, gaps and inputs.
func TestResiduals(t *testing.T) {
	const n = 300
	y, x := make([]float64, n), make([]float64, n+5)
	for i := range x {
		x[i] = float64(i * i % 13)
	}
	for i := range y {
		y[i] = 40 + 0.2*math.Abs(float64(i-150)) + 5*math.Sin(2*math.Pi*float64(i)/7) + 0.5*x[i] + math.Sin(float64(i*i))
		if i < 3 || i%50 == 9 {
			y[i] = math.NaN()
		}
	}
	s := forecast.Series{Y: y, Season: 7, Known: []forecast.Regressor{{Values: x, Kind: forecast.Number}}}
	for _, m := range []Model{{}, {Growth: prophet.Flat}, {Mode: prophet.Multiplicative}} {
		fitted, err := m.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		f := fitted.(*Fitted)
		past := f.fit.History.Future()
		want, err := f.fit.Predict(past)
		if err != nil {
			t.Fatal(err)
		}
		row, changes := 0, 0
		for i, r := range f.residuals(y) {
			if math.IsNaN(y[i]) {
				if !math.IsNaN(r) {
					t.Errorf("%+v: period %d is missing, its residual %v", m, i, r)
				}
				continue
			}
			if math.Abs(y[i]-want.YHat[row]-r) > 1e-9*y[i] {
				t.Fatalf("%+v: residual of period %d is %v, want %v", m, i, r, y[i]-want.YHat[row])
			}
			row++
		}
		for _, d := range f.fit.Params.Delta {
			if d != 0 {
				changes++
			}
		}
		if m.Growth == prophet.Linear && changes == 0 {
			t.Errorf("%+v: no change of the trend: the test shows less than it should", m)
		}
	}
}
