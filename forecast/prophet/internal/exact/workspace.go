package exact

// Workspace is the scratch of Solve and holds its result. It grows to the
// design it is used with and then serves any number of series without an
// allocation. It must not be used by two goroutines at once. The zero value is
// ready.
type Workspace struct {
	f          *Factor
	generation int // of f, that the sizes fit
	lambda     float64

	// The series, reduced: e[i] = (G_uu⁻¹Λ)ⁱ·G_uu⁻¹·b_u on the fast directions,
	// r(λ) = r0 + λ·r1 − λ²·r2 and b'M(λ)⁻¹b = q0 − λ·q1 + λ²·q2 − λ³·q3 without
	// the slow ones, whose coordinates are c.
	e, r    [3][]float64
	q       [4]float64
	c       []float64
	damp    []float64 // 1/(D + λ) of the slow directions
	reduced []float64 // r(λ)
	omega   []float64 // slow coordinates of the solution
	set     signedSet

	// The point, and from where it is corrected: at base the gradient of
	// ½‖y − Zθ‖² is −g0 and the sum of squares rss0.
	theta, g, move []float64
	base, g0       []float64
	rss0, rss      float64
	yy, rows       float64
	u, t, t1       []float64 // scratch of length n
	side           []float64 // of length s

	startDelta []float64
	startSigma float64
	steps      int
}

// StartFrom makes the next Solve begin with these changes and this σ, those of
// a similar problem (the same series a day earlier), which saves it most of its
// steps. It does not change the result beyond rounding.
func (w *Workspace) StartFrom(delta []float64, sigma float64) {
	w.startDelta = append(w.startDelta[:0], delta...)
	w.startSigma = sigma
}

// fit gives the slices the sizes of the design.
func (w *Workspace) fit(f *Factor) {
	if w.f == f && w.generation == f.generation {
		return
	}
	if w.f == nil || len(w.u) != f.n || w.set.n != f.s || cap(w.c) < len(f.slow.d) {
		vec := func(n int) []float64 { return make([]float64, n) }
		for i := range w.e {
			w.e[i], w.r[i] = vec(f.n), vec(f.s)
		}
		w.c, w.damp, w.omega = vec(f.n), vec(f.n), vec(f.n)
		w.reduced, w.side = vec(f.s), vec(f.s)
		w.u, w.t, w.t1 = vec(f.n), vec(f.n), vec(f.n)
		p := f.Size()
		w.theta, w.g, w.move, w.base, w.g0 = vec(p), vec(p), vec(p), vec(p), vec(p)
		w.set = newSignedSet(f.s)
	}
	w.f, w.generation = f, f.generation
	k := len(f.slow.d)
	w.c, w.damp, w.omega = w.c[:k], w.damp[:k], w.omega[:k]
	p := f.Size()
	for j := range f.s {
		w.set.noise[j] = pivotNoise * f.gram.Cross[(f.lead+j)*p+f.lead+j]
	}
}

// take reduces a series.
func (w *Workspace) take(b []float64) {
	f := w.f
	f.pick(w.u, b)
	right := w.u
	for i := range w.e {
		if i > 0 {
			for k, v := range w.e[i-1] {
				w.t[k] = v * f.prec[k]
			}
			right = w.t
		}
		multiply(w.e[i], f.inv, right)
		multiply(w.r[i], f.cross, w.e[i])
	}
	for j, v := range w.r[0] {
		w.r[0][j] = b[f.lead+j] - v
	}
	// w.t is Λ·e[1] now.
	w.q[0], w.q[1], w.q[2], w.q[3] = dot(w.u, w.e[0]), 0, dot(w.t, w.e[0]), dot(w.t, w.e[1])
	for k, v := range w.e[0] {
		w.q[1] += f.prec[k] * v * v
	}
	for k := range w.c {
		w.c[k] = dot(w.u, f.slow.w[k*f.n:])
	}
}
