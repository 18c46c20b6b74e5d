package products

import (
	"encoding/json"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// ForecastRow is one row of forecasts/*.parquet: a series on a future date.
type ForecastRow struct {
	Store  string      `parquet:"store,dict"`
	SKU    string      `parquet:"sku,dict"`
	Date   retail.Date `parquet:"date,date"`
	Mean   float64     `parquet:"mean"`
	Q025   float64     `parquet:"q0.025"`
	Q05    float64     `parquet:"q0.05"`
	Q10    float64     `parquet:"q0.1"`
	Q25    float64     `parquet:"q0.25"`
	Q50    float64     `parquet:"q0.5"`
	Q75    float64     `parquet:"q0.75"`
	Q90    float64     `parquet:"q0.9"`
	Q95    float64     `parquet:"q0.95"`
	Q975   float64     `parquet:"q0.975"`
	Q99    float64     `parquet:"q0.99"`
	Model  string      `parquet:"model,dict"`
	Status string      `parquet:"status,dict"`
}

// Key is the row's series.
func (r *ForecastRow) Key() retail.SeriesKey {
	return retail.SeriesKey{SKU: retail.SKU(r.SKU), Store: retail.Store(r.Store)}
}

// Quantiles are the row's quantiles in the order of forecast.Probabilities.
func (r *ForecastRow) Quantiles() [forecast.NQuantiles]float64 {
	return [forecast.NQuantiles]float64{r.Q025, r.Q05, r.Q10, r.Q25, r.Q50, r.Q75, r.Q90, r.Q95, r.Q975, r.Q99}
}

func (r *ForecastRow) setQuantiles(q *[forecast.NQuantiles]float64) {
	for i, p := range [...]*float64{&r.Q025, &r.Q05, &r.Q10, &r.Q25, &r.Q50, &r.Q75, &r.Q90, &r.Q95, &r.Q975, &r.Q99} {
		*p = forecast.Round6(q[i])
	}
}

// SeriesRow is one row of series/<unit>.parquet: what became of a series. Figures that
// are undefined are null.
type SeriesRow struct {
	Store  string `parquet:"store,dict"`
	SKU    string `parquet:"sku,dict"`
	Class  string `parquet:"class,dict"`
	Status string `parquet:"status,dict"`
	Reason string `parquet:"reason,dict"`
	Model  string `parquet:"model,dict"`

	Weights    string `parquet:"weights"`    // JSON object: model → weight
	Parameters string `parquet:"parameters"` // JSON object: name → value

	NScored     int64    `parquet:"n_scored"`
	AbsError    float64  `parquet:"abs_error"`
	AbsActual   float64  `parquet:"abs_actual"`
	RMSSE       *float64 `parquet:"rmsse,optional"`
	RMSSESNaive *float64 `parquet:"rmsse_snaive,optional"`
	Pinball     *float64 `parquet:"pinball,optional"` // summed over the scored periods, in units

	Below025 int64 `parquet:"below_0.025"`
	Below05  int64 `parquet:"below_0.05"`
	Below10  int64 `parquet:"below_0.1"`
	Below25  int64 `parquet:"below_0.25"`
	Below50  int64 `parquet:"below_0.5"`
	Below75  int64 `parquet:"below_0.75"`
	Below90  int64 `parquet:"below_0.9"`
	Below95  int64 `parquet:"below_0.95"`
	Below975 int64 `parquet:"below_0.975"`
	Below99  int64 `parquet:"below_0.99"`

	AtOrBelow025 int64 `parquet:"at_or_below_0.025"`
	AtOrBelow05  int64 `parquet:"at_or_below_0.05"`
	AtOrBelow10  int64 `parquet:"at_or_below_0.1"`
	AtOrBelow25  int64 `parquet:"at_or_below_0.25"`
	AtOrBelow50  int64 `parquet:"at_or_below_0.5"`
	AtOrBelow75  int64 `parquet:"at_or_below_0.75"`
	AtOrBelow90  int64 `parquet:"at_or_below_0.9"`
	AtOrBelow95  int64 `parquet:"at_or_below_0.95"`
	AtOrBelow975 int64 `parquet:"at_or_below_0.975"`
	AtOrBelow99  int64 `parquet:"at_or_below_0.99"`

	Digest       run.Digest `parquet:"digest"`
	ForecastFile string     `parquet:"forecast_file,dict"` // relative to the run
	Version      string     `parquet:"version,dict"`       // of the code that computed it
}

// Key is the row's series.
func (r *SeriesRow) Key() retail.SeriesKey {
	return retail.SeriesKey{SKU: retail.SKU(r.SKU), Store: retail.Store(r.Store)}
}

// Below counts, for each quantile, the scored actuals below it.
func (r *SeriesRow) Below() [forecast.NQuantiles]int64 {
	return [forecast.NQuantiles]int64{
		r.Below025, r.Below05, r.Below10, r.Below25, r.Below50,
		r.Below75, r.Below90, r.Below95, r.Below975, r.Below99,
	}
}

// AtOrBelow counts, for each quantile, the scored actuals at or below it.
func (r *SeriesRow) AtOrBelow() [forecast.NQuantiles]int64 {
	return [forecast.NQuantiles]int64{
		r.AtOrBelow025, r.AtOrBelow05, r.AtOrBelow10, r.AtOrBelow25, r.AtOrBelow50,
		r.AtOrBelow75, r.AtOrBelow90, r.AtOrBelow95, r.AtOrBelow975, r.AtOrBelow99,
	}
}

func (r *SeriesRow) setScore(s *auto.Score) {
	r.NScored = s.NScored
	r.AbsError, r.AbsActual = orZero(s.AbsError), orZero(s.AbsActual)
	r.RMSSE, r.RMSSESNaive, r.Pinball = orNull(s.RMSSE), orNull(s.RMSSESNaive), orNull(s.Pinball)
	for i, p := range [...]*int64{
		&r.Below025, &r.Below05, &r.Below10, &r.Below25, &r.Below50,
		&r.Below75, &r.Below90, &r.Below95, &r.Below975, &r.Below99,
	} {
		*p = s.Below[i]
	}
	for i, p := range [...]*int64{
		&r.AtOrBelow025, &r.AtOrBelow05, &r.AtOrBelow10, &r.AtOrBelow25, &r.AtOrBelow50,
		&r.AtOrBelow75, &r.AtOrBelow90, &r.AtOrBelow95, &r.AtOrBelow975, &r.AtOrBelow99,
	} {
		*p = s.AtOrBelow[i]
	}
	if s.NScored == 0 { // an average over nothing is undefined, whatever it was set to
		r.RMSSE, r.RMSSESNaive, r.Pinball = nil, nil, nil
	}
}

// orNull rounds a defined figure; undefined ones are null.
func orNull(x float64) *float64 {
	if !finite(x) {
		return nil
	}
	x = forecast.Round6(x)
	return &x
}

// orZero rounds a sum; the sum over nothing is 0.
func orZero(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return forecast.Round6(x)
}

// jsonObject encodes a map with sorted keys and shortest decimals; numbers that JSON
// cannot express are null.
func jsonObject(m map[string]float64) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	out := make(map[string]*float64, len(m))
	for k, v := range m {
		out[k] = orNull(v)
	}
	b, err := json.Marshal(out)
	return string(b), err
}
