package ets_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
)

//go:embed testdata/reference.json
var referenceJSON []byte

// reference is what testdata/reference.py wrote.
type reference struct {
	First         [][]float64
	Statsforecast [][]float64
	R             [][]float64
	Usual         [][]int
	States        []struct {
		Series             int
		Form               string
		Par, Initial, Mean []float64
	}
}

func load(t testing.TB) (ref reference) {
	t.Helper()
	if err := json.Unmarshal(referenceJSON, &ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// random and battery make the series of testdata/reference.py.
type random uint64

func (x *random) uniform() float64 {
	*x = *x*6364136223846793005 + 1442695040888963407
	return float64(*x>>11) / (1 << 53)
}

func (x *random) normal() float64 {
	s := 0.0
	for range 12 {
		s += x.uniform()
	}
	return s - 6
}

func battery(seed, length int) (y []float64, m int) {
	r := random(seed+1) * 0x9E3779B97F4A7C15
	for range 4 {
		r.uniform()
	}
	m = []int{7, 7, 12, 4}[seed/2%4]
	n := 40 + seed%12*30
	if length > 0 {
		n = length
	}
	alpha := r.uniform() * r.uniform()
	gamma := 0.4 * r.uniform() * r.uniform()
	beta := 0.2 * alpha * r.uniform() * float64(seed%3)
	phi := 0.8 + 0.2*r.uniform()
	level, slope := 60.0, 0.3*r.normal()
	sigma := 1 + 4*r.uniform()
	counts := seed%4 == 3
	if counts {
		level, slope, sigma = 1+2*r.uniform(), 0, 1
	}
	season := make([]float64, m)
	for i := range season {
		season[i] = 0.1 * level * r.normal()
		if seed%5 == 0 {
			season[i] = 0
		}
	}
	for t := range n {
		e := sigma * r.normal()
		slope *= phi
		level += slope
		v := level + season[t%m] + e
		level += alpha * e
		slope += beta * e
		season[t%m] += gamma * e
		if counts {
			v = math.Floor(math.Max(v, 0))
		}
		y = append(y, math.Floor(v*1000+0.5)/1000)
	}
	return y, m
}

func forms() []ets.Form {
	return []ets.Form{ets.ANN, ets.AAN, ets.AAdN, ets.ANA, ets.AAA, ets.AAdA}
}

func modelOf(f ets.Form) ets.Model {
	for _, m := range []ets.Model{
		{},
		{Trend: true, Linear: true},
		{Trend: true},
		{Season: true},
		{Season: true, Trend: true, Linear: true},
		{Season: true, Trend: true},
	} {
		if m.Form() == f {
			return m
		}
	}
	panic("no such form")
}

// The likelihood is never below that of the same form in R and statsforecast,
// beyond the digits that were stored: in the usual region, to which R keeps, and
// in the wide one, which holds wherever statsforecast's search has wandered.
func TestLikelihoodNotBelowPeers(t *testing.T) {
	const slack = 1e-6
	ref := load(t)
	var ws ets.Workspace
	better, compared := 0, 0
	for k := range ref.Statsforecast {
		y, m := battery(k, 0)
		if k < len(ref.First) && !slices.Equal(y[:3], ref.First[k]) {
			t.Fatalf("series %d begins with %v, the reference with %v", k, y[:3], ref.First[k])
		}
		for i, f := range forms() {
			loglik := func(r ets.Region) float64 {
				model := modelOf(f)
				model.Region = r
				fit, err := model.FitIn(&ws, forecast.Series{Y: y, Season: m})
				if err != nil {
					t.Fatalf("series %d, %v: %v", k, f, err)
				}
				n := float64(len(y))
				return fit.LogLikelihood() + n/2*(math.Log(2*math.Pi/n)+1)
			}
			usual, wide := loglik(ets.Usual), loglik(ets.Wide)
			for _, c := range []struct {
				name      string
				got, want float64
				holds     bool
			}{
				{"R", usual, ref.R[k][i], true},
				{"statsforecast, inside the usual region", usual, ref.Statsforecast[k][i], ref.Usual[k][i] == 1},
				{"R, wide region", wide, ref.R[k][i], true},
				{"statsforecast, wide region", wide, ref.Statsforecast[k][i], true},
			} {
				if !c.holds {
					continue
				}
				if c.got < c.want-slack {
					t.Errorf("series %d (n = %d, m = %d), %v: log likelihood %.6f, %s: %.6f", k, len(y), m, f, c.got, c.name, c.want)
				}
				compared++
				if c.got > c.want+0.01 {
					better++
				}
			}
		}
	}
	t.Logf("%d comparisons, better by more than 0.01 in %d", compared, better)
	if 2*better < compared {
		t.Errorf("better than a peer by 0.01 in only %d of %d comparisons: is the search as wide as it was?", better, compared)
	}
}

// From the parameters and initial states that R and statsforecast found, the
// forecasts are the same numbers.
func TestForecastsAtEqualParameters(t *testing.T) {
	ref := load(t)
	for _, c := range ref.States {
		y, m := battery(c.Series, 0)
		i := slices.IndexFunc(forms(), func(f ets.Form) bool { return f.String() == c.Form })
		f := forms()[i]
		s := ets.State{Form: f, Alpha: c.Par[0], Beta: c.Par[1], Gamma: c.Par[2], Phi: c.Par[3], Level: c.Initial[0]}
		rest := c.Initial[1:]
		if len(rest) > 0 && len(rest) != m {
			s.Slope, rest = rest[0], rest[1:]
		}
		s.Season = slices.Clone(rest)
		slices.Reverse(s.Season) // the latest first, there
		fit, err := ets.New(s)
		if err != nil {
			t.Fatalf("series %d, %v: %v", c.Series, f, err)
		}
		fit.Append(y)
		got := make([]float64, len(c.Mean))
		fit.PredictTo(got)
		for h, want := range c.Mean {
			if math.Abs(got[h]-want) > 1e-9*(1+math.Abs(want)) {
				t.Fatalf("series %d, %v, step %d: %v, the peer has %v", c.Series, f, h, got[h], want)
			}
		}
	}
}
