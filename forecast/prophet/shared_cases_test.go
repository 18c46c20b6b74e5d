package prophet_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// retailSales are n days of sales: a trend with changes, a week, a year, and
// noise.
func retailSales(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 11))
	out := make([]float64, n)
	level, rate, scale := 1.0, rng.NormFloat64()/float64(n), math.Exp(2*rng.NormFloat64())
	var week [7]float64
	for d := range week {
		week[d] = 0.3 * rng.NormFloat64()
	}
	phase, noise := 6*rng.Float64(), 0.05+0.3*rng.Float64()
	for i := range out {
		if rng.IntN(200) == 0 {
			rate += rng.NormFloat64() / float64(n)
		}
		level += rate
		year := 0.2 * math.Sin(phase+2*math.Pi*float64(i)/365.25)
		out[i] = scale * (level + week[i%7] + year + noise*rng.NormFloat64())
	}
	return out
}

// counts are sales in whole units, most of them 0.
func counts(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 12))
	out := make([]float64, n)
	for i := range out {
		for rng.IntN(3) == 0 {
			out[i]++
		}
	}
	return out
}

// ownRegressors are a price that changes now and then and a promotion.
func ownRegressors(n int, seed uint64) map[string][]float64 {
	rng := rand.New(rand.NewPCG(seed, 13))
	price, promo, p := make([]float64, n), make([]float64, n), 10.0
	for i := range n {
		if rng.IntN(30) == 0 {
			p = 8 + 4*rng.Float64()
		}
		price[i] = p
		if rng.IntN(6) == 0 {
			promo[i] = 1
		}
	}
	return map[string][]float64{"price": price, "promo": promo}
}

func without(y []float64, missing func(i int) bool) []float64 {
	y = slices.Clone(y)
	for i := range y {
		if missing(i) {
			y[i] = math.NaN()
		}
	}
	return y
}

// every has n times at equal distances.
func every(n int, step time.Duration) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = time.Date(2021, 1, 4, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * step)
	}
	return out
}

func constantSeries(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// sharedCase is a model, dates, and a series on them.
type sharedCase struct {
	model prophet.Model
	dates prophet.Future
	ahead prophet.Future // rows to be forecast; nil Time = the dates
	y     []float64
	own   map[string][]float64
	path  prophet.Path
	err   error
}

func plainCases() map[string]sharedCase {
	daily := prophet.Future{Time: days(800)}
	sundays := func(i int) bool { return i%7 == 6 }
	few := func(i int) bool { return i%97 == 13 || i%211 == 0 || i == 500 }
	ahead := prophet.Future{Time: days(830)[750:]}
	holidays := []prophet.Holiday{
		{Name: "spring", Date: days(800)[100], Lower: -1, Upper: 1},
		{Name: "spring", Date: days(800)[465], Lower: -1, Upper: 1},
		{Name: "late", Date: days(900)[810]},
		{Name: "autumn", Date: days(800)[300]},
	}
	monthly := prophet.Future{}
	for i := range 150 {
		monthly.Time = append(monthly.Time, time.Date(2010, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC))
	}
	business := prophet.Future{}
	for i, at := range days(800) {
		if i%7 < 5 {
			business.Time = append(business.Time, at)
		}
	}
	return map[string]sharedCase{
		"all dates":           {dates: daily, ahead: ahead, y: retailSales(800, 1)},
		"counts":              {dates: daily, ahead: ahead, y: counts(800, 2)},
		"start later":         {dates: daily, ahead: ahead, y: without(retailSales(800, 3), func(i int) bool { return i < 37 }), path: prophet.OtherDates},
		"without the year":    {dates: daily, ahead: ahead, y: without(retailSales(800, 4), func(i int) bool { return i < 137 || i > 700 }), path: prophet.OtherDates},
		"missing":             {dates: daily, ahead: ahead, y: without(retailSales(800, 5), few), path: prophet.OtherDates},
		"closed on Sundays":   {dates: daily, ahead: ahead, y: without(retailSales(800, 6), sundays), path: prophet.OtherDates},
		"literal":             {model: prophet.Model{Literal: true}, dates: daily, ahead: ahead, y: without(retailSales(800, 6), sundays), path: prophet.OtherDates},
		"business days":       {dates: business, ahead: ahead, y: retailSales(len(business.Time), 7)},
		"every other date":    {dates: daily, ahead: ahead, y: without(retailSales(800, 8), func(i int) bool { return i%2 == 1 }), path: prophet.OtherDates},
		"once a week":         {dates: daily, ahead: ahead, y: without(retailSales(800, 8), func(i int) bool { return i%7 != 1 }), path: prophet.OtherDates},
		"minmax":              {model: prophet.Model{Scaling: prophet.MinMax}, dates: daily, ahead: ahead, y: retailSales(800, 9)},
		"minmax, missing":     {model: prophet.Model{Scaling: prophet.MinMax}, dates: daily, ahead: ahead, y: without(retailSales(800, 9), few), path: prophet.OtherDates},
		"flat":                {model: prophet.Model{Growth: prophet.Flat}, dates: daily, ahead: ahead, y: without(retailSales(800, 10), few), path: prophet.OtherDates},
		"no changepoints":     {model: prophet.Model{NChangepoints: prophet.NoChangepoints}, dates: daily, ahead: ahead, y: retailSales(800, 11)},
		"rate only":           {model: prophet.Model{NChangepoints: prophet.NoChangepoints, ChangepointPriorScale: 1e4}, dates: daily, ahead: ahead, y: retailSales(800, 11)},
		"given changepoints":  {model: prophet.Model{Changepoints: []time.Time{days(800)[300].Add(5 * time.Hour), days(800)[90]}}, dates: daily, ahead: ahead, y: retailSales(800, 12)},
		"changepoint outside": {model: prophet.Model{Changepoints: []time.Time{days(800)[300]}}, dates: daily, y: without(retailSales(800, 12), func(i int) bool { return i < 400 }), err: prophet.ErrChangepoints},
		"no effects":          {model: prophet.Model{Yearly: prophet.Off, Weekly: prophet.Off}, dates: daily, ahead: ahead, y: retailSales(800, 13)},
		"custom season":       {model: prophet.Model{Seasonalities: []prophet.Seasonality{{Name: "month", Period: 30.5, Order: 4}}}, dates: daily, ahead: ahead, y: retailSales(800, 14)},
		"holidays":            {model: prophet.Model{Holidays: holidays, HolidaysPriorScale: 0.5}, dates: daily, ahead: ahead, y: retailSales(800, 15)},
		"year unobserved":     {model: prophet.Model{Yearly: prophet.On}, dates: daily, ahead: ahead, y: without(retailSales(800, 16), func(i int) bool { return i > 250 }), path: prophet.OtherDates},
		"weekly data":         {dates: prophet.Future{Time: every(260, 7*24*time.Hour)}, y: retailSales(260, 17)},
		"hourly data":         {dates: prophet.Future{Time: every(1000, time.Hour)}, y: retailSales(1000, 18)},
		"monthly data":        {dates: monthly, y: retailSales(150, 19)},
		"wide prior":          {model: prophet.Model{ChangepointPriorScale: 5}, dates: daily, ahead: ahead, y: retailSales(800, 20)},
		"zeros":               {dates: daily, ahead: ahead, y: constantSeries(800, 0)},
		"constant":            {dates: daily, ahead: ahead, y: without(constantSeries(800, -3), few), path: prophet.OtherDates},
		"constant, minmax":    {model: prophet.Model{Scaling: prophet.MinMax}, dates: daily, y: constantSeries(800, 5)},
		"constant, short":     {dates: daily, y: without(constantSeries(800, 5), func(i int) bool { return i < 795 }), path: prophet.OtherDates},
		"huge":                {dates: daily, y: scaledBy(retailSales(800, 21), 1e300)},
		"tiny":                {dates: daily, y: scaledBy(retailSales(800, 21), 1e-300)},
		"short":               {dates: daily, y: without(retailSales(800, 22), func(i int) bool { return i < 770 }), path: prophet.Separate},
		"two values":          {dates: daily, y: without(retailSales(800, 22), func(i int) bool { return i < 798 }), path: prophet.Separate},
		"without noise":       {dates: daily, y: straightLine(800), path: prophet.Separate},
		"hardly any noise":    {dates: daily, y: littleNoise(800), path: prophet.Separate},
		"one value":           {dates: daily, y: without(retailSales(800, 22), func(i int) bool { return i < 799 }), err: prophet.ErrTooFewRows},
		"nothing":             {dates: daily, y: constantSeries(800, math.NaN()), err: prophet.ErrTooFewRows},
		"infinite":            {dates: daily, y: append(retailSales(799, 1), math.Inf(-1)), err: prophet.ErrNotFinite},
		"multiplicative":      {model: prophet.Model{SeasonalityMode: prophet.Multiplicative}, dates: daily, ahead: ahead, y: counts(800, 2), path: prophet.Separate},
		"Stan":                {model: prophet.Model{Solver: prophet.StanLBFGS}, dates: daily, ahead: ahead, y: counts(800, 2), path: prophet.Separate},
	}
}

// regressorCases have inputs: of the dates, of the series, of both.
func regressorCases() map[string]sharedCase {
	inputs, future := ownRegressors(800, 1), ownRegressors(80, 2)
	temperature, hot := make([]float64, 800), make([]bool, 800)
	for i := range temperature {
		temperature[i] = 300 + float64(i)/100 + 20*math.Sin(float64(i)/58)
		hot[i] = temperature[i] > 310
	}
	regressors := []prophet.Regressor{{Name: "price"}, {Name: "temperature", PriorScale: 2}, {Name: "promo"}}
	with := func(names ...string) prophet.Future {
		f := prophet.Future{Time: days(800), Regressors: map[string][]float64{}}
		for _, name := range names {
			f.Regressors[name] = map[string][]float64{"price": inputs["price"], "promo": inputs["promo"], "temperature": temperature}[name]
		}
		return f
	}
	ahead := func(names ...string) prophet.Future {
		f := prophet.Future{Time: days(830)[750:], Regressors: map[string][]float64{}}
		for _, name := range names {
			f.Regressors[name] = map[string][]float64{"price": future["price"], "promo": future["promo"], "temperature": temperature[:80]}[name]
		}
		return f
	}
	few := func(i int) bool { return i%97 == 13 || i < 5 }
	m := prophet.Model{Regressors: regressors}
	season := prophet.Model{Seasonalities: []prophet.Seasonality{{Name: "hot", Period: 7, Order: 2, Condition: "hot"}}}
	warm := prophet.Future{Time: days(800), Conditions: map[string][]bool{"hot": hot}}
	still := map[string][]float64{"price": constantSeries(800, 9), "promo": constantSeries(800, 0)}
	hole := map[string][]float64{"price": slices.Clone(inputs["price"]), "promo": slices.Clone(inputs["promo"])}
	hole["price"][110] = math.NaN() // i%97 == 13: no value there
	bad := map[string][]float64{"price": slices.Clone(inputs["price"]), "promo": inputs["promo"]}
	bad["price"][111] = math.NaN()
	all := []string{"price", "temperature", "promo"}
	return map[string]sharedCase{
		"common":                {model: m, dates: with(all...), ahead: ahead(all...), y: retailSales(800, 30)},
		"common, missing":       {model: m, dates: with(all...), ahead: ahead(all...), y: without(retailSales(800, 31), few), path: prophet.OtherDates},
		"common, constant part": {model: m, dates: with(all...), ahead: ahead(all...), y: without(retailSales(800, 32), func(i int) bool { return i > 20 && i < 780 }), path: prophet.Separate},
		"own":                   {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: retailSales(800, 33), own: inputs, path: prophet.OwnRegressors},
		"own, missing":          {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: without(retailSales(800, 34), few), own: hole, path: prophet.OwnRegressors},
		"own, constant":         {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: retailSales(800, 35), own: still, path: prophet.OwnRegressors},
		"own, closed":           {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: without(retailSales(800, 36), func(i int) bool { return i%7 == 6 }), own: inputs, path: prophet.OwnRegressors},
		"own, nothing seen":     {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: without(retailSales(800, 36), func(i int) bool { return i%7 == 6 }), own: still, path: prophet.OwnRegressors},
		"own, constant y":       {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: constantSeries(800, 4), own: still},
		"own, not standardised": {model: prophet.Model{Regressors: []prophet.Regressor{{Name: "price", Standardize: prophet.StandardizeNo}}}, dates: prophet.Future{Time: days(800)}, y: retailSales(800, 37), own: inputs, path: prophet.OwnRegressors},
		"own, short":            {model: m, dates: with("temperature"), ahead: ahead("temperature"), y: without(retailSales(800, 33), func(i int) bool { return i > 30 }), own: inputs, path: prophet.Separate},
		"not given":             {model: m, dates: with("temperature"), y: retailSales(800, 33), err: prophet.ErrMissing},
		"not finite":            {model: m, dates: with("temperature"), y: retailSales(800, 33), own: bad, err: prophet.ErrNotFinite},
		"condition":             {model: season, dates: warm, y: retailSales(800, 38)},
		"condition, missing":    {model: season, dates: warm, y: without(retailSales(800, 38), few), path: prophet.OtherDates},
		"logistic":              {model: prophet.Model{Growth: prophet.Logistic}, dates: prophet.Future{Time: days(800), Cap: constantSeries(800, 1e4)}, y: counts(800, 39), path: prophet.Separate},
	}
}

func scaledBy(y []float64, f float64) []float64 {
	for i := range y {
		y[i] *= f
	}
	return y
}

// straightLine follows the trend to the last digit, almost.
func straightLine(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 3 + float64(i)/7
	}
	return out
}

// littleNoise is a straight line with noise of a ten thousandth.
func littleNoise(n int) []float64 {
	out, rng := straightLine(n), rand.New(rand.NewPCG(1, 14))
	for i := range out {
		out[i] *= 1 + 1e-4*rng.NormFloat64()
	}
	return out
}

// merged are the common and the own columns of a series.
func merged(c *sharedCase, future *prophet.Future, own map[string][]float64) prophet.Future {
	out := *future
	if len(c.model.Regressors) > 0 {
		out.Regressors = map[string][]float64{}
		maps.Copy(out.Regressors, own)
		maps.Copy(out.Regressors, future.Regressors)
	}
	return out
}
