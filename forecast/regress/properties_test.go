package regress_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/regress"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		regress.Model{},
		regress.Model{Blind: true},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
}
