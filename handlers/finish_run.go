package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
)

// FinishRun counts units: one compare-and-swap per run and batch.
type FinishRun struct {
	Ledger ledger.Ledger
	Sender Sender
	Log    *slog.Logger
}

// Handle takes a batch of finish-run messages of any runs. One message that cannot be
// used fails the batch permanently; the server then halves it until that message stands
// alone. Counting twice is counting once.
func (h FinishRun) Handle(ctx context.Context, bodies [][]byte) error {
	units := map[string][]int{}
	for _, body := range bodies {
		f, err := event.DecodeFinish(body)
		if err != nil {
			return err
		}
		n, err := run.UnitOrdinal(f.Unit)
		if err != nil {
			return err // unreachable: DecodeFinish has checked the form
		}
		units[f.RunID] = append(units[f.RunID], n)
	}
	for _, id := range slices.Sorted(maps.Keys(units)) {
		if err := h.count(ctx, id, units[id]); err != nil {
			return err
		}
	}
	return nil
}

// count marks units of one run as done and, when none is missing, has it published.
func (h FinishRun) count(ctx context.Context, id string, units []int) error {
	plan, _, err := h.Ledger.Plan(ctx, id)
	if err != nil {
		return err
	}
	if plan == nil {
		return event.Permanent(training.ReasonUnknownRun, fmt.Errorf("run %s has no plan, so no unit of it can be finished", run.Short(id)))
	}
	state, err := h.Ledger.UpdateState(ctx, id, plan.Units, func(s *run.State) error {
		for _, u := range units {
			if err := s.Finish(u); err != nil {
				return event.Permanent("unknown_unit", fmt.Errorf("run %s: %w", run.Short(id), err))
			}
		}
		return nil
	})
	if err != nil || !state.AllDone() {
		return err
	}
	h.Log.InfoContext(ctx, "all units are in", "run_id", run.Short(id), "units", plan.Units)
	return sendRun(ctx, h.Sender, run.PhasePublish, id, 0)
}
