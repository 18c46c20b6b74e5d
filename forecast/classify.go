package forecast

import "math"

// Class is the kind of demand of a series.
type Class int

// The classes. Smooth, erratic, intermittent and lumpy are those of
// Syntetos, Boylan and Croston (2005), "On the categorization of demand
// patterns", Journal of the Operational Research Society 56,
// doi:10.1057/palgrave.jors.2601841; new and dead come before them, because
// neither has a recent history that could be categorised.
const (
	Smooth Class = iota
	Erratic
	Intermittent
	Lumpy
	New
	Dead
	NClasses int = iota
)

// String is the name used in files.
func (c Class) String() string {
	switch c {
	case Smooth:
		return "smooth"
	case Erratic:
		return "erratic"
	case Intermittent:
		return "intermittent"
	case Lumpy:
		return "lumpy"
	case New:
		return "new"
	case Dead:
		return "dead"
	}
	return "unknown"
}

// ParseClass is the inverse of String.
func ParseClass(name string) (Class, bool) {
	for c := range Class(NClasses) {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// Cut-offs of the classes.
const (
	adiCut = 1.32 // mean interval between demands, in observed periods
	cv2Cut = 0.49 // squared coefficient of variation of the demand sizes
	// A series is dead after a run of zeros that is both long for its season
	// and deadADI times its own mean interval between demands.
	deadADI = 8
)

// Profile of demand that classification rests on.
type demandStats struct {
	observed, nonzero int
	span              int // observed periods up to the last demand
	mean, cv2         float64
}

// Classify names the class of y, a history that begins with its first demand
// (what comes before it says nothing about demand). Season gives the time
// scale: new is under 4 weeks, half a year of weeks, or a year of months;
// dead needs 12 weeks, half a year, or a year without a demand.
func Classify(y []float64, season int) Class {
	st := describe(y)
	if st.nonzero == 0 {
		return Dead
	}
	newBelow, deadAfter := classSpans(season)
	adi := float64(st.span) / float64(st.nonzero)
	if run := st.observed - st.span; run >= deadAfter && float64(run) > deadADI*adi {
		return Dead
	}
	if st.observed < newBelow {
		return New
	}
	adi = float64(st.observed) / float64(st.nonzero)
	switch {
	case adi < adiCut && st.cv2 < cv2Cut:
		return Smooth
	case adi < adiCut:
		return Erratic
	case st.cv2 < cv2Cut:
		return Intermittent
	}
	return Lumpy
}

func classSpans(season int) (newBelow, deadAfter int) {
	switch {
	case season <= 1:
		return 12, 24
	case season <= 7:
		return 4 * season, 12 * season
	case season <= 12:
		return season, season
	}
	return season / 2, season / 2
}

func describe(y []float64) demandStats {
	var st demandStats
	var m2 float64 // Welford's sum of squares: no overflow of y², no cancellation
	for _, v := range y {
		if math.IsNaN(v) {
			continue
		}
		st.observed++
		if v > 0 {
			st.nonzero++
			st.span = st.observed
			d := v - st.mean
			st.mean += d / float64(st.nonzero)
			m2 += d * (v - st.mean)
		}
	}
	if st.nonzero > 1 && st.mean > 0 {
		st.cv2 = m2 / float64(st.nonzero) / st.mean / st.mean
	}
	return st
}
