package croston_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/croston"
	"github.com/skucast/skucast/forecast/modeltest"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		croston.TSB{},
		croston.TSB{AlphaSize: 0.2, AlphaProbability: 0.1},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
	t.Run("SBA", func(t *testing.T) {
		modeltest.Run(t, croston.SBA{}, modeltest.Traits{Constant: 0.95}) // 1 − α/2
	})
}
