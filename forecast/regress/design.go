package regress

import (
	"math"

	"github.com/skucast/skucast/forecast"
)

// design produces the regression rows of one series. Rows are sparse: of a
// block of season dummies one column is not zero.
type design struct {
	series   forecast.Series // without Y
	origin   int             // periods in the fit
	halfLife float64
	season   int // dummy columns; 0 = none
	waves    int
	start    int     // day of period 0; 0 = no effect of the day of the month
	year     float64 // periods in a year
	inputs   []input
	columns  int
	penalty  []float64
	idx      []int
	val      []float64
}

// input is a known input after scaling: (f(v) − centre)·scale.
type input struct {
	values        []float64
	kind          forecast.Kind
	centre, scale float64
	cross         bool // one more column per season phase
	around        bool // three more columns: the period before and after a rare flag, and the periods before that
}

func newDesign(s forecast.Series, m Model) *design {
	n := len(s.Y)
	d := &design{series: s, origin: n, halfLife: m.HalfLife}
	d.series.Y = nil
	minWaves := math.Inf(1)
	switch {
	case s.Season == 7:
		d.season, d.year, d.waves, minWaves = 7, 365.25, 3, 500
	case s.Season == 52:
		d.year, d.waves, minWaves = 365.25/7, 5, 90
	case s.Season > 1:
		d.season, d.year = s.Season, float64(s.Season)
	default:
		d.year = 12
	}
	if float64(n) < minWaves {
		d.waves = 0
	}
	if d.halfLife == 0 {
		switch s.Season {
		case 7:
			d.halfLife = 730
		case 52:
			d.halfLife = 104
		default:
			d.halfLife = 48
		}
	}
	d.add(1e-6) // intercept: a trace of ridge keeps the matrix definite
	d.add(penaltyTrend)
	for range d.season {
		d.add(penaltySeason)
	}
	for range 2 * d.waves {
		d.add(penaltyWave)
	}
	if s.Season == 7 && n >= minDays && m.Start != 0 {
		d.start = m.Start
		for range daysOfMonth {
			d.add(penaltyDay)
		}
	}
	if !m.Blind {
		for _, r := range s.Known {
			if len(d.inputs) < maxKnown {
				d.addInput(r)
			}
		}
	}
	return d
}

func (d *design) add(penalty float64) {
	d.penalty = append(d.penalty, penalty)
	d.columns++
}

// rareFlag is the share of periods below which a flag is a holiday rather than
// a promotion: people buy before it and stay away after it, and there are too
// few to tell one weekday's from another's.
const rareFlag = 0.08

// nearby is how many periods ahead a rare flag is felt.
const nearby = 3

// maxScaled is the number of standard deviations up to which an input is
// believed: a price typed wrong by a factor of 100 must not sell e^100 units.
const maxScaled = 4

// addInput scales an input by its past; one that never changed is left out.
func (d *design) addInput(r forecast.Regressor) {
	in := input{values: r.Values, kind: r.Kind, scale: 1}
	var mean, m2 float64
	n := 0
	for _, v := range r.Values[:min(d.origin, len(r.Values))] {
		if v = in.transform(v); v == v && !math.IsInf(v, 0) {
			n++
			e := v - mean
			mean += e / float64(n)
			m2 += e * (v - mean)
		}
	}
	if n < 2 || !(m2 > 1e-12*mean*mean*float64(n)) {
		return
	}
	if r.Kind != forecast.Flag {
		in.centre, in.scale = mean, 1/math.Sqrt(m2/float64(n))
	}
	in.around = r.Kind == forecast.Flag && mean < rareFlag
	in.cross = r.Kind == forecast.Flag && d.season == 7 && !in.around
	d.inputs = append(d.inputs, in)
	d.add(penaltyInput)
	if in.around {
		d.add(penaltyAround)
		d.add(penaltyAround)
		d.add(penaltyAround)
	}
	if in.cross {
		for range d.season {
			d.add(penaltyCross)
		}
	}
}

func (in *input) transform(v float64) float64 {
	if in.kind == forecast.Price {
		return math.Log(v) // NaN or −Inf for a price that is not positive
	}
	return v
}

// at is the scaled value in period t; unknown is no effect.
func (in *input) at(t int) float64 {
	if t < 0 || t >= len(in.values) {
		return 0
	}
	v := (in.transform(in.values[t]) - in.centre) * in.scale
	if v != v || math.IsInf(v, 0) {
		return 0
	}
	if in.kind != forecast.Flag {
		v = math.Max(-maxScaled, math.Min(v, maxScaled))
	}
	return v
}

// row returns the non-zero columns of period t, ascending, valid until the
// next call. Time is counted from the origin of the fit.
func (d *design) row(t int) (idx []int, val []float64) {
	d.idx, d.val = append(d.idx[:0], 0, 1), append(d.val[:0], 1, float64(t-d.origin)/d.year)
	col := 2
	phase := d.series.PhaseAt(t)
	if d.season > 0 {
		d.put(col+phase, 1)
		col += d.season
	}
	if d.waves > 0 {
		// Multiples of one angle by the addition theorem.
		s1, c1 := math.Sincos(2 * math.Pi * float64(t-d.origin) / d.year)
		s, c := s1, c1
		for range d.waves {
			d.put(col, s)
			d.put(col+1, c)
			col += 2
			s, c = s*c1+c*s1, c*c1-s*s1
		}
	}
	if d.start != 0 {
		d.put(col+monthDay(d.start+t), 1)
		col += daysOfMonth
	}
	for i := range d.inputs {
		in := &d.inputs[i]
		if v := in.at(t); v != 0 {
			d.put(col, v)
			if in.cross {
				d.put(col+1+phase, v)
			}
		}
		col++
		if in.around {
			if v := in.at(t + 1); v != 0 {
				d.put(col, v)
			}
			if v := in.at(t - 1); v != 0 {
				d.put(col+1, v)
			}
			near := 0.0
			for k := 2; k <= nearby; k++ {
				near += in.at(t + k)
			}
			if near != 0 {
				d.put(col+2, near)
			}
			col += 3
		}
		if in.cross {
			col += d.season
		}
	}
	return d.idx, d.val
}

func (d *design) put(i int, v float64) {
	d.idx, d.val = append(d.idx, i), append(d.val, v)
}
