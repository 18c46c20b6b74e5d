package paths_test

import (
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/paths"
)

// The demand of a lead time of five days that begins tomorrow, from the errors
// that the model has made over the last eight weeks.
func Example() {
	y := make([]float64, 200)
	for i := range y {
		noise := 4 * math.Sin(float64(i*i)) // stands for what nobody can predict
		y[i] = math.Round(30 + 8*math.Sin(2*math.Pi*float64(i)/7) + noise)
	}
	s := forecast.Series{Y: y, Season: 7}
	m := ets.Model{Season: true}

	from := len(y) - 56
	means, err := paths.OneStep(m, s, from)
	if err != nil {
		fmt.Println(err)
		return
	}
	noise, err := paths.NewEmpirical(y[from:], means, paths.Additive)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := m.Fit(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := paths.Simulation{From: f, Noise: noise, Demand: paths.Counts}.Paths(1000, 14, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	q := make([]float64, 3)
	p.WindowQuantilesTo(q, 0, 5, []float64{0.1, 0.5, 0.95})
	fmt.Println("10 %, 50 % and 95 % of the total:", q)
	fmt.Println("the first path:", p.Path(0)[:5])
	// Output:
	// 10 %, 50 % and 95 % of the total: [131 139 149]
	// the first path: [25 25 26 29 33]
}
