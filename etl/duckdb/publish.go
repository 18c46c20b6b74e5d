package duckdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// Files of the output at fixed names; sales files are named by their content.
const (
	IndexFile    = "series_index.parquet"
	CalendarFile = "calendar.parquet"
	RejectsFile  = "rejects.csv"
	QualityFile  = "quality.json"
)

// existing returns the manifest of this ETL if there is one.
func existing(ctx context.Context, job Job) (run.Manifest, bool, error) {
	var m run.Manifest
	_, err := run.Read(ctx, job.Store, run.ManifestPlace(job.ETLID), &m)
	switch {
	case err == nil:
		return m, true, nil
	case errors.Is(err, blobstore.ErrNotFound):
		return run.Manifest{}, false, nil
	}
	return run.Manifest{}, false, fmt.Errorf("manifest of etl %s: %w", run.Short(job.ETLID), err)
}

// publish puts the files and then the manifest, whose conditional put decides between two
// attempts at the same ETL. Both compute the same bytes, and no name depends on the
// attempt: a sales file carries its content's hash and is put once, a file at a fixed name
// is left alone if it holds the same bytes already. So attempts cannot mix, and a slow one
// cannot disturb what workers read.
//
// Other bytes at a fixed name are what another version left that died before its
// manifest. They are written over, but only while there is no manifest, and only if nobody
// wrote in between (compare-and-swap on the ETag seen before the manifest was looked for);
// the winner looks at them once more and restores what has changed since.
func publish(ctx context.Context, job Job, out output) (run.Manifest, error) {
	m := run.Manifest{
		V: run.Version, ETLID: job.ETLID,
		Source: run.Source{
			Container: job.Drop.Container, Blob: job.Drop.Blob, ETag: job.Drop.ETag, LastModified: job.Drop.LastModified,
			Bytes: out.source.staged.SourceBytes, SHA256: out.source.staged.SHA256,
		},
		Options: job.Drop.Options.ETL(), Mapping: out.params.Mapping,
		Frequency: out.timeline.Grid.Frequency, Origin: out.timeline.Grid.Origin, MonthEnd: out.timeline.Grid.MonthEnd,
		Rows: out.quality.Rows, SKUs: out.skus, Series: out.series, Buckets: out.params.Buckets, Engine: Engine,
	}
	for i := range out.fixed {
		if err := out.fixed[i].hash(); err != nil {
			return run.Manifest{}, err
		}
	}
	for _, p := range slices.Concat(out.sales, out.fixed) {
		m.Files = append(m.Files, run.File{Path: p.path, Rows: p.rows, Bytes: p.bytes, SHA256: p.sha256})
	}
	for _, p := range out.sales {
		if err := put(ctx, job, p, blobstore.Once); err != nil && !errors.Is(err, blobstore.ErrExists) {
			return run.Manifest{}, err
		}
	}
	return putManifest(ctx, job, out.fixed, m)
}

// fixedAttempts bounds how often two live attempts may disturb each other.
const fixedAttempts = 20

func putManifest(ctx context.Context, job Job, fixed []product, m run.Manifest) (run.Manifest, error) {
	for range fixedAttempts {
		stored := make([]state, len(fixed))
		for i, p := range fixed {
			var err error
			if stored[i], err = look(ctx, job, p); err != nil {
				return run.Manifest{}, err
			}
		}
		if won, ok, err := existing(ctx, job); ok || err != nil {
			return won, err
		}
		err := putFixed(ctx, job, fixed, stored)
		if errors.Is(err, blobstore.ErrExists) || errors.Is(err, blobstore.ErrChanged) {
			continue // another attempt is at work
		}
		if err != nil {
			return run.Manifest{}, err
		}
		_, err = job.Store.Put(ctx, run.ManifestPlace(job.ETLID), bytes.NewReader(run.Canonical(m)), blobstore.Once)
		if errors.Is(err, blobstore.ErrExists) {
			won, _, err := existing(ctx, job)
			return won, err
		}
		if err != nil {
			return run.Manifest{}, fmt.Errorf("put manifest of etl %s: %w", run.Short(job.ETLID), err)
		}
		return m, restore(ctx, job, fixed)
	}
	return run.Manifest{}, fmt.Errorf("etl %s: other attempts keep writing to its files", run.Short(job.ETLID))
}

// state is what lies at a fixed name.
type state struct {
	same      bool                // the same bytes
	condition blobstore.Condition // under which nobody has written since
}

func look(ctx context.Context, job Job, p product) (state, error) {
	r, info, err := job.Store.Open(ctx, run.ETLDir(job.ETLID)+p.path)
	if errors.Is(err, blobstore.ErrNotFound) {
		return state{condition: blobstore.Once}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("look at %s of etl %s: %w", p.path, run.Short(job.ETLID), err)
	}
	defer func() { _ = r.Close() }()
	s := state{condition: blobstore.Condition{IfMatch: info.ETag}}
	if info.Size != p.bytes {
		return s, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return state{}, fmt.Errorf("look at %s of etl %s: %w", p.path, run.Short(job.ETLID), err)
	}
	s.same = hex.EncodeToString(sum.Sum(nil)) == p.sha256
	return s, nil
}

func putFixed(ctx context.Context, job Job, fixed []product, stored []state) error {
	for i, p := range fixed {
		if stored[i].same {
			continue
		}
		if err := put(ctx, job, p, stored[i].condition); err != nil {
			return err
		}
	}
	return nil
}

// restore puts the winner's fixed files again where another version has replaced them
// between their put and the manifest's.
func restore(ctx context.Context, job Job, fixed []product) error {
	for _, p := range fixed {
		s, err := look(ctx, job, p)
		if err != nil {
			return err
		}
		if s.same {
			continue
		}
		if err := put(ctx, job, p, blobstore.Condition{}); err != nil {
			return err
		}
	}
	return nil
}

// put streams a local file into the output.
func put(ctx context.Context, job Job, p product, c blobstore.Condition) error {
	f, err := os.Open(p.local)
	if err != nil {
		return fmt.Errorf("put %s: %w", p.path, err)
	}
	defer func() { _ = f.Close() }()
	if _, err := job.Store.Put(ctx, run.ETLDir(job.ETLID)+p.path, f, c); err != nil {
		return fmt.Errorf("put %s of etl %s: %w", p.path, run.Short(job.ETLID), err)
	}
	return nil
}

// product is one file of the output, still on disk.
type product struct {
	path   string // in the manifest
	local  string
	rows   int64
	bytes  int64
	sha256 string
}

// hash fills in length and sha256.
func (p *product) hash() error {
	f, err := os.Open(p.local)
	if err != nil {
		return fmt.Errorf("hash %s: %w", p.local, err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if p.bytes, err = io.Copy(sum, f); err != nil {
		return fmt.Errorf("hash %s: %w", p.local, err)
	}
	p.sha256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}
