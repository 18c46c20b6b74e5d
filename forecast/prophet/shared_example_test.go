package prophet_test

import (
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// Three shops have the same dates; the second opened later, and the third was
// closed on Christmas Day.
func ExampleModel_Share() {
	var dates, ahead prophet.Future
	for i := range 800 {
		dates.Time = append(dates.Time, time.Date(2023, 1, 2+i, 0, 0, 0, 0, time.UTC))
	}
	for i := range 7 {
		ahead.Time = append(ahead.Time, time.Date(2023, 1, 2+800+i, 0, 0, 0, 0, time.UTC))
	}
	shops := make([][]float64, 3)
	for k := range shops {
		for i := range 800 {
			weekday := []float64{0, -5, -5, 0, 10, 30, 20}[i%7]
			noise := 3 * math.Sin(float64(i*i))
			shops[k] = append(shops[k], 100*float64(k+1)+float64(i)/20+weekday+noise)
		}
	}
	for i := range 100 {
		shops[1][i] = math.NaN()
	}
	shops[2][358] = math.NaN()

	shared, err := prophet.Model{}.Share(dates)
	if err != nil {
		fmt.Println(err)
		return
	}
	future, err := shared.Future(ahead)
	if err != nil {
		fmt.Println(err)
		return
	}
	fitter := shared.Fitter() // one per goroutine
	var e prophet.Estimate
	week := make([]float64, len(ahead.Time))
	for _, y := range shops {
		if err := fitter.Fit(&e, y, nil); err != nil {
			fmt.Println(err)
			return
		}
		if err := future.PredictTo(week, &e, nil); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v, %v: %.0f\n", e.Path, e.Diagnostics.Status, week)
	}

	// Quantiles of the last shop's demand of the week.
	f, err := e.Fitted(shops[2], nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := f.WindowQuantiles(ahead, 0, 7, []float64{0.5, 0.95})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f\n", q)
	// Output:
	// same dates, converged: [135 140 150 171 160 140 136]
	// other dates, converged: [235 240 250 270 260 240 236]
	// other dates, converged: [336 340 351 371 361 341 336]
	// [2435 2444]
}
