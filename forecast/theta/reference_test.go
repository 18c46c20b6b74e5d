package theta_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/theta"
)

// Made by testdata/reference.py with statsforecast.
//
//go:embed testdata/reference.json
var referenceJSON []byte

type reference struct {
	Season     int
	SeasonType string `json:"season_type"`
	Y          []float64
	Models     map[string]struct {
		Level, Alpha, Theta, SSE float64
		Mean                     []float64
	}
}

var variants = []struct {
	name string
	theta.Variant
}{{"dotm", theta.DOTM}, {"dstm", theta.DSTM}, {"otm", theta.OTM}, {"stm", theta.STM}}

func references(t *testing.T) []reference {
	t.Helper()
	var r struct{ Series []reference }
	if err := json.Unmarshal(referenceJSON, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Series) < 60 {
		t.Fatalf("%d series, want at least 60", len(r.Series))
	}
	return r.Series
}

// At the parameters of statsforecast the forecast is statsforecast's, and at
// ours the loss is no larger than at theirs.
func TestReference(t *testing.T) {
	types := map[string]int{}
	better, compared := 0, 0
	for k, r := range references(t) {
		types[r.SeasonType]++
		s := forecast.Series{Y: r.Y, Season: r.Season, Phase: k % r.Season}
		for _, v := range variants {
			t.Run(fmt.Sprintf("%d/%s", k, v.name), func(t *testing.T) {
				want := r.Models[v.name]
				m := theta.Model{Variant: v.Variant}
				f, err := m.Filter(s, theta.Params{Level: want.Level, Alpha: want.Alpha, Theta: want.Theta})
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float64, len(want.Mean))
				f.PredictTo(got)
				for j, w := range want.Mean {
					if math.Abs(got[j]-w) > 1e-6*math.Abs(w)+1e-8 {
						t.Fatalf("step %d: %v, statsforecast forecasts %v", j, got[j], w)
					}
				}
				n := float64(len(r.Y) - 3)
				if sse := f.MSE() * n; math.Abs(sse-want.SSE) > 1e-8*(want.SSE+1e-12) {
					t.Errorf("loss at their parameters is %v, statsforecast says %v", sse, want.SSE)
				}
				ours, err := m.Fit(s)
				if err != nil {
					t.Fatal(err)
				}
				sse := ours.(*theta.Fitted).MSE() * n
				if !(sse <= want.SSE*(1+1e-9)+1e-12) {
					t.Errorf("loss %v, statsforecast reaches %v with %+v, ours %+v", sse, want.SSE, want, ours.(*theta.Fitted).Params())
				}
				compared++
				if sse < want.SSE*0.9999 {
					better++
				}
			})
		}
	}
	for _, name := range []string{"none", "additive", "multiplicative"} {
		if types[name] < 5 {
			t.Errorf("only %d series with a season of type %s", types[name], name)
		}
	}
	t.Logf("smaller loss by more than 0.01 %% on %d of %d fits; seasons %v", better, compared, types)
}
