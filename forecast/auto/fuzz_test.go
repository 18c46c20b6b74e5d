package auto_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
)

// Any numbers, any gaps: a valid result, the same from a used engine, and a
// sample that JSON can hold and a pool can digest.
func FuzzForecast(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 0, 255, 9, 1, 1, 1, 4, 5, 9, 8, 7, 0, 0, 3, 2, 1}, uint8(5), uint8(0), false)
	f.Add([]byte("a long enough history of a product that sells every day, more or less"), uint8(13), uint8(1), true)
	f.Add(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300)), uint8(1), uint8(2), true)
	var used auto.Engine
	f.Fuzz(func(t *testing.T, data []byte, h, kind uint8, known bool) {
		steps := int(h%40) + 1
		in := auto.Input{Season: []int{7, 12, 52}[kind%3], Phase: int(h), Y: history(data, kind)}
		in.Integer = true
		for _, v := range in.Y {
			in.Integer = in.Integer && (math.IsNaN(v) || v == math.Trunc(v))
		}
		if known {
			x := make([]float64, len(in.Y)+steps)
			for i := range x {
				x[i] = float64(i % 3)
			}
			in.Known = []forecast.Regressor{{Kind: forecast.Kind(kind / 3 % 3), Values: x}}
		}
		s := auto.Settings{Horizon: steps}
		r := new(auto.Engine).Forecast(in, s)
		if msg := valid(r, in, steps); msg != "" {
			t.Fatalf("%s: %s", msg, text(r))
		}
		sample := used.Sample(in, steps)
		if _, err := json.Marshal(sample); err != nil {
			t.Fatal(err)
		}
		if again := text(used.Forecast(in, s)); again != text(r) {
			t.Fatalf("a used engine says %s, a new one %s", again, text(r))
		}
		samples := make([]auto.Sample, 25)
		for i := range samples {
			samples[i] = sample
		}
		s.Pool = auto.NewPool(samples, steps, in.Season)
		if r := used.Forecast(in, s); valid(r, in, steps) != "" {
			t.Fatalf("with a pool: %s: %s", valid(r, in, steps), text(r))
		}
	})
}

// history reads bytes as small counts with gaps, as decimals, or as raw
// floating point numbers.
func history(data []byte, kind uint8) []float64 {
	var y []float64
	switch kind / 9 % 3 {
	case 0:
		for _, b := range data {
			v := float64(b)
			if b > 250 {
				v = math.NaN()
			} else if b > 128 {
				v = 0
			}
			y = append(y, v)
		}
	case 1:
		for _, b := range data {
			y = append(y, float64(int8(b))/7*math.Pow(10, float64(kind)))
		}
	default:
		for len(data) >= 8 {
			y = append(y, math.Float64frombits(binary.LittleEndian.Uint64(data)))
			data = data[8:]
		}
	}
	return y
}
