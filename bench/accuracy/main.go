// Command accuracy measures the forecasts of skucast on real sales: the last horizon of
// each file and two earlier ones, forecast from what was known before them, in the way
// in which a worker of the pipeline does it.
//
//	accuracy [-data DIR] [-sets a,b] [-origins 3] [-limit N] [-workers N] [-json]
//	         [-export DIR] [-peers DIR] [-note TEXT] [-into FILE]
//
// The scores are those of forecasting research: RMSSE and SPL (pinball loss over the ten
// quantiles) are means over series and origins, scaled by the differences of consecutive
// observations of the history before each origin, from the first sale on.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/skucast/skucast/bench/internal/marked"
	"github.com/skucast/skucast/forecast/auto"
	"github.com/skucast/skucast/shared/sales"
)

// peerSeries is how many series of each set peers forecast: some need a second for one.
const peerSeries = 150

type options struct {
	data    string
	sets    string
	origins int
	limit   int // of the series that are compared with peers; without peers, of all
	workers int
	json    bool
	export  string
	peers   string
	note    string
	into    string
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", cmp.Or(os.Getenv("SKUCAST_DATA"), filepath.Join("..", "shared", "data")), "`folder` of the real sales; default is SKUCAST_DATA")
	flag.StringVar(&o.sets, "sets", "", "comma-separated `names`; default is every set whose file is there")
	flag.IntVar(&o.origins, "origins", 3, "how many `horizons` to score, counted from the end")
	flag.IntVar(&o.limit, "limit", 0, "score the `N` series of each set with the smallest sha256 of their key; 0 is all, or 150 beside peers")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "series at a time")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.StringVar(&o.export, "export", "", "write the series to this `folder` for peers, and forecast nothing")
	flag.StringVar(&o.peers, "peers", "", "compare with the forecasts of peers in this `folder`")
	flag.StringVar(&o.note, "note", "", "`text` to print first: machine and versions")
	flag.StringVar(&o.into, "into", "", "put the tables between the marks of this Markdown `file` too")
	flag.Parse()
	if o.limit == 0 && (o.export != "" || o.peers != "") {
		o.limit = peerSeries
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var text bytes.Buffer
	err := measure(ctx, io.MultiWriter(os.Stdout, &text), os.Stderr, o)
	stop()
	if err == nil && o.into != "" {
		err = marked.Insert(o.into, "bench/accuracy/run", text.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, w, progress io.Writer, o options) error {
	chosen, err := choose(o, progress)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		fmt.Fprintln(progress, "accuracy: nothing to measure; -data or SKUCAST_DATA names the folder of real sales")
		return nil
	}
	if o.note != "" {
		fmt.Fprintln(w, o.note)
	}
	var reports []report
	for _, s := range chosen {
		h, err := load(o.data, s)
		if err != nil {
			return err
		}
		r, err := o.measure(ctx, h)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		reports = append(reports, r)
		if !o.json && o.export == "" {
			r.print(w)
		}
	}
	switch {
	case o.export != "":
		return nil
	case o.json:
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(reports)
	case o.peers != "":
		verdicts(w, reports)
	}
	return nil
}

// choose finds the sets to measure and says in progress which are not there.
func choose(o options, progress io.Writer) ([]set, error) {
	if o.origins < 1 || o.workers < 1 {
		return nil, errors.New("-origins and -workers must be positive")
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(o.sets, ",") {
		if name != "" {
			wanted[name] = true
		}
	}
	all := len(wanted) == 0
	var out []set
	var names []string
	for _, s := range sets() {
		names = append(names, s.name)
		if !all && !wanted[s.name] {
			continue
		}
		delete(wanted, s.name)
		if _, err := os.Stat(filepath.Join(o.data, s.file)); errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(progress, "accuracy: skipping %s: no %s in %s\n", s.name, s.file, o.data)
			continue
		}
		out = append(out, s)
	}
	for name := range wanted {
		return nil, fmt.Errorf("no set %q; there are %s", name, strings.Join(names, ", "))
	}
	return out, nil
}

// measure scores one set.
func (o options) measure(ctx context.Context, h history) (report, error) {
	truth, err := h.truth(ctx, o.workers)
	if err != nil {
		return report{}, err
	}
	r := newReport(h)
	for i := range o.origins {
		at, err := newOrigin(ctx, h, r.Horizon+i*h.spacing(), o.workers)
		if err != nil {
			return report{}, err
		}
		series := smallest(at.known.series, o.limit)
		if o.export != "" {
			if err := at.export(filepath.Join(o.export, h.set.name, strconv.Itoa(i+1)), series); err != nil {
				return report{}, err
			}
			continue
		}
		if err := o.score(&r, at, series, truth); err != nil {
			return report{}, err
		}
		r.Origins = append(r.Origins, at.known.grid.Origin.String())
	}
	r.finish()
	return r, nil
}

// score forecasts from one origin and adds the scores to r. Beside peers every series is
// forecast, and ours is scored twice: on all, and on those that the peers have.
func (o options) score(r *report, at *origin, chosen []sales.Series, truth map[key][]float64) error {
	series := chosen
	if o.peers != "" {
		series = at.known.series
	}
	actual, err := at.judge(series, truth)
	if err != nil {
		return err
	}
	forecasts, took, err := at.ours(series)
	if err != nil {
		return err
	}
	if o.peers == "" {
		return r.score(ours, actual, forecasts, cost{took.Seconds(), len(series)})
	}
	if err := r.score(everything, actual, forecasts, cost{took.Seconds(), len(series)}); err != nil {
		return err
	}
	wanted := map[key]bool{}
	for _, s := range chosen {
		wanted[s.Key] = true
	}
	actual = slices.DeleteFunc(actual, func(j judged) bool { return !wanted[j.key] })
	if err := r.score(ours, actual, forecasts, cost{took.Seconds(), len(series)}); err != nil {
		return err
	}
	return r.scorePeers(filepath.Join(o.peers, r.Set, strconv.Itoa(len(r.Origins)+1)), at, chosen, actual)
}

// truth is the demand of every series up to the end of the file.
func (h history) truth(ctx context.Context, workers int) (map[key][]float64, error) {
	o, err := newOrigin(ctx, h, 0, workers)
	if err != nil {
		return nil, err
	}
	demand := make([][]float64, len(o.known.series))
	err = o.each(o.known.series, func(i int, _ *auto.Engine, p sales.Prepared) {
		demand[i] = append([]float64(nil), p.Input.Y...)
	})
	out := make(map[key][]float64, len(demand))
	for i, s := range o.known.series {
		out[s.Key] = demand[i]
	}
	return out, err
}
