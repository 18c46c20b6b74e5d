package decompose_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"

	"github.com/skucast/skucast/forecast/decompose"
)

//go:embed testdata/reference.json
var referenceJSON []byte

type referenceCase struct {
	Name    string
	Y       []float64
	Periods []int
	Robust  bool
	Trend   []float64 // every tenth value
	Seasons [][]float64
}

func references(t *testing.T) []referenceCase {
	t.Helper()
	var ref struct{ Cases []referenceCase }
	if err := json.Unmarshal(referenceJSON, &ref); err != nil {
		t.Fatal(err)
	}
	return ref.Cases
}

// distance is the largest difference to the reference.
func distance(d *decompose.Decomposition, c referenceCase) float64 {
	far := 0.0
	for i, v := range c.Trend {
		far = math.Max(far, math.Abs(v-d.Trend[10*i]))
		for k, s := range c.Seasons {
			far = math.Max(far, math.Abs(s[i]-d.Seasons[k][10*i]))
		}
	}
	return far
}

// Evaluated at every point, the components are those of statsforecast to the
// cut-offs of its loess weights; with jumps they are the same to a small part
// of the noise, which has a standard deviation of 2.
func TestReference(t *testing.T) {
	for _, c := range references(t) {
		for _, exact := range []bool{true, false} {
			d, err := decompose.MSTL(c.Y, c.Periods, decompose.Options{Exact: exact, Robust: c.Robust})
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			tolerance := 0.01
			if exact {
				tolerance = 1e-6
			}
			if far := distance(d, c); far > tolerance {
				t.Errorf("%s, exact %v: components differ by %g", c.Name, exact, far)
			}
		}
	}
}
