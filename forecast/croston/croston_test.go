package croston_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
	"github.com/skucast/skucast/forecast/modeltest"
)

// TSB starts from other initial values: after 280 periods and about 80 demands
// with weights of 0.2 nothing of them is left that 1e-6 could see.
func TestReference(t *testing.T) {
	modeltest.Reference(t, croston.SBA{}, "sparse", "sba", 1e-6)
	modeltest.Reference(t, croston.TSB{AlphaSize: 0.2, AlphaProbability: 0.2}, "sparse", "tsb_0.2_0.2", 1e-6)
}

// An item that stopped selling: TSB forgets it, SBA never does.
func TestObsolescence(t *testing.T) {
	y := make([]float64, 200)
	for i := range 100 {
		y[i] = float64(i % 2 * 4)
	}
	s := forecast.Series{Y: y}
	level := func(m forecast.Model) float64 {
		f, err := m.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		var v [1]float64
		f.PredictTo(v[:])
		return v[0]
	}
	if got := level(croston.TSB{AlphaSize: 0.1, AlphaProbability: 0.1}); got > 0.001 {
		t.Errorf("TSB still forecasts %v after 100 zeros", got)
	}
	if got := level(croston.SBA{}); got < 1.8 || got > 2 {
		t.Errorf("SBA forecasts %v, want the old rate near 1.9", got)
	}
}

func ExampleTSB() {
	y := []float64{3, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0, 0}
	f, err := croston.TSB{AlphaSize: 0.1, AlphaProbability: 0.1}.Fit(forecast.Series{Y: y})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean := make([]float64, 1)
	f.PredictTo(mean)
	fmt.Printf("%.2f\n", mean[0])
	// Output: 0.93
}
