package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/internal/generate"
	"github.com/skucast/skucast/shared/retail"
)

// generate is `skucast generate`.
func (p program) generate(_ context.Context, fs *flag.FlagSet, args []string) error {
	cfg := generate.Default()
	fs.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "the same `seed` gives the same bytes")
	fs.IntVar(&cfg.Stores, "stores", cfg.Stores, "`number` of stores")
	fs.IntVar(&cfg.SKUs, "skus", cfg.SKUs, "`number` of SKUs")
	fs.IntVar(&cfg.Days, "days", cfg.Days, "`days` of history")
	fs.IntVar(&cfg.Horizon, "horizon", cfg.Horizon, "`days` after the history with known price and promotion, and no quantity")
	fs.BoolVar(&cfg.SkipZeros, "skip-zeros", false, "leave out the lines of days without a sale, as tills do")
	fs.Func("start", "first `date`, yyyy-mm-dd (default: the history ends on 2025-06-29)", func(s string) (err error) {
		cfg.Start, err = retail.ParseDate(s)
		return err
	})
	dirt := fs.Float64("dirt", 0, "`share` of lines that meet each kind of dirt, 0 to 0.2")
	out := fs.String("out", "sales.csv", "`file` of sales")
	truth := fs.String("truth", "", "`file` for the true distribution of the horizon and what came to be")
	clean := fs.String("clean", "", "`file` for the sales without dirt")
	asJSON := fs.Bool("json", false, "print the summary as JSON")
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	if *dirt < 0 || *dirt > 0.2 {
		return misuse("--dirt %g is not between 0 and 0.2", *dirt)
	}
	cfg.Dirt = generate.Uniform(*dirt)
	sum, err := generateFiles(cfg, *out, *clean, *truth)
	if err != nil {
		return err
	}
	if *asJSON {
		return p.printJSON(sum)
	}
	fmt.Fprintf(p.Stdout, "%s: %s lines, %d series of %d SKUs in %d stores, %s to %s and %d days ahead\n",
		*out, thousands(sum.Lines), sum.Series, sum.SKUs, sum.Stores, sum.Start, sum.Origin, cfg.Horizon)
	return nil
}

// generateFiles writes the files whose names are not empty.
func generateFiles(cfg generate.Config, sales, clean, truth string) (sum generate.Summary, err error) {
	var to generate.Files
	for _, f := range []struct {
		name string
		w    *io.Writer
	}{{sales, &to.Sales}, {clean, &to.Clean}, {truth, &to.Truth}} {
		if f.name == "" {
			continue
		}
		file, e := os.Create(f.name)
		if e != nil {
			return sum, fmt.Errorf("write %s: %w", f.name, e)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		*f.w = file
	}
	sum, err = generate.Write(to, cfg)
	if err != nil {
		return sum, fmt.Errorf("generate: %w", err)
	}
	return sum, nil
}

// demo is `skucast demo`: the generator's sales through the whole pipeline.
func (p program) demo(ctx context.Context, fs *flag.FlagSet, args []string) error {
	out := fs.String("out", "demo", "`folder` for the sales and the results")
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	file := filepath.Join(*out, "sales.csv")
	cfg := generate.Default()
	cfg.SKUs, cfg.Stores = 60, 5
	cfg.Dirt = generate.Uniform(0.001)
	sum, err := generateFiles(cfg, file, "", "")
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "generated %s: two years, %d SKUs in %d stores, %s lines, some of them dirty\n\n",
		file, sum.SKUs, sum.Stores, thousands(sum.Lines))
	var results strings.Builder
	quiet := p
	quiet.Stdout = &results // the record itself; it is in the folder
	runs := flag.NewFlagSet("run", flag.ContinueOnError)
	runs.SetOutput(io.Discard)
	if err := quiet.runFile(ctx, runs, []string{file, "--out", *out}); err != nil {
		return err
	}
	c, err := readComplete(filepath.Join(*out, "_complete.json"))
	if err != nil {
		return err
	}
	p.table(c)
	fmt.Fprintf(p.Stdout, "\nreport     %s\nforecasts  %s\n", filepath.Join(*out, "report.html"), filepath.Join(*out, "forecasts.csv"))
	return nil
}
