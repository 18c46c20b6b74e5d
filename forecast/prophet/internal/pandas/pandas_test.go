package pandas_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/skucast/skucast/forecast/prophet/internal/pandas"
)

func day(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }

// What pandas 3 and older versions write, and what the old ones wrote.
func TestParseSeries(t *testing.T) {
	want := []time.Time{day(1), day(2).Add(90 * time.Minute)}
	for name, text := range map[string]string{
		"today":        `{"name":"ds","index":[3,9],"data":["2024-01-01T00:00:00.000","2024-01-02T01:30:00.000"]}`,
		"with a zone":  `{"name":"ds","index":[3,9],"data":["2024-01-01T00:00:00.000Z","2024-01-02T02:30:00+01:00"]}`,
		"nanoseconds":  `{"name":"ds","data":["2024-01-01T00:00:00.000000000","2024-01-02 01:30:00"]}`,
		"milliseconds": `{"name":"ds","data":[1704067200000,1704159000000]}`,
		"days":         `{"name":"ds","data":["2024-01-01","2024-01-02T01:30:00"]}`,
	} {
		s, err := pandas.ParseSeries(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := s.Times()
		if err != nil || !reflect.DeepEqual(got, want) || s.Name != "ds" {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	s, err := pandas.ParseSeries(`{"name":null,"index":[0],"data":["Émile \"x\""]}`)
	if got, err2 := s.Strings(); err != nil || err2 != nil || got[0] != `Émile "x"` || s.Name != "" {
		t.Errorf("got %q, %v, %v", got, err, err2)
	}
}

func TestParseFrame(t *testing.T) {
	f, err := pandas.ParseFrame(`{"schema":{"fields":[{"name":"ds","type":"datetime"},{"name":"y","type":"number"},{"name":"b","type":"boolean"},{"name":"s","type":"string"}],"pandas_version":"1.4.0"},
		"data":[{"ds":"2024-01-01T00:00:00.000","y":1.5,"b":true,"s":"x"},{"ds":"2024-01-02","y":null,"b":false,"s":"y"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	ds, err1 := f.Times("ds")
	y, err2 := f.Numbers("y")
	b, err3 := f.Numbers("b")
	s, err4 := f.Strings("s")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if f.Len() != 2 || !ds[1].Equal(day(2)) || y[0] != 1.5 || !math.IsNaN(y[1]) || b[0] != 1 || b[1] != 0 || s[1] != "y" {
		t.Errorf("got %v %v %v %v", ds, y, b, s)
	}
	if !f.Has("y") || f.Has("z") || len(f.Names()) != 4 {
		t.Errorf("names %v", f.Names())
	}
}

func TestBadForms(t *testing.T) {
	series := func(text string) error {
		s, err := pandas.ParseSeries(text)
		if err != nil {
			return err
		}
		_, err1 := s.Times()
		_, err2 := s.Strings()
		if err1 == nil {
			return err2
		}
		return err1
	}
	for _, text := range []string{``, `[]`, `{}`, `{"data":null}`, `{"data":[null]}`, `{"data":["yesterday"]}`, `{"data":[1e300]}`, `{"data":[{}]}`, `{"data":"x"}`} {
		if err := series(text); !errors.Is(err, pandas.ErrSyntax) {
			t.Errorf("series %s: %v", text, err)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `{"data":[]}`, `{"schema":{"fields":[]}}`, `{"schema":{"fields":[]},"data":[1]}`} {
		if _, err := pandas.ParseFrame(text); !errors.Is(err, pandas.ErrSyntax) {
			t.Errorf("frame %s: %v", text, err)
		}
	}
	f, err := pandas.ParseFrame(`{"schema":{"fields":[{"name":"a"}]},"data":[{"a":[]},{}]}`)
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := f.Numbers("a")
	_, err2 := f.Strings("a")
	_, err3 := f.Times("a")
	_, err4 := f.Numbers("b")
	_, err5 := f.Strings("b")
	_, err6 := f.Times("b")
	for i, err := range []error{err1, err2, err3, err4, err5, err6} {
		if !errors.Is(err, pandas.ErrSyntax) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	ds := []time.Time{day(1), day(2).Add(123456789)}
	y := []float64{0.1 + 0.2, math.NaN()}
	names := []string{"a \"b\"", "<é>"}
	text := pandas.FormatFrame(
		pandas.TimeColumn("ds", ds), pandas.NumberColumn("y", y), pandas.StringColumn("holi\"day", names),
		pandas.IntegerColumn("i", []int{-1, 2}), pandas.BoolColumn("on", []bool{true, false}),
	)
	f, err := pandas.ParseFrame(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	gotDS, _ := f.Times("ds")
	gotY, _ := f.Numbers("y")
	gotNames, _ := f.Strings("holi\"day")
	gotI, _ := f.Numbers("i")
	gotOn, _ := f.Numbers("on")
	if !reflect.DeepEqual(gotDS, ds) || gotY[0] != y[0] || !math.IsNaN(gotY[1]) || !reflect.DeepEqual(gotNames, names) || gotI[0] != -1 || gotOn[0] != 1 || gotOn[1] != 0 {
		t.Errorf("got %v %v %v %v %v", gotDS, gotY, gotNames, gotI, gotOn)
	}
	s, err := pandas.ParseSeries(pandas.FormatTimes("ds", ds))
	if got, err2 := s.Times(); err != nil || err2 != nil || !reflect.DeepEqual(got, ds) {
		t.Errorf("series %v, %v, %v", got, err, err2)
	}
	if s, err := pandas.ParseSeries(pandas.FormatStrings("holiday", nil)); err != nil || s.Name != "holiday" {
		t.Errorf("empty series: %v", err)
	}
	if f, err := pandas.ParseFrame(pandas.FormatFrame(pandas.TimeColumn("ds", nil))); err != nil || f.Len() != 0 {
		t.Errorf("empty frame: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("columns of unequal lengths are accepted")
		}
	}()
	pandas.FormatFrame(pandas.TimeColumn("ds", ds), pandas.NumberColumn("y", nil))
}
