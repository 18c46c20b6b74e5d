package theta_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/theta"
)

// Whatever the bytes, there is a named error or numbers.
func FuzzFit(f *testing.F) {
	f.Add([]byte{}, 7)
	seed := make([]byte, 0, 8*40)
	for i := range 40 {
		seed = binary.LittleEndian.AppendUint64(seed, math.Float64bits(float64(i%7)*1e300))
	}
	f.Add(seed, 7)
	f.Add(seed[:8*9], 4)
	f.Add(binary.LittleEndian.AppendUint64(seed[:8*20:8*20], math.Float64bits(5e-324)), 5)
	f.Fuzz(func(t *testing.T, b []byte, season int) {
		if season > 400 {
			t.Skip()
		}
		var y []float64
		for ; len(b) >= 8 && len(y) < 400; b = b[8:] {
			y = append(y, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		for _, v := range variants {
			fit, err := theta.Model{Variant: v.Variant}.Fit(forecast.Series{Y: y, Season: season})
			if err != nil {
				if !errors.Is(err, forecast.ErrTooShort) && !errors.Is(err, forecast.ErrNotFinite) {
					t.Fatalf("unnamed error %v", err)
				}
				continue
			}
			var dst [9]float64
			fit.Append(y)
			fit.PredictTo(dst[:])
			for j, x := range dst {
				if math.IsNaN(x) {
					t.Fatalf("%s: step %d is NaN", v.name, j)
				}
			}
		}
	})
}
