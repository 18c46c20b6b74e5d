package decompose

import "math"

// smoother is one loess: q points, a polynomial of degree 0 or 1, evaluated at
// every jump-th point with straight lines between.
type smoother struct{ q, degree, jump int }

// at is the estimate at position x (0 is y[0]; −1 and len(y) extrapolate) from
// the points left ≤ i < right. Weights multiply the tricube; nil = all 1. ok
// is false if no point counts.
func (s smoother) at(y, weights []float64, x, left, right int) (value float64, ok bool) {
	h := float64(max(x-left, right-1-x))
	if s.q > len(y) {
		h += float64((s.q - len(y)) / 2)
	}
	var sw, sx, sxx, sy, sxy float64
	inv := 0.0
	if h > 0 {
		inv = 1 / h
	}
	for i := left; i < right; i++ {
		d := float64(i - x)
		u := math.Abs(d) * inv
		w := 1 - u*u*u
		w *= w * w
		if weights != nil {
			w *= weights[i]
		}
		if w <= 0 {
			continue
		}
		wd := w * d
		sw += w
		sx += wd
		sxx += wd * d
		sy += w * y[i]
		sxy += wd * y[i]
	}
	if sw <= 0 {
		return 0, false
	}
	mean := sy / sw
	if s.degree == 0 {
		return mean, true
	}
	// The line at d = 0, unless the points are too close together to carry one.
	centre := sx / sw
	spread := sxx/sw - centre*centre
	if limit := 0.001 * float64(len(y)-1); !(spread > limit*limit) {
		return mean, true
	}
	return mean - centre*(sxy/sw-centre*mean)/spread, true
}

// window is the range of the q points nearest to x.
func (s smoother) window(n, x int) (left, right int) {
	if s.q >= n {
		return 0, n
	}
	left = min(max(x-s.q/2, 0), n-s.q)
	return left, left + s.q
}

// to writes the smooth of y to dst, which has the same length. Where no point
// of the window counts, the last estimate goes on, and before the first one
// the first goes back; ok is false if there is none at all.
func (s smoother) to(dst, y, weights []float64) (ok bool) {
	n := len(y)
	last := -1 // position of the last estimate
	for x := 0; x < n; {
		left, right := s.window(n, x)
		if v, found := s.at(y, weights, x, left, right); found {
			dst[x] = v
			if last < 0 {
				for i := range x {
					dst[i] = v
				}
			} else {
				step := (v - dst[last]) / float64(x-last)
				for i := last + 1; i < x; i++ {
					dst[i] = dst[last] + step*float64(i-last)
				}
			}
			last = x
		}
		if x == n-1 {
			break
		}
		x = min(x+s.jump, n-1)
	}
	if last < 0 {
		return false
	}
	for i := last + 1; i < n; i++ {
		dst[i] = dst[last]
	}
	return true
}

// averageTo writes the moving averages of length p of y to dst, which is p−1
// shorter.
func averageTo(dst, y []float64, p int) {
	sum := 0.0
	for _, v := range y[:p] {
		sum += v
	}
	inv := 1 / float64(p)
	dst[0] = sum * inv
	for i := 1; i < len(dst); i++ {
		sum += y[i+p-1] - y[i-1]
		dst[i] = sum * inv
	}
}
