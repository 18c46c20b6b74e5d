package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// Statuses of a run.
const (
	StatusRunning  = "running"
	StatusComplete = "complete"
	StatusFailed   = "failed"
)

// View is what a person wants to know about a run.
type View struct {
	RunID     string        `json:"run_id"`
	Feed      string        `json:"feed"`
	Source    string        `json:"source"` // container and blob
	Reason    string        `json:"reason"`
	Ordinal   int           `json:"ordinal"` // of the run within its drop
	ReplayOf  string        `json:"replay_of,omitempty"`
	Arrived   time.Time     `json:"arrived"`
	Status    string        `json:"status"`
	Phase     string        `json:"phase,omitempty"` // of a running or failed run
	Units     int           `json:"units,omitempty"`
	UnitsDone int           `json:"units_done,omitempty"`
	Complete  *run.Complete `json:"complete,omitempty"`
	Failed    *run.Failed   `json:"failed,omitempty"`
}

// View reads one run.
func (l Ledger) View(ctx context.Context, id string) (View, error) {
	rec, err := l.Run(ctx, id)
	if err != nil {
		return View{}, err
	}
	v := View{
		RunID: id, Feed: rec.Drop.Feed, Source: rec.Drop.Drop().Place(), Reason: rec.Reason,
		Ordinal: rec.Ordinal, ReplayOf: rec.ReplayOf, Arrived: rec.Drop.LastModified, Status: StatusRunning,
	}
	if v.Complete, err = l.Completed(ctx, id); err != nil {
		return View{}, err
	}
	if v.Complete != nil {
		v.Status = StatusComplete
		return v, nil
	}
	if v.Failed, err = l.Failure(ctx, id); err != nil {
		return View{}, err
	}
	if v.Failed != nil {
		v.Status, v.Phase = StatusFailed, v.Failed.Phase
		return v, nil
	}
	return v, l.progress(ctx, rec, &v)
}

func (l Ledger) progress(ctx context.Context, rec run.Record, v *View) error {
	ready, err := l.Exists(ctx, run.ManifestPlace(rec.ETLID))
	if err != nil || !ready {
		v.Phase = run.PhaseETL
		return err
	}
	plan, _, err := l.Plan(ctx, rec.RunID)
	if err != nil || plan == nil {
		v.Phase = run.PhasePlan
		return err
	}
	s, _, _, err := l.State(ctx, rec.RunID)
	v.Phase, v.Units, v.UnitsDone = run.PhaseTrain, plan.Units, s.Done.Count()
	if v.UnitsDone >= plan.Units {
		v.Phase = run.PhasePublish
	}
	return err
}

// Views reads the newest runs, newest drop first; limit ≤ 0 is all.
func (l Ledger) Views(ctx context.Context, limit int) ([]View, error) {
	var drops []run.DropRecord
	for d, err := range l.Drops(ctx) {
		if err != nil {
			return nil, err
		}
		drops = append(drops, d)
	}
	slices.SortFunc(drops, func(a, b run.DropRecord) int {
		return cmp.Or(b.LastModified.Compare(a.LastModified), cmp.Compare(a.RunID, b.RunID))
	})
	views := []View{}
	for _, d := range drops {
		ids, _, err := l.RunsOfDrop(ctx, d)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if limit > 0 && len(views) == limit {
				return views, nil
			}
			v, err := l.View(ctx, id)
			if err != nil {
				return nil, err
			}
			views = append(views, v)
		}
	}
	return views, nil
}

// ErrAmbiguous is returned by Find for a prefix of several runs.
var ErrAmbiguous = errors.New("ambiguous run id")

// Find returns the full id of the run whose id starts with prefix.
func (l Ledger) Find(ctx context.Context, prefix string) (string, error) {
	if run.IsID(prefix) {
		return prefix, nil
	}
	if len(prefix) < 4 {
		return "", fmt.Errorf("run %q: give at least 4 characters of the id: %w", prefix, blobstore.ErrNotFound)
	}
	found := ""
	views, err := l.Views(ctx, 0)
	if err != nil {
		return "", err
	}
	for _, v := range views {
		if !strings.HasPrefix(v.RunID, prefix) {
			continue
		}
		if found != "" && found != v.RunID {
			return "", fmt.Errorf("run %s: %w", prefix, ErrAmbiguous)
		}
		found = v.RunID
	}
	if found == "" {
		return "", fmt.Errorf("run %s: %w", prefix, blobstore.ErrNotFound)
	}
	return found, nil
}
