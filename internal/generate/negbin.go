package generate

// negbin is the negative binomial distribution of a mean and a size r: what a Poisson
// count becomes when its rate varies like a gamma of shape r. Variance mean + mean²/r.
type negbin struct {
	mean float64
	p0   float64 // probability of 0: (r/(r+mean))^r
	r    float64
	odds float64 // mean/(r+mean)
}

// newNegbin prepares for r ≤ 60 and mean ≤ 1000, far from where p0 underflows. A mean of 0
// is the constant 0.
func newNegbin(mean, r float64) negbin {
	if mean <= 0 {
		return negbin{p0: 1}
	}
	return negbin{mean: mean, r: r, p0: exp(-float64(r * log(1+mean/r))), odds: mean / (r + mean)}
}

// quantile is the smallest k with P(Y ≤ k) ≥ u: a sample if u is uniform on [0, 1).
func (d negbin) quantile(u float64) int64 {
	k, _, _ := d.from(0, d.p0, d.p0, u)
	return k
}

// quantiles sets dst to the quantiles of ascending probabilities, in one walk.
func (d negbin) quantiles(dst []int64, probabilities []float64) {
	k, p, sum := int64(0), d.p0, d.p0
	for i, u := range probabilities {
		k, p, sum = d.from(k, p, sum, u)
		dst[i] = k
	}
}

// from walks from k, whose probability is p and whose cumulated probability is sum.
func (d negbin) from(k int64, p, sum, u float64) (int64, float64, float64) {
	for sum < u {
		p = float64(float64(p*(float64(k)+d.r)/float64(k+1)) * d.odds)
		k++
		// What is left to add can no longer change the sum: rounding keeps it below u.
		if p < 1e-17 && float64(k) > d.mean {
			break
		}
		sum += p
	}
	return k, p, sum
}
