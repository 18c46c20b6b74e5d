package training

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales/salestest"
)

// nearly are weights about as good as w, and yet others.
func nearly(w weights) weights {
	if len(w) < 2 {
		return w
	}
	out := maps.Clone(w)
	names := slices.Sorted(maps.Keys(w))
	slices.SortStableFunc(names, func(a, b string) int { return int(math.Copysign(1, w[b]-w[a])) })
	out[names[0]] -= 0.01
	out[names[1]] += 0.01
	return out
}

func TestChampions(t *testing.T) {
	w := newWorld(t, 12, salestest.ETL{Buckets: 2})
	u := w.units(1000)[0]
	free := train(t, w.trainer(), w, []event.TrainMessage{u})

	champion := strings.Repeat("c", 64)
	w.plan.ChampionRunID = &champion
	u.Champion = &event.UnitRange{First: run.UnitName(3), Units: 2}
	equal := func() bool {
		return slices.Equal(text(train(t, w.trainer(), w, []event.TrainMessage{u})), text(free))
	}
	if !equal() {
		t.Error("a champion whose files are gone changes the forecasts")
	}

	half := len(free) / 2
	for k, part := range [][]SeriesResult{free[:half], free[half:]} {
		series := make([]products.Series, len(part))
		for i, r := range part {
			r.Result.Weights = nearly(r.Result.Weights)
			series[i] = products.Series{Key: r.Key, Dates: r.Dates, Result: r.Result}
		}
		if err := products.WriteUnit(t.Context(), w.store, champion, run.UnitName(3+k), series, "test"); err != nil {
			t.Fatal(err)
		}
	}
	got := train(t, w.trainer(), w, []event.TrainMessage{u})
	kept := [2]int{}
	for i, r := range got {
		if c := nearly(free[i].Result.Weights); len(c) > 1 && close2(r.Result.Weights, c) {
			kept[min(i/half, 1)]++
		}
	}
	if kept[0] == 0 || kept[1] == 0 {
		t.Errorf("%v champions of two units were kept, want some of each", kept)
	}
	u.Champion = nil
	if !equal() {
		t.Error("a unit without champions has other forecasts")
	}
	u.Champion = &event.UnitRange{First: run.UnitName(3), Units: 2}

	broken := errors.New("storage is down")
	tr := w.trainer()
	if _, err := tr.champions(t.Context(), w.input(u)); err != nil {
		t.Fatal(err)
	}
	tr.store = failing{Store: w.store, err: broken}
	if _, err := tr.champions(t.Context(), w.input(u)); !errors.Is(err, broken) || event.IsPermanent(err) {
		t.Errorf("error %v, want a transient %v", err, broken)
	}

	for k := range 2 {
		w.put(t, run.SeriesPlace(champion, run.UnitName(3+k)), []byte("PAR1 this is no summary PAR1"))
	}
	if !equal() {
		t.Error("a champion whose files are corrupt changes the forecasts")
	}
}

// close2 compares to two digits: those kept are scaled to add up to one, and rounded.
func close2(a, b weights) bool {
	return maps.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-4 })
}

// failing is a store that opens nothing.
type failing struct {
	blobstore.Store
	err error
}

func (f failing) Open(context.Context, string) (io.ReadCloser, blobstore.Info, error) {
	return nil, blobstore.Info{}, f.err
}
