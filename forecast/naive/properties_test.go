package naive_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/naive"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		naive.Last{},
		naive.Seasonal{},
		naive.Mean{},
		naive.Mean{Window: 28},
		naive.Drift{},
		naive.SeasonalMean{},
		naive.SeasonalMean{Window: 4},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
}
