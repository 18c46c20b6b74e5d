package prophet_test

import (
	"fmt"
	"math"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// Three years of daily sales with a weekly and a yearly pattern, forecast with
// Prophet's defaults.
func Example() {
	var h prophet.History
	start := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 * 365 {
		t := start.AddDate(0, 0, i)
		weekend := 0.0
		if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
			weekend = 30
		}
		season := 20 * math.Sin(2*math.Pi*float64(t.YearDay())/365.25)
		noise := 2 * math.Sin(float64(i*i)) // stands for what nobody can predict
		h.Time, h.Y = append(h.Time, t), append(h.Y, 100+0.02*float64(i)+weekend+season+noise)
	}

	f, err := prophet.Model{}.Fit(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("status:", f.Diagnostics.Status)
	fc, err := f.Predict(prophet.Future{Time: f.FutureTimes(3, prophet.Daily(), false)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, t := range fc.Time {
		fmt.Printf("%s %s %.0f, weekly %+.0f\n", t.Format(time.DateOnly), t.Weekday(), fc.YHat[i], fc.Component("weekly")[i])
	}
	// Output:
	// status: converged
	// 2025-12-31 Wednesday 122, weekly -9
	// 2026-01-01 Thursday 122, weekly -9
	// 2026-01-02 Friday 123, weekly -8
}

// Sales that rise with the level: effects are shares of the trend. Christmas
// sells from two days before to the day itself.
func Example_multiplicativeWithHolidays() {
	m := prophet.Model{SeasonalityMode: prophet.Multiplicative, Yearly: prophet.Off}
	for year := 2022; year <= 2025; year++ {
		m.Holidays = append(m.Holidays, prophet.Holiday{
			Name: "christmas", Date: time.Date(year, 12, 25, 0, 0, 0, 0, time.UTC), Lower: -2,
		})
	}
	var h prophet.History
	start := time.Date(2022, 1, 3, 0, 0, 0, 0, time.UTC) // a Monday
	for i := range 1400 {
		t := start.AddDate(0, 0, i)
		factor := []float64{0.8, 0.8, 0.9, 1, 1.1, 1.4, 1}[i%7]
		if t.Month() == time.December && t.Day() >= 23 && t.Day() <= 25 {
			factor *= 2
		}
		noise := math.Sin(float64(i * i))
		h.Time, h.Y = append(h.Time, t), append(h.Y, (100+0.1*float64(i))*factor+noise)
	}
	f, err := m.Fit(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	fc, err := f.Predict(prophet.Future{Time: []time.Time{
		time.Date(2025, 12, 22, 0, 0, 0, 0, time.UTC),
		time.Date(2025, 12, 24, 0, 0, 0, 0, time.UTC),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, t := range fc.Time {
		fmt.Printf("%s: %.0f, weekly %+.2f, christmas %+.2f\n", t.Format(time.DateOnly), fc.YHat[i],
			fc.Component("weekly")[i], fc.Component("christmas")[i])
	}
	// Output:
	// 2025-12-22: 196, weekly -0.20, christmas +0.00
	// 2025-12-24: 460, weekly -0.10, christmas +0.97
}

// A product that approaches the capacity of its market.
func Example_logistic() {
	var h prophet.History
	start := time.Date(2022, 1, 3, 0, 0, 0, 0, time.UTC)
	for week := range 120 {
		h.Time = append(h.Time, start.AddDate(0, 0, 7*week))
		h.Y = append(h.Y, 1000/(1+math.Exp(-float64(week-50)/12))+5*math.Sin(float64(week*week)))
		h.Cap = append(h.Cap, 1000)
	}
	f, err := prophet.Model{Growth: prophet.Logistic, Yearly: prophet.Off}.Fit(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	future := prophet.Future{Time: f.FutureTimes(100, prophet.Weekly(), false)}
	for range future.Time {
		future.Cap = append(future.Cap, 1000)
	}
	fc, err := f.Predict(future)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("after 1 week %.0f, after 100 weeks %.0f\n", fc.YHat[0], fc.YHat[99])
	// Output:
	// after 1 week 997, after 100 weeks 1000
}

// PredictTo writes forecasts without allocating, for loops over many horizons.
func ExamplePredictor_PredictTo() {
	h := prophet.History{}
	for i := range 60 {
		h.Time = append(h.Time, time.Date(2024, 3, 1+i, 0, 0, 0, 0, time.UTC))
		h.Y = append(h.Y, 10+float64(i%7)+0.1*math.Sin(float64(i*i)))
	}
	f, err := prophet.Model{}.Fit(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := f.Predictor()
	if err != nil {
		fmt.Println(err)
		return
	}
	future := prophet.Future{Time: f.FutureTimes(7, prophet.Daily(), false)}
	yhat := make([]float64, 7)
	if err := p.PredictTo(yhat, &future); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f\n", yhat)
	// Output:
	// [14 15 16 10 11 12 13]
}
