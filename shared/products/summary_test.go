package products

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// index makes series in the order of a series index: bucket by bucket, by key in each.
func index(r *rand.Rand, buckets, skus, horizon int) []Series {
	var all []Series
	for range buckets {
		var keys []retail.SeriesKey
		for range skus {
			sku := retail.SKU(fmt.Sprintf("sku-%04x", r.IntN(1<<16)))
			for s := range 1 + r.IntN(4) {
				keys = append(keys, retail.SeriesKey{SKU: sku, Store: retail.Store(fmt.Sprint("store ", s))})
			}
		}
		slices.SortFunc(keys, retail.SeriesKey.Compare)
		for _, k := range slices.Compact(keys) {
			if slices.ContainsFunc(all, func(s Series) bool { return s.Key.SKU == k.SKU && s.Key.Store == k.Store }) {
				continue // a SKU is in one bucket only
			}
			s := sampleSeries(r, k, horizon)
			s.Result.Class = []string{"smooth", "erratic", "lumpy", "intermittent"}[r.IntN(4)]
			switch r.IntN(10) {
			case 0:
				s = rejected(string(k.SKU), string(k.Store), auto.ReasonNoObservation)
			case 1:
				s.Result.Status, s.Result.Reason, s.Result.Model = auto.Fallback, auto.ReasonClassProfile, "class_profile"
				s.Result.Score = auto.Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN(), Pinball: math.NaN()}
			}
			all = append(all, s)
		}
	}
	return all
}

// cut makes units of random sizes; a unit never spans two buckets, where order breaks.
func cut(r *rand.Rand, all []Series) [][]Series {
	var units [][]Series
	for len(all) > 0 {
		n := 1
		for most := 1 + r.IntN(9); n < most && n < len(all) && all[n-1].Key.Compare(all[n].Key) < 0; {
			n++
		}
		units = append(units, all[:n])
		all = all[n:]
	}
	return units
}

func TestSummariseAddsUp(t *testing.T) {
	nan := math.NaN()
	score := func(n int64, e, a, r, rs, pin float64, below, atOrBelow int64) auto.Score {
		s := auto.Score{NScored: n, AbsError: e, AbsActual: a, RMSSE: r, RMSSESNaive: rs, Pinball: pin}
		for i := range s.Below {
			s.Below[i], s.AtOrBelow[i] = below, atOrBelow
			if i == 9 {
				s.Below[i], s.AtOrBelow[i] = n-1, n
			}
		}
		return s
	}
	unit := sampleUnit(random(20), "a", 4, 2)
	unit[0].Result.Score = score(10, 5, 100, .5, 1, 4, 1, 2)
	unit[1].Result.Score = score(30, 15, 20, 1.5, 2, 6, 9, 12)
	unit[2].Result.Score = score(20, 0, 0, .7, nan, 0, 0, 20)                     // nothing sold, no yardstick: out of both means
	unit[3].Result.Score = auto.Score{RMSSE: nan, RMSSESNaive: nan, Pinball: nan} // too short for a backtest
	unit[2].Result.Class = "lumpy"
	unit[3].Result.Status, unit[3].Result.Reason, unit[3].Result.Model = auto.Fallback, "class_profile", "class_profile"
	m := store(t, unit[:2], append(unit[2:], rejected("b", "s", "no_observed_value")))

	s, err := Summarise(t.Context(), m, runID, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := (run.SeriesCounts{Total: 5, Fitted: 3, Fallback: 1, Rejected: 1}); s.Series != want {
		t.Errorf("series %+v, want %+v", s.Series, want)
	}
	if want := map[string]int64{"ets": 3, "class_profile": 1}; !reflect.DeepEqual(s.Models, want) {
		t.Errorf("models %v, want %v", s.Models, want)
	}
	if s.Fallbacks["class_profile"] != 1 || s.Rejections["no_observed_value"] != 1 || len(s.Fallbacks)+len(s.Rejections) != 2 {
		t.Errorf("fallbacks %v, rejections %v", s.Fallbacks, s.Rejections)
	}
	b := s.Total.Backtest()
	for name, v := range map[string]struct {
		got  *float64
		want float64
	}{
		"rmsse, the mean of two":       {b.RMSSE, 1},
		"wape, pooled":                 {b.WAPE, .166667},
		"pinball per scored period":    {b.Pinball, .166667},
		"skill on the same two series": {b.Skill, .333333},
		"rmsse of seasonal naive":      {s.Total.RMSSESNaive(), 1.5},
	} {
		if v.got == nil || *v.got != v.want {
			t.Errorf("%s is %v, want %v", name, v.got, v.want)
		}
	}
	if got, want := b.Calibration["q0.025"], (run.Shares{Below: .166667, AtOrBelow: .566667}); got != want || len(b.Calibration) != 10 {
		t.Errorf("calibration is %+v, want %+v: counts over the 60 scored periods, not an average of shares", got, want)
	}
	if got, want := b.Calibration["q0.99"], (run.Shares{Below: .95, AtOrBelow: 1}); got != want {
		t.Errorf("calibration of q0.99 is %+v, want %+v", got, want)
	}
	if s.ByClass["lumpy"].WAPE() != nil || s.ByClass["lumpy"].RMSSE() != nil || s.ByClass["lumpy"].Scored != 1 {
		t.Errorf("a class without sales has %+v, want undefined figures", s.ByClass["lumpy"])
	}
	if got, want := [...]int64{s.ByVolume[0].Series, s.ByVolume[2].Series, s.ByVolume[4].Series}, [...]int64{1, 1, 1}; got != want {
		t.Errorf("volume tiers %+v", s.ByVolume)
	}
	if len(s.Worst) != 3 || *s.Worst[0].Row.RMSSE != 1.5 || s.Worst[0].Unit != "00000000" {
		t.Errorf("worst are %+v", s.Worst)
	}
	if len(s.Sample) != 4 {
		t.Errorf("sample of %d series, want the four with a forecast", len(s.Sample))
	}
	for _, f := range s.Sample {
		rows, err := f.Forecast(t.Context(), m, runID)
		if err != nil || len(rows) != 2 || rows[0].Key() != f.Row.Key() {
			t.Errorf("forecast of %v: %d rows, %v", f.Row.Key(), len(rows), err)
		}
	}
	if got, want := s.Digest.String(), plainDigest(append(slices.Clone(unit), rejected("b", "s", "no_observed_value"))); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestNothingScored(t *testing.T) {
	u := sampleUnit(random(21), "a", 1, 2)
	u[0].Result.Score = auto.Score{}
	s, err := Summarise(t.Context(), store(t, u), runID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if b := s.Total.Backtest(); b.RMSSE != nil || b.WAPE != nil || b.Pinball != nil || b.Skill != nil || len(b.Calibration) != 0 {
		t.Errorf("backtest %+v, want all undefined", b)
	}
}

func TestSummariseDoesNotDependOnTheCut(t *testing.T) {
	all := index(random(22), 5, 40, 3)
	summarise := func(t *testing.T, seed uint64) *Summary {
		units := cut(random(seed), all)
		s, err := Summarise(t.Context(), store(t, units...), runID, len(units))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := summarise(t, 1), summarise(t, 2)
	if len(a.Files) == len(b.Files) {
		t.Fatal("both seeds cut alike; the test shows nothing")
	}
	neutral := func(s *Summary) *Summary {
		s.Files, s.Order = nil, Order{}
		for _, list := range [][]Found{s.Worst, s.Sample} {
			for i := range list {
				list[i].Unit, list[i].Row.ForecastFile = "", ""
			}
		}
		return s
	}
	if !reflect.DeepEqual(neutral(a), neutral(b)) {
		t.Error("another cut into units changed the summary")
	}
	if a.Digest.String() != plainDigest(all) {
		t.Error("digest differs from the plain one")
	}
	if len(a.Worst) != nWorst || len(a.Sample) != nSample {
		t.Errorf("%d worst and %d sampled series", len(a.Worst), len(a.Sample))
	}
}

func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := random(23)
		delays := make([]time.Duration, 100)
		for i := range delays {
			delays[i] = time.Duration(r.IntN(1000)) * time.Millisecond
		}
		var got []int
		var mu sync.Mutex
		var running, most int
		err := inOrder(t.Context(), len(delays), func(_ context.Context, i int) (int, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(delays[i]) // fake time
			mu.Lock()
			running--
			mu.Unlock()
			return i * i, nil
		}, func(i, v int) error {
			got = append(got, v)
			if v != i*i || len(got) != i+1 {
				t.Errorf("result %d is %d", i, v)
			}
			return nil
		})
		if err != nil || len(got) != len(delays) || most < 2 || most > readers {
			t.Errorf("%d results, %d at once, %v", len(got), most, err)
		}
	})
}

func TestInOrderStops(t *testing.T) {
	stop := errors.New("stop")
	for name, n := range map[string]int{"at once": 0, "later": 20} {
		t.Run(name, func(t *testing.T) {
			folded := 0
			err := inOrder(t.Context(), 50, func(_ context.Context, i int) (int, error) {
				if i >= n {
					return 0, fmt.Errorf("%d: %w", i, stop)
				}
				return i, nil
			}, func(int, int) error { folded++; return nil })
			if !errors.Is(err, stop) || err.Error() != fmt.Sprintf("%d: stop", n) || folded != n {
				t.Errorf("folded %d, error %v; want %d and the first error", folded, err, n)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := inOrder(ctx, 50, func(context.Context, int) (int, error) { return 0, nil }, func(i, _ int) error {
		if i == 49 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestComplete(t *testing.T) {
	all := index(random(24), 2, 5, 3)
	units := cut(random(25), all)
	s, err := Summarise(t.Context(), store(t, units...), runID, len(units))
	if err != nil {
		t.Fatal(err)
	}
	n := int64(len(all))
	rec := run.Record{RunID: runID, CodeVersion: "v1", Drop: run.DropRecord{Feed: "shop"}}
	manifest := run.Manifest{Series: n, SKUs: 10, Frequency: retail.Daily, Rows: run.Rows{Read: 9, Accepted: 8, Rejected: 1}}
	plan := run.Plan{Series: n, Units: len(units), Horizon: 3}
	c, err := Complete(rec, manifest, plan, s, run.Timings{Total: 7}, run.File{Path: "report.html"}, run.File{Path: "a.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if c.V != 1 || c.RunID != runID || c.Feed != "shop" || c.Series.Total != n || c.Digest != s.Digest.String() || c.Horizon != 3 || c.Rows.Read != 9 || c.Timings.Total != 7 {
		t.Errorf("complete %+v", c)
	}
	if len(c.Files) != 2*len(units)+2 || !slices.IsSortedFunc(c.Files, func(a, b run.File) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	}) {
		t.Errorf("files %v: want all, by path", c.Files)
	}
	for name, counts := range map[string][2]int64{"plan differs": {n + 1, n}, "manifest differs": {n, n - 1}} {
		plan.Series, manifest.Series = counts[0], counts[1]
		if _, err := Complete(rec, manifest, plan, s, run.Timings{}); err == nil {
			t.Errorf("%s: published all the same", name)
		}
	}
}
