package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// runFile is `skucast run FILE`.
func (p program) runFile(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var opts dropOptions
	opts.register(fs)
	var local localFlags
	local.register(fs)
	out := fs.String("out", "", "`folder` for the results (required); created if needed")
	data := fs.String("data", "", "`folder` to keep the local storage account in (default: inside --out, removed at the end)")
	rest, err := p.parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if *out == "" {
		return misuse("--out DIR says where the results go")
	}
	if err := opts.check(); err != nil {
		return err
	}
	file := rest[0]
	if err := usable(file); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return misuse("--out: %w", err)
	}
	release, err := lockOut(*out)
	if err != nil {
		return err
	}
	defer release()
	dir := *data
	if dir == "" {
		if dir, err = os.MkdirTemp(*out, tempPrefix+"*"); err != nil {
			return fmt.Errorf("make the local storage folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // a folder that is left behind does no harm
	}
	cfg, err := local.config(p, dir)
	if err != nil {
		return err
	}
	st, err := stack.Start(ctx, cfg)
	if err != nil {
		return fmt.Errorf("start the local pipeline: %w", err)
	}
	defer st.Close()
	view, err := p.drop(ctx, st, file, opts.options)
	if err != nil {
		return err
	}
	if err := p.deliver(ctx, st, view, *out, *data == ""); err != nil {
		return err
	}
	if view.Status == ledger.StatusFailed {
		return p.sayFailed(*view.Failed)
	}
	return p.printJSON(view.Complete)
}

// tempPrefix begins the names of what a run keeps in --out while it lasts.
const tempPrefix = ".skucast-"

// lockOut keeps two runs from sharing a folder, and removes what a killed one left there.
func lockOut(out string) (release func(), err error) {
	lock := filepath.Join(out, tempPrefix+"lock")
	unlock, err := lockFile(lock)
	if err != nil {
		return nil, fmt.Errorf("another skucast run is writing to %s: %w", out, err)
	}
	stale, err := filepath.Glob(filepath.Join(out, tempPrefix+"[0-9]*"))
	for _, dir := range stale {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return func() {
		_ = os.Remove(lock) // before the lock ends, so that nobody locks a file that is going
		unlock()
	}, err
}

// maxName leaves room for what is appended to a file's name in storage.
const maxName = 200

// usable refuses paths that cannot be a file of sales, before anything is started.
func usable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return misuse("there is no file %s", file)
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder; name one CSV file, or use skucast up and copy the files in", file)
	case len(filepath.Base(file)) > maxName || strings.ContainsFunc(filepath.Base(file), unicode.IsControl):
		return fmt.Errorf("the name of %.80q is longer than %d bytes or has a control character; rename the file", filepath.Base(file), maxName)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", file)
	}
	return nil
}

// drop puts a file into the local storage account and waits for its run.
func (p program) drop(ctx context.Context, st *stack.Stack, file string, opts run.Options) (ledger.View, error) {
	d, err := store(ctx, st.Store, file, opts)
	if err != nil {
		return ledger.View{}, err
	}
	return p.wait(ctx, st, d)
}

// store puts a file into a storage account as a drop, options first.
func store(ctx context.Context, s blobstore.Store, file string, opts run.Options) (run.Drop, error) {
	blob := run.Incoming + filepath.Base(file)
	if _, isDrop := run.Feed(blob); !isDrop {
		blob = run.Incoming + "file-" + filepath.Base(file) + ".csv" // the name marks settings or a temporary file
	}
	d := run.Drop{Container: blobstore.RawData, Blob: blob}
	if err := drop(ctx, s, d, file, opts); err != nil {
		return d, err
	}
	info, err := s.Head(ctx, d.Place())
	d.ETag = info.ETag
	return d, err
}

func put(ctx context.Context, s blobstore.Store, place string, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	_, err = s.Put(ctx, place, r, blobstore.Condition{})
	return err
}

// lookEvery is how often the CLI looks whether a run has ended.
const lookEvery = 50 * time.Millisecond

// wait shows the progress of a drop's run until the run has ended.
func (p program) wait(ctx context.Context, st *stack.Stack, d run.Drop) (ledger.View, error) {
	l := ledger.Ledger{Store: st.Store, Version: config.Version}
	return p.follow(ctx, st.ETL, func() (ledger.View, error) { return claimedRun(ctx, l, d) })
}

// follow shows the progress of a run until the run has ended. etl tells the stage of its
// ETL where that can be known.
func (p program) follow(ctx context.Context, etl func() (string, float64), look func() (ledger.View, error)) (ledger.View, error) {
	pr := newProgress(p, time.Now)
	defer pr.end()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		v, err := look()
		if err != nil {
			return v, err
		}
		if v.Status == ledger.StatusComplete || v.Status == ledger.StatusFailed {
			return v, nil
		}
		stage, fraction := "", 0.0
		if etl != nil {
			stage, fraction = etl()
		}
		pr.show(v, stage, fraction)
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-tick.C:
		}
	}
}

// claimedRun describes the run of a drop, or one that is about to be claimed.
func claimedRun(ctx context.Context, l ledger.Ledger, d run.Drop) (ledger.View, error) {
	waiting := ledger.View{Status: ledger.StatusRunning, Phase: run.PhaseETL}
	var rec run.DropRecord
	_, err := run.Read(ctx, l.Store, d.Record(), &rec)
	if err == nil {
		var v ledger.View
		if v, err = settledRun(ctx, l, rec.RunID); err == nil {
			return v, nil
		}
	}
	if errors.Is(err, blobstore.ErrNotFound) {
		return waiting, nil
	}
	return waiting, err
}

// settledRun describes a run. One that is complete counts as running until everybody has
// been told: a pipeline that ends before leaves the feed's latest forecasts as they were.
func settledRun(ctx context.Context, l ledger.Ledger, id string) (ledger.View, error) {
	v, err := l.View(ctx, id)
	if err != nil || v.Status != ledger.StatusComplete {
		return v, err
	}
	open, err := l.Exists(ctx, run.OpenMarker(id))
	if open {
		v.Status, v.Phase = ledger.StatusRunning, run.PhasePublish
	}
	return v, err
}

// sayFailed prints why a run failed, for a person, and its record for machines.
func (p program) sayFailed(f run.Failed) error {
	fmt.Fprintf(p.Stderr, "skucast: run %s failed: %s\n  %s\n", run.Short(f.RunID), f.Reason, f.Message)
	if f.WayOut != "" {
		fmt.Fprintf(p.Stderr, "  way out: %s\n", f.WayOut)
	}
	if err := p.printJSON(f); err != nil {
		return err
	}
	return exitError(1)
}

func (p program) printJSON(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s\n", b)
	return err
}
