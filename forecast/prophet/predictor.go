package prophet

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
)

// Predictor is a fitted model made ready for forecasts: it computes yhat
// without allocating. It does not change and may be used by several goroutines.
type Predictor struct {
	f       *Fitted
	start   int64
	trend   []segment
	seasons []seasonEffect
	days    []dayEffect // holidays, by day
	xreg    []regressorEffect
}

// segment is a stretch of the trend between changepoints.
type segment struct{ from, k, m float64 }

type seasonEffect struct {
	period         float64
	condition      string
	multiplicative bool
	beta           []float64 // sin 1, cos 1, …
}

// dayEffect is the sum of the holiday effects of a day.
type dayEffect struct {
	day int64
	sum float64
}

type regressorEffect struct {
	name           string
	mean, sd, beta float64
	multiplicative bool
}

// Predictor makes f ready for forecasts; f must not be changed afterwards. The
// error is ErrParameters if its parts do not fit together.
func (f *Fitted) Predictor() (*Predictor, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	p := &Predictor{f: f, start: f.Start.UnixNano()}
	p.trend = segments(f)
	first := 0
	for _, s := range f.Seasonalities {
		n := 2 * s.Order
		p.seasons = append(p.seasons, seasonEffect{s.Period, s.Condition, s.Mode == Multiplicative, f.Params.Beta[first : first+n]})
		first += n
	}
	for _, d := range holidayDays(f.Model.Holidays, f.Columns) {
		beta := f.Params.Beta[d.column]
		if n := len(p.days); n > 0 && p.days[n-1].day == d.day {
			p.days[n-1].sum += beta
		} else {
			p.days = append(p.days, dayEffect{d.day, beta})
		}
	}
	first = len(f.Columns) - len(f.Regressors)
	for k, r := range f.Regressors {
		p.xreg = append(p.xreg, regressorEffect{r.Name, r.Mean, r.SD, f.Params.Beta[first+k], r.Mode == Multiplicative})
	}
	return p, nil
}

// segments are rate and offset of the trend from each changepoint on; the first
// reaches back without end.
//
//	linear:   k_j = k + Σδ,  m_j = m − Σ s·δ
//	logistic: m_j = m_{j−1} + (s_j − m_{j−1})·(1 − k_{j−1}/k_j)
func segments(f *Fitted) []segment {
	at := segment{math.Inf(-1), f.Params.K, f.Params.M}
	out := []segment{at}
	for j, s := range f.ChangepointT {
		d := f.Params.Delta[j]
		switch {
		case d == 0:
			continue
		case f.Model.Growth == Logistic:
			at.m += (s - at.m) * (1 - at.k/(at.k+d))
		default:
			at.m -= s * d
		}
		at.k += d
		at.from = s
		out = append(out, at)
	}
	return out
}

// trendAt is the trend in scaled units at scaled time t under the scaled
// capacity limit.
func (p *Predictor) trendAt(t, limit float64) float64 {
	if p.f.Model.Growth == Flat {
		return p.f.Params.M
	}
	j := len(p.trend) - 1
	for p.trend[j].from > t {
		j--
	}
	s := &p.trend[j]
	if p.f.Model.Growth == Logistic {
		return limit / (1 + math.Exp(-s.k*(t-s.m)))
	}
	return s.k*t + s.m
}

// trendOf is the trend of row i in units of y.
func (p *Predictor) trendOf(future *Future, i int, ns int64) float64 {
	floor, limit := p.f.floorAt(future.Floor, i), 0.0
	if p.f.Model.Growth == Logistic {
		limit = (future.Cap[i] - floor) / p.f.YScale
	}
	return p.trendAt(float64(ns-p.start)/float64(p.f.TScale), limit)*p.f.YScale + floor
}

// at is the effect of a seasonality in row i.
func (s *seasonEffect) at(future *Future, i int, ns int64) float64 {
	if s.condition != "" && !future.Conditions[s.condition][i] {
		return 0
	}
	x := 2 * math.Pi * design.Days(ns)
	var sum float64
	for j := 0; j+1 < len(s.beta); j += 2 {
		sin, cos := math.Sincos(float64(j/2+1) / s.period * x)
		sum += sin*s.beta[j] + cos*s.beta[j+1]
	}
	return sum
}

func (p *Predictor) holidaysAt(ns int64) float64 {
	if len(p.days) == 0 {
		return 0
	}
	day := design.DayOf(ns)
	j, ok := slices.BinarySearchFunc(p.days, day, func(e dayEffect, day int64) int {
		switch {
		case e.day < day:
			return -1
		case e.day > day:
			return 1
		}
		return 0
	})
	if !ok {
		return 0
	}
	return p.days[j].sum
}

func (r *regressorEffect) at(future *Future, i int) float64 {
	return r.beta * ((future.Regressors[r.name][i] - r.mean) / r.sd)
}

// terms are the sums of the additive and of the multiplicative effects of row
// i, both in scaled units.
func (p *Predictor) terms(future *Future, i int, ns int64) (additive, multiplicative float64) {
	var sum [2]float64 // indexed by mode: no branch on data
	for k := range p.seasons {
		s := &p.seasons[k]
		sum[index(s.multiplicative)] += s.at(future, i, ns)
	}
	sum[index(p.f.Model.HolidaysMode == Multiplicative)] += p.holidaysAt(ns)
	for k := range p.xreg {
		r := &p.xreg[k]
		sum[index(r.multiplicative)] += r.at(future, i)
	}
	return sum[0], sum[1]
}

func index(multiplicative bool) int {
	if multiplicative {
		return 1
	}
	return 0
}

// PredictTo writes the forecast (yhat) of each row of future, in its order,
// into dst. It does not allocate unless it returns an error: ErrLength,
// ErrMissing, ErrCap, ErrTime, or ErrNotFinite. It panics if dst does not have
// one element per row.
func (p *Predictor) PredictTo(dst []float64, future *Future) error {
	if len(dst) != len(future.Time) {
		panic("prophet: PredictTo: dst and future.Time differ in length")
	}
	if err := p.check(future); err != nil {
		return err
	}
	for i, t := range future.Time {
		ns, _ := wallClock(t)
		trend := p.trendOf(future, i, ns)
		additive, multiplicative := p.terms(future, i, ns)
		dst[i] = trend*(1+multiplicative) + additive*p.f.YScale
		if notFinite(dst[i]) {
			return fmt.Errorf("%w: yhat of %v is %v", ErrNotFinite, t, dst[i])
		}
	}
	return nil
}

// check looks at everything in future that the model reads.
func (p *Predictor) check(future *Future) error {
	if err := future.check(&p.f.Model, p.f.LogisticFloor); err != nil {
		return err
	}
	for i, t := range future.Time {
		if _, err := wallClock(t); err != nil {
			return fmt.Errorf("%w: row %d is %v", err, i, t)
		}
	}
	if p.f.Model.Growth == Logistic {
		if err := p.f.checkCap(future.Cap, future.Floor, future.Time); err != nil {
			return err
		}
	}
	for k := range p.xreg {
		name := p.xreg[k].name
		for i, v := range future.Regressors[name] {
			if notFinite(v) {
				return fmt.Errorf("%w: regressor %q is %v at %v", ErrNotFinite, name, v, future.Time[i])
			}
		}
	}
	return nil
}

// rows of a future, as instants on the wall clock.
func rows(times []time.Time) []int64 {
	out := make([]int64, len(times))
	for i, t := range times {
		out[i], _ = wallClock(t)
	}
	return out
}
