package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/skucast/skucast/etl"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/event"
	"github.com/skucast/skucast/shared/run"
)

// stage reads the dropped file once into numbered lines and resolves its header. The file
// must be the drop's version before the first and after the last read.
func stage(ctx context.Context, job Job, path string) (source, error) {
	if _, ok := run.Feed(job.Drop.Blob); !ok {
		return source{}, event.Permanent(etl.ReasonNotAFile, fmt.Errorf(
			"%s is not the name of a dropped file; drop a CSV under %s<feed>/", job.Drop.Drop().Place(), run.Incoming))
	}
	r, info, err := job.Store.Open(ctx, job.Drop.Drop().Place())
	if err != nil {
		return source{}, sourceError(job, err)
	}
	defer func() { _ = r.Close() }()
	if err := unchanged(job, info); err != nil {
		return source{}, err
	}
	f, err := os.Create(path)
	if err != nil {
		return source{}, fmt.Errorf("stage %s: %w", job.Drop.Blob, err)
	}
	staged, err := etl.Stage(ctx, job.Drop.Blob, r, f, etl.HeaderTest(job.Drop.Options.ETL()))
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("stage %s: %w", job.Drop.Blob, cerr)
	}
	if err != nil {
		return source{}, errors.Join(afterRead(ctx, job, 0), sourceError(job, err))
	}
	if err := afterRead(ctx, job, staged.SourceBytes); err != nil {
		return source{}, err
	}
	header, err := etl.ResolveHeader(job.Drop.Blob, staged, job.Drop.Options.ETL())
	if err != nil {
		return source{}, err
	}
	return source{staged: staged, header: header, info: info, path: path}, nil
}

// afterRead checks the file again; bytes is how many were read, 0 if reading failed.
func afterRead(ctx context.Context, job Job, bytes int64) error {
	info, err := job.Store.Head(ctx, job.Drop.Drop().Place())
	if err != nil {
		return sourceError(job, err)
	}
	if err := unchanged(job, info); err != nil {
		return err
	}
	if bytes > 0 && bytes != info.Size {
		return event.Permanent(etl.ReasonSourceChanged, fmt.Errorf(
			"%s gave %d bytes, but is %d bytes long: it was written while it was read", job.Drop.Blob, bytes, info.Size))
	}
	return nil
}

// unchanged compares a blob with the version that was dropped. Times are compared to the
// second, which is what storage services keep.
func unchanged(job Job, info blobstore.Info) error {
	d := job.Drop
	if info.ETag != d.ETag || info.Size != d.Bytes || !info.LastModified.Truncate(time.Second).Equal(d.LastModified.Truncate(time.Second)) {
		return event.Permanent(etl.ReasonSourceChanged, fmt.Errorf(
			"%s is no longer the version that was dropped (%d bytes, %s, etag %s; now %d bytes, %s, etag %s); the new version is a drop of its own",
			d.Blob, d.Bytes, d.LastModified.UTC().Format(time.RFC3339), d.ETag,
			info.Size, info.LastModified.UTC().Format(time.RFC3339), info.ETag))
	}
	return nil
}

// sourceError gives the store's verdicts on the source a reason.
func sourceError(job Job, err error) error {
	switch {
	case event.IsPermanent(err):
		return err
	case errors.Is(err, blobstore.ErrNotFound):
		return event.Permanent(etl.ReasonSourceGone, fmt.Errorf("%s was deleted before it was read: %w", job.Drop.Blob, err))
	case errors.Is(err, blobstore.ErrChanged):
		return event.Permanent(etl.ReasonSourceChanged, fmt.Errorf("%s was replaced while it was read: %w", job.Drop.Blob, err))
	case errors.Is(err, blobstore.ErrInvalidName):
		return event.Permanent(etl.ReasonNotAFile, fmt.Errorf("%s cannot be a file: %w", job.Drop.Blob, err))
	}
	return err
}
