package ets

// The forms are of class 1 of Hyndman et al. (2008, section 6.3): a forecast
// error j periods after an innovation carries ψ(j) of it, whatever the state,
//
//	ψ(0) = 1,  ψ(j) = α + β(φ + φ² + … + φʲ) + γ·[j is a multiple of m]
//
// so that the variance h steps ahead is σ²(ψ(0)² + … + ψ(h−1)²), which is
// table 6.2, and a sum of demands has a variance as simple, because the
// innovation i of a window counts with the sum of those ψ that fall into it.

// psi runs over the weights ψ(0), ψ(1), … and their sums.
type psi struct {
	f       *Fitted
	j       int     // of the next weight
	power   float64 // φʲ
	ramp    float64 // φ + … + φʲ
	cumsum  float64 // ψ(0) + … + ψ(j−1)
	seasons int     // periods until the season returns
}

func (f *Fitted) weights() psi { return psi{f: f, power: 1, seasons: len(f.season)} }

// next returns ψ(j) and moves on.
func (w *psi) next() float64 {
	v := 1.0
	if w.j > 0 {
		p := &w.f.p
		w.power *= p[iPhi]
		w.ramp += w.power
		v = p[iAlpha] + p[iBeta]*w.ramp
		if w.seasons--; w.seasons == 0 {
			v += p[iGamma]
			w.seasons = len(w.f.season)
		}
	}
	w.j++
	w.cumsum += v
	return v
}

// VarianceTo writes the forecast variances of the next len(dst) periods, in
// squared units of demand, given the parameters. It does not allocate.
func (f *Fitted) VarianceTo(dst []float64) {
	w, sum := f.weights(), 0.0
	for i := range dst {
		v := w.next()
		sum += v * v
		dst[i] = f.sigma * f.sigma * sum
	}
}

// SumVarianceTo writes to dst[i] the variance of the total demand of the next
// i+1 periods: σ² Σ Ψ(j)², j = 0 … i, with Ψ(j) = ψ(0) + … + ψ(j). It does not
// allocate.
func (f *Fitted) SumVarianceTo(dst []float64) {
	w, sum := f.weights(), 0.0
	for i := range dst {
		w.next()
		sum += w.cumsum * w.cumsum
		dst[i] = f.sigma * f.sigma * sum
	}
}

// WindowVariance is the variance of the total demand of the periods from, …,
// to−1 ahead, where 0 is the next period: what a delivery that arrives after
// from periods has to cover. It is 0 for an empty window and does not
// allocate. A negative from counts as 0.
func (f *Fitted) WindowVariance(from, to int) float64 {
	from = max(from, 0)
	// Innovations of the window itself weigh Ψ(0), Ψ(1), …; older ones weigh
	// Ψ(n) − Ψ(n − length).
	late, early, sum := f.weights(), f.weights(), 0.0
	for n := range to {
		late.next()
		v := late.cumsum
		if n >= to-from {
			early.next()
			v -= early.cumsum
		}
		sum += v * v
	}
	if from >= to {
		return 0
	}
	return f.sigma * f.sigma * sum
}
