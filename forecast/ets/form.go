package ets

import "math"

// Form is one of the six models.
type Form uint8

// The forms by their usual names: error, trend (d = damped), season.
const (
	ANN  Form = iota // simple exponential smoothing
	AAN              // Holt's linear trend
	AAdN             // damped trend
	ANA              // additive season
	AAA              // linear trend and season (Holt–Winters, additive)
	AAdA             // damped trend and season
	nForms
)

// String is the usual name.
func (f Form) String() string {
	switch f {
	case ANN:
		return "ANN"
	case AAN:
		return "AAN"
	case AAdN:
		return "AAdN"
	case ANA:
		return "ANA"
	case AAA:
		return "AAA"
	case AAdA:
		return "AAdA"
	}
	return "unknown"
}

func (f Form) seasonal() bool { return f >= ANA }

func (f Form) trend() bool { return f != ANN && f != ANA }

func (f Form) damped() bool { return f == AAdN || f == AAdA }

// Indices of the smoothing parameters.
const (
	iAlpha = iota
	iBeta
	iGamma
	iPhi
	nTheta
)

// theta are the smoothing parameters; those that a form lacks are 0, and φ 1.
type theta [nTheta]float64

// Bounds of the parameters, as in R's forecast package and statsforecast.
const (
	rateLow, rateHigh = 1e-4, 0.9999
	phiLow, phiHigh   = 0.80, 0.98
)

func bounds(i int) (low, high float64) {
	if i == iPhi {
		return phiLow, phiHigh
	}
	return rateLow, rateHigh
}

// has tells whether the form has parameter i.
func (f Form) has(i int) bool {
	switch i {
	case iAlpha:
		return true
	case iBeta:
		return f.trend()
	case iGamma:
		return f.seasonal()
	}
	return f.damped()
}

// maxDegree bounds the polynomial of forecastable, hence the seasons.
const maxSeason = 64

// forecastable tells whether errors in the initial states die out: whether all
// roots of the moving average polynomial of a seasonal model with a trend
// (Hyndman et al. 2008, section 10.3),
//
//	z^(m+1) + (α+β−φ) z^m + (α+β−αφ)(z^(m−1) + … + z²) + (α+β−αφ+γ−1) z + φ(1−α−γ)
//
// lie inside the unit circle. It is the Schur–Cohn test: reduce the degree by
// the reflection coefficient as long as that is below 1.
func forecastable(p theta, m int) bool {
	var buf [maxSeason + 2]float64
	a := buf[:m+2] // a[i] belongs to z^(m+1−i)
	al, be, ga, phi := p[iAlpha], p[iBeta], p[iGamma], p[iPhi]
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
