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
		croston.Croston{},
		croston.ADIDA{},
		croston.ADIDA{Level: 7, Alpha: 0.2},
		croston.IMAPA{},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
	t.Run("Croston, optimised", func(t *testing.T) {
		// The minimum is flat: rounding moves its α by its square root.
		modeltest.Run(t, croston.Croston{Optimised: true}, modeltest.Traits{Tolerance: 1e-6})
	})
	t.Run("SBA", func(t *testing.T) {
		modeltest.Run(t, croston.SBA{}, modeltest.Traits{Constant: 0.95}) // 1 − α/2
	})
}
