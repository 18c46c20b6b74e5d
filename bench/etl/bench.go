package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/skucast/skucast/bench/internal/process"
	"github.com/skucast/skucast/internal/generate"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// bench is what is measured with what.
type bench struct {
	skucast, spark string // programs
	data, work     string // folders
	rows, big      int
}

// measure makes every row of the table, the largest last.
func (b bench) measure(ctx context.Context) ([]row, error) {
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return nil, err
	}
	var rows []row
	took, err := b.small(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{what: "1,000 rows, from drop to manifest", wall: took, mustWall: time.Second})

	onFile, err := b.real(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, onFile...)

	file := filepath.Join(b.work, "sales.csv")
	defer func() { _ = os.Remove(file) }()
	lines, err := generated(file, b.rows)
	if err != nil {
		return nil, err
	}
	ours, err := b.transform(ctx, b.duckdb(), file, run.Options{})
	if err != nil {
		return nil, err
	}
	must := row{what: lines + " rows, DuckDB", wall: ours.Wall, cpu: ours.CPU, peak: ours.Peak, mustWall: 40 * time.Second, aimWall: 20 * time.Second, mustPeak: 1e9}
	rows = append(rows, must)
	if b.spark != "" {
		peer, err := b.transform(ctx, []string{b.spark}, file, run.Options{})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{
			what: "the same file, local PySpark", wall: peer.Wall, cpu: peer.CPU, peak: peer.Peak,
			ratio: ours.CPU.Seconds() / peer.CPU.Seconds(), mustRatio: 0.25,
		})
	}
	if b.big == 0 {
		return rows, nil
	}
	if lines, err = generated(file, b.big); err != nil {
		return nil, err
	}
	large, err := b.transform(ctx, b.duckdb(), file, run.Options{})
	if err != nil {
		return nil, err
	}
	return append(rows, row{
		what: lines + " rows, DuckDB", wall: large.Wall, cpu: large.CPU, peak: large.Peak,
		aimWall: 3 * time.Minute, mustPeak: ours.Peak + ours.Peak/flat,
	}), nil
}

// flat is the part of the small file's peak by which the large one's may be higher for
// memory to count as flat: a tenth.
const flat = 10

// duckdb is the ETL of the local pipeline.
func (b bench) duckdb() []string { return []string{b.skucast, "etl-job"} }

// realFiles are those of the budgets, with the options they need.
var realFiles = []struct {
	name    string
	options run.Options
	must    time.Duration
}{
	{"iowa_raw_2021.csv.gz", run.Options{Map: map[string]string{"sku": "item", "units": "bottles"}}, 20 * time.Second},
}

// real times the real files that are there.
func (b bench) real(ctx context.Context) ([]row, error) {
	var rows []row
	for _, f := range realFiles {
		path := filepath.Join(b.data, f.name)
		if _, err := os.Stat(path); os.IsNotExist(err) {
			fmt.Fprintf(os.Stderr, "etl: %s is not here: its line is left out\n", path)
			continue
		}
		u, err := b.transform(ctx, b.duckdb(), path, f.options)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: "`" + f.name + "`, DuckDB", wall: u.Wall, cpu: u.CPU, peak: u.Peak, mustWall: f.must})
	}
	return rows, nil
}

// generated writes a file of sales of ten stores over 600 days and says its lines.
func generated(path string, rows int) (string, error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	cfg := generate.Default()
	cfg.Stores, cfg.Days, cfg.Horizon = 10, 600, 0
	cfg.SKUs = max(1, rows/(cfg.Stores*cfg.Days*5/6)) // SKUs come and go: five sixths of the days have a line
	sum, err := generate.Write(generate.Files{Sales: f}, cfg)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", fmt.Errorf("generate %s: %w", path, err)
	}
	return millions(sum.Lines), nil
}

// transform drops a file into a storage account of its own and runs the job on it. What a
// person waits for before, the upload, is not timed.
func (b bench) transform(ctx context.Context, program []string, file string, o run.Options) (process.Usage, error) {
	dir, err := os.MkdirTemp(b.work, "account-*")
	if err != nil {
		return process.Usage{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	rec, err := dropped(ctx, dir, file, o)
	if err != nil {
		return process.Usage{}, err
	}
	argv := append(slices.Clone(program), "--dir", dir, "--param", "etl_id="+rec.ETLID, "--param", "drop="+rec.Drop().Record())
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var failure strings.Builder
	cmd.Stderr = &failure
	u, err := process.Run(ctx, cmd)
	if err != nil {
		return u, fmt.Errorf("%s of %s: %w\n%s", strings.Join(program, " "), file, err, failure.String())
	}
	if _, err := os.Stat(filepath.Join(dir, run.ManifestPlace(rec.ETLID))); err != nil {
		return u, fmt.Errorf("%s of %s ended without a manifest: %w", strings.Join(program, " "), file, err)
	}
	fmt.Fprintf(os.Stderr, "etl: %s: %s: %.1f s, %.1f CPU s, %.0f MB\n", filepath.Base(file), filepath.Base(program[0]), u.Wall.Seconds(), u.CPU.Seconds(), float64(u.Peak)/1e6)
	return u, nil
}

// dropped puts a file as a retailer would and claims it as submit-etl does.
func dropped(ctx context.Context, dir, file string, o run.Options) (run.DropRecord, error) {
	store, err := dirblob.Open(dir)
	if err != nil {
		return run.DropRecord{}, err
	}
	d := run.Drop{Container: blobstore.RawData, Blob: run.Incoming + "bench/" + filepath.Base(file)}
	options := strings.NewReader(string(run.Canonical(o)))
	if _, err := store.Put(ctx, d.FileOptions(), options, blobstore.Condition{}); err != nil {
		return run.DropRecord{}, err
	}
	f, err := os.Open(file)
	if err != nil {
		return run.DropRecord{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := store.Put(ctx, d.Place(), f, blobstore.Condition{})
	if err != nil {
		return run.DropRecord{}, err
	}
	return ledger.Ledger{Store: store}.Claim(ctx, d.Container, d.Blob, info.ETag, info.LastModified, "bench")
}

// smallRuns is how often the small file is dropped; the median counts.
const smallRuns = 5

// small is the time from a drop of 1,000 rows to its manifest, through the local pipeline
// with its events, queue and jobs service: the difference of the two files' times.
func (b bench) small(ctx context.Context) (time.Duration, error) {
	file := filepath.Join(b.work, "small.csv")
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file) }()
	cfg := generate.Default()
	cfg.Stores, cfg.SKUs, cfg.Days, cfg.Horizon = 2, 2, 300, 0 // about 1,000 lines
	_, err = generate.Write(generate.Files{Sales: f}, cfg)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for range smallRuns {
		d, err := b.dropToManifest(ctx, file)
		if err != nil {
			return 0, err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func (b bench) dropToManifest(ctx context.Context, file string) (time.Duration, error) {
	dir, err := os.MkdirTemp(b.work, "pipeline-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	account := filepath.Join(dir, "account")
	cmd := exec.CommandContext(ctx, b.skucast, "run", file, "--data", account, "--out", filepath.Join(dir, "out"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s run %s: %w\n%s", b.skucast, file, err, out)
	}
	drop, err := os.Stat(filepath.Join(account, blobstore.RawData, run.Incoming, filepath.Base(file)))
	if err != nil {
		return 0, err
	}
	manifests, err := filepath.Glob(filepath.Join(account, blobstore.ProcessedData, "etl", "*", run.ManifestName))
	if err != nil || len(manifests) != 1 {
		return 0, fmt.Errorf("%d manifests in %s, not one (%w)", len(manifests), account, err)
	}
	manifest, err := os.Stat(manifests[0])
	if err != nil {
		return 0, err
	}
	return manifest.ModTime().Sub(drop.ModTime()), nil
}
