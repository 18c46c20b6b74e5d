package prophet

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/design"
	"github.com/skucast/skucast/forecast/prophet/internal/posterior"
)

// loadPins reads one of Prophet's own files; see load in data_test.go.
func loadPins(t *testing.T, name string) History {
	t.Helper()
	dir := os.Getenv("SKUCAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "prophet", name))
	if err != nil {
		t.Skipf("without Prophet's data files (SKUCAST_DATA): %v", err)
	}
	records, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var h History
	for _, r := range records[1:] {
		at, err := time.Parse(time.DateTime, r[0])
		if err != nil {
			at, err = time.Parse(time.DateOnly, r[0])
		}
		y, errY := strconv.ParseFloat(r[1], 64)
		if err != nil || errY != nil {
			t.Fatalf("row %v", r)
		}
		h.Time, h.Y = append(h.Time, at), append(h.Y, y)
	}
	return h
}

func pinned(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestInitialPins repeats test_growth_init and test_growth_init_minmax.
func TestInitialPins(t *testing.T) {
	for name, c := range map[string]struct {
		growth    Growth
		scaling   Scaling
		k, m, tol float64
	}{
		"linear absmax":   {Linear, AbsMax, 0.3055671, 0.5307511, 1e-6},
		"logistic absmax": {Logistic, AbsMax, 1.507925, -0.08167497, 1e-4},
		"flat absmax":     {Flat, AbsMax, 0, 0.49335657, 1e-6},
		"linear minmax":   {Linear, MinMax, 0.4053406, 0.3775322, 1e-6},
		"logistic minmax": {Logistic, MinMax, 1.782523, 0.280521, 1e-4},
		"flat minmax":     {Flat, MinMax, 0, 0.32792770, 1e-6},
	} {
		t.Run(name, func(t *testing.T) {
			h := loadPins(t, "tests_data.csv")
			h.Time, h.Y = h.Time[:468], h.Y[:468]
			var largest float64
			for _, y := range h.Y {
				largest = math.Max(largest, y)
			}
			for range h.Y {
				h.Cap = append(h.Cap, largest)
			}
			f, err := prepare(Model{Growth: c.growth, Scaling: c.scaling}.WithDefaults(), h)
			if err != nil {
				t.Fatal(err)
			}
			p := initial(f.data())
			pinned(t, "k", p.K, c.k, c.tol)
			pinned(t, "m", p.M, c.m, c.tol)
			if p.Sigma != 1 || len(p.Delta) != 25 || p.Delta[3] != 0 {
				t.Errorf("start %+v", p)
			}
		})
	}
}

// TestInitialFormulas needs no file: points whose start can be computed by hand.
func TestInitialFormulas(t *testing.T) {
	for name, c := range map[string]struct {
		d    posterior.Data
		k, m float64
	}{
		"linear":            {posterior.Data{T: []float64{0, 0.5, 1}, Y: []float64{0.2, 5, 0.7}}, 0.5, 0.2},
		"repeated last row": {posterior.Data{T: []float64{0, 1, 1}, Y: []float64{0.2, 0.7, 9}}, 0.5, 0.2},
		"flat":              {posterior.Data{Growth: posterior.Flat, T: []float64{0, 1}, Y: []float64{0.2, 0.4}}, 0, 0.3},
		// Odds (C − y)/y of 3 and 1/3: the logarithms are ±ln 3.
		"logistic": {posterior.Data{Growth: posterior.Logistic, T: []float64{0, 1}, Y: []float64{0.25, 0.75}, Cap: []float64{1, 1}}, 2 * math.Log(3), 0.5},
		// Equal ends: the first ratio, 2, is raised by 5 %, odds 1.1 and 1.
		"logistic, equal ends": {posterior.Data{Growth: posterior.Logistic, T: []float64{0, 1}, Y: []float64{0.5, 0.5}, Cap: []float64{1, 1}}, math.Log(1.1), 1},
		// Clamped to 1 % and 99 % of the capacity: odds 99 and 1/99.
		"logistic, clamped": {posterior.Data{Growth: posterior.Logistic, T: []float64{0, 1}, Y: []float64{-3, 30}, Cap: []float64{1, 2}}, 2 * math.Log(99), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			p := initial(&c.d)
			pinned(t, "k", p.K, c.k, 1e-12)
			pinned(t, "m", p.M, c.m, 1e-12)
		})
	}
}

// TestFourierPins repeats test_fourier_series_weekly and _yearly.
func TestFourierPins(t *testing.T) {
	at := design.Days(time.Date(2012, 5, 18, 0, 0, 0, 0, time.UTC).UnixNano())
	for _, c := range []struct {
		period float64
		want   []float64
	}{
		{7, []float64{.7818315, .6234898, .9749279, -.2225209, .4338837, -.9009689}},
		{365.25, []float64{.7006152, -.7135393, -.9998330, .01827656, .7262249, .6874572}},
	} {
		got := make([]float64, 6)
		design.FourierTo(got, at, c.period)
		for j := range got {
			pinned(t, "term", got[j], c.want[j], 1e-6)
		}
	}
}

// TestRegressorPins repeats test_added_regressors.
func TestRegressorPins(t *testing.T) {
	numeric, late, early := make([]float64, 510), make([]float64, 510), make([]float64, 510)
	for i := range numeric {
		numeric[i] = float64(i)
		if i >= 255 {
			late[i] = 1
		}
		if i < 100 {
			early[i] = 1
		}
	}
	scaled := func(r Regressor, x []float64) FittedRegressor {
		t.Helper()
		out, err := standardized(r, x)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if r := scaled(Regressor{}, late); r.Mean != 0 || r.SD != 1 {
		t.Errorf("0 and 1 were standardized: %+v", r)
	}
	r := scaled(Regressor{}, numeric)
	pinned(t, "mean", r.Mean, 254.5, 1e-9)
	pinned(t, "sd", r.SD, 147.368585, 1e-5)
	pinned(t, "scaled", (numeric[0]-r.Mean)/r.SD, -1.726962, 1e-5)
	r = scaled(Regressor{Standardize: StandardizeYes}, early)
	pinned(t, "mean", r.Mean, 0.1960784, 1e-5)
	pinned(t, "sd", r.SD, 0.3974183, 1e-5)
	pinned(t, "scaled", (1-r.Mean)/r.SD, 2.022859, 1e-5)
	if r := scaled(Regressor{Standardize: StandardizeNo}, numeric); r.Mean != 0 || r.SD != 1 {
		t.Errorf("standardized although told not to: %+v", r)
	}
	if r := scaled(Regressor{Standardize: StandardizeYes}, numeric[3:4]); r.Mean != 0 || r.SD != 1 || !r.Constant || r.Value != 3 {
		t.Errorf("a constant was standardized: %+v", r)
	}
}

// TestSubDailyHoliday repeats the test of that name: a holiday acts on all rows
// of its day.
func TestSubDailyHoliday(t *testing.T) {
	h := loadPins(t, "tests_data2.csv")
	f, err := prepare(Model{Holidays: []Holiday{{Name: "special_day", Date: time.Date(2017, 1, 2, 0, 0, 0, 0, time.UTC)}}}.WithDefaults(), h)
	if err != nil {
		t.Fatal(err)
	}
	cols, zero := f.matrix(), 0
	for _, v := range cols[len(cols)-1] {
		if v == 0 {
			zero++
		}
	}
	if zero != 575 {
		t.Errorf("%d rows without the holiday, want 575", zero)
	}
}

// TestHolidayColumns repeats the tests of holiday windows.
func TestHolidayColumns(t *testing.T) {
	var h History
	for i := range 12 {
		h.Time = append(h.Time, time.Date(2016, 12, 20+i, 0, 0, 0, 0, time.UTC))
		h.Y = append(h.Y, float64(i))
	}
	xmas := time.Date(2016, 12, 25, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ lower, upper, columns, ones int }{{-1, 0, 2, 2}, {-1, 10, 12, 8}, {0, 0, 1, 1}} {
		m := Model{Holidays: []Holiday{{Name: "xmas", Date: xmas, Lower: c.lower, Upper: c.upper}}}
		f, err := prepare(m.WithDefaults(), h)
		if err != nil {
			t.Fatal(err)
		}
		ones := 0.0
		for _, col := range f.matrix() {
			for _, v := range col {
				ones += v
			}
		}
		if len(f.Columns) != c.columns || ones != float64(c.ones) || f.Columns[0].PriorScale != 10 {
			t.Errorf("window %d to %d: %d columns with %v ones, want %d and %d", c.lower, c.upper, len(f.Columns), ones, c.columns, c.ones)
		}
	}
}
