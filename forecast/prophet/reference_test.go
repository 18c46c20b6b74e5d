package prophet_test

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

// referenceJSON is made by testdata/reference.py with the Python package.
//
//go:embed testdata/reference.json
var referenceJSON []byte

type referenceRows struct {
	DS                 []string
	Y                  []*float64
	Cap, Floor         []float64
	On                 []bool
	Promo, Price, Temp []float64
}

type reference struct {
	Past, Future   referenceRows
	Params         map[string][]float64
	YScale         float64              `json:"y_scale"`
	YMin           float64              `json:"y_min"`
	Start          string               `json:"start"`
	TScale         float64              `json:"t_scale"`
	LogisticFloor  bool                 `json:"logistic_floor"`
	ChangepointsT  []float64            `json:"changepoints_t"`
	Seasonalities  []string             `json:"seasonalities"`
	ComponentNames []string             `json:"component_names"`
	ComponentTable [][]int              `json:"component_table"`
	ComponentModes map[string][]string  `json:"component_modes"`
	HolidayNames   []string             `json:"train_holiday_names"`
	Regressors     map[string][]float64 `json:"regressors"`
	Coefficients   []float64            `json:"coefficients"`
	Forecast       map[string][]float64 `json:"forecast"`
}

func (b referenceRows) times(t testing.TB) []time.Time {
	out := make([]time.Time, len(b.DS))
	for i, s := range b.DS {
		at, err := time.Parse("2006-01-02T15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = at
	}
	return out
}

func (b referenceRows) future(t testing.TB) prophet.Future {
	return prophet.Future{
		Time: b.times(t), Cap: b.Cap, Floor: b.Floor,
		Conditions: map[string][]bool{"on": b.On},
		Regressors: map[string][]float64{"promo": b.Promo, "price": b.Price, "temp": b.Temp},
	}
}

func (b referenceRows) history(t testing.TB) prophet.History {
	f := b.future(t)
	h := prophet.History{Time: f.Time, Cap: f.Cap, Floor: f.Floor, Conditions: f.Conditions, Regressors: f.Regressors}
	for _, y := range b.Y {
		if y == nil {
			h.Y = append(h.Y, math.NaN())
		} else {
			h.Y = append(h.Y, *y)
		}
	}
	return h
}

func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

// referenceModels are the models of testdata/reference.py.
func referenceModels() map[string]prophet.Model {
	return map[string]prophet.Model{
		"mixed": {
			SeasonalityMode: prophet.Multiplicative, HolidaysMode: prophet.Additive, Yearly: 2, NChangepoints: 10,
			Seasonalities: []prophet.Seasonality{{Name: "monthly", Period: 30.5, Order: 2, PriorScale: 0.5, Mode: prophet.Additive, Condition: "on"}},
			Holidays: []prophet.Holiday{
				{Name: "xmas", Date: date(2022, 12, 25), Lower: -2, Upper: 1, PriorScale: 5},
				{Name: "big sale", Date: date(2022, 11, 20)},
				{Name: "new year", Date: date(2023, 1, 1)},
				{Name: "easter", Date: date(2023, 4, 9), Lower: -1, Upper: 1, PriorScale: 3},
				{Name: "future only", Date: date(2023, 6, 1)},
				{Name: "big sale", Date: date(2023, 4, 15).Add(13 * time.Hour), Upper: 2, PriorScale: 10},
			},
			Regressors: []prophet.Regressor{
				{Name: "promo", Mode: prophet.Additive},
				{Name: "price", PriorScale: 2, Mode: prophet.Additive},
				{Name: "temp"},
			},
		},
		"logistic": {
			Growth: prophet.Logistic, ChangepointPriorScale: 0.2, Yearly: 3,
			Changepoints: []time.Time{date(2023, 6, 4), date(2023, 12, 3)},
		},
		"minmax_flat":     {Growth: prophet.Flat, Scaling: prophet.MinMax},
		"minmax_logistic": {Growth: prophet.Logistic, Scaling: prophet.MinMax, NChangepoints: prophet.NoChangepoints},
		"plain":           {Scaling: prophet.MinMax, Yearly: prophet.Off},
	}
}

func readReferences(t testing.TB) map[string]reference {
	t.Helper()
	var out map[string]reference
	if err := json.Unmarshal(referenceJSON, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// referenceFit is the model prepared here with the Python package's estimates.
func referenceFit(t testing.TB, m prophet.Model, ref reference) *prophet.Fitted {
	m.Solver = prophet.StanNewton
	f := fit(t, m, ref.Past.history(t))
	f.Params = prophet.Params{
		K: ref.Params["k"][0], M: ref.Params["m"][0], Sigma: ref.Params["sigma_obs"][0],
		Delta: ref.Params["delta"], Beta: ref.Params["beta"],
	}
	return f
}

// TestAgainstPython holds preparation and forecast against the Python package:
// with its parameters, every number that it forecasts comes out to 1e-9.
func TestAgainstPython(t *testing.T) {
	refs := readReferences(t)
	for name, m := range referenceModels() {
		t.Run(name, func(t *testing.T) {
			ref := refs[name]
			f := referenceFit(t, m, ref)
			closeTo(t, "y_scale", f.YScale, ref.YScale, 1e-12*ref.YScale)
			closeTo(t, "y_min", f.YMin, ref.YMin, 1e-12*ref.YScale)
			closeTo(t, "t_scale", f.TScale.Seconds(), ref.TScale, 0)
			if got := f.Start.Format("2006-01-02T15:04:05"); got != ref.Start || f.LogisticFloor != ref.LogisticFloor {
				t.Errorf("start %v, want %v; floor %v, want %v", got, ref.Start, f.LogisticFloor, ref.LogisticFloor)
			}
			equalFloats(t, "changepoints", f.ChangepointT, ref.ChangepointsT, 1e-15)

			var seasonalities []string
			for _, s := range f.Seasonalities {
				seasonalities = append(seasonalities, s.Name)
			}
			equal(t, "seasonalities", seasonalities, ref.Seasonalities)
			equal(t, "holiday names", f.HolidayNames, ref.HolidayNames)
			names, cols := f.ComponentTable()
			equal(t, "component names", names, ref.ComponentNames)
			for j, row := range ref.ComponentTable {
				for c, v := range row {
					if cols[j][c] != (v == 1) {
						t.Errorf("column %d of component %s: %v, want %d", j, names[c], cols[j][c], v)
					}
				}
			}
			additive, multiplicative := f.ComponentModes()
			equal(t, "additive components", additive, ref.ComponentModes["additive"])
			equal(t, "multiplicative components", multiplicative, ref.ComponentModes["multiplicative"])
			for i, r := range f.Regressors {
				closeTo(t, r.Name+" mean", r.Mean, ref.Regressors[r.Name][0], 1e-12)
				closeTo(t, r.Name+" sd", r.SD, ref.Regressors[r.Name][1], 1e-12)
				closeTo(t, r.Name+" coefficient", f.Coefficients()[i].Value, ref.Coefficients[i], 1e-9*math.Abs(ref.Coefficients[i]))
			}

			future := ref.Future.future(t)
			fc := predict(t, f, future)
			for _, column := range slices.Sorted(maps.Keys(ref.Forecast)) {
				got := fc.Component(column)
				switch column {
				case "yhat":
					got = fc.YHat
				case "trend":
					got = fc.Trend
				case "cap":
					got = fc.Cap
				case "floor":
					got = fc.Floor
				}
				equalFloats(t, column, got, ref.Forecast[column], 1e-10)
			}
		})
	}
}

// TestStanNewtonAgainstPython: the port of Stan's optimiser ends where CmdStan
// does, as far as its flat directions allow; forecasts are compared.
func TestStanAgainstPython(t *testing.T) {
	refs := readReferences(t)
	for name, m := range referenceModels() {
		t.Run(name, func(t *testing.T) {
			m.Solver = prophet.StanNewton
			f := fit(t, m, refs[name].Past.history(t))
			got := predict(t, f, refs[name].Future.future(t)).YHat
			for i, want := range refs[name].Forecast["yhat"] {
				closeTo(t, "yhat", got[i], want, 0.02*f.YScale)
			}
		})
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// equalFloats compares with a tolerance relative to numbers above 1.
func equalFloats(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Max(1, math.Abs(want[i]))) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}
