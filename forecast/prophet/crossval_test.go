package prophet_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

//go:embed testdata/crossval.json
var crossvalJSON []byte

type crossvalGolden struct {
	Cutoffs []struct {
		Name                     string
		DS                       []string
		Horizon, Initial, Period int
		Cutoffs                  []string
	}
	Metrics []struct {
		Window                                                float64
		Monthly                                               bool
		Horizon, MSE, RMSE, MAE, MAPE, MDAPE, SMAPE, Coverage []float64
		Points                                                []struct {
			DS, Cutoff string
			Y, Yhat    float64
			Lower      float64 `json:"yhat_lower"`
			Upper      float64 `json:"yhat_upper"`
		}
	}
}

func readCrossval(t *testing.T) *crossvalGolden {
	t.Helper()
	var g crossvalGolden
	if err := json.Unmarshal(crossvalJSON, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func stamp(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

const day = 24 * time.Hour

func TestCutoffsAgainstPython(t *testing.T) {
	for _, c := range readCrossval(t).Cutoffs {
		t.Run(c.Name, func(t *testing.T) {
			var times []time.Time
			for _, s := range c.DS {
				times = append(times, stamp(t, s))
			}
			got, err := prophet.Cutoffs(times, time.Duration(c.Horizon)*day, time.Duration(c.Initial)*day, time.Duration(c.Period)*day)
			if c.Cutoffs == nil {
				if !errors.Is(err, prophet.ErrCutoffs) {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			var text []string
			for _, at := range got {
				text = append(text, at.Format("2006-01-02T15:04:05"))
			}
			if err != nil || !slices.Equal(text, c.Cutoffs) {
				t.Errorf("got %v, %v; want %v", text, err, c.Cutoffs)
			}
		})
	}
}

func TestMetricsAgainstPython(t *testing.T) {
	all := readCrossval(t).Metrics
	var points []prophet.CVPoint
	for _, p := range all[len(all)-1].Points {
		points = append(points, prophet.CVPoint{Time: stamp(t, p.DS), Cutoff: stamp(t, p.Cutoff), Y: p.Y, Yhat: p.Yhat, Lower: p.Lower, Upper: p.Upper})
	}
	for _, want := range all[:len(all)-1] {
		got, err := prophet.PerformanceMetrics(points, want.Window, want.Monthly)
		if err != nil || len(got) != len(want.MSE) || len(got) == 0 {
			t.Fatalf("window %v: %d rows, %v; want %d", want.Window, len(got), err, len(want.MSE))
		}
		if want.Window < 0 { // equal horizons have no order
			slices.SortStableFunc(got, func(a, b prophet.Performance) int {
				if a.Horizon != b.Horizon {
					return int(a.Horizon/day - b.Horizon/day)
				}
				return int(math.Copysign(1, a.MSE-b.MSE))
			})
		}
		column := func(name string, want []float64, value func(p prophet.Performance) float64) {
			v := make([]float64, len(got))
			for i := range v {
				v[i] = value(got[i])
			}
			if want != nil {
				sameNumbers(t, name, v, want)
			}
		}
		column("horizon", want.Horizon, func(p prophet.Performance) float64 { return float64(p.Horizon/day) + float64(p.Months) })
		column("mse", want.MSE, func(p prophet.Performance) float64 { return p.MSE })
		column("rmse", want.RMSE, func(p prophet.Performance) float64 { return p.RMSE })
		column("mae", want.MAE, func(p prophet.Performance) float64 { return p.MAE })
		column("mape", want.MAPE, func(p prophet.Performance) float64 { return p.MAPE })
		column("mdape", want.MDAPE, func(p prophet.Performance) float64 { return p.MDAPE })
		column("smape", want.SMAPE, func(p prophet.Performance) float64 { return p.SMAPE })
		column("coverage", want.Coverage, func(p prophet.Performance) float64 { return p.Coverage })
	}
}

// Every fold equals fitting and forecasting by hand, and does not see what lies
// after its cutoff.
func TestCrossValidate(t *testing.T) {
	f := readModel(t, goldenOf(t, "multiplicative").Model)
	points, err := f.CrossValidate(prophet.CrossValidation{Horizon: 5 * day, Period: 4 * day, Initial: 25 * day})
	if err != nil {
		t.Fatal(err)
	}
	cutoffs, err := prophet.Cutoffs(f.History.Time, 5*day, 25*day, 4*day)
	if err != nil {
		t.Fatal(err)
	}
	at := map[time.Time][]prophet.CVPoint{}
	for _, p := range points {
		if p.Time.Sub(p.Cutoff) <= 0 || p.Time.Sub(p.Cutoff) > 5*day || !(p.Lower < p.Yhat && p.Yhat < p.Upper) {
			t.Fatalf("%+v", p)
		}
		at[p.Cutoff] = append(at[p.Cutoff], p)
	}
	if len(at) != len(cutoffs) || len(cutoffs) < 3 {
		t.Fatalf("%d cutoffs, want %d", len(at), len(cutoffs))
	}
	for _, cutoff := range cutoffs {
		m := f.Model
		m.Yearly, m.Weekly, m.Daily, m.Seasonalities = prophet.Off, prophet.Off, prophet.Off, f.Seasonalities
		h := f.History.Clone()
		for i := range h.Y {
			if h.Time[i].After(cutoff) {
				h.Y[i] = math.NaN() // not part of the fit
			}
		}
		fold, err := m.Fit(h)
		if err != nil {
			t.Fatal(err)
		}
		out, err := fold.Predict(f.History.Future())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range at[cutoff] {
			i := slices.IndexFunc(f.History.Time, p.Time.Equal)
			if p.Y != f.History.Y[i] || math.Abs(p.Yhat-out.YHat[i]) > 1e-9*math.Abs(p.Y) {
				t.Errorf("cutoff %v, %v: %v, %v by hand", cutoff, p.Time, p.Yhat, out.YHat[i])
			}
		}
	}
	// The future of the last cutoff has no influence on the first ones.
	f.History.Y[len(f.History.Y)-1] *= 3
	again, err := f.CrossValidate(prophet.CrossValidation{Horizon: 5 * day, Period: 4 * day, Initial: 25 * day})
	if err != nil || again[0] != points[0] {
		t.Errorf("%v: %+v, was %+v", err, again[0], points[0])
	}
}

// The scaling of the model is kept; Python forgets it.
func TestCrossValidateKeepsScaling(t *testing.T) {
	f := readModel(t, goldenOf(t, "minmax").Model)
	f.Model.Solver = prophet.StanNewton
	c := prophet.CrossValidation{Horizon: 7 * day, Cutoffs: []time.Time{f.History.Time[30]}}
	points, err := f.CrossValidate(c)
	if err != nil || len(points) != 7 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	f.Model.Scaling = prophet.AbsMax
	other, err := f.CrossValidate(c)
	if err != nil || other[6].Yhat == points[6].Yhat {
		t.Errorf("the scaling makes no difference: %v, %v", other[6].Yhat, err)
	}
}

func TestCrossValidateGivenChangepoints(t *testing.T) {
	f := readModel(t, goldenOf(t, "given changepoints").Model)
	points, err := f.CrossValidate(prophet.CrossValidation{Horizon: 4 * day, Cutoffs: []time.Time{f.History.Time[25], f.History.Time[5]}})
	if err != nil || len(points) != 8 {
		t.Errorf("%d points, %v", len(points), err)
	}
}

func TestBadCrossValidations(t *testing.T) {
	f := readModel(t, goldenOf(t, "additive").Model)
	first := f.History.Time[0]
	for name, c := range map[string]prophet.CrossValidation{
		"no horizon":          {},
		"negative period":     {Horizon: day, Period: -1},
		"endless":             {Horizon: day, Period: 1, Initial: day},
		"longer than all":     {Horizon: 100 * day},
		"nothing initial":     {Horizon: 5 * day, Initial: 100 * day},
		"cutoff at the start": {Horizon: 5 * day, Cutoffs: []time.Time{first}},
		"cutoff at the end":   {Horizon: 5 * day, Cutoffs: []time.Time{first.Add(42 * day)}},
	} {
		if _, err := f.CrossValidate(c); !errors.Is(err, prophet.ErrCutoffs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.CrossValidate(prophet.CrossValidation{Horizon: day, Cutoffs: []time.Time{first.Add(1)}}); !errors.Is(err, prophet.ErrTooFewRows) {
		t.Errorf("one row: %v", err)
	}
	if _, err := f.CrossValidate(prophet.CrossValidation{Horizon: day, Cutoffs: []time.Time{{}}}); !errors.Is(err, prophet.ErrTime) {
		t.Errorf("year 1: %v", err)
	}
	f.History = prophet.History{}
	if _, err := f.CrossValidate(prophet.CrossValidation{Horizon: day}); !errors.Is(err, prophet.ErrTooFewRows) {
		t.Errorf("no history: %v", err)
	}
}
