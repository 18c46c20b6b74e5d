package series

import (
	"math"
	"strconv"

	"github.com/skucast/skucast/forecast"
)

// maxKnown bounds the cost of one series: further inputs are not used.
const maxKnown = 12

// beyond is by how many ranges of its past, on either side, a future input is
// believed: a price typed wrong by a factor of 100 must not sell a hundred times
// as much. A flag stays within its past.
const beyond = 0.5

// input is a known input as Prophet gets it: flags and numbers as they are,
// prices as logarithms. beta, with the scale of demand in it, belongs to
// (value − mean)/sd.
type input struct {
	name           string
	flag           bool
	values         []float64
	low, high      float64 // of the future
	mean, sd, beta float64
}

// inputs are those that can be used: known wherever demand was observed, known
// for all periods of the future that they reach, one at least, and not the same
// in the whole past, from which nothing could be learnt.
func inputs(s forecast.Series) []input {
	var out []input
	for _, r := range s.Known {
		if len(out) == maxKnown {
			break
		}
		in := input{name: "known" + strconv.Itoa(len(out)), flag: r.Kind == forecast.Flag, values: r.Values}
		if r.Kind == forecast.Price {
			in.values = make([]float64, len(r.Values))
			for t, v := range r.Values {
				in.values[t] = math.Log(v) // not finite for a price that is not positive
			}
		}
		if in.usable(s.Y) {
			out = append(out, in)
		}
	}
	return out
}

func (in *input) usable(y []float64) bool {
	if len(in.values) <= len(y) {
		return false
	}
	low, high := math.Inf(1), math.Inf(-1)
	for t, v := range in.values {
		past := t < len(y)
		if past && math.IsNaN(y[t]) {
			continue
		}
		if v-v != 0 { // not finite
			return false
		}
		if past {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	room := 0.0
	if !in.flag {
		room = beyond * (high - low)
	}
	in.low, in.high = low-room, high+room
	return low < high && !math.IsInf(in.high-in.low, 0)
}

// at is the effect in period t: none where the input is not known.
func (in *input) at(t, length int) float64 {
	if t >= len(in.values) {
		return 0
	}
	v := in.values[t]
	if t >= length {
		v = math.Max(in.low, math.Min(v, in.high))
	}
	if v != v { // a past period without demand may lack its input
		return 0
	}
	return in.beta * (v - in.mean) / in.sd
}
