package profile_test

import (
	"fmt"
	"testing"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/modeltest"
	"github.com/skucast/skucast/forecast/profile"
)

func TestProperties(t *testing.T) {
	for _, m := range []forecast.Model{
		profile.Model{},
		profile.Model{Window: 28},
	} {
		t.Run(fmt.Sprintf("%T%+v", m, m), func(t *testing.T) {
			modeltest.Run(t, m, modeltest.Traits{})
		})
	}
}
