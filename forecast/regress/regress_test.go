package regress_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/regress"
)

// promoted is demand that a promotion doubles on some weekdays and leaves
// alone on others; every second week is promoted.
func promoted(n, h int) (y []float64, s forecast.Series, truth []float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	promo := make([]float64, n+h)
	for i := range n + h {
		level := 100.0
		if i/7%2 == 1 && i%7 < 5 {
			promo[i] = 1
			if i%7 < 3 {
				level *= 2
			}
		}
		if i < n {
			y = append(y, level*math.Exp(0.05*rng.NormFloat64()))
		} else {
			truth = append(truth, level)
		}
	}
	s = forecast.Series{Y: y, Season: 7, Known: []forecast.Regressor{{Name: "promo", Kind: forecast.Flag, Values: promo}}}
	return y, s, truth
}

func TestPromotionByWeekday(t *testing.T) {
	_, s, truth := promoted(364, 28)
	f, err := regress.Model{}.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 28)
	f.PredictTo(got)
	for j := range got {
		if math.Abs(got[j]/truth[j]-1) > 0.06 {
			t.Errorf("step %d: got %.1f, the truth is %.1f", j, got[j], truth[j])
		}
	}
}

// A price cut by a tenth that sells 30 % more must be found again.
func TestPrice(t *testing.T) {
	price := make([]float64, 228)
	y := make([]float64, 200)
	for i := range price {
		price[i] = 10
		if i%10 < 3 || i >= 200 {
			price[i] = 9
		}
		if i < 200 {
			y[i] = 50
			if price[i] == 9 {
				y[i] = 65
			}
		}
	}
	f, err := regress.Model{}.Fit(forecast.Series{Y: y, Season: 7, Known: []forecast.Regressor{
		{Name: "price", Kind: forecast.Price, Values: price},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 28)
	f.PredictTo(got)
	for j, v := range got {
		if math.Abs(v-65) > 4 {
			t.Errorf("step %d: got %.1f, want 65", j, v)
		}
	}
}

// A wave of a year around a level of 100, over three years.
func TestYearlyWave(t *testing.T) {
	at := func(i int) float64 { return 100 * math.Exp(0.4*math.Sin(2*math.Pi*float64(i)/365.25)) }
	y := make([]float64, 1096)
	for i := range y {
		y[i] = at(i)
	}
	f, err := regress.Model{}.Fit(forecast.Series{Y: y, Season: 7})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 28)
	f.PredictTo(got)
	for j, v := range got {
		if want := at(1096 + j); math.Abs(v/want-1) > 0.05 {
			t.Errorf("step %d: got %.1f, want %.1f", j, v, want)
		}
	}
}

// Inputs that say nothing, or are broken, must not break the fit.
func TestUselessInputs(t *testing.T) {
	_, s, _ := promoted(100, 28)
	flat, nan, inf := make([]float64, 128), make([]float64, 128), make([]float64, 128)
	for i := range nan {
		nan[i], inf[i] = math.NaN(), math.Inf(1-2*(i%2))
	}
	for _, kind := range []forecast.Kind{forecast.Flag, forecast.Price, forecast.Number} {
		s.Known = append(s.Known, forecast.Regressor{Kind: kind, Values: flat},
			forecast.Regressor{Kind: kind, Values: nan}, forecast.Regressor{Kind: kind, Values: inf},
			forecast.Regressor{Kind: kind, Values: nil})
	}
	f, err := regress.Model{}.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 28)
	f.PredictTo(got)
	for j, v := range got {
		if !(v >= 0) || v > 1000 {
			t.Errorf("step %d is %v", j, v)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	_, s, _ := promoted(1096, 28)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (regress.Model{}).Fit(s); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleModel() {
	y, promo := make([]float64, 140), make([]float64, 147)
	for i := range promo {
		promo[i] = float64(i / 7 % 2)
		if i < 140 {
			y[i] = 10 + 10*promo[i]
		}
	}
	promo[140] = 1 // the next Monday is promoted, the rest of the week is not
	f, err := regress.Model{}.Fit(forecast.Series{Y: y, Season: 7, Known: []forecast.Regressor{
		{Name: "promo", Kind: forecast.Flag, Values: promo},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 2)
	f.PredictTo(mean)
	fmt.Printf("%.0f\n", mean)
	// Output: [20 10]
}
