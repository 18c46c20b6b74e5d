package handlers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/salestest"
	"github.com/skucast/skucast/shared/training"
)

// extract stores the output of an ETL with two stores for each SKU, and opens a run of it.
func (b *bench) extract(n int, origin retail.Date, skus []string, e salestest.ETL) run.Record {
	b.t.Helper()
	dice := rand.New(rand.NewPCG(uint64(n), 1))
	var series []sales.Series
	for _, sku := range skus {
		for store := range 2 {
			s := sales.Series{Key: retail.SeriesKey{SKU: retail.SKU(sku), Store: retail.Store(fmt.Sprint(store))}}
			for day := range retail.Date(60) {
				s.Rows = append(s.Rows, salestest.Row(origin-59+day, float64(dice.IntN(9))))
			}
			series = append(series, s)
		}
	}
	e.ID, e.Grid = fmt.Sprintf("%064x", n), retail.Grid{Frequency: retail.Daily, Origin: origin}
	salestest.Write(b.t, b.ledger.Store, e, series)
	rec, _, err := b.ledger.Start(b.t.Context(), run.DropRecord{
		V: run.Version, ETLID: e.ID, Feed: "till", Options: run.Options{Horizon: 7},
	}, run.ReasonSchedule(origin.String()), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

// messages plans a run and returns its units.
func (b *bench) messages(id string) []event.TrainMessage {
	b.t.Helper()
	b.sent = nil
	h := handlers.PlanTraining{Ledger: b.ledger, Sender: b, Trainer: training.New(b.ledger.Store), Log: b.log}
	if err := h.Handle(b.t.Context(), event.Encode(event.RunMessage{V: event.Version, RunID: id})); err != nil {
		b.t.Fatal(err)
	}
	var out []event.TrainMessage
	for _, m := range b.sent {
		u, err := event.DecodeTrain(m.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}

// train computes the units and publishes the run.
func (b *bench) train(id string, units []event.TrainMessage, origin retail.Date) {
	b.t.Helper()
	h := handlers.TrainSKU{Ledger: b.ledger, Sender: b, Trainer: training.New(b.ledger.Store), Log: b.log}
	for _, u := range units {
		if err := h.Handle(b.t.Context(), event.Encode(u)); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.ledger.Complete(b.t.Context(), run.Complete{V: run.Version, RunID: id, Feed: "till", Origin: origin, Frequency: retail.Daily}); err != nil {
		b.t.Fatal(err)
	}
	if err := b.ledger.MoveLatest(b.t.Context(), "till", run.Latest{RunID: id, Origin: origin, LastModified: time.Unix(1, 0)}); err != nil {
		b.t.Fatal(err)
	}
}

// skus lists those of a unit, or of the units of a range.
func (b *bench) skus(id, first string, units int) []string {
	b.t.Helper()
	n, err := run.UnitOrdinal(first)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for i := range units {
		sum, err := products.ReadSummary(b.t.Context(), b.ledger.Store, run.SeriesPlace(id, run.UnitName(n+i)))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, row := range sum.Series {
			out = append(out, row.SKU)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// A unit is told where its series were in the champion, whatever has come and gone since.
func TestUnitsKnowTheirChampion(t *testing.T) {
	t.Parallel()
	origin := retail.NewDate(2026, 6, 30)
	old := []string{"a", "c", "d", "f", "g", "h", "k", "m"}
	fresh := []string{"b", "c", "d", "e", "g", "h", "i", "m", "z"}
	const buckets = 3

	b := newBench(t)
	first := b.extract(1, origin, old, salestest.ETL{Buckets: buckets})
	units := b.messages(first.RunID)
	for _, u := range units {
		if u.Champion != nil {
			t.Errorf("the first run has champions: %+v", u)
		}
	}
	b.train(first.RunID, units, origin)

	again := b.extract(2, origin, fresh, salestest.ETL{Buckets: buckets})
	for _, u := range b.messages(again.RunID) {
		if u.Champion != nil {
			t.Errorf("a run on data that is no later has champions: %+v", u)
		}
	}

	later := b.extract(3, origin+7, fresh, salestest.ETL{Buckets: buckets})
	units = b.messages(later.RunID)
	if p, _, err := b.ledger.Plan(t.Context(), later.RunID); err != nil || p.ChampionRunID == nil || *p.ChampionRunID != first.RunID {
		t.Fatalf("plan %+v (%v), want champion %s", p, err, first.RunID)
	}
	b.train(later.RunID, units, origin+7)
	if len(units) != len(fresh) {
		t.Fatalf("%d units, want %d", len(units), len(fresh))
	}
	for _, u := range units {
		sku := b.skus(later.RunID, u.Unit, 1)[0]
		var found []string
		if u.Champion != nil {
			found = b.skus(first.RunID, u.Champion.First, u.Champion.Units)
		}
		if known := slices.Contains(old, sku); known != slices.Contains(found, sku) || len(found) > 1 {
			t.Errorf("unit of SKU %s: champion's SKUs %v; known then: %v", sku, found, known)
		}
	}

	other := b.extract(4, origin+14, fresh, salestest.ETL{Buckets: buckets + 1})
	for _, u := range b.messages(other.RunID) {
		if u.Champion != nil {
			t.Errorf("a champion of other buckets was met: %+v", u)
		}
	}

	if err := b.ledger.Store.Delete(t.Context(), run.ManifestPlace(later.ETLID)); err != nil {
		t.Fatal(err)
	}
	gone := b.extract(5, origin+21, fresh, salestest.ETL{Buckets: buckets})
	for _, u := range b.messages(gone.RunID) {
		if u.Champion != nil {
			t.Errorf("a champion that is gone was met: %+v", u)
		}
	}
}

// A replay is held against what its base was held against.
func TestReplayKeepsTheChampion(t *testing.T) {
	t.Parallel()
	origin := retail.NewDate(2026, 6, 30)
	skus := []string{"a", "b"}
	b := newBench(t)
	first := b.extract(1, origin, skus, salestest.ETL{})
	b.train(first.RunID, b.messages(first.RunID), origin)
	second := b.extract(2, origin+7, skus, salestest.ETL{})
	b.train(second.RunID, b.messages(second.RunID), origin+7)

	for name, c := range map[string]struct{ base, want *string }{
		"of the first":  {&first.RunID, nil},
		"of the second": {&second.RunID, &first.RunID},
		"of a run that was never planned, by what is there now": {new(strings.Repeat("9", 64)), &second.RunID},
	} {
		rec := b.extract(10+len(name), origin+14, skus, salestest.ETL{})
		rec.ReplayOf = *c.base
		b.put(run.RunPlace(rec.RunID), string(run.Canonical(rec)))
		b.messages(rec.RunID)
		p, _, err := b.ledger.Plan(t.Context(), rec.RunID)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := text(p.ChampionRunID), text(c.want); got != want {
			t.Errorf("replay %s: champion %s, want %s", name, got, want)
		}
	}
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) }
