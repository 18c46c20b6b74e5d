package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
)

// replayFlags are the options of `skucast replay`.
type replayFlags struct {
	local  localFlags
	data   string
	file   string
	scope  handlers.Scope
	dryRun bool
	noWait bool
	json   bool
	dead   deadLetterFlags
}

func (r *replayFlags) register(fs *flag.FlagSet) {
	r.local.register(fs)
	fs.StringVar(&r.data, "data", defaultData, "`folder` of the local storage account; one named in the environment (SKUCAST_STORAGE_ACCOUNT_URL, …) comes first")
	fs.StringVar(&r.file, "file", "", "`name` of a dropped file, as in status, instead of RUN: the newest run of its newest version")
	fs.BoolVar(&r.scope.ETL, "etl", false, "read the file again too; without, only if that had failed")
	fs.BoolVar(&r.scope.Failed, "failed", false, "only what the run had not finished; the rest is carried over")
	fs.Func("sku", "only the units that hold this `SKU`; the rest is carried over; repeat for more", func(s string) error {
		r.scope.SKUs = append(r.scope.SKUs, retail.SKU(s))
		return nil
	})
	fs.Func("skus", "`file` with one SKU a line, as --sku", func(name string) error {
		skus, err := readSKUs(name)
		r.scope.SKUs = append(r.scope.SKUs, skus...)
		return err
	})
	fs.BoolVar(&r.dryRun, "dry-run", false, "say what would be sent, how long it would take and what it would cost; change nothing")
	fs.BoolVar(&r.noWait, "no-wait", false, "do not wait for the run to end; skucast up or the cloud goes on with it")
	fs.BoolVar(&r.json, "json", false, "print JSON")
	r.dead.register(fs)
}

// check refuses combinations that contradict each other.
func (r *replayFlags) check(args []string) error {
	switch named := len(args) > 0 || r.file != ""; {
	case r.dead.list && (named || r.scope.ETL || r.scope.Failed || len(r.scope.SKUs) > 0):
		return misuse("--deadletters goes with --function, --reason and --run, and with none of the options that do a run again")
	case r.dead.list:
		return r.dead.check()
	case !r.dead.unused():
		return misuse("--function, --reason, --run, --all, --resubmit and --discard are about --deadletters")
	case len(args) > 0 && r.file != "":
		return misuse("a run and --file were given; one of them says what to do again")
	case !named:
		return misuse("name a run (skucast status lists them), a file (--file), or --deadletters")
	case r.scope.Failed && (len(r.scope.SKUs) > 0 || r.scope.ETL) || r.scope.ETL && len(r.scope.SKUs) > 0:
		return misuse("--etl, --failed and --sku exclude each other")
	}
	return nil
}

// replay is `skucast replay`.
func (p program) replay(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var r replayFlags
	r.register(fs)
	rest, err := p.parse(fs, args, 0, 1)
	if err != nil {
		return err
	}
	if err := r.check(rest); err != nil {
		return err
	}
	if r.dead.list {
		return p.deadLetters(ctx, r)
	}
	start := func() (stack.Config, error) { return r.local.config(p, r.data) }
	if r.dryRun || r.noWait {
		start = nil // nothing is done here, or nobody would go on with it
	}
	pl, err := p.connect(ctx, r.data, start)
	if errors.Is(err, errNotUp) && r.dryRun {
		return p.replayLook(ctx, r, rest)
	}
	if err != nil {
		return err
	}
	defer pl.close()
	return p.replayRun(ctx, pl, r, rest)
}

// replayLook is a dry run on a folder that no pipeline works on.
func (p program) replayLook(ctx context.Context, r replayFlags, args []string) error {
	api, err := p.openFor(r.data, r.local.storage)
	if err != nil {
		return err
	}
	return p.replayRun(ctx, pipeline{Parts: offline(api.Ledger)}, r, args)
}

func (p program) replayRun(ctx context.Context, pl pipeline, r replayFlags, args []string) error {
	h := pl.Replay(p.logger(r.local.verbose))
	id, err := r.find(ctx, pl.Ledger, args)
	if err != nil {
		return err
	}
	work, err := h.Look(ctx, id, r.scope)
	if err != nil {
		return err
	}
	if r.dryRun {
		return p.outlook(ctx, pl.Ledger, r, work)
	}
	rec, err := h.Start(ctx, work)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stderr, "run %s does run %s again (%s)\n", run.Short(rec.RunID), run.Short(rec.ReplayOf), rec.Reason)
	if r.noWait {
		v, err := pl.Ledger.View(ctx, rec.RunID)
		return errors.Join(err, p.printReplay(r, v))
	}
	v, err := p.follow(ctx, pl.etl, func() (ledger.View, error) { return settledRun(ctx, pl.Ledger, rec.RunID) })
	if err != nil {
		return err
	}
	if v.Failed != nil {
		return p.sayFailed(*v.Failed)
	}
	return p.printReplay(r, v)
}

func (p program) printReplay(r replayFlags, v ledger.View) error {
	if r.json {
		return p.printJSON(v)
	}
	p.describe(v)
	return nil
}

// find returns the run that is meant.
func (r *replayFlags) find(ctx context.Context, l ledger.Ledger, args []string) (string, error) {
	if r.file == "" {
		id, err := l.Find(ctx, args[0])
		if errors.Is(err, blobstore.ErrNotFound) {
			err = fmt.Errorf("%w; skucast status lists the runs", err)
		}
		return id, err
	}
	views, err := l.Views(ctx, 0) // newest drop first
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(strings.TrimPrefix(r.file, blobstore.RawData+"/"), run.Incoming)
	var found *ledger.View
	for _, v := range views {
		if strings.TrimPrefix(v.Source, blobstore.RawData+"/"+run.Incoming) != name {
			continue
		}
		if found == nil || v.Arrived.Equal(found.Arrived) && v.Ordinal > found.Ordinal {
			found = &v
		}
	}
	if found != nil {
		return found.RunID, nil
	}
	return "", fmt.Errorf("no run has read a file %s; skucast status lists what there is, and a file that is new is simply dropped", r.file)
}

// readSKUs reads a file with one SKU a line.
func readSKUs(name string) ([]retail.SKU, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	var skus []retail.SKU
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if s := strings.TrimSpace(lines.Text()); s != "" {
			skus = append(skus, retail.SKU(s))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(skus) == 0 {
		return nil, fmt.Errorf("%s holds no SKU", name)
	}
	return skus, nil
}

// outlook prints what a replay would send, how long it would take and what it would cost.
func (p program) outlook(ctx context.Context, l ledger.Ledger, r replayFlags, w handlers.Work) error {
	e, err := estimate(ctx, l, w)
	if err != nil {
		return err
	}
	if r.json {
		return p.printJSON(e)
	}
	fmt.Fprintf(p.Stdout, "run      %s (%s)\nsource   %s\n", e.RunID, w.Base.Reason, w.Base.Drop.Drop().Place())
	if e.ReadETL {
		fmt.Fprintln(p.Stdout, "etl      the file is read again")
	}
	if e.Units > 0 {
		fmt.Fprintf(p.Stdout, "units    %d of %d are trained, %d carried over\n", e.Train, e.Units, e.Keep)
	} else {
		fmt.Fprintln(p.Stdout, "units    not known before the file is read and planned")
	}
	t := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for _, q := range []string{event.QueuePlanTraining, event.QueueTrainSKU, event.QueueFinishRun, event.QueuePublishRun} {
		if n := e.Messages[q]; n > 0 {
			fmt.Fprintf(t, "messages\t%d to %s\n", n, q)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "time     %s\ncost     %s\n", e.timeWords(), e.costWords())
	return nil
}
