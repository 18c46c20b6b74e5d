package series_test

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/prophet/series"
)

// Prophet in place of any other model: fitted to half a year of days, shown
// another week, and asked for the next.
func Example() {
	y := make([]float64, 189)
	for i := range y {
		weekend := 0.0
		if i%7 >= 5 {
			weekend = 12
		}
		y[i] = 30 + 0.05*float64(i) + weekend + math.Sin(float64(i*i)) // the last stands for what nobody can predict
	}
	var m forecast.Model = series.Model{}
	f, err := m.Fit(forecast.Series{Y: y[:182], Season: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	f.Append(y[182:])
	week := make([]float64, 7)
	f.PredictTo(week)
	fmt.Printf("%.0f\n", week)
	// Output:
	// [39 39 40 39 40 52 52]
}
