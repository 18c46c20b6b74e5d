package ets

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
)

const nForms = int(AAdA) + 1

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
