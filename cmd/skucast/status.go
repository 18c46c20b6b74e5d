package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/forecast"
	"github.com/skucast/skucast/handlers"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/retail"
	"github.com/skucast/skucast/shared/run"
	"github.com/skucast/skucast/web"
)

// open opens a storage account for reading.
func (p program) open(data string) (handlers.API, error) {
	store, err := p.openAccount(data)
	if err != nil {
		return handlers.API{}, err
	}
	return handlers.API{Ledger: ledger.Ledger{Store: store, Version: config.Version}}, nil
}

// openFor opens the storage account that flags name, or else that of the folder.
func (p program) openFor(data string, flags storageFlags) (handlers.API, error) {
	where, err := flags.storage(p)
	if err != nil {
		return handlers.API{}, err
	}
	if where.Connection == "" {
		return p.open(data)
	}
	store, err := worker.OpenStore(config.Storage{ConnectionString: where.Connection})
	return handlers.API{Ledger: ledger.Ledger{Store: store, Version: config.Version}}, err
}

// status is `skucast status [RUN]`.
func (p program) status(ctx context.Context, fs *flag.FlagSet, args []string) error {
	data := fs.String("data", defaultData, "`folder` of the local storage account; one named in the environment (SKUCAST_STORAGE_ACCOUNT_URL, …) comes first")
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := p.parse(fs, args, 0, 1)
	if err != nil {
		return err
	}
	api, err := p.open(*data)
	if err != nil {
		return err
	}
	if len(rest) == 1 {
		v, err := api.Run(ctx, rest[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return p.printJSON(v)
		}
		p.describe(v)
		return nil
	}
	runs, err := api.Runs(ctx)
	if err != nil {
		return err
	}
	refused, err := api.Refused(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		return p.printJSON(map[string]any{"runs": runs, "deadletters": refused})
	}
	return p.list(runs, refused)
}

func (p program) list(runs []ledger.View, refused []event.DeadLetter) error {
	if len(runs) == 0 {
		fmt.Fprintln(p.Stdout, "no runs yet")
	}
	t := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for i, v := range runs {
		if i == 0 {
			fmt.Fprintln(t, "RUN\tARRIVED\tSOURCE\tSTATUS\tWHAT")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", run.Short(v.RunID), v.Arrived.Format("2006-01-02 15:04"),
			strings.TrimPrefix(v.Source, blobstore.RawData+"/"+run.Incoming), v.Status, what(v))
	}
	for i, d := range refused {
		if i == 0 {
			fmt.Fprintln(t, "\nREFUSED BY\tREASON\tMESSAGE")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", d.Function, d.Reason, d.Message)
	}
	return t.Flush()
}

// what says in a few words what a run has come to.
func what(v ledger.View) string {
	if v.ReplayOf != "" {
		of := run.Short(v.ReplayOf)
		v.ReplayOf = ""
		return what(v) + " (" + v.Reason + " of " + of + ")"
	}
	switch v.Status {
	case ledger.StatusComplete:
		return summaryLine(*v.Complete)
	case ledger.StatusFailed:
		return v.Failed.Reason + ": " + strings.ReplaceAll(v.Failed.Message, "\n", "; ")
	}
	if v.Units > 0 {
		return fmt.Sprintf("%s, %d of %d units", phaseWords(v.Phase), v.UnitsDone, v.Units)
	}
	return phaseWords(v.Phase)
}

func summaryLine(c run.Complete) string {
	s := fmt.Sprintf("%d series, %d periods from %s", c.Series.Total, c.Horizon, c.Origin)
	if c.Backtest.Skill != nil {
		s += fmt.Sprintf(", %+.1f %% better than seasonal naive", 100**c.Backtest.Skill)
	}
	if c.DuplicateOf != nil {
		s += ", same content as run " + run.Short(*c.DuplicateOf)
	}
	return s
}

func (p program) describe(v ledger.View) {
	reason := v.Reason
	if v.ReplayOf != "" {
		reason += " of run " + run.Short(v.ReplayOf)
	}
	fmt.Fprintf(p.Stdout, "run      %s\nsource   %s (feed %s, %s)\narrived  %s\nstatus   %s\n",
		v.RunID, v.Source, v.Feed, reason, v.Arrived.Format("2006-01-02 15:04:05 UTC"), v.Status)
	switch {
	case v.Complete != nil:
		p.table(*v.Complete)
	case v.Failed != nil:
		fmt.Fprintf(p.Stdout, "reason   %s\nmessage  %s\nway out  %s\n", v.Failed.Reason, v.Failed.Message, v.Failed.WayOut)
		if len(v.Failed.Units) > 0 {
			fmt.Fprintf(p.Stdout, "units    %s\n", strings.Join(v.Failed.Units, " "))
		}
	default:
		fmt.Fprintf(p.Stdout, "phase    %s\n", what(v))
	}
}

// forecast is `skucast forecast SKU`.
func (p program) forecast(ctx context.Context, fs *flag.FlagSet, args []string) error {
	data := fs.String("data", defaultData, "`folder` of the local storage account; one named in the environment (SKUCAST_STORAGE_ACCOUNT_URL, …) comes first")
	feed := fs.String("feed", run.DefaultFeed, "the `feed`, a folder under incoming/")
	store := fs.String("store", "", "one `store` only")
	asJSON := fs.Bool("json", false, "print JSON, with all quantiles")
	rest, err := p.parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	api, err := p.open(*data)
	if err != nil {
		return err
	}
	f, err := api.Forecast(ctx, *feed, retail.SKU(rest[0]), retail.Store(*store))
	if errors.Is(err, blobstore.ErrNotFound) {
		return fmt.Errorf("%w; skucast status lists the runs", err)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		return p.printJSON(web.ForecastJSON(f))
	}
	t := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "store\tdate\tmean\tlow (10 %)\tmedian\thigh (90 %)\tmodel\t")
	low, mid, high := quantile(0.1), quantile(0.5), quantile(0.9)
	for _, r := range f.Rows {
		q := r.Quantiles()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Store, r.Date, short(r.Mean), short(q[low]), short(q[mid]), short(q[high]), r.Model)
	}
	return t.Flush()
}

// quantile is the index of a probability.
func quantile(p float64) int {
	for i, x := range forecast.Probabilities() {
		if x == p {
			return i
		}
	}
	return 0
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
