package auto

import "math"

// ownSteps is the number of backtest periods at which a series' own error
// products weigh as much as the pool's.
const ownSteps = 60

// dropBelow removes members of a combination that would not be noticed.
const dropBelow = 0.03

// chooseWeights returns the weights of the candidates: those of least squared
// error of the combination, over a matrix of error products that is shrunk
// from the series' own to the pool's (Bates and Granger, 1969,
// doi:10.1057/jors.1969.103, with a prior). n = 0 leaves the pool alone.
func (e *Engine) chooseWeights(ids []int, gram []float64, n int, pl *classPool) []float64 {
	g := e.shrunkGram(ids, gram, n, pl)
	w := e.arena.take(len(ids))
	minimiseOnSimplex(g, w)
	prune(w)
	return w
}

// championBonus is the relative loss that a champion may have above that of
// the best weights: they were found on the same periods, its own were not.
const championBonus = 0.02

// keepChampion replaces w by the champion's weights unless w is clearly
// better. Candidates that it knows and this series lacks count for nothing.
func (e *Engine) keepChampion(w []float64, ids []int, gram []float64, n int, pl *classPool) []float64 {
	names := candidateNames()
	c := e.arena.take(len(ids))
	var sum float64
	for a, id := range ids {
		if v := e.task.crowned[names[id]]; v > 0 && v <= 1 {
			c[a] = v
			sum += v
		}
	}
	if sum < 0.9 { // of another procedure, or of a series with other candidates
		return w
	}
	for a := range c {
		c[a] /= sum
	}
	g := e.shrunkGram(ids, gram, n, pl)
	if quadratic(g, c) <= (1+championBonus)*quadratic(g, w) {
		return c
	}
	return w
}

// quadratic is w'Gw.
func quadratic(g, w []float64) float64 {
	var sum float64
	for a, wa := range w {
		for b, wb := range w {
			sum += wa * wb * g[a*len(w)+b]
		}
	}
	return sum
}

// shrunkGram is the matrix of error products, between the series' own and the
// pool's.
func (e *Engine) shrunkGram(ids []int, gram []float64, n int, pl *classPool) []float64 {
	k := len(ids)
	g := e.arena.take(k * k)
	own := float64(n) / (float64(n) + ownSteps)
	norm := gramNorm(ids, gram)
	if n == 0 || !(norm > 0) {
		own, norm = 0, 1
	}
	var trace float64
	for a, ia := range ids {
		for b, ib := range ids {
			g[a*k+b] = own*gram[a*k+b]/norm + (1-own)*pl.gram[ia*nCandidates+ib]
		}
		trace += g[a*k+a]
	}
	for a := range k { // a little preference for spreading the weight
		g[a*k+a] += 0.01 * trace / float64(k)
	}
	return g
}

// gramNorm is the geometric mean of the squared errors of the simple models
// that every series has, so that matrices of different series can be added.
func gramNorm(ids []int, gram []float64) float64 {
	sum, n := 0.0, 0
	k := len(ids)
	for a, id := range ids {
		if id == windowMean || id == longMean || id == ses {
			sum += math.Log(gram[a*k+a])
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return math.Exp(sum / float64(n))
}

// minimiseOnSimplex finds w ≥ 0, Σw = 1 with the least w'Gw by moving weight
// between the worst and the best member along the exact line minimum. It is
// deterministic and ends after a bounded number of moves.
func minimiseOnSimplex(g, w []float64) {
	k := len(w)
	best := 0
	for a := range k {
		if g[a*k+a] < g[best*k+best] {
			best = a
		}
	}
	w[best] = 1
	grad := make([]float64, k)
	for range 40 * k {
		up, down := -1, -1 // take from up, give to down
		for a := range k {
			grad[a] = 0
			for b := range k {
				grad[a] += g[a*k+b] * w[b]
			}
			if w[a] > 0 && (up < 0 || grad[a] > grad[up]) {
				up = a
			}
			if down < 0 || grad[a] < grad[down] {
				down = a
			}
		}
		slope := grad[up] - grad[down]
		curve := g[up*k+up] + g[down*k+down] - 2*g[up*k+down]
		if up == down || !(slope > 1e-9*math.Abs(grad[up])) {
			return
		}
		move := w[up]
		if curve > 0 {
			move = math.Min(move, slope/curve)
		}
		w[up] -= move
		w[down] += move
	}
}

func prune(w []float64) {
	var sum float64
	for a, v := range w {
		if v < dropBelow {
			w[a] = 0
		}
		sum += w[a]
	}
	for a := range w {
		w[a] /= sum
	}
}
