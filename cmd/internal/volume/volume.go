// Package volume gives a program that knows folders only, as the Spark job, a storage
// account: what it reads is fetched into a folder, and what it has written is put back, the
// manifest last. In Databricks a volume of the catalog does this.
package volume

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/etl/databricks"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// Job is one ETL by a program.
type Job struct {
	Store     blobstore.Store
	Dir       string // an empty folder with room for the dropped file and what comes of it
	Drop      run.DropRecord
	DropPlace string // of its record
	ETLID     string
	Program   string    // called with --param etl_id=… --param drop=… --dir Dir
	Stdout    io.Writer // the program's
}

// Run does the job unless it has been done. A refusal of the program's is a permanent error
// with its reason.
func Run(ctx context.Context, job Job) error {
	done, err := exists(ctx, job.Store, run.ManifestPlace(job.ETLID))
	if done || err != nil {
		return err
	}
	if _, err := job.fetch(ctx, job.DropPlace); err != nil {
		return err
	}
	if err := job.fetchSource(ctx); err != nil {
		return err
	}
	if err := job.program(ctx); err != nil {
		return err
	}
	// The program has seen its copy; whether that is still the drop is known only here.
	now, err := job.Store.Head(ctx, job.Drop.Drop().Place())
	if err != nil {
		return job.sourceError(err)
	}
	if err := job.unchanged(now); err != nil {
		return err
	}
	return job.putBack(ctx)
}

func exists(ctx context.Context, s blobstore.Store, name string) (bool, error) {
	_, err := s.Head(ctx, name)
	if errors.Is(err, blobstore.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// fetchSource brings the dropped file, which must be the version that was dropped.
func (job Job) fetchSource(ctx context.Context) error {
	info, err := job.fetch(ctx, job.Drop.Drop().Place())
	if err != nil {
		return job.sourceError(err)
	}
	return job.unchanged(info)
}

func (job Job) unchanged(info blobstore.Info) error {
	if info.ETag != job.Drop.ETag || info.Size != job.Drop.Bytes {
		return event.Permanent(etl.ReasonSourceChanged, fmt.Errorf(
			"%s is no longer the version that was dropped (%d bytes, etag %s; now %d bytes, etag %s); the new version is a drop of its own",
			job.Drop.Blob, job.Drop.Bytes, job.Drop.ETag, info.Size, info.ETag))
	}
	return nil
}

func (job Job) sourceError(err error) error {
	switch {
	case errors.Is(err, blobstore.ErrNotFound):
		return event.Permanent(etl.ReasonSourceGone, fmt.Errorf("%s was deleted before it was read: %w", job.Drop.Blob, err))
	case errors.Is(err, blobstore.ErrChanged):
		return event.Permanent(etl.ReasonSourceChanged, fmt.Errorf("%s was replaced while it was read: %w", job.Drop.Blob, err))
	}
	return err
}

// fetch brings a blob into the folder, with its time of the last change, by which the
// program knows a version.
func (job Job) fetch(ctx context.Context, name string) (blobstore.Info, error) {
	r, info, err := job.Store.Open(ctx, name)
	if err != nil {
		return blobstore.Info{}, err
	}
	defer func() { _ = r.Close() }()
	to := filepath.Join(job.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return info, fmt.Errorf("fetch %s: %w", name, err)
	}
	f, err := os.Create(to)
	if err != nil {
		return info, fmt.Errorf("fetch %s: %w", name, err)
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return info, fmt.Errorf("fetch %s: %w", name, err)
	}
	if err := os.Chtimes(to, time.Time{}, info.LastModified); err != nil {
		return info, fmt.Errorf("fetch %s: %w", name, err)
	}
	return info, nil
}

func (job Job) program(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, job.Program, "--param", databricks.ParamETLID+"="+job.ETLID,
		"--param", databricks.ParamDrop+"="+job.DropPlace, "--dir", job.Dir)
	cmd.WaitDelay = 5 * time.Second
	var failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = job.Stdout, &failure
	err := cmd.Run()
	if err == nil {
		return nil
	}
	text := failure.String()
	if reason, message, ok := databricks.DecodeFailure(text); ok {
		return event.Permanent(reason, errors.New(message))
	}
	return fmt.Errorf("the etl program ended: %w: %s", err, text[max(0, len(text)-2000):])
}

// putBack puts what the program has written, the manifest last. Another attempt at the same
// ETL may be doing the same: names of sales files carry their content, the others are
// written over only while there is no manifest and nobody else writes.
func (job Job) putBack(ctx context.Context) error {
	root := filepath.Join(job.Dir, filepath.FromSlash(run.ETLDir(job.ETLID)))
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if name != run.ManifestName {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("what the etl program has written: %w", err)
	}
	for _, name := range names {
		if err := job.putFile(ctx, root, name); err != nil {
			if done, derr := exists(ctx, job.Store, run.ManifestPlace(job.ETLID)); done && derr == nil {
				return nil // another attempt has done the job
			}
			return err
		}
	}
	err = job.put(ctx, root, run.ManifestName, blobstore.Once)
	if errors.Is(err, blobstore.ErrExists) {
		return nil
	}
	return err
}

// putFile puts one file, unless the same is there.
func (job Job) putFile(ctx context.Context, root, name string) error {
	err := job.put(ctx, root, name, blobstore.Once)
	if !errors.Is(err, blobstore.ErrExists) {
		return err
	}
	there, etag, err := job.sum(ctx, name)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	if ours := sha256.Sum256(b); hex.EncodeToString(ours[:]) == there {
		return nil
	}
	done, err := exists(ctx, job.Store, run.ManifestPlace(job.ETLID))
	if err != nil {
		return err
	}
	if done {
		return fmt.Errorf("put %s: %w", name, blobstore.ErrExists)
	}
	return job.put(ctx, root, name, blobstore.Condition{IfMatch: etag})
}

// sum is the sha256 of a blob of the output.
func (job Job) sum(ctx context.Context, name string) (digest, etag string, err error) {
	r, info, err := job.Store.Open(ctx, run.ETLDir(job.ETLID)+name)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", "", fmt.Errorf("look at %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), info.ETag, nil
}

func (job Job) put(ctx context.Context, root, name string, c blobstore.Condition) error {
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	_, err = job.Store.Put(ctx, run.ETLDir(job.ETLID)+name, f, c)
	return err
}
