package main

import (
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/forecast/metric"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/sales"
)

// judged is one series at one origin: what came after it, and the scales of what came
// before. It serves every model alike.
type judged struct {
	key     retail.SeriesKey
	class   string
	actual  []float64 // NaN is missing: closed, or not in the file
	naive   []float64 // seasonal naive
	squared float64   // scale of RMSSE
	abs     float64   // scale of SPL
}

// judge collects what the forecasts of the chosen series will be compared with. truth is
// the whole history's demand by series, its last element the file's last period.
func (o *origin) judge(chosen []sales.Series, truth map[retail.SeriesKey][]float64) ([]judged, error) {
	out := make([]judged, len(chosen))
	err := o.each(chosen, func(i int, _ *auto.Engine, p sales.Prepared) {
		full := truth[p.Key]
		actual := make([]float64, o.horizon)
		for j := range actual {
			if at := len(full) - o.before + j; at >= 0 {
				actual[j] = full[at]
			} else {
				actual[j] = math.NaN()
			}
		}
		out[i] = judged{
			key: p.Key, class: auto.Classify(p.Input), actual: actual,
			naive:   seasonalNaive(p.Input.Y, p.Input.Season, o.horizon),
			squared: metric.SquaredScale(p.Input.Y), abs: metric.AbsoluteScale(p.Input.Y),
		}
	})
	if err != nil {
		return nil, err
	}
	scored := out[:0]
	for _, j := range out {
		if j.key.SKU != "" && forecast.Observed(j.actual) > 0 {
			scored = append(scored, j)
		}
	}
	return scored, nil
}

// seasonalNaive repeats the last observed value of the same phase; where that phase was
// never observed, the last observed value; where nothing was, zero.
func seasonalNaive(y []float64, season, horizon int) []float64 {
	last := 0.0
	for _, v := range y {
		if !math.IsNaN(v) {
			last = v
		}
	}
	out := make([]float64, horizon)
	for j := range out {
		out[j] = last
		for i := len(y) + j%season - season; i >= 0; i -= season {
			if !math.IsNaN(y[i]) {
				out[j] = y[i]
				break
			}
		}
	}
	return out
}

// tally sums the scores of one model over series and origins.
type tally struct {
	Series int // series and origins
	Steps  int64

	rmsse, naive, spl     float64
	nRMSSE, nSPL          int
	absError, sum, actual float64
	cal                   metric.Calibration
	// Negative, NotNumbers and Crossing count faulty values; such a forecast is scored
	// after forecast.Repair, as its user would have to.
	Negative, NotNumbers, Crossing int
}

// add scores one forecast. q may be nil: then only the mean is judged.
func (t *tally) add(j judged, p prediction) {
	t.Series++
	mean := make([]float64, len(p.mean))
	for i, m := range p.mean {
		t.inspect(m, &p, i)
		mean[i] = math.Max(0, m)
		if math.IsNaN(m) || math.IsInf(m, 0) {
			mean[i] = 0
		}
	}
	if r := metric.RMSSE(j.actual, mean, j.squared); !math.IsNaN(r) {
		t.rmsse += r
		t.naive += metric.RMSSE(j.actual, j.naive, j.squared)
		t.nRMSSE++
	}
	var pinball float64
	n := 0
	for i, y := range j.actual {
		if math.IsNaN(y) {
			continue
		}
		n++
		t.absError += math.Abs(y - mean[i])
		t.sum += mean[i] - y
		t.actual += math.Abs(y)
		if p.quantiles != nil {
			q := p.quantiles[i]
			forecast.Repair(&q)
			pinball += metric.MeanPinball(y, &q)
			t.cal.Add(y, &q)
		}
	}
	t.Steps += int64(n)
	if p.quantiles != nil && j.abs > 0 && n > 0 {
		t.spl += pinball / float64(n) / j.abs
		t.nSPL++
	}
}

func (t *tally) inspect(mean float64, p *prediction, i int) {
	check := func(v float64) {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			t.NotNumbers++
		case v < 0:
			t.Negative++
		}
	}
	check(mean)
	if p.quantiles == nil {
		return
	}
	for k, v := range p.quantiles[i] {
		check(v)
		if k > 0 && v < p.quantiles[i][k-1] {
			t.Crossing++
		}
	}
}

// bound is the calibration of one probability.
type bound struct {
	P         float64 `json:"p"`
	Below     float64 `json:"below"`       // share of y < q
	AtOrBelow float64 `json:"at_or_below"` // share of y ≤ q
	OK        bool    `json:"ok"`
}

// tolerance of the calibration's bounds.
const tolerance = 0.03

// figures are the means of a tally; NaN never occurs, absent ones are nil.
type figures struct {
	Series      int      `json:"series"`
	RMSSE       *float64 `json:"rmsse"`
	SPL         *float64 `json:"spl"`
	WAPE        *float64 `json:"wape"`
	Bias        *float64 `json:"bias"`
	NaiveRMSSE  *float64 `json:"rmsse_seasonal_naive"`
	Skill       *float64 `json:"skill_vs_seasonal_naive"`
	Calibration []bound  `json:"calibration,omitempty"`
	Calibrated  bool     `json:"calibrated"`
	Faulty      int      `json:"faulty"` // negative, not a number, or crossing
}

func (t *tally) figures() figures {
	f := figures{
		Series: t.Series, Faulty: t.Negative + t.NotNumbers + t.Crossing,
		RMSSE: ratio(t.rmsse, float64(t.nRMSSE)), SPL: ratio(t.spl, float64(t.nSPL)),
		WAPE: ratio(t.absError, t.actual), Bias: ratio(t.sum, t.actual),
		NaiveRMSSE: ratio(t.naive, float64(t.nRMSSE)),
	}
	if t.naive > 0 {
		skill := 1 - t.rmsse/t.naive
		f.Skill = &skill
	}
	if t.cal.N == 0 {
		return f
	}
	f.Calibrated = true
	for i, p := range forecast.Probabilities() {
		switch p {
		case .025, .1, .9, .975:
			below, at := t.cal.Bounds(i)
			ok := below <= p+tolerance && at >= p-tolerance
			f.Calibration = append(f.Calibration, bound{p, below, at, ok})
			f.Calibrated = f.Calibrated && ok
		}
	}
	return f
}

func ratio(a, b float64) *float64 {
	if !(b > 0) {
		return nil
	}
	v := a / b
	return &v
}
