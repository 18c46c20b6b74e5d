package series_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/prophet"
	"github.com/skucast/skucast/forecast/prophet/series"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		series.Model{},
		series.Model{Fixed: true},
		series.Model{Growth: prophet.Flat},
		series.Model{Mode: prophet.Multiplicative},
		shared{ws: &series.Workspace{}},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
}

// shared is the model with a workspace for all its fits.
type shared struct {
	series.Model
	ws *series.Workspace
}

func (m shared) Fit(s forecast.Series) (forecast.Fitted, error) { return m.FitIn(m.ws, s) }
