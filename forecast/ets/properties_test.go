package ets_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/ets"
	"github.com/skucast/skucast/forecast/modeltest"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		ets.Model{},
		ets.Model{Trend: true},
		ets.Model{Season: true},
		ets.Model{Season: true, Trend: true},
		ets.Model{Trend: true, Linear: true},
		ets.Model{Season: true, Trend: true, Linear: true},
		ets.Model{Window: 60},
		ets.Model{Trend: true, Region: ets.Wide},
		ets.Auto{},
		ets.Auto{Exhaustive: true},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
}
