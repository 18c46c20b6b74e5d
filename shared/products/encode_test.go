package products

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// sampleSeries makes a series that resembles a real one: counts or decimals by turns.
func sampleSeries(r *rand.Rand, key retail.SeriesKey, horizon int) Series {
	s := Series{Key: key, Result: auto.Result{
		Status: auto.Fitted, Class: "smooth", Model: "ets",
		Weights:    map[string]float64{"ets": .7, "seasonal_naive": .3},
		Parameters: map[string]float64{"alpha": r.Float64(), "gamma": r.Float64()},
	}}
	level, integer := math.Exp(3*r.NormFloat64()), r.IntN(2) == 0
	for i := range horizon {
		s.Dates = append(s.Dates, retail.NewDate(2024, 6, 1+i))
		s.Result.Mean = append(s.Result.Mean, forecast.Round6(level*(1+.1*r.Float64())))
		var q [forecast.NQuantiles]float64
		for j := range q {
			q[j] = forecast.Round6(level * float64(j+1) / 5 * (1 + .01*r.Float64()))
			if integer {
				q[j] = math.Round(q[j])
			}
		}
		forecast.Repair(&q)
		s.Result.Quantiles = append(s.Result.Quantiles, q)
	}
	sc := &s.Result.Score
	sc.NScored = int64(horizon)
	sc.AbsError, sc.AbsActual = forecast.Round6(level*3), forecast.Round6(level*float64(horizon))
	sc.RMSSE, sc.RMSSESNaive = forecast.Round6(.5+r.Float64()), forecast.Round6(.8+r.Float64())
	sc.Pinball = forecast.Round6(level / 2)
	for j, p := range forecast.Probabilities() {
		sc.Below[j] = int64(p * float64(horizon))
		sc.AtOrBelow[j] = min(int64(horizon), sc.Below[j]+1)
	}
	return s
}

func sampleUnit(r *rand.Rand, sku string, stores, horizon int) []Series {
	var u []Series
	for i := range stores {
		u = append(u, sampleSeries(r, retail.SeriesKey{SKU: retail.SKU(sku), Store: retail.Store(fmt.Sprintf("CA_%02d", i))}, horizon))
	}
	return u
}

func rejected(sku, storeName, reason string) Series {
	nan := math.NaN()
	return Series{Key: retail.SeriesKey{SKU: retail.SKU(sku), Store: retail.Store(storeName)}, Result: auto.Result{
		Status: auto.Rejected, Reason: reason, Score: auto.Score{RMSSE: nan, RMSSESNaive: nan, Pinball: nan, AbsError: nan},
	}}
}

func TestRoundTrip(t *testing.T) {
	r := random(1)
	series := []Series{
		sampleSeries(r, retail.SeriesKey{SKU: "a", Store: "s"}, 5),
		sampleSeries(r, retail.SeriesKey{SKU: "b", Store: `Müller "& Söhne", 店`}, 7),
		rejected("b", "z", auto.ReasonNoObservation),
		sampleSeries(r, retail.SeriesKey{SKU: "b'; DROP TABLE", Store: "<script>"}, 1),
	}
	series[1].Result.Status, series[1].Result.Reason = auto.Fallback, auto.ReasonSeasonalNaive
	series[1].Result.Score = auto.Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN(), Pinball: math.NaN()}
	series[3].Result.Weights, series[3].Result.Parameters = nil, map[string]float64{"z": math.Inf(1), "a": 1. / 3}
	m := store(t, series)

	u, err := ReadSummary(t.Context(), m, run.SeriesPlace(runID, "00000000"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadForecast(t.Context(), m, run.Dir(runID)+u.Forecasts.Path)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Series) != len(series) || u.Forecasts.Rows != 13 || len(rows) != 13 {
		t.Fatalf("%d series, %d forecast rows by the summary, %d by the part; want 4, 13, 13", len(u.Series), u.Forecasts.Rows, len(rows))
	}
	for i, s := range series {
		got := u.Series[i]
		sc, wantScore := got, s.Result.Score
		if got.Key() != s.Key || got.Status != s.Result.Status || got.Reason != s.Result.Reason ||
			got.Class != s.Result.Class || got.Model != s.Result.Model || got.Version != "v1.2.3" || got.ForecastFile != u.Forecasts.Path {
			t.Errorf("summary %d is %+v, want %+v", i, got, s)
		}
		if sc.NScored != wantScore.NScored || !same(sc.RMSSE, wantScore.RMSSE) || !same(sc.RMSSESNaive, wantScore.RMSSESNaive) ||
			!same(sc.Pinball, wantScore.Pinball) || sc.Below() != wantScore.Below || sc.AtOrBelow() != wantScore.AtOrBelow {
			t.Errorf("score %d is %+v, want %+v", i, sc, wantScore)
		}
		for j := range s.Result.Mean {
			row := rows[0]
			rows = rows[1:]
			if row.Key() != s.Key || row.Date != s.Dates[j] || row.Mean != s.Result.Mean[j] || row.Quantiles() != s.Result.Quantiles[j] ||
				row.Model != s.Result.Model || row.Status != s.Result.Status {
				t.Errorf("row %d of %v is %+v", j, s.Key, row)
			}
		}
	}
	if got, want := u.Series[3].Parameters, `{"a":0.333333,"z":null}`; got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
	if got := u.Series[3].Weights; got != "{}" {
		t.Errorf("no weights are %s, want {}", got)
	}
}

func same(got *float64, want float64) bool {
	if got == nil {
		return math.IsNaN(want)
	}
	return *got == want
}

func TestEncodeRounds(t *testing.T) {
	s := sampleSeries(random(2), retail.SeriesKey{SKU: "a", Store: "s"}, 1)
	rounded := s
	rounded.Result.Mean = []float64{1.23457}
	s.Result.Mean = []float64{1.234567}
	a, err := EncodeUnit("00000001", []Series{s}, "v")
	if err != nil {
		t.Fatal(err)
	}
	b, err := EncodeUnit("00000001", []Series{rounded}, "v")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.ForecastBytes, b.ForecastBytes) || a.Digest != b.Digest {
		t.Error("a value with more than 6 significant digits was not rounded before its use")
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	a, errA := EncodeUnit("00000007", sampleUnit(random(3), "x", 9, 28), "v")
	b, errB := EncodeUnit("00000007", sampleUnit(random(3), "x", 9, 28), "v")
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if !bytes.Equal(a.ForecastBytes, b.ForecastBytes) || !bytes.Equal(a.SummaryBytes, b.SummaryBytes) {
		t.Error("the same series gave other bytes")
	}
	sum := sha256.Sum256(a.ForecastBytes)
	if want := "forecasts/00000007-" + hex.EncodeToString(sum[:])[:12] + ".parquet"; a.Forecasts.Path != want {
		t.Errorf("path %s, want %s", a.Forecasts.Path, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(u []Series) []Series
		want   string
	}{
		"newline in a SKU":  {func(u []Series) []Series { u[1].Key.SKU = "a\nb"; return u }, "control character"},
		"tab in a store":    {func(u []Series) []Series { u[1].Key.Store = "a\tb"; return u }, "control character"},
		"C1 control":        {func(u []Series) []Series { u[1].Key.Store = "a\u0085b"; return u }, "control character"},
		"not UTF-8":         {func(u []Series) []Series { u[1].Key.Store = "\xff"; return u }, "UTF-8"},
		"tab in a model":    {func(u []Series) []Series { u[0].Result.Model = "a\tb"; return u }, "control character"},
		"NaN":               {func(u []Series) []Series { u[0].Result.Mean[1] = math.NaN(); return u }, "not finite"},
		"infinite quantile": {func(u []Series) []Series { u[0].Result.Quantiles[1][9] = math.Inf(1); return u }, "not finite"},
		"unknown status":    {func(u []Series) []Series { u[0].Result.Status = "done"; return u }, "status"},
		"short quantiles":   {func(u []Series) []Series { u[0].Result.Quantiles = u[0].Result.Quantiles[:1]; return u }, "as many"},
		"no forecast": {func(u []Series) []Series {
			u[0].Result.Mean, u[0].Result.Quantiles, u[0].Dates = nil, nil, nil
			return u
		}, "as many"},
		"rejected but forecast": {func(u []Series) []Series { u[0].Result.Status = auto.Rejected; return u }, "rejected"},
		"order":                 {func(u []Series) []Series { slices.Reverse(u); return u }, "does not come after"},
		"twice":                 {func(u []Series) []Series { u[1].Key = u[0].Key; return u }, "does not come after"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := EncodeUnit("00000000", tc.change(sampleUnit(random(4), "a", 3, 3)), "v")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one about %q", err, tc.want)
			}
		})
	}
	if _, err := EncodeUnit("7", sampleUnit(random(4), "a", 1, 1), "v"); err == nil {
		t.Error("unit 7 is not 8 digits and was taken")
	}
}

// plainDigest is the digest as formats.md words it, without any of our code.
func plainDigest(series []Series) string {
	total := new(big.Int)
	for _, s := range series {
		var lines []string
		if s.Result.Status == "rejected" {
			lines = append(lines, fmt.Sprintf("%s\t%s\trejected\t%s\n", s.Key.Store, s.Key.SKU, s.Result.Reason))
		}
		for i := range s.Result.Mean {
			f := []string{string(s.Key.Store), string(s.Key.SKU), s.Dates[i].Time().Format("2006-01-02"), strconv.FormatFloat(s.Result.Mean[i], 'f', -1, 64)}
			for _, q := range s.Result.Quantiles[i] {
				f = append(f, strconv.FormatFloat(q, 'f', -1, 64))
			}
			lines = append(lines, strings.Join(append(f, s.Result.Model, s.Result.Status), "\t")+"\n")
		}
		for _, l := range lines {
			h := sha256.Sum256([]byte(l))
			total.Add(total, new(big.Int).SetBytes(h[:]))
		}
	}
	total.Mod(total, new(big.Int).Lsh(big.NewInt(1), 256))
	return fmt.Sprintf("%064x", total)
}

func TestDigest(t *testing.T) {
	series := append(sampleUnit(random(5), "a", 20, 28), rejected("b", "s", "no_observed_value"))
	u, err := EncodeUnit("00000000", series, "v")
	if err != nil {
		t.Fatal(err)
	}
	if want := plainDigest(series); u.Digest.String() != want {
		t.Errorf("digest %s, want %s", u.Digest, want)
	}
}

// The vectors were computed with sha256sum over the line itself.
func TestDigestVectors(t *testing.T) {
	milk := Series{
		Key: retail.SeriesKey{SKU: "milk", Store: "S1"}, Dates: []retail.Date{retail.NewDate(2024, 6, 1)},
		Result: auto.Result{
			Status: auto.Fitted, Model: "ets", Mean: []float64{1.5},
			Quantiles: [][forecast.NQuantiles]float64{{0, 0, 1, 1, 1, 2, 3, 3, 4, 5.25}},
		},
	}
	for want, s := range map[string]Series{
		"84da16b67f34be6fe471ec7fd4259c8344b65911559c54a692a3abf0ab0d4876": rejected("sku", "store", "reason"),
		"a765ae13765cd7005c79738696d40ebbccfae3a3d6525e08ceecfead9b059129": milk,
	} {
		u, err := EncodeUnit("00000000", []Series{s}, "v")
		if err != nil {
			t.Fatal(err)
		}
		if u.Digest.String() != want {
			t.Errorf("digest of %v is %s, want %s", s.Key, u.Digest, want)
		}
	}
}

func TestAppendDecimal(t *testing.T) {
	check := func(x float64) {
		t.Helper()
		want := strconv.FormatFloat(x+0, 'f', -1, 64)
		if got := string(appendDecimal(nil, x)); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
	for _, x := range []float64{0, math.Copysign(0, -1), 1, -1, .1, .001, .00099, 1e-7, 999999, 1e6, 1234560, .1 + .2, 1e15, 1e22, 5e-324, math.MaxFloat64, 0.125, -12.5, 100.01} {
		check(x)
	}
	r := random(6)
	for range 50_000 {
		x := math.Exp(8 * r.NormFloat64())
		check(x)
		check(forecast.Round6(x))
		check(-forecast.Round6(x))
	}
}

func FuzzAppendDecimal(f *testing.F) {
	f.Add(uint64(0))
	f.Add(math.Float64bits(12.345))
	f.Fuzz(func(t *testing.T, bits uint64) {
		x := math.Float64frombits(bits)
		if !finite(x) {
			return
		}
		if got, want := string(appendDecimal(nil, x)), strconv.FormatFloat(x+0, 'f', -1, 64); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	})
}

func BenchmarkEncodeUnit(b *testing.B) {
	series := sampleUnit(random(7), "HOBBIES_1_001", 32, 28)
	b.ReportAllocs()
	var u Unit
	for b.Loop() {
		var err error
		if u, err = EncodeUnit("00000007", series, "v1.0.0"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(u.ForecastBytes)), "forecast-bytes")
	b.ReportMetric(float64(len(u.SummaryBytes)), "summary-bytes")
}
