package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/etl/duckdb"
	"github.com/skucast/skucast/forecast/backtest"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/shared/training"
	page "github.com/skucast/skucast/web/backtest"
)

// backtestFlags are those of `skucast backtest` besides how the file is read.
type backtestFlags struct {
	windows, limit, workers int
	models, html            string
	blind, json             bool
}

func (b *backtestFlags) register(fs *flag.FlagSet) {
	fs.IntVar(&b.windows, "windows", 3, "`origins` to forecast from: one horizon before the end, two before, and so on")
	fs.StringVar(&b.models, "models", "", "`names` of models to test on their own, separated by commas, or none (default: all)")
	fs.IntVar(&b.limit, "limit", 0, "test only so many `series`, drawn by a hash of their names (default: all)")
	fs.IntVar(&b.workers, "workers", runtime.NumCPU(), "`series` to work on at once")
	fs.BoolVar(&b.blind, "blind", false, "do not let models know promo, price and regressors of the tested periods in advance")
	fs.BoolVar(&b.json, "json", false, "print JSON")
	fs.StringVar(&b.html, "html", "", "`file` for a page with plots")
}

func (b *backtestFlags) check() error {
	switch {
	case b.windows < 1 || b.windows > maxWindows:
		return misuse("--windows %d is not between 1 and %d", b.windows, maxWindows)
	case b.limit < 0:
		return misuse("--limit %d is negative", b.limit)
	case b.workers < 1 || b.workers > maxBacktestWorkers:
		return misuse("--workers %d is not between 1 and %d", b.workers, maxBacktestWorkers)
	}
	_, err := b.chosen(retail.Daily.Season()) // days have every model
	return err
}

const (
	maxWindows         = 100
	maxBacktestWorkers = 1024
)

// chosen are the models that --models names, in its order.
func (b *backtestFlags) chosen(season int) ([]backtest.Model, error) {
	all := backtest.Models(season)
	switch b.models {
	case "":
		return all, nil
	case "none":
		return nil, nil
	}
	var names []string
	for _, m := range all {
		names = append(names, m.Name)
	}
	var out []backtest.Model
	for name := range strings.SplitSeq(b.models, ",") {
		name = strings.TrimSpace(name)
		i := slices.Index(names, name)
		if i < 0 {
			return nil, misuse("--models: there is no %q for a season of %d periods; there are %s (%s and %s are always tested)",
				name, season, strings.Join(names, ", "), backtest.Product, backtest.Naive)
		}
		if !slices.ContainsFunc(out, func(m backtest.Model) bool { return m.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// backtest is `skucast backtest FILE`.
func (p program) backtest(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var opts dropOptions
	opts.register(fs)
	var b backtestFlags
	b.register(fs)
	rest, err := p.parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if err := errors.Join(opts.check(), b.check()); err != nil {
		return usageError{err}
	}
	file := rest[0]
	if err := usable(file); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "skucast-backtest-")
	if err != nil {
		return fmt.Errorf("make a folder for temporary files: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder that is left behind does no harm
	pr := newBacktestProgress(p, time.Now)
	result, err := p.backtestFile(ctx, file, dir, opts.options, b, pr)
	pr.end()
	if err != nil {
		return explain(file, err)
	}
	if b.html != "" {
		if err := writePage(b.html, result); err != nil {
			return err
		}
	}
	if b.json {
		return p.printJSON(result)
	}
	return p.backtestTable(result)
}

// backtestFile reads the file as the pipeline does and tests it.
func (p program) backtestFile(
	ctx context.Context, file, dir string, o run.Options, b backtestFlags, pr backtestProgress,
) (page.Result, error) {
	m, trainer, err := p.readSales(ctx, file, dir, o, pr)
	if err != nil {
		return page.Result{}, err
	}
	models, err := b.chosen(m.Frequency.Season())
	if err != nil {
		return page.Result{}, err
	}
	horizon := training.Horizon(m, o)
	lags := make([]int, b.windows)
	for k := range lags {
		lags[k] = (k + 1) * horizon
	}
	source, err := trainer.Rewind(ctx, m, o, training.RewindSettings{Horizon: horizon, Lags: lags, Blind: b.blind})
	if err != nil {
		return page.Result{}, err
	}
	report, err := backtest.Run(ctx, source, backtest.Settings{
		Horizon: horizon, Windows: b.windows, Models: models, Limit: b.limit, Workers: b.workers, Now: time.Now,
		Progress: func(done, total int) { pr.show("backtesting", float64(done)/float64(total)) },
	})
	if errors.Is(err, backtest.ErrTooShort) {
		return page.Result{}, fmt.Errorf("no series reaches %d periods back from %s; take a smaller --horizon", horizon, m.Origin)
	}
	if err != nil {
		return page.Result{}, err
	}
	r := page.Result{
		File: filepath.Base(file), Version: config.Version, Frequency: m.Frequency, Origin: m.Origin, MonthEnd: m.MonthEnd,
		Mapping: m.Mapping, Rows: m.Rows, SKUs: m.SKUs, Blind: b.blind, Report: report,
	}
	for _, lag := range lags {
		r.Origins = append(r.Origins, source.Origin(lag))
	}
	return r, nil
}

// readSales runs the ETL on a copy of the file in dir.
func (p program) readSales(ctx context.Context, file, dir string, o run.Options, pr backtestProgress) (*run.Manifest, *training.Trainer, error) {
	st, err := dirblob.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	d, err := store(ctx, st, file, o)
	if err != nil {
		return nil, nil, err
	}
	l := ledger.Ledger{Store: st, Version: config.Version}
	claim, err := l.Claim(ctx, d.Container, d.Blob, d.ETag, time.Now(), "backtest")
	if err != nil {
		return nil, nil, err
	}
	if f := claim.Failed; f != nil {
		return nil, nil, event.Permanent(f.Reason, fmt.Errorf("%s\n  way out: %s", f.Message, f.WayOut))
	}
	temp := filepath.Join(dir, ".tmp")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	m, err := duckdb.Run(ctx, duckdb.Job{
		Store: st, ETLID: claim.ETLID, Drop: claim, JobRunID: "backtest", TempDir: temp,
		Progress: func(_ string, fraction float64) { pr.show("reading the file", fraction) },
		Logger:   p.logger(false),
	})
	if err != nil {
		return nil, nil, err
	}
	return &m, training.New(st), nil
}

// explain names the file and, where there is one, the way out.
func explain(file string, err error) error {
	var wrong usageError
	if errors.As(err, &wrong) || errors.Is(err, context.Canceled) {
		return err
	}
	reason := event.ReasonOf(err)
	if way := run.WayOut(etl.WayOut)(reason); reason != "" && way != "" && !strings.Contains(err.Error(), "way out: ") {
		return fmt.Errorf("%s: %s: %w\n  way out: %s", file, reason, err, way)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// writePage renders the page beside its place and moves it there, so that a page that is
// there is whole.
func writePage(place string, r page.Result) error {
	f, err := os.CreateTemp(filepath.Dir(place), tempPrefix+"*")
	if err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	err = page.Render(f, r)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), place)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("--html: %w", err)
	}
	return nil
}

// backtestProgress says how far each phase is, in the manner of progress: a line that is
// redrawn on a terminal, a line for each tenth elsewhere.
type backtestProgress struct {
	*progress
}

func newBacktestProgress(p program, now func() time.Time) backtestProgress {
	return backtestProgress{newProgress(p, now)}
}

func (b backtestProgress) show(phase string, fraction float64) {
	parts := 10
	if b.terminal {
		parts = 1000
	}
	step := int(fraction * float64(parts))
	if phase == b.last && step == b.tenths {
		return
	}
	b.last, b.tenths = phase, step
	elapsed := b.now().Sub(b.started).Round(100 * time.Millisecond)
	if b.terminal {
		fmt.Fprintf(b.w, "\r\x1b[K%8s  %s: %.1f %%", elapsed, phase, 100*fraction)
		b.drawn = true
		return
	}
	fmt.Fprintf(b.w, "%8s  %s: %d %%\n", elapsed, phase, 10*step)
}
