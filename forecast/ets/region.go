package ets

import "math"

// Region is the set of smoothing parameters among which Fit looks.
type Region uint8

// The regions; both have 10⁻⁴ ≤ α ≤ 0.9999 and 0.80 ≤ φ ≤ 0.98.
const (
	// Usual has β ≤ α and γ ≤ 1−α, so that the updates are weighted averages
	// (Hyndman et al. 2008, section 3.4.3): what R's forecast package takes
	// by default, and statsforecast documents.
	Usual Region = iota
	// Wide has 0 < β, γ < 1 whatever α is. It contains the usual region and
	// the one that statsforecast's search can really reach, and has many maxima
	// where a level that stands still is swung around by its slope: the model
	// then fits a cycle. It is there for comparison.
	Wide
)

// Bounds of the search.
const (
	rateLow, rateHigh = 1e-4, 0.9999
	phiLow, phiHigh   = 0.80, 0.98
)

// bounds are those of the coordinates u; see natural.
func (ws *Workspace) bounds(i int) (low, high float64) {
	switch {
	case i == iPhi:
		return phiLow, phiHigh
	case ws.region == Wide && i != iAlpha:
		return rateLow * rateLow, rateHigh
	}
	return rateLow, rateHigh
}

// natural turns the coordinates u of the search, in which the region is a box,
// into parameters: in the usual region β = α·u(β) and γ = (1−α)·u(γ).
func (ws *Workspace) natural(u theta) theta {
	if ws.region == Usual {
		u[iBeta] *= u[iAlpha]
		u[iGamma] *= 1 - u[iAlpha]
	}
	return u
}

// chain turns the derivatives of pt from those in the parameters to those in u.
func (ws *Workspace) chain(pt *point) {
	if ws.region != Usual {
		return
	}
	a, b, c := pt.u[iAlpha], pt.u[iBeta], pt.u[iGamma]
	rows := func(v *theta) {
		v[iAlpha] += b*v[iBeta] - c*v[iGamma]
		v[iBeta] *= a
		v[iGamma] *= 1 - a
	}
	rows(&pt.g)
	for i := range pt.h {
		rows(&pt.h[i])
	}
	for i := range pt.h { // columns: transpose, rows again; h is symmetric
		for l := range i {
			pt.h[i][l], pt.h[l][i] = pt.h[l][i], pt.h[i][l]
		}
	}
	for i := range pt.h {
		rows(&pt.h[i])
	}
}

// inRegion is the part of the region that the bounds do not express.
func (ws *Workspace) inRegion(u theta) bool {
	return !ws.form.seasonal() || !ws.form.trend() || forecastable(ws.natural(u), ws.m)
}

// maxSeason bounds the polynomial of forecastable.
const maxSeason = 64

// retreat lowers β until u is in the region: with β = 0 every place is, and so
// a search can slide along the edge.
func (ws *Workspace) retreat(u *theta) {
	if ws.inRegion(*u) {
		return
	}
	low, high := 0.0, u[iBeta]
	for range 20 {
		u[iBeta] = (low + high) / 2
		if ws.inRegion(*u) {
			low = u[iBeta]
		} else {
			high = u[iBeta]
		}
	}
	u[iBeta] = low
}

// forecastable tells whether errors in the initial states die out: whether all
// roots of the moving average polynomial of a seasonal model with a trend
// (Hyndman et al. 2008, section 10.3),
//
//	z^(m+1) + (α+β'−φ) z^m + (α+β'−αφ)(z^(m−1) + … + z²) + (α+β'−αφ+γ−1) z + φ(1−α−γ)
//
// lie inside the unit circle. With the recursion of table 2.2 β' is φβ; β' = β
// belongs to the older one that damps the slope before it is used. It is the
// Schur–Cohn test: reduce the degree by the reflection coefficient as long as
// that is below 1.
func forecastable(p theta, m int) bool {
	var buf [maxSeason + 2]float64
	a := buf[:m+2] // a[i] belongs to z^(m+1−i)
	al, ga, phi := p[iAlpha], p[iGamma], p[iPhi]
	be := phi * p[iBeta]
	mid := al + be - al*phi
	a[0], a[1] = 1, al+be-phi
	for i := 2; i < m; i++ {
		a[i] = mid
	}
	a[m], a[m+1] = mid+ga-1, phi*(1-al-ga)
	for n := m + 1; n > 0; n-- {
		k := a[n]
		if math.Abs(k) >= 1 {
			return false
		}
		c := 1 / (1 - k*k)
		for i, j := 1, n-1; i <= j; i, j = i+1, j-1 {
			a[i], a[j] = (a[i]-k*a[j])*c, (a[j]-k*a[i])*c
		}
	}
	return true
}
