package metric_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/metric"
)

func same(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-12
}

// All by hand: actual 3, missing, 5 against 1, 9, 6 has errors 2 and −1.
func TestByHand(t *testing.T) {
	nan := math.NaN()
	actual, mean := []float64{3, nan, 5}, []float64{1, 9, 6}
	history := []float64{0, 0, 4, nan, 6, 3} // differences 2 and −3 from the first sale on
	for name, c := range map[string]struct{ got, want float64 }{
		"squared scale":           {metric.SquaredScale(history), 6.5},
		"absolute scale":          {metric.AbsoluteScale(history), 2.5},
		"scale of one sale":       {metric.SquaredScale([]float64{0, 0, 4}), nan},
		"scale of nothing":        {metric.SquaredScale(nil), nan},
		"rmsse":                   {metric.RMSSE(actual, mean, 6.5), math.Sqrt(2.5 / 6.5)},
		"rmsse of zero scale":     {metric.RMSSE(actual, mean, 0), nan},
		"rmsse of nothing":        {metric.RMSSE([]float64{nan}, []float64{1}, 1), nan},
		"mase":                    {metric.MASE(actual, mean, 2.5), 0.6},
		"wape":                    {metric.WAPE(actual, mean), 3.0 / 8},
		"wape of no sales":        {metric.WAPE([]float64{0}, []float64{1}), nan},
		"bias":                    {metric.Bias(actual, mean), -1.0 / 8},
		"pinball above":           {metric.Pinball(10, 4, 0.9), 5.4},
		"pinball below":           {metric.Pinball(4, 10, 0.9), 0.6},
		"pinball at the quantile": {metric.Pinball(4, 4, 0.9), 0},
	} {
		if !same(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}

func TestMeanPinball(t *testing.T) {
	var q [forecast.NQuantiles]float64 // all zero: the loss is p·y
	sum := 0.0
	for _, p := range forecast.Probabilities() {
		sum += p
	}
	if got, want := metric.MeanPinball(2, &q), 2*sum/forecast.NQuantiles; !same(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Quantiles of a fair coin: 0 below one half, 1 above. They cannot cover 80 %
// exactly, and are calibrated all the same.
func TestCalibrationOfCounts(t *testing.T) {
	q := [forecast.NQuantiles]float64{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}
	var c, wrong metric.Calibration
	for i := range 1000 {
		c.Add(float64(i%2), &q)
		wrong.Add(float64(min(1, i%5)), &q) // four of five are 1
	}
	if !c.Calibrated(0.03) {
		t.Error("a fair coin is called uncalibrated")
	}
	if wrong.Calibrated(0.03) {
		t.Error("a loaded coin is called calibrated: the median 0 is too low")
	}
	if below, at := c.Bounds(4); below != 0 || at != 0.5 {
		t.Errorf("median: share below %v, at or below %v", below, at)
	}
}

func TestLengthsPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("slices of different length were accepted")
		}
	}()
	metric.WAPE([]float64{1}, nil)
}

func ExampleRMSSE() {
	history := []float64{0, 2, 4, 2, 4}
	fmt.Println(metric.RMSSE([]float64{3, 5}, []float64{3, 3}, metric.SquaredScale(history)))
	// Output: 0.7071067811865476
}
