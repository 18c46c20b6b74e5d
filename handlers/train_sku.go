package handlers

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// TrainSKU forecasts every series of one unit.
type TrainSKU struct {
	Ledger  ledger.Ledger
	Sender  Sender
	Trainer *training.Trainer
	Log     *slog.Logger
}

// Handle trains one unit and reports it. A unit whose summary is stored is only reported
// again. A bad series never fails the message: it becomes a fallback or a rejection.
func (h TrainSKU) Handle(ctx context.Context, body []byte) error {
	m, err := event.DecodeTrain(body)
	if err != nil {
		return err
	}
	done, err := h.Ledger.Exists(ctx, run.SeriesPlace(m.RunID, m.Unit))
	if err != nil {
		return err
	}
	if !done {
		if err := h.train(ctx, m); err != nil {
			return fmt.Errorf("unit %s of run %s: %w", m.Unit, run.Short(m.RunID), err)
		}
	}
	return h.Sender.Send(ctx, event.QueueFinishRun, one(run.Message(event.QueueFinishRun, m.RunID, m.Unit+"/done", 0,
		event.FinishMessage{V: event.Version, RunID: m.RunID, Unit: m.Unit})))
}

func (h TrainSKU) train(ctx context.Context, m event.TrainMessage) error {
	in, err := h.Trainer.Load(ctx, m)
	if err != nil {
		return err
	}
	results, err := h.Trainer.TrainUnit(ctx, in)
	if err != nil {
		return err
	}
	series := make([]products.Series, len(results))
	for i, r := range results {
		series[i] = products.Series{Key: r.Key, Dates: r.Dates, Result: r.Result}
		if r.Err != nil {
			h.Log.ErrorContext(ctx, "series fell to the last resort", "sku", r.Key.SKU, "location", r.Key.Store, "error", r.Err)
		}
	}
	return products.WriteUnit(ctx, h.Ledger.Store, m.RunID, m.Unit, series, h.Ledger.Version)
}
