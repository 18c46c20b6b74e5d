package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// deadLetterFlags are the options about refused messages.
type deadLetterFlags struct {
	list              bool
	filter            handlers.Filter
	all               bool
	resubmit, discard bool
}

func (d *deadLetterFlags) register(fs *flag.FlagSet) {
	fs.BoolVar(&d.list, "deadletters", false, "instead of a run, the messages and events that were refused: list, --resubmit or --discard them")
	fs.StringVar(&d.filter.Function, "function", "", "only refused by this `function`, as train-sku")
	fs.StringVar(&d.filter.Reason, "reason", "", "only refused for this `reason`")
	fs.StringVar(&d.filter.RunID, "run", "", "only of this `run`, by the first characters of its id")
	fs.BoolVar(&d.all, "all", false, "all of them, where --resubmit or --discard has no filter")
	fs.BoolVar(&d.resubmit, "resubmit", false, "send them again")
	fs.BoolVar(&d.discard, "discard", false, "forget them")
}

func (d *deadLetterFlags) unused() bool { return *d == deadLetterFlags{} }

func (d *deadLetterFlags) check() error {
	switch {
	case d.resubmit && d.discard:
		return misuse("--resubmit and --discard exclude each other")
	case (d.resubmit || d.discard) && d.filter == handlers.Filter{} && !d.all:
		return misuse("say which: --function, --reason, --run, or --all")
	}
	return nil
}

// letterCount is how often a function refused for a reason.
type letterCount struct {
	Function string `json:"function"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
}

// deadLetters lists, resubmits or discards what was refused. Without a running pipeline,
// only what is in storage exists: a local broker keeps its queues no longer than it runs.
func (p program) deadLetters(ctx context.Context, r replayFlags) error {
	h, done, err := p.refused(ctx, r)
	if err != nil {
		return err
	}
	defer done()
	switch {
	case r.dead.resubmit && !r.dryRun:
		sent, refused, err := h.Resubmit(ctx, r.dead.filter)
		return errors.Join(p.said(r, map[string]int{"resubmitted": sent, "refused_again": refused}), err)
	case r.dead.discard && !r.dryRun:
		n, err := h.Discard(ctx, r.dead.filter)
		return errors.Join(p.said(r, map[string]int{"discarded": n}), err)
	}
	return p.listRefused(ctx, h, r)
}

func (p program) refused(ctx context.Context, r replayFlags) (h handlers.DeadLetters, done func(), err error) {
	pl, err := p.connect(ctx, r.data, nil)
	if errors.Is(err, errNotUp) {
		if r.dead.resubmit && !r.dryRun {
			return h, nil, fmt.Errorf("%w: start it with skucast up --data %s, then resubmit", err, r.data)
		}
		api, err := p.open(r.data)
		return handlers.DeadLetters{Ledger: api.Ledger}, func() {}, err
	}
	if err != nil {
		return h, nil, err
	}
	return pl.Refused(p.logger(r.local.verbose)), pl.close, nil
}

func (p program) said(r replayFlags, counts map[string]int) error {
	if r.json {
		return p.printJSON(counts)
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(p.Stdout, "%d %s\n", counts[what], map[string]string{
			"resubmitted": "sent again", "refused_again": "refused again at once, and kept", "discarded": "discarded",
		}[what])
	}
	return nil
}

func (p program) listRefused(ctx context.Context, h handlers.DeadLetters, r replayFlags) error {
	letters := []event.DeadLetter{}
	n := map[letterCount]int{}
	for d, err := range h.List(ctx, r.dead.filter) {
		if err != nil {
			return err
		}
		letters = append(letters, d)
		n[letterCount{Function: d.Function, Reason: d.Reason}]++
	}
	counts := []letterCount{}
	for c, k := range n {
		c.Count = k
		counts = append(counts, c)
	}
	slices.SortFunc(counts, func(a, b letterCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Reason, b.Reason))
	})
	if r.json {
		return p.printJSON(map[string]any{"counts": counts, "deadletters": letters})
	}
	if len(letters) == 0 {
		fmt.Fprintln(p.Stdout, "nothing is refused, or nothing that matches")
		return nil
	}
	t := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COUNT\tREFUSED BY\tREASON")
	for _, c := range counts {
		fmt.Fprintf(t, "%d\t%s\t%s\n", c.Count, c.Function, c.Reason)
	}
	fmt.Fprintln(t, "\nID\tRUN\tREFUSED BY\tREASON\tMESSAGE")
	for _, d := range letters {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.ID, run.Short(d.RunID), d.Function, d.Reason, d.Message)
	}
	return t.Flush()
}
