package prophet_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet"
)

//go:embed testdata/golden.json
var goldenJSON []byte

// golden is one model of testdata/golden.py.
type golden struct {
	Name   string
	Model  string
	DS     []string
	Future struct {
		Promo, Price, Cap, Floor []float64
		High                     []bool
	}
	Predicted map[string][]float64
}

func goldens(t testing.TB) []golden {
	t.Helper()
	var all []golden
	if err := json.Unmarshal(goldenJSON, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 11 {
		t.Fatalf("%d models", len(all))
	}
	return all
}

func (g *golden) future(t testing.TB) prophet.Future {
	t.Helper()
	f := prophet.Future{
		Cap: g.Future.Cap, Floor: g.Future.Floor,
		Conditions: map[string][]bool{"high": g.Future.High},
		Regressors: map[string][]float64{"promo": g.Future.Promo, "price": g.Future.Price},
	}
	for _, s := range g.DS {
		at, err := time.Parse("2006-01-02T15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		f.Time = append(f.Time, at)
	}
	return f
}

func readModel(t testing.TB, text string) *prophet.Fitted {
	t.Helper()
	var f prophet.Fitted
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// sameNumbers compares to 1e-9, relative to the scale of the values.
func sameNumbers(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	var scale float64
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-9*math.Max(scale, 1e-3)) {
			t.Errorf("%s, row %d: got %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func compareForecast(t *testing.T, g *golden, f *prophet.Fitted) {
	t.Helper()
	out, err := f.Predict(g.future(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range g.Predicted {
		switch name {
		case "yhat":
			sameNumbers(t, name, out.YHat, want)
		case "trend":
			sameNumbers(t, name, out.Trend, want)
		default:
			sameNumbers(t, name, out.Component(name), want)
		}
	}
	if len(out.Components) != len(g.Predicted)-2 {
		t.Errorf("%d components, Python has %d", len(out.Components), len(g.Predicted)-2)
	}
}

// Models that Python wrote predict here what they predict there, component by
// component, and still do after being written and read again.
func TestGoldenModels(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			f := readModel(t, g.Model)
			compareForecast(t, &g, f)
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			again := readModel(t, string(text))
			compareForecast(t, &g, again)
			if !reflect.DeepEqual(f.Params, again.Params) || !reflect.DeepEqual(f.Columns, again.Columns) ||
				!reflect.DeepEqual(f.Model, again.Model) || !reflect.DeepEqual(f.HistoryDates, again.HistoryDates) ||
				!reflect.DeepEqual(f.History.Y, again.History.Y) || !reflect.DeepEqual(f.Changepoints, again.Changepoints) {
				t.Errorf("changed by writing and reading:\n%+v\n%+v", f.Model, again.Model)
			}
			small, err := f.CompactJSON()
			if err != nil {
				t.Fatal(err)
			}
			compareForecast(t, &g, readModel(t, string(small)))
			if len(small) > 4500 || len(small) > len(text)/2 {
				t.Errorf("the compact form has %d bytes, the full one %d", len(small), len(text))
			}
			wrapped, err := json.Marshal(string(text)) // MLflow's model.pr
			if err != nil {
				t.Fatal(err)
			}
			compareForecast(t, &g, readModel(t, string(wrapped)))
		})
	}
}

// The document has the keys and the form that Python writes.
func TestDocumentForm(t *testing.T) {
	for _, g := range goldens(t) {
		text, err := json.Marshal(readModel(t, g.Model))
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(g.Model), &want)); err != nil {
			t.Fatal(err)
		}
		for key, v := range want {
			w, ok := got[key]
			if !ok {
				t.Errorf("%s: no %s", g.Name, key)
				continue
			}
			switch key {
			case "params", "holidays", "history", "train_component_cols", "history_dates", "changepoints", "train_holiday_names":
				// Text within the text, and Stan's by-products: compared by what they predict.
			case "uncertainty_samples": // 0 is read as the default
			default:
				if !reflect.DeepEqual(w, v) {
					t.Errorf("%s: %s is %v, in Python %v", g.Name, key, w, v)
				}
			}
		}
		for key := range got {
			if _, ok := want[key]; !ok {
				t.Errorf("%s: Python has no %s", g.Name, key)
			}
		}
	}
}

// editKey changes one key of a document.
func editKey(t testing.TB, text, key string, change func(any) any) string {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if v := change(d[key]); v == nil {
		delete(d, key)
	} else {
		d[key] = v
	}
	out, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func goldenOf(t testing.TB, name string) golden {
	t.Helper()
	for _, g := range goldens(t) {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no model %q", name)
	return golden{}
}

// A file whose component_modes are wrong loads in Python without a word and
// predicts wrong numbers: an additive term that is not listed stays unscaled, a
// multiplicative one that is listed as additive is scaled. It is refused here.
func TestWrongComponentModes(t *testing.T) {
	g := goldenOf(t, "multiplicative")
	for name, change := range map[string]func(map[string]any) any{
		"additive terms left out": func(m map[string]any) any { m["additive"] = []string{"promo"}; return m },
		"everything additive": func(m map[string]any) any {
			m["additive"] = append(m["additive"].([]any), m["multiplicative"].([]any)...)
			return m
		},
		"modes exchanged": func(m map[string]any) any {
			m["additive"], m["multiplicative"] = m["multiplicative"], m["additive"]
			return m
		},
		"no list of multiplicative terms": func(m map[string]any) any { delete(m, "multiplicative"); return m },
		"no modes":                        func(map[string]any) any { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			text := editKey(t, g.Model, "component_modes", func(v any) any { return change(v.(map[string]any)) })
			var f prophet.Fitted
			if err := json.Unmarshal([]byte(text), &f); !errors.Is(err, prophet.ErrComponentModes) || !errors.Is(err, prophet.ErrJSON) {
				t.Errorf("got %v", err)
			}
		})
	}
	// A sum of nothing may be missing, as it was in older versions.
	text := editKey(t, goldenOf(t, "additive").Model, "component_modes", func(any) any {
		return map[string]any{"additive": []string{"weekly", "additive_terms"}, "multiplicative": []string{}}
	})
	readModel(t, text)
}

// What versions before 1.1.5 wrote: no scaling, no y_min, no mode of holidays,
// times with a zone and as text.
func TestOlderFiles(t *testing.T) {
	for _, name := range []string{"additive", "multiplicative"} {
		g := goldenOf(t, name)
		text := g.Model
		for _, key := range []string{"scaling", "y_min", "holidays_mode", "__prophet_version"} {
			text = editKey(t, text, key, func(any) any { return nil })
		}
		zone := func(v any) any {
			return strings.NewReplacer(`.000"`, `.000Z"`, `"type":"datetime"`, `"type":"string"`).Replace(v.(string))
		}
		for _, key := range []string{"changepoints", "history_dates", "history"} {
			text = editKey(t, text, key, zone)
		}
		f := readModel(t, text)
		if f.Model.Scaling != prophet.AbsMax || f.YMin != 0 || f.Model.HolidaysMode != f.Model.SeasonalityMode {
			t.Errorf("scaling %v, y_min %v, holidays mode %v", f.Model.Scaling, f.YMin, f.Model.HolidaysMode)
		}
		compareForecast(t, &g, f)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	g := goldenOf(t, "multiplicative")
	to := func(v any) func(any) any { return func(any) any { return v } }
	for name, c := range map[string]struct {
		key    string
		change func(any) any
		want   error
	}{
		"country holidays":       {"country_holidays", to("US"), prophet.ErrCountryHolidays},
		"samples":                {"mcmc_samples", to(300), prophet.ErrSampled},
		"not fitted":             {"params", to(nil), prophet.ErrJSON},
		"unknown growth":         {"growth", to("cubic"), prophet.ErrJSON},
		"unknown mode":           {"seasonality_mode", to("both"), prophet.ErrJSON},
		"scale zero":             {"y_scale", to(0), prophet.ErrJSON},
		"time scale zero":        {"t_scale", to(0), prophet.ErrJSON},
		"time scale of ages":     {"t_scale", to(1e30), prophet.ErrJSON},
		"start of ages":          {"start", to(-1e30), prophet.ErrJSON},
		"no changepoint times":   {"changepoints_t", to([]float64{}), prophet.ErrJSON},
		"changepoints backwards": {"changepoints_t", to([]float64{0.5, 0.4, 0.3, 0.2, 0.1, 0}), prophet.ErrJSON},
		"holidays without dates": {"holidays", to(nil), prophet.ErrJSON},
		"no holiday names":       {"train_holiday_names", to(nil), prophet.ErrJSON},
		"another history":        {"history", to(`{"schema":{"fields":[{"name":"ds"}]},"data":[{"ds":"2020-01-01"}]}`), prophet.ErrJSON},
		"history of text":        {"history", to("x"), prophet.ErrJSON},
		"dates of text":          {"history_dates", to(`{"name":"ds","data":["x"]}`), prophet.ErrJSON},
		"a year out of range":    {"history_dates", to(`{"name":"ds","data":["9999-01-01"]}`), prophet.ErrJSON},
		"other columns":          {"train_component_cols", to(`{"schema":{"fields":[{"name":"x"}]},"data":[{"x":1}]}`), prophet.ErrJSON},
		"samples by the million": {"uncertainty_samples", to(1e9), prophet.ErrJSON},
		"seasonality without":    {"seasonalities", to([]any{[]string{"a"}, map[string]any{}}), prophet.ErrJSON},
		"a huge seasonality":     {"seasonalities", to([]any{[]string{"a"}, map[string]any{"a": map[string]any{"period": 7, "fourier_order": 900, "mode": "additive", "prior_scale": 10}}}), prophet.ErrJSONSize},
		"order beyond all":       {"seasonalities", to([]any{[]string{"a"}, map[string]any{"a": map[string]any{"period": 7, "fourier_order": 1e9, "mode": "additive", "prior_scale": 10}}}), prophet.ErrJSON},
		"regressor without SD":   {"extra_regressors", to([]any{[]string{"promo"}, map[string]any{"promo": map[string]any{"mode": "additive", "std": 0, "prior_scale": 10}}}), prophet.ErrJSON},
		"coefficients missing":   {"params", func(v any) any { v.(map[string]any)["beta"] = [][]float64{{1, 2}}; return v }, prophet.ErrJSON},
		"two estimates":          {"params", func(v any) any { v.(map[string]any)["k"] = [][]float64{{1}, {2}}; return v }, prophet.ErrJSON},
		"rate of text":           {"params", func(v any) any { v.(map[string]any)["k"] = "x"; return v }, prophet.ErrJSON},
		"null rate":              {"params", func(v any) any { v.(map[string]any)["k"] = []any{nil}; return v }, prophet.ErrJSON},
		"negative noise":         {"params", func(v any) any { v.(map[string]any)["sigma_obs"] = [][]float64{{-1}}; return v }, prophet.ErrJSON},
	} {
		t.Run(name, func(t *testing.T) {
			text := editKey(t, g.Model, c.key, c.change)
			f := prophet.Fitted{YScale: 7}
			err := json.Unmarshal([]byte(text), &f)
			if !errors.Is(err, c.want) || !errors.Is(err, prophet.ErrJSON) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if f.YScale != 7 {
				t.Error("the model was changed")
			}
		})
	}
	for _, text := range []string{``, `null`, `[]`, `1`, `"x"`, `{}`, `{"params":{}}`} {
		var f prophet.Fitted
		if err := f.UnmarshalJSON([]byte(text)); !errors.Is(err, prophet.ErrJSON) {
			t.Errorf("%s: %v", text, err)
		}
	}
	holidays := `{"schema":{"fields":[{"name":"ds"},{"name":"holiday"},{"name":"lower_window"},{"name":"upper_window"}]},"data":[` +
		strings.Repeat(`{"ds":"2020-01-01","holiday":"xmas","lower_window":-366,"upper_window":366},`, 400)
	text := editKey(t, g.Model, "holidays", to(strings.TrimSuffix(holidays, ",")+"]}"))
	var f prophet.Fitted
	if err := json.Unmarshal([]byte(text), &f); !errors.Is(err, prophet.ErrJSONSize) {
		t.Errorf("windows of holidays: %v", err)
	}
}

func TestModelsThatCannotBeWritten(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*prophet.Fitted)
		want  error
	}{
		"no coefficients":  {func(f *prophet.Fitted) { f.Params.Beta = nil }, prophet.ErrParameters},
		"short history":    {func(f *prophet.Fitted) { f.History.Y = f.History.Y[1:] }, prophet.ErrParameters},
		"lost regressor":   {func(f *prophet.Fitted) { f.History.Regressors = nil }, prophet.ErrParameters},
		"infinite rate":    {func(f *prophet.Fitted) { f.Params.K = math.Inf(1) }, prophet.ErrNotFinite},
		"NaN in the scale": {func(f *prophet.Fitted) { f.YMin = math.NaN() }, prophet.ErrNotFinite},
	} {
		f := readModel(t, goldenOf(t, "multiplicative").Model)
		c.spoil(f)
		if _, err := f.MarshalJSON(); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// Nothing in a file makes reading panic or forecasting from it, and whatever is
// accepted can be written and read again.
func FuzzUnmarshal(f *testing.F) {
	for _, g := range goldens(f) {
		if len(g.Model) < 40000 {
			f.Add([]byte(g.Model))
		}
	}
	f.Add([]byte(`{}`))
	f.Add([]byte(`"{}"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m prophet.Fitted
		if err := m.UnmarshalJSON(text); err != nil {
			if !errors.Is(err, prophet.ErrJSON) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		future := prophet.Future{Time: m.FutureTimes(3, prophet.Daily(), false)}
		_, _ = m.Predict(future) // columns may be missing: an error, not a panic
		_, _ = m.Intervals(future)
		out, err := m.MarshalJSON()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		var again prophet.Fitted
		if err := again.UnmarshalJSON(out); err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
	})
}
