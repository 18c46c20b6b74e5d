package modeltest

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast"
)

// referenceJSON is embedded, not read: packages under forecast do no I/O.
//
//go:embed testdata/reference.json
var referenceJSON string

// Reference compares m with the forecast that another implementation made of
// a stored series ("smooth" or "sparse"); see testdata/reference.py for which
// and how. The tolerance is relative.
func Reference(t *testing.T, m forecast.Model, series, name string, tolerance float64) {
	t.Helper()
	var ref struct {
		Smooth, Sparse []float64
		Mean           map[string][]float64
	}
	if err := json.Unmarshal([]byte(referenceJSON), &ref); err != nil {
		t.Fatal(err)
	}
	want := ref.Mean[name]
	if len(want) == 0 {
		t.Fatalf("no reference %q", name)
	}
	s := forecast.Series{Y: ref.Smooth, Season: 7}
	if series == "sparse" {
		s.Y = ref.Sparse
	}
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(want))
	f.PredictTo(got)
	for j := range got {
		if math.Abs(got[j]-want[j]) > tolerance*math.Abs(want[j]) {
			t.Errorf("%s, step %d: got %v, the reference is %v (tolerance %v)", name, j, got[j], want[j], tolerance)
		}
	}
}
