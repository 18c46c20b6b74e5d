package training

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
	"github.com/skucast/skucast/shared/sales/lru"
)

// What a worker keeps between messages. All of it is immutable and named by an id.
const (
	heldRuns          = 16
	heldManifests     = 4
	heldPools         = 4
	heldCalendarBytes = 32 << 20
)

// ReasonUnknownRun is the reason of a message whose run does not exist.
const ReasonUnknownRun = "unknown_run"

// Trainer holds what units of one worker share. Safe for concurrent use; create it with
// New.
type Trainer struct {
	store     blobstore.Store
	reader    *sales.Reader
	runs      *lru.Cache[string, planned]
	manifests *lru.Cache[string, *run.Manifest]
	calendars *lru.Cache[string, *sales.Calendar]
	pools     *lru.Cache[string, *auto.Pool]
	engines   sync.Pool // of *auto.Engine

	// The numerical library; tests put something in its place that fails.
	forecast func(*auto.Engine, auto.Input, auto.Settings) auto.Result
	sample   func(*auto.Engine, auto.Input, int) auto.Sample
}

type planned struct {
	record run.Record
	plan   run.Plan
}

// New returns a trainer on a store.
func New(store blobstore.Store) *Trainer {
	return &Trainer{
		store:     store,
		reader:    sales.NewReader(store),
		runs:      lru.New[string, planned](heldRuns),
		manifests: lru.New[string, *run.Manifest](heldManifests),
		calendars: lru.New[string, *sales.Calendar](heldCalendarBytes),
		pools:     lru.New[string, *auto.Pool](heldPools),
		engines:   sync.Pool{New: func() any { return new(auto.Engine) }},
		forecast:  (*auto.Engine).Forecast,
		sample:    (*auto.Engine).Sample,
	}
}

// UnitInput is everything that decides what a unit's forecasts are.
type UnitInput struct {
	Manifest *run.Manifest
	Record   run.Record
	Plan     run.Plan
	Unit     event.TrainMessage
}

// Load reads the records that a message refers to.
func (t *Trainer) Load(ctx context.Context, unit event.TrainMessage) (UnitInput, error) {
	p, err := t.runs.Get(ctx, unit.RunID, func(ctx context.Context) (planned, int64, error) {
		var p planned
		if _, err := run.Read(ctx, t.store, run.RunPlace(unit.RunID), &p.record); err != nil {
			if errors.Is(err, blobstore.ErrNotFound) {
				err = event.Permanent(ReasonUnknownRun, fmt.Errorf("run %s of unit %s does not exist: %w", run.Short(unit.RunID), unit.Unit, err))
			}
			return planned{}, 0, err
		}
		if _, err := run.Read(ctx, t.store, run.PlanPlace(unit.RunID), &p.plan); err != nil {
			return planned{}, 0, fmt.Errorf("plan of run %s: %w", run.Short(unit.RunID), err)
		}
		return p, 1, nil
	})
	if err != nil {
		return UnitInput{}, err
	}
	m, err := t.Manifest(ctx, p.record.ETLID)
	if err != nil {
		return UnitInput{}, err
	}
	return UnitInput{Manifest: m, Record: p.record, Plan: p.plan, Unit: unit}, nil
}

// Manifest reads the manifest of an ETL.
func (t *Trainer) Manifest(ctx context.Context, etlID string) (*run.Manifest, error) {
	return t.manifests.Get(ctx, etlID, func(ctx context.Context) (*run.Manifest, int64, error) {
		m := new(run.Manifest)
		if _, err := run.Read(ctx, t.store, run.ManifestPlace(etlID), m); err != nil {
			return nil, 0, err
		}
		return m, 1, nil
	})
}

func (t *Trainer) calendar(ctx context.Context, m *run.Manifest) (*sales.Calendar, error) {
	return t.calendars.Get(ctx, m.ETLID, func(ctx context.Context) (*sales.Calendar, int64, error) {
		c, err := sales.LoadCalendar(ctx, t.store, m)
		if err != nil {
			return nil, 0, err
		}
		return c, c.Bytes(), nil
	})
}

func (t *Trainer) pool(ctx context.Context, in UnitInput) (*auto.Pool, error) {
	return t.pools.Get(ctx, in.Record.RunID, func(ctx context.Context) (*auto.Pool, int64, error) {
		p, err := LoadPool(ctx, t.store, in.Plan, in.Manifest.Frequency)
		return p, 1, err
	})
}

// Horizon is the number of periods that a run forecasts.
func Horizon(m *run.Manifest, o run.Options) int {
	if o.Horizon > 0 {
		return o.Horizon
	}
	return m.Frequency.DefaultHorizon()
}
