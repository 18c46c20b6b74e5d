package volume

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

const (
	source = "raw-data/incoming/north/sales.csv"
	record = "forecasts/drops/0.json"
)

// scene is a job on an account with one drop in it, by a program of the test's.
func scene(t *testing.T, script string) (Job, *bytes.Buffer) {
	t.Helper()
	store, err := dirblob.Open(t.TempDir(), dirblob.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, source, "date,sku,units\n")
	put(t, store, record, "{}")
	info, err := store.Head(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nset -e\nfor a; do root=$a; done\nout=$root/processed-data/etl/"+etlID+"\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return Job{
		Store: store, Dir: t.TempDir(), DropPlace: record, ETLID: etlID, Program: program, Stdout: &out,
		Drop: run.DropRecord{Container: "raw-data", Blob: "incoming/north/sales.csv", ETag: info.ETag, Bytes: info.Size, LastModified: info.LastModified},
	}, &out
}

var etlID = strings.Repeat("ab", 32)

func put(t *testing.T, s blobstore.Store, name, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), name, strings.NewReader(text), blobstore.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// stored is all that lies under the ETL's folder.
func stored(t *testing.T, s blobstore.Store) string {
	t.Helper()
	var all []string
	for info, err := range s.List(t.Context(), run.ETLDir(etlID)) {
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := s.Open(t.Context(), info.Name)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		_ = r.Close()
		all = append(all, strings.TrimPrefix(info.Name, run.ETLDir(etlID))+"="+string(b))
	}
	return strings.Join(all, " ")
}

const writes = `mkdir -p $out/sales/bucket=00
printf rows > $out/sales/bucket=00/1.parquet
printf index > $out/series_index.parquet
printf done > $out/_manifest.json
printf '{"stage":"done"}'`

// The program sees the drop and its record with their times, and what it writes is in the
// account afterwards.
func TestRun(t *testing.T) {
	t.Parallel()
	job, out := scene(t, `test "$1 $2 $3 $4 $5" = "--param etl_id=`+etlID+` --param drop=`+record+` --dir"
test "$(cat $root/`+source+`)" = date,sku,units
test "$(cat $root/`+record+`)" = "{}"
`+writes)
	if err := Run(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	const want = "_manifest.json=done sales/bucket=00/1.parquet=rows series_index.parquet=index"
	if got := stored(t, job.Store); got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	if out.String() != `{"stage":"done"}` {
		t.Errorf("stdout %q", out)
	}
	if fi, err := os.Stat(filepath.Join(job.Dir, source)); err != nil || fi.ModTime().Unix() != job.Drop.LastModified.Unix() {
		t.Errorf("the copy is of %v (%v), the drop of %v", fi.ModTime(), err, job.Drop.LastModified)
	}
	job.Program = "/no/such/program" // a job that has been done is not done again
	if err := Run(t.Context(), job); err != nil {
		t.Error(err)
	}
}

// Refusals have reasons, other ends are ordinary errors, and neither leaves a manifest.
func TestRunThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		before func(t *testing.T, job *Job)
		reason string
		says   string
	}{
		"refused": {script: `echo log; echo 'Error: {"reason":"missing_column","message":"no column for date"}' >&2; exit 1`, reason: "missing_column", says: "no column for date"},
		"crashed": {script: `echo out of memory >&2; exit 137`, says: "out of memory"},
		"changed before": {script: writes, before: func(t *testing.T, job *Job) {
			t.Helper()
			put(t, job.Store, source, "other,content\n1,2\n")
		}, reason: etl.ReasonSourceChanged, says: "no longer the version"},
		"gone before": {script: writes, before: func(t *testing.T, job *Job) {
			t.Helper()
			_ = job.Store.Delete(t.Context(), source)
		}, reason: etl.ReasonSourceGone, says: "deleted"},
		"changed meanwhile": {script: writes, before: func(t *testing.T, job *Job) {
			t.Helper()
			job.Store = secondHead{job.Store}
		}, reason: etl.ReasonSourceChanged, says: "no longer the version"},
	} {
		job, _ := scene(t, c.script)
		if c.before != nil {
			c.before(t, &job)
		}
		err := Run(t.Context(), job)
		if err == nil || event.ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, reason %q; want %q", name, err, event.ReasonOf(err), c.reason)
		}
		if s := stored(t, job.Store); strings.Contains(s, "_manifest") {
			t.Errorf("%s: stored %s", name, s)
		}
	}
}

// secondHead has the source change while the program runs: before it is looked at again.
type secondHead struct{ blobstore.Store }

func (s secondHead) Head(ctx context.Context, name string) (blobstore.Info, error) {
	if name == source {
		if _, err := s.Put(ctx, name, strings.NewReader("other,content\n1,2\n"), blobstore.Condition{}); err != nil {
			return blobstore.Info{}, err
		}
	}
	return s.Store.Head(ctx, name)
}

// What an attempt has left that died before its manifest is kept if it is the same, and
// written over if it is not; what a finished attempt has put stays.
func TestRunAfterAnotherAttempt(t *testing.T) {
	t.Parallel()
	job, _ := scene(t, writes)
	put(t, job.Store, run.ETLDir(etlID)+"sales/bucket=00/1.parquet", "rows")
	put(t, job.Store, run.ETLDir(etlID)+"series_index.parquet", "of another version")
	before, err := job.Store.Head(t.Context(), run.ETLDir(etlID)+"sales/bucket=00/1.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, job.Store); !strings.Contains(got, "series_index.parquet=index") || !strings.Contains(got, "_manifest.json=done") {
		t.Errorf("stored %s", got)
	}
	if after, err := job.Store.Head(t.Context(), before.Name); err != nil || after.ETag != before.ETag {
		t.Errorf("the same content was written again: %v, %v", after, err)
	}

	job, _ = scene(t, writes)
	job.Store = &finishedMeanwhile{Store: job.Store, t: t}
	if err := Run(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, job.Store); got != "_manifest.json=theirs series_index.parquet=theirs" {
		t.Errorf("over a finished attempt: %s", got)
	}
}

// finishedMeanwhile has another attempt finish when this one begins to put its files.
type finishedMeanwhile struct {
	blobstore.Store
	t    *testing.T
	done bool
}

func (s *finishedMeanwhile) Put(ctx context.Context, name string, body io.Reader, c blobstore.Condition) (blobstore.Info, error) {
	if !s.done {
		s.done = true
		put(s.t, s.Store, run.ETLDir(etlID)+"series_index.parquet", "theirs")
		put(s.t, s.Store, run.ManifestPlace(etlID), "theirs")
		return blobstore.Info{}, blobstore.ErrExists
	}
	return s.Store.Put(ctx, name, body, c)
}
