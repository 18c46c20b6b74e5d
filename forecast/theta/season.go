package theta

import (
	"math"
	"slices"
)

// season is a set of indices by phase; none means no season.
type season struct {
	index    []float64
	multiply bool
	first    int // phase of the first period of the fit
	phase    int // phase of the next period
}

func (s *season) next(phase int) int {
	if phase++; phase >= len(s.index) {
		return 0
	}
	return phase
}

func (s *season) advance() { s.phase = s.next(s.phase) }

// after is the phase n periods after the first.
func (s *season) after(n int) int {
	if len(s.index) == 0 {
		return 0
	}
	return (s.first + n) % len(s.index)
}

func (s *season) without(v float64) float64 {
	switch {
	case len(s.index) == 0:
		return v
	case s.multiply:
		return v / s.index[s.phase]
	}
	return v - s.index[s.phase]
}

func (s *season) with(v float64, phase int) float64 {
	switch {
	case len(s.index) == 0:
		return v
	case s.multiply:
		return v * s.index[phase]
	}
	return v + s.index[phase]
}

func (s *season) remove(y []float64) {
	s.phase = s.first
	for i, v := range y {
		y[i] = s.without(v)
		s.advance()
	}
}

const (
	shortestSeason = 4                  // as in the authors' implementation
	quantile90     = 1.6448536269514722 // Φ⁻¹(0.95): 90 % two-sided
	smallestIndex  = 0.01               // below, dividing would blow a period up
)

// decompose estimates the season of y, which starts at the given phase, if
// there is a significant one.
func decompose(y []float64, m, phase int, mayMultiply bool) season {
	if m < shortestSeason || len(y) < 2*m || !significant(y, m) {
		return season{}
	}
	positive := true
	for _, v := range y {
		if v <= 0 {
			positive = false
		}
	}
	s := season{first: phase}
	if mayMultiply && positive {
		s.multiply = true
		s.index = classical(y, m, phase, true)
		for _, v := range s.index {
			if !(v >= smallestIndex) {
				s.multiply = false
			}
		}
	}
	if !s.multiply {
		s.index = classical(y, m, phase, false)
	}
	return s
}

// fillings is how often missing periods are filled and the decomposition
// repeated: a window without one of its phases has another mean, and each
// filling leaves about half of that error.
const fillings = 4

// classical is the seasonal part of the classical decomposition.
func classical(y []float64, m, phase int, multiply bool) []float64 {
	trend := movingAverage(y, m)
	index := indices(y, trend, m, phase, multiply)
	var missing []int
	for i, v := range y {
		if v != v {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return index
	}
	filled := slices.Clone(y)
	for range fillings {
		for _, i := range missing {
			if p := (phase + i) % m; multiply {
				filled[i] = trend[i] * index[p]
			} else {
				filled[i] = trend[i] + index[p]
			}
		}
		trend = movingAverage(filled, m)
		index = indices(y, trend, m, phase, multiply) // of what was observed
	}
	return index
}

// significant tests the autocorrelation at lag m.
func significant(y []float64, m int) bool {
	n, mean := 0, 0.0
	for _, v := range y {
		if v == v {
			n++
			mean += (v - mean) / float64(n)
		}
	}
	if n < 2*m {
		return false
	}
	d := make([]float64, len(y)) // a missing period deviates from nothing
	var variance float64
	for i, v := range y {
		if v == v {
			d[i] = v - mean
			variance += d[i] * d[i]
		}
	}
	if !(variance > 0) {
		return false
	}
	var squares, last float64
	for lag := 1; lag <= m; lag++ {
		var sum float64
		a, b := d[:len(d)-lag], d[lag:]
		for i, v := range a {
			sum += v * b[i]
		}
		last = sum / variance
		if lag < m {
			squares += last * last
		}
	}
	return math.Abs(last) > quantile90*math.Sqrt((1+2*squares)/float64(n))
}

// movingAverage is centred and one season long, with halved ends for an even
// m; half a season at either end, and what has an empty window, is NaN.
func movingAverage(y []float64, m int) []float64 {
	out := make([]float64, len(y))
	half := m / 2
	for i := range out {
		if i < half || i+half >= len(y) {
			out[i] = math.NaN()
			continue
		}
		var sum, weight float64
		window := y[i-half : i+half+1]
		for j, v := range window {
			if v == v {
				w := 1.0
				if m%2 == 0 && (j == 0 || j == m) {
					w = 0.5
				}
				sum += w * v
				weight += w
			}
		}
		out[i] = sum / weight // 0/0 is NaN
	}
	return out
}

// indices are the means per phase of what the trend leaves, normalised to a
// mean of 1 or 0 over the phases that have one; the others are neutral.
func indices(y, trend []float64, m, phase int, multiply bool) []float64 {
	sum, count := make([]float64, m), make([]float64, m)
	for i, v := range y {
		left := v - trend[i]
		if multiply {
			left = v / trend[i]
		}
		if left == left {
			sum[phase] += left
			count[phase]++
		}
		if phase++; phase == m {
			phase = 0
		}
	}
	var mean, known float64
	for p, c := range count {
		if c > 0 {
			sum[p] /= c
			mean += sum[p]
			known++
		}
	}
	mean /= known
	for p, c := range count {
		switch {
		case c == 0 && multiply:
			sum[p] = 1
		case multiply:
			sum[p] /= mean
		case c > 0:
			sum[p] -= mean
		}
	}
	return sum
}
