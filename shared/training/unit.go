package training

import (
	"context"
	"fmt"
	"math"

	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/sales"
)

// Reasons of rejected series, besides those of package auto.
const (
	// ReasonNoQuantity: no row up to the origin has a quantity.
	ReasonNoQuantity = "no_usable_row"
	// ReasonOffGrid: a row lies between the periods of the run.
	ReasonOffGrid = "off_grid"
)

// SeriesResult is what became of one series.
type SeriesResult struct {
	Key    retail.SeriesKey
	Dates  []retail.Date // labels of the future periods, shared by all series of the unit
	Result auto.Result
	// Err says what went wrong where Result is the fallback of last resort or a rejection
	// that only a defect explains; nil normally. It is for the log.
	Err error
}

// TrainUnit forecasts every series of a unit, in the order of the series index. Memory is
// that of the unit; the result depends on nothing but the records that in names.
func (t *Trainer) TrainUnit(ctx context.Context, in UnitInput) ([]SeriesResult, error) {
	file, err := in.check()
	if err != nil {
		return nil, err
	}
	calendar, err := t.calendar(ctx, in.Manifest)
	if err != nil {
		return nil, fmt.Errorf("unit %s: %w", in.Unit.Unit, err)
	}
	pool, err := t.pool(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("unit %s: %w", in.Unit.Unit, err)
	}
	champions, err := t.champions(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("unit %s: %w", in.Unit.Unit, err)
	}
	w := t.worker(in.Manifest, in.Record.Options, in.Plan.Horizon, calendar)
	defer w.release()
	settings := auto.Settings{Horizon: in.Plan.Horizon, Pool: pool}

	results := make([]SeriesResult, 0, in.Unit.NSeries)
	for s, err := range t.reader.ReadUnit(ctx, in.Manifest, file, in.Unit.FirstRow, in.Unit.Rows) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("unit %s: %w", in.Unit.Unit, err)
		}
		if int64(len(results)) == in.Unit.NSeries {
			return nil, in.wrong("holds more than %d series", in.Unit.NSeries)
		}
		results = append(results, w.series(s, champions[s.Key], settings))
	}
	if int64(len(results)) != in.Unit.NSeries {
		return nil, in.wrong("holds %d series, not %d", len(results), in.Unit.NSeries)
	}
	return results, nil
}

// check finds the unit's file and refuses what the manifest or the plan lacks.
func (in *UnitInput) check() (run.File, error) {
	u := in.Unit
	n, err := run.UnitOrdinal(u.Unit)
	if err != nil {
		return run.File{}, event.Permanent(sales.ReasonUnknownUnit, err)
	}
	if n >= in.Plan.Units {
		return run.File{}, in.wrong("is beyond the plan's %d units", in.Plan.Units)
	}
	if in.Plan.Horizon <= 0 || in.Plan.Horizon > run.MaxHorizon {
		return run.File{}, event.Permanent("invalid_plan", fmt.Errorf("plan of run %s has horizon %d", run.Short(u.RunID), in.Plan.Horizon))
	}
	file, ok := in.Manifest.SalesFile(u.File)
	if !ok {
		return run.File{}, in.wrong("names file %.200q, which the manifest does not list", u.File)
	}
	if u.FirstRow < 0 || u.Rows <= 0 || u.Rows > file.Rows || u.FirstRow > file.Rows-u.Rows {
		return run.File{}, in.wrong("has rows %d to %d; %s has %d", u.FirstRow, u.FirstRow+u.Rows, u.File, file.Rows)
	}
	if u.NSeries <= 0 || u.NSeries > u.Rows {
		return run.File{}, in.wrong("has %d series in %d rows", u.NSeries, u.Rows)
	}
	return file, nil
}

func (in *UnitInput) wrong(format string, args ...any) error {
	return event.Permanent(sales.ReasonUnknownUnit, fmt.Errorf("unit %s of run %s %s; reconcile sends the right message",
		in.Unit.Unit, run.Short(in.Unit.RunID), fmt.Sprintf(format, args...)))
}

// worker is what one goroutine needs to go through the series of one run.
type worker struct {
	t        *Trainer
	engine   *auto.Engine
	prepare  *sales.Preparer
	calendar *sales.Calendar
}

func (t *Trainer) worker(m *run.Manifest, o run.Options, horizon int, c *sales.Calendar) *worker {
	return &worker{
		t: t, engine: t.engines.Get().(*auto.Engine), calendar: c,
		prepare: sales.NewPreparer(m.Grid(), horizon, o.Missing, m.Options.Regressors),
	}
}

func (w *worker) release() { w.t.engines.Put(w.engine) }

// series forecasts one series, whatever happens.
func (w *worker) series(s sales.Series, champion weights, settings auto.Settings) SeriesResult {
	p, err := w.prepare.Prepare(s, w.calendar.Store(s.Key.Store))
	out := SeriesResult{Key: s.Key, Dates: p.Dates}
	switch {
	case err != nil:
		out.Err = err
		out.Result = rejected(ReasonOffGrid)
	case !p.Usable:
		out.Result = rejected(ReasonNoQuantity)
	default:
		p.Input.Champion = champion
		out.Result, out.Err = w.forecast(p.Input, settings)
		if out.Err != nil {
			out.Err = fmt.Errorf("%v: %w", s.Key, out.Err)
			out.Result = lastResort(p.Input, settings.Horizon)
		}
	}
	return out
}

func rejected(reason string) auto.Result {
	return auto.Result{
		Status: auto.Rejected, Reason: reason, Class: forecast.Dead.String(),
		Score: auto.Score{RMSSE: math.NaN(), RMSSESNaive: math.NaN()},
	}
}

// forecast calls the library; a panic, or numbers that are none, is an error.
func (w *worker) forecast(in auto.Input, s auto.Settings) (r auto.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.engine = new(auto.Engine) // whatever state the old one was left in
			err = fmt.Errorf("forecast panicked: %v", p)
		}
	}()
	r = w.t.forecast(w.engine, in, s)
	return r, valid(&r, s.Horizon)
}

// valid checks what every later step relies on.
func valid(r *auto.Result, horizon int) error {
	switch r.Status {
	case auto.Rejected:
		if len(r.Mean) > 0 || len(r.Quantiles) > 0 || r.Reason == "" {
			return fmt.Errorf("rejected with reason %q and %d values", r.Reason, len(r.Mean))
		}
		return nil
	case auto.Fitted, auto.Fallback:
	default:
		return fmt.Errorf("unknown status %q", r.Status)
	}
	if len(r.Mean) != horizon || len(r.Quantiles) != horizon {
		return fmt.Errorf("%d means and %d quantiles for %d periods", len(r.Mean), len(r.Quantiles), horizon)
	}
	for j, m := range r.Mean {
		if !(m >= 0) || math.IsInf(m, 0) {
			return fmt.Errorf("mean of period %d is %v", j+1, m)
		}
		low := 0.0
		for _, q := range r.Quantiles[j] {
			if !(q >= low) || math.IsInf(q, 0) {
				return fmt.Errorf("quantiles of period %d are %v", j+1, r.Quantiles[j])
			}
			low = q
		}
	}
	return nil
}
