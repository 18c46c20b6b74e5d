// Package duckdb runs the ETL on this machine: it stages the dropped file, runs the shared
// SQL on an embedded DuckDB one bucket at a time, and puts the results into a blob store.
// Memory is bounded by a setting, whatever the size of the file.
package duckdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// Engine is the manifest's name of this driver.
const Engine = "duckdb"

// DefaultMemoryLimit is of DuckDB's buffers. The process takes about half as much again, for
// staging and for what DuckDB does not count, whatever the size of the file.
const DefaultMemoryLimit = "600MB"

// Job is one ETL to run.
type Job struct {
	Store    blobstore.Store
	ETLID    string
	Drop     run.DropRecord // its LastModified is the only "now"
	JobRunID string         // of this attempt, for logs; no result depends on it
	// TempDir holds the staged text and DuckDB's spill: about three times the text of the
	// file. Empty is the system's folder for temporary files.
	TempDir     string
	MemoryLimit string // DefaultMemoryLimit if empty
	Threads     int    // 0: as many as processors
	Buckets     int    // 0: from the size of the text
	// Progress, if not nil, is told how far the job is.
	Progress func(stage string, fraction float64)
	Logger   *slog.Logger // nil: silent
}

// Run does the job and returns the manifest that counts: its own, or one that was there
// before. Errors that no second attempt can mend are permanent and carry a reason of
// etl.Reasons.
func Run(ctx context.Context, job Job) (run.Manifest, error) {
	job, err := job.withDefaults()
	if err != nil {
		return run.Manifest{}, err
	}
	if m, ok, err := existing(ctx, job); ok || err != nil {
		return m, err
	}
	dir, err := os.MkdirTemp(job.TempDir, "skucast-etl-")
	if err != nil {
		return run.Manifest{}, fmt.Errorf("etl %s: %w", run.Short(job.ETLID), err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			job.Logger.Warn("temporary files stay behind", "dir", dir, "error", err)
		}
	}()
	job.Progress("stage", 0)
	src, err := stage(ctx, job, filepath.Join(dir, linesFile))
	if err != nil {
		return run.Manifest{}, err
	}
	out, err := transform(ctx, job, dir, src)
	if err != nil {
		return run.Manifest{}, err
	}
	job.Progress("publish", 0.95)
	m, err := publish(ctx, job, out)
	if err != nil {
		return run.Manifest{}, err
	}
	job.Progress("done", 1)
	job.Logger.Info("etl done", "etl_id", run.Short(job.ETLID), "job_run_id", job.JobRunID, "rows", m.Rows.Accepted, "rejected", m.Rows.Rejected,
		"series", m.Series, "frequency", m.Frequency, "origin", m.Origin.String(), "mapping", m.Mapping)
	return m, nil
}

func (job Job) withDefaults() (Job, error) {
	if !run.IsID(job.ETLID) {
		return job, fmt.Errorf("etl_id %.80q is not 64 hex digits", job.ETLID)
	}
	if job.Store == nil {
		return job, errors.New("etl job has no store")
	}
	if job.MemoryLimit == "" {
		job.MemoryLimit = DefaultMemoryLimit
	}
	if job.Progress == nil {
		job.Progress = func(string, float64) {}
	}
	if job.Logger == nil {
		job.Logger = slog.New(slog.DiscardHandler)
	}
	return job, nil
}

// source is a staged file and what its header means.
type source struct {
	staged etl.Staged
	header etl.Header
	info   blobstore.Info
	path   string // of the staged lines
}
