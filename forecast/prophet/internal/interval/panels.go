package interval

// panelWidth is the width of the intervals for Gauss–Legendre quadrature of
// sin(ux)·ψ(u), of a distribution with standard deviation sd whose jumps have
// scales up to far: sin(ux) turns by maxPhase radians at the largest x of
// interest, and the nearest pole of ψ, at ±i/far, stays away by two thirds of a
// panel, with which 16 nodes reach the accuracy of floating point.
func panelWidth(sd, far float64) float64 { return maxPhase / (8*sd + 14*far) }

// appendPanel appends the nodes in [low, low + width] and their weights.
func appendPanel(u, w []float64, low, width float64) (nodes, weights []float64) {
	half := width / 2
	mid := low + half
	rule := gauss16()
	for i := len(rule) - 1; i >= 0; i-- {
		u, w = append(u, mid-half*rule[i].x), append(w, half*rule[i].w)
	}
	for _, n := range rule {
		u, w = append(u, mid+half*n.x), append(w, half*n.w)
	}
	return u, w
}

// gauss16 holds the positive nodes of Gauss and Legendre's rule with 16 nodes
// on [−1, 1] and their weights; it is symmetric.
func gauss16() [8]struct{ x, w float64 } {
	return [8]struct{ x, w float64 }{
		{0.09501250983763744, 0.18945061045506864},
		{0.2816035507792589, 0.18260341504492364},
		{0.45801677765722737, 0.16915651939500265},
		{0.6178762444026438, 0.1495959888165767},
		{0.755404408355003, 0.12462897125553407},
		{0.8656312023878318, 0.0951585116824926},
		{0.9445750230732326, 0.062253523938647456},
		{0.9894009349916499, 0.027152459411754176},
	}
}
