package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/cmd/internal/volume"
	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/etl/databricks"
	"github.com/skucast/skucast/etl/duckdb"
	"github.com/skucast/skucast/internal/azfunc"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// worker is the function app as the local Functions host starts it.
func (p program) worker(ctx context.Context, fs *flag.FlagSet, args []string) error {
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	err := worker.Run(ctx, p.Getenv, slog.New(azfunc.LogHandler(slog.NewJSONHandler(p.Stdout, nil))))
	if err != nil {
		fmt.Fprintln(p.Stderr, "skucast worker:", err)
	}
	return exitError(azfunc.ExitCode(err))
}

// etlJob is the task of the local Databricks job. Its progress goes to stdout, its
// failure to stderr in the form that the jobs service passes on.
func (p program) etlJob(ctx context.Context, fs *flag.FlagSet, args []string) error {
	params := map[string]string{}
	dir := fs.String("dir", "", "`folder` for temporary files; the settings (SKUCAST_STORAGE_…) say where the blobs are, it where they do not")
	engine := fs.String("program", "", "`program` that runs the ETL on folders, instead of the built-in engine")
	fs.Func("param", "`name=value` of the job run", func(s string) error {
		name, value, _ := strings.Cut(s, "=")
		params[name] = value
		return nil
	})
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	if err := p.transform(ctx, *dir, *engine, params); err != nil {
		reason := event.ReasonOf(err)
		if reason == "" {
			reason = run.ReasonETLError
		}
		fmt.Fprintln(p.Stderr, databricks.EncodeFailure(reason, err.Error()))
		return exitError(1)
	}
	return nil
}

func (p program) transform(ctx context.Context, dir, engine string, params map[string]string) error {
	store, err := p.jobStore(dir)
	if err != nil {
		return err
	}
	var drop run.DropRecord
	if _, err := run.Read(ctx, store, params[databricks.ParamDrop], &drop); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Join(dir, ".tmp"), "etl-*")
	if err != nil {
		return fmt.Errorf("make a folder for temporary files: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // what stays behind is cleaned at the next start
	if engine != "" {
		return volume.Run(ctx, volume.Job{
			Store: store, Dir: temp, Drop: drop, DropPlace: params[databricks.ParamDrop], ETLID: params[databricks.ParamETLID],
			Program: engine, Stdout: p.Stdout,
		})
	}
	progress := json.NewEncoder(p.Stdout)
	_, err = duckdb.Run(ctx, duckdb.Job{
		Store: store, ETLID: params[databricks.ParamETLID], Drop: drop, JobRunID: filepath.Base(temp), TempDir: temp,
		Progress: func(stage string, fraction float64) {
			_ = progress.Encode(stack.ETLProgress{Stage: stage, Fraction: fraction}) // nobody listening is no reason to stop
		},
		Logger: p.logger(false),
	})
	return err
}

// jobStore opens the storage account of an ETL job.
func (p program) jobStore(dir string) (blobstore.Store, error) {
	if !p.inCloud() {
		return dirblob.Open(dir)
	}
	cfg, err := config.LoadStorage(p.Getenv)
	if err != nil {
		return nil, err
	}
	return worker.OpenStore(cfg)
}

// config is `skucast config`.
func (p program) config(_ context.Context, fs *flag.FlagSet, args []string) error {
	asJSON := fs.Bool("json", false, "print JSON")
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	settings := config.Describe(p.Getenv)
	if *asJSON {
		if err := p.printJSON(settings); err != nil {
			return err
		}
	} else {
		for _, s := range settings {
			value := s.Value
			if s.Default && value != "" {
				value += " (default)"
			}
			fmt.Fprintf(p.Stdout, "%-38s %s\n%-38s %s\n", s.Name, value, "", s.Meaning)
		}
	}
	if _, err := config.Load(p.Getenv); err != nil {
		return fmt.Errorf("these settings cannot start the function app:\n%w", err)
	}
	return nil
}

// version is `skucast version`.
func (p program) version(_ context.Context, fs *flag.FlagSet, args []string) error {
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout, "skucast", config.Version)
	return nil
}
