package generate

import "math/rand/v2"

// Streams of random numbers: one per store, SKU and series, and one for dirt.
const (
	streamStore uint64 = iota + 1
	streamSKU
	streamSeries
	streamDirt
)

// stream is the random stream of one thing.
func stream(seed, kind, i uint64) *rand.PCG {
	return rand.NewPCG(scramble(seed), scramble(kind<<56^i))
}

// scramble spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64,
// Steele, Lea and Flood, 2014, doi 10.1145/2660193.2660195).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform is on [0, 1).
func uniform(r *rand.PCG) float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// between is uniform on [lo, hi).
func between(r *rand.PCG, lo, hi float64) float64 { return lo + float64(uniform(r)*(hi-lo)) }

// normal is near enough to standard normal for attributes: the sum of twelve uniforms.
func normal(r *rand.PCG) float64 {
	sum := -6.0
	for range 12 {
		sum += uniform(r)
	}
	return sum
}

// chance is true with probability p.
func chance(r *rand.PCG, p float64) bool { return uniform(r) < p }

// whole is uniform on lo … hi.
func whole(r *rand.PCG, lo, hi int) int { return lo + int(r.Uint64()%uint64(hi-lo+1)) }
