package products

import (
	"errors"
	"strings"
	"testing"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

func TestCarryOverTakesWhatCanBeRead(t *testing.T) {
	t.Parallel()
	var units [][]Series
	for _, sku := range []string{"a", "b", "c", "d"} {
		units = append(units, []Series{rejected(sku, "s", auto.ReasonNoObservation)})
	}
	m := store(t, units...)
	other := strings.Repeat("f", 64)
	m.blobs[run.SeriesPlace(runID, run.UnitName(1))] = []byte("PAR1, cut off")
	lost, err := ReadSummary(t.Context(), m, run.SeriesPlace(runID, run.UnitName(2)))
	if err != nil {
		t.Fatal(err)
	}
	delete(m.blobs, run.Dir(runID)+lost.Forecasts.Path)
	n, err := CarryOver(t.Context(), m, runID, other, []int{0, 1, 2, 3, 99})
	if err != nil || n != 2 {
		t.Errorf("%d carried over, %v, want units 0 and 3", n, err)
	}
	for i := range units {
		u, err := ReadSummary(t.Context(), m, run.SeriesPlace(other, run.UnitName(i)))
		if whole := i == 0 || i == 3; !whole {
			if !errors.Is(err, blobstore.ErrNotFound) {
				t.Errorf("unit %d counts as there (%v)", i, err)
			}
			continue
		}
		if err != nil || len(u.Series) != 1 {
			t.Errorf("unit %d: %+v, %v", i, u, err)
			continue
		}
		if _, err := ReadForecast(t.Context(), m, run.Dir(other)+u.Forecasts.Path); err != nil {
			t.Errorf("forecasts of unit %d: %v", i, err)
		}
	}
}
