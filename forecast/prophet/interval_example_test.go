package prophet_test

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// days60 is a small history for the examples below.
func days60() prophet.History {
	var h prophet.History
	for i := range 60 {
		h.Time = append(h.Time, time.Date(2024, 3, 1+i, 0, 0, 0, 0, time.UTC))
		h.Y = append(h.Y, 100+10*float64(i%7)+5*math.Sin(float64(i*i)))
	}
	return h
}

// What to have in stock for the five days that a delivery takes, with a
// probability of 95 %: a quantile of the sum, which is less than the sum of the
// quantiles. Nothing is drawn: the numbers are exact.
func ExampleFitted_WindowQuantiles() {
	f, err := prophet.Model{}.Fit(days60())
	if err != nil {
		fmt.Println(err)
		return
	}
	future := prophet.Future{Time: f.FutureTimes(5, prophet.Daily(), false)}
	days, err := f.Quantiles(future, []float64{0.95})
	if err != nil {
		fmt.Println(err)
		return
	}
	var each float64
	for _, q := range days.Values {
		each += q[0]
	}
	total, err := f.WindowQuantiles(future, 0, 5, []float64{0.5, 0.95})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("median %.0f, 95 %% %.0f; sum of the days' 95 %% %.0f\n", total[0], total[1], each)
	// Output:
	// median 667, 95 % 679; sum of the days' 95 % 694
}

// Sample paths, drawn as the Python package draws them.
func ExampleFitted_Simulate() {
	f, err := prophet.Model{}.Fit(days60())
	if err != nil {
		fmt.Println(err)
		return
	}
	future := prophet.Future{Time: f.FutureTimes(4, prophet.Daily(), false)}
	paths, err := f.Simulate(future, 2, 1, prophet.ByStep)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range paths {
		fmt.Printf("%.0f\n", path)
	}
	// Output:
	// [143 151 160 98]
	// [140 141 166 107]
}

// A model goes to Python (prophet.serialize.model_from_json reads it) and comes
// back.
func ExampleFitted_MarshalJSON() {
	f, err := prophet.Model{}.Fit(days60())
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	var again prophet.Fitted
	if err := json.Unmarshal(text, &again); err != nil {
		fmt.Println(err)
		return
	}
	future := prophet.Future{Time: again.FutureTimes(1, prophet.Daily(), false)}
	a, errA := f.Predict(future)
	b, errB := again.Predict(future)
	if errA != nil || errB != nil {
		fmt.Println(errA, errB)
		return
	}
	fmt.Printf("%.2f %.2f\n", a.YHat[0], b.YHat[0])
	// Output:
	// 141.67 141.67
}
