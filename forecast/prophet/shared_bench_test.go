package prophet_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// benchSeries are sales of five years of days: trend with changes, week, year,
// noise.
func benchSeries(n, count int) [][]float64 {
	out := make([][]float64, count)
	for k := range out {
		out[k] = retailSales(n, uint64(k))
	}
	return out
}

// reportSeries reports the time of one of n series that an iteration fits.
func reportSeries(b *testing.B, n int) {
	perSeries := b.Elapsed().Seconds() / float64(b.N) / float64(n)
	b.ReportMetric(1e6*perSeries, "µs/series")
	b.ReportMetric(1/perSeries, "series/s")
}

func share(b testing.TB, m prophet.Model, dates prophet.Future) *prophet.Shared {
	b.Helper()
	s, err := m.Share(dates)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// fitAll fits every series with one Fitter, after a first round that makes the
// factorisations there are to keep.
func fitAll(b *testing.B, s *prophet.Shared, series [][]float64, own []map[string][]float64, path prophet.Path) {
	w := s.Fitter()
	var e prophet.Estimate
	one := func(k int) {
		var regressors map[string][]float64
		if own != nil {
			regressors = own[k]
		}
		if err := w.Fit(&e, series[k], regressors); err != nil {
			b.Fatal(err)
		}
	}
	for k := range series {
		one(k)
	}
	b.ReportAllocs()
	for b.Loop() {
		for k := range series {
			one(k)
			if e.Path != path {
				b.Fatalf("path %v, want %v", e.Path, path)
			}
		}
	}
	reportSeries(b, len(series))
}

// Same dates: estimation, and a certificate on the rows. 1,913 days is the length
// of the M5 data; BenchmarkFit is Model.Fit on the same series.
func BenchmarkShared(b *testing.B) {
	for _, n := range []int{365, 731, 1096, 1913} {
		b.Run(fmt.Sprintf("T=%d", n), func(b *testing.B) {
			fitAll(b, share(b, prophet.Model{}, prophet.Future{Time: days(n)}), benchSeries(n, 50), nil, prophet.SameDates)
		})
	}
}

// Same dates, with the certificate from the sums.
func BenchmarkSharedFromSums(b *testing.B) {
	w := share(b, prophet.Model{}, prophet.Future{Time: days(1913)}).Fitter()
	w.FromSums = true
	series := benchSeries(1913, 50)
	var e prophet.Estimate
	b.ReportAllocs()
	for b.Loop() {
		for _, y := range series {
			if err := w.Fit(&e, y, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportSeries(b, len(series))
}

func BenchmarkFit(b *testing.B) {
	series, h := benchSeries(1913, 10), prophet.History{Time: days(1913)}
	for b.Loop() {
		for _, y := range series {
			h.Y = y
			if _, err := (prophet.Model{}).Fit(h); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportSeries(b, len(series))
}

// Fit and forecast of 28 days, what Python Prophet needs some hundred
// milliseconds for.
func BenchmarkSharedFitPredict(b *testing.B) {
	s := share(b, prophet.Model{}, prophet.Future{Time: days(1913)})
	future, err := s.Future(prophet.Future{Time: days(1913 + 28)[1913:]})
	if err != nil {
		b.Fatal(err)
	}
	series, w, yhat := benchSeries(1913, 50), s.Fitter(), make([]float64, 28)
	var e prophet.Estimate
	b.ReportAllocs()
	for b.Loop() {
		for _, y := range series {
			if err := w.Fit(&e, y, nil); err != nil {
				b.Fatal(err)
			}
			if err := future.PredictTo(yhat, &e, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportSeries(b, len(series))
}

// A window that no series had before: 60 starts, more than a Fitter keeps.
func BenchmarkSharedWindow(b *testing.B) {
	for _, n := range []int{731, 1913} {
		b.Run(fmt.Sprintf("T=%d", n), func(b *testing.B) {
			series := benchSeries(n, 60)
			for k, y := range series {
				for i := range k + 1 {
					y[i] = math.NaN()
				}
			}
			fitAll(b, share(b, prophet.Model{}, prophet.Future{Time: days(n)}), series, nil, prophet.OtherDates)
		})
	}
}

// Some days missing that no series missed before.
func BenchmarkSharedMissing(b *testing.B) {
	for _, missing := range []int{5, 50} {
		b.Run(fmt.Sprintf("T=1913/missing=%d", missing), func(b *testing.B) {
			series := benchSeries(1913, 60)
			for k, y := range series {
				rng := rand.New(rand.NewPCG(7, uint64(k)))
				for range missing {
					y[rng.IntN(len(y))] = math.NaN()
				}
			}
			fitAll(b, share(b, prophet.Model{}, prophet.Future{Time: days(1913)}), series, nil, prophet.OtherDates)
		})
	}
}

// Price and promotion of each series.
func BenchmarkSharedRegressors(b *testing.B) {
	for _, n := range []int{731, 1913} {
		b.Run(fmt.Sprintf("T=%d/q=2", n), func(b *testing.B) {
			m := prophet.Model{Regressors: []prophet.Regressor{{Name: "price"}, {Name: "promo"}}}
			series := benchSeries(n, 20)
			own := make([]map[string][]float64, len(series))
			for k := range own {
				own[k] = ownRegressors(n, uint64(k))
			}
			fitAll(b, share(b, m, prophet.Future{Time: days(n)}), series, own, prophet.OwnRegressors)
		})
	}
}

// Days closed on Sundays: the level of the season is not determined there.
func BenchmarkSharedClosed(b *testing.B) {
	s := share(b, prophet.Model{}, prophet.Future{Time: days(1913)})
	series := benchSeries(1913, 20)
	for _, y := range series {
		for i := 6; i < len(y); i += 7 {
			y[i] = math.NaN()
		}
	}
	fitAll(b, s, series, nil, prophet.SameDates)
}

// Twelve origins every four weeks, 28 days each.
func BenchmarkCrossValidateTo(b *testing.B) {
	s := share(b, prophet.Model{}, prophet.Future{Time: days(1913)})
	var origins []int
	for k := 12; k >= 1; k-- {
		origins = append(origins, 1913-28*k)
	}
	series, w, yhat := benchSeries(1913, 10), s.Fitter(), make([]float64, 12*28)
	b.ReportAllocs()
	for b.Loop() {
		for _, y := range series {
			if err := w.CrossValidateTo(yhat, y, nil, origins, 28); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportSeries(b, len(series))
}

// The same for one series by itself, with intervals.
func BenchmarkCrossValidate(b *testing.B) {
	f := fit(b, prophet.Model{}, prophet.History{Time: days(1913), Y: retailSales(1913, 0)})
	const day = 24 * time.Hour
	c := prophet.CrossValidation{Horizon: 28 * day, Period: 28 * day}
	for k := 12; k >= 1; k-- {
		c.Cutoffs = append(c.Cutoffs, f.History.Time[1913-1-28*k])
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.CrossValidate(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkShare(b *testing.B) {
	for b.Loop() {
		share(b, prophet.Model{}, prophet.Future{Time: days(1913)})
	}
}

func BenchmarkEstimateFitted(b *testing.B) {
	s, y := share(b, prophet.Model{}, prophet.Future{Time: days(1913)}), retailSales(1913, 0)
	var e prophet.Estimate
	if err := s.Fitter().Fit(&e, y, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Fitted(y, nil); err != nil {
			b.Fatal(err)
		}
	}
}
