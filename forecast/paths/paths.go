package paths

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/skucast/skucast/forecast"
)

// Demand says which numbers can happen. What a model is shown is what can
// happen.
type Demand int

// The kinds of demand.
const (
	Real        Demand = iota // anything
	NonNegative               // what is below 0 becomes 0
	// Counts are integers from 0 on. A number between two integers becomes one
	// of them at random, so that the mean stays; integers stay what they are.
	Counts
)

// Simulation draws sample paths of the periods after those that From has seen.
type Simulation struct {
	From   forecast.Fitted // is not changed
	Noise  Noise
	Demand Demand
	// First is the number of the first path, for callers who draw paths in
	// parts: the paths from First on are the same whoever draws those before.
	First int
}

// Paths are n sample paths of h periods, and the workspace to draw and measure
// them. The zero value has none. It belongs to one goroutine.
type Paths struct {
	n, h    int
	counts  bool
	values  []float64 // path by path
	scratch []float64
	step    []float64 // a slice of one element, for the model
	source  rand.PCG
	rng     *rand.Rand
}

// Paths draws n paths of h periods. See PathsTo.
func (s Simulation) Paths(n, h int, seed uint64) (*Paths, error) {
	p := &Paths{}
	return p, s.PathsTo(p, n, h, seed)
}

// PathsTo draws n paths of h periods into p, whose memory it reuses. Equal input
// gives equal paths; path i depends on the seed and on First + i alone, so that
// the first paths are the same however many there are. Every path costs one
// Clone of the model; within it nothing is allocated but what the model's own
// Append allocates.
//
// The error is forecast.ErrNotFinite if a path leaves the range of numbers, or
// the model forecasts none; p then has no paths. It panics if n or h is
// negative.
func (s Simulation) PathsTo(p *Paths, n, h int, seed uint64) error {
	if n < 0 || h < 0 {
		panic("paths: a negative number of paths or periods")
	}
	if p.rng == nil {
		p.rng, p.step = rand.New(&p.source), make([]float64, 1)
	}
	p.n, p.h, p.counts = n, h, s.Demand == Counts
	p.values = slices.Grow(p.values[:0], n*h)[:n*h]
	for i := range n {
		number := s.First + i
		p.source.Seed(mix(seed), mix(uint64(number)+1))
		if at := s.draw(p, p.values[i*h:(i+1)*h]); at < h {
			p.n, p.h = 0, 0
			return fmt.Errorf("%w: period %d of path %d", forecast.ErrNotFinite, at+1, number)
		}
	}
	return nil
}

// draw fills one path and returns how many periods it could draw.
func (s Simulation) draw(p *Paths, path []float64) int {
	f := s.From.Clone()
	for i := range path {
		f.PredictTo(p.step)
		v := s.Demand.of(s.Noise.Draw(p.rng, i, p.step[0]), p.rng)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return i
		}
		path[i] = v
		if i+1 < len(path) {
			p.step[0] = v
			f.Append(p.step)
		}
	}
	return len(path)
}

// of is the demand that can happen in place of v.
func (d Demand) of(v float64, r *rand.Rand) float64 {
	if d == Real {
		return v
	}
	v = math.Max(0, v) // NaN stays
	if low := math.Floor(v); d == Counts && low != v {
		v -= low
		if r.Float64() < v {
			low++
		}
		return low
	}
	return v
}

// mix spreads seeds that differ in a bit over all bits (the finaliser of
// SplitMix64; Steele, Lea and Flood, 2014, "Fast splittable pseudorandom number
// generators", doi:10.1145/2660193.2660195): neighbouring streams of a linear
// congruential generator resemble each other.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Len is the number of paths.
func (p *Paths) Len() int { return p.n }

// Horizon is the number of periods of a path.
func (p *Paths) Horizon() int { return p.h }

// Path is path i, a view that is valid until paths are drawn anew.
func (p *Paths) Path(i int) []float64 { return p.values[i*p.h : (i+1)*p.h : (i+1)*p.h] }

// MeanTo writes the mean of each period. It panics if dst is longer than the
// horizon; without paths it writes NaN.
func (p *Paths) MeanTo(dst []float64) {
	if len(dst) > p.h {
		panic("paths: MeanTo: dst is longer than the horizon")
	}
	for j := range dst {
		var mean float64
		for i := range p.n {
			mean += (p.values[i*p.h+j] - mean) / float64(i+1)
		}
		dst[j] = mean
		if p.n == 0 {
			dst[j] = math.NaN()
		}
	}
}

// QuantilesTo writes the quantiles of the demand of period step (0 = the next
// one). See WindowQuantilesTo.
func (p *Paths) QuantilesTo(dst []float64, step int, probabilities []float64) {
	p.WindowQuantilesTo(dst, step, step+1, probabilities)
}

// WindowQuantilesTo writes the quantiles of the total demand of the periods from
// ≤ i < to, 0 being the next one: of the order statistics of the paths, between
// which it interpolates linearly (type 7 of Hyndman and Fan, 1996, "Sample
// quantiles in statistical packages", doi:10.1080/00031305.1996.10473566); of
// Counts the least total that as large a share of the paths does not exceed
// (type 1), an integer. Without paths they are NaN. It does not allocate once
// it has seen as many paths.
//
// It panics for an empty window or one beyond the horizon, for a probability
// that is none, or if dst and probabilities differ in length.
func (p *Paths) WindowQuantilesTo(dst []float64, from, to int, probabilities []float64) {
	if from < 0 || to <= from || to > p.h && p.n > 0 || len(dst) != len(probabilities) {
		panic("paths: no such window, or dst of another length")
	}
	p.scratch = slices.Grow(p.scratch[:0], p.n)[:p.n]
	for i := range p.scratch {
		var sum float64
		for _, v := range p.values[i*p.h+from : i*p.h+to] {
			sum += v
		}
		p.scratch[i] = sum
	}
	slices.Sort(p.scratch)
	for i, q := range probabilities {
		dst[i] = p.quantile(q)
	}
}

// quantile is that of the sorted scratch.
func (p *Paths) quantile(q float64) float64 {
	if !(q >= 0 && q <= 1) {
		panic("paths: a probability is not within 0 and 1")
	}
	if p.n == 0 {
		return math.NaN()
	}
	if p.counts {
		// The slack is for probabilities such as 0.1 that no double has.
		at := int(math.Ceil(q*float64(p.n)*(1-1e-14))) - 1
		return p.scratch[max(at, 0)]
	}
	at := q * float64(p.n-1)
	low := int(at)
	high := min(low+1, p.n-1)
	return p.scratch[low] + (at-float64(low))*(p.scratch[high]-p.scratch[low])
}
