package prophet

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// leastSigma is the noise that Prophet gives to a constant series.
const leastSigma = 1e-9

// floorShare of the standard deviation of y is the least sigma: one part in
// 10^10 of the variance unexplained.
const floorShare = 1e-5

// sigmaFloor is the least noise on the scaled data: max(1e-9, 1e-5·SD(y)). It
// binds only where the columns explain the data altogether. There is no
// maximum then, since T·ln σ falls without bound while the penalties stay
// finite, and whatever a solver returns is its stopping rule.
func sigmaFloor(d *posterior.Data) float64 {
	n := float64(len(d.Y))
	var mean, ss float64
	for _, y := range d.Y {
		mean += y / n
	}
	for _, y := range d.Y {
		ss += (y - mean) * (y - mean)
	}
	return math.Max(leastSigma, floorShare*math.Sqrt(ss/n))
}

// distinct counts the distinct values of the sorted t.
func distinct[T comparable](t []T) int {
	n := 1
	for i := 1; i < len(t); i++ {
		if t[i] != t[i-1] {
			n++
		}
	}
	return n
}

// interpolates says whether the columns could reproduce any data at these
// times: as many of them are independent as there are times. The posterior then
// grows without bound as σ goes to 0. (Data that happen to follow a smaller
// model without noise are no reason to leave it: there the floor of σ suffices.)
func interpolates(d *posterior.Data) bool {
	cols := append(trendColumns(d), d.X...)
	if len(cols) < distinct(d.T) {
		return false
	}
	z := mat.NewDense(len(d.T), len(cols), nil)
	for j, col := range cols {
		norm := math.Sqrt(sumOfSquares(col))
		if norm == 0 {
			continue
		}
		for i, v := range col {
			z.Set(i, j, v/norm)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(z, mat.SVDNone) {
		return true
	}
	rank := 0
	for _, s := range svd.Values(nil) {
		if s > 1e-9 {
			rank++
		}
	}
	return rank >= distinct(d.T)
}

// trendColumns are those of a linear trend (also standing in for a logistic
// one), or of a flat one.
func trendColumns(d *posterior.Data) [][]float64 {
	n := len(d.T)
	one := make([]float64, n)
	for i := range one {
		one[i] = 1
	}
	if d.Growth == posterior.Flat {
		return [][]float64{one}
	}
	out := [][]float64{one, d.T}
	for _, s := range d.Changepoints {
		hinge := make([]float64, n)
		for i, t := range d.T {
			hinge[i] = math.Max(0, t-s)
		}
		out = append(out, hinge)
	}
	return out
}

func sumOfSquares(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v * v
	}
	return s
}

// wellPosed returns a simpler model that leaves at least two distinct times for
// every column, prepared for fitting. In this order: seasonalities keep no more
// terms than the observed phases determine; changepoints go, as many as have
// to; the largest seasonalities lose terms; holidays, regressors and at last
// the slope go.
func (f *Fitted) wellPosed() *Fitted {
	m := f.Model
	budget := distinct(f.History.Time) / 2
	holidays := 0
	for _, c := range f.Columns {
		if slices.Contains(f.HolidayNames, c.Component) {
			holidays++
		}
	}
	m.Seasonalities, m.Yearly, m.Weekly, m.Daily = slices.Clone(f.Seasonalities), Off, Off, Off
	for k := range m.Seasonalities {
		s := &m.Seasonalities[k]
		s.Order = min(s.Order, (f.Phases[k].freedom()-1)/2)
	}
	var steps []string
	spare := func() int { return budget - smooth(m) - holidays }
	if keep := max(0, spare()); m.Growth != Flat && len(f.Changepoints) > keep {
		steps = append(steps, "changepoints")
		m.Changepoints, m.NChangepoints = nil, keep
		if keep == 0 {
			m.NChangepoints = NoChangepoints
		}
	}
	for more := true; more && spare() < 0; {
		more = shorten(m.Seasonalities)
	}
	for k, s := range f.Seasonalities {
		if m.Seasonalities[k].Order < s.Order {
			steps = append(steps, "seasonality "+s.Name)
		}
	}
	m.Seasonalities = slices.DeleteFunc(m.Seasonalities, func(s Seasonality) bool { return s.Order == 0 })
	if spare() < 0 && holidays > 0 {
		m.Holidays, holidays, steps = nil, 0, append(steps, "holidays")
	}
	if spare() < 0 && len(m.Regressors) > 0 {
		m.Regressors, steps = nil, append(steps, "regressors")
	}
	if spare() < 0 && m.Growth != Flat {
		m.Growth, steps = Flat, append(steps, "trend")
	}

	out, err := prepare(m, f.History)
	if err != nil {
		return f // not reached: these data have been accepted before
	}
	out.HistoryDates = f.HistoryDates
	out.begin()
	out.Diagnostics.Status |= FellBack
	out.Diagnostics.Simplified = steps
	return out
}

// smooth counts the columns of level and slope, seasonalities and regressors.
func smooth(m Model) int {
	n := 2 + len(m.Regressors)
	if m.Growth == Flat {
		n--
	}
	for _, s := range m.Seasonalities {
		n += 2 * s.Order
	}
	return n
}

// shorten takes a term from the seasonality that has most, and says whether
// there was one.
func shorten(seasonalities []Seasonality) bool {
	most := 0
	for k, s := range seasonalities {
		if s.Order > seasonalities[most].Order {
			most = k
		}
	}
	if len(seasonalities) == 0 || seasonalities[most].Order == 0 {
		return false
	}
	seasonalities[most].Order--
	return true
}
