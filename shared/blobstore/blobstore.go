// Package blobstore is the port to object storage, the pipeline's only state. Two
// drivers exist: azblob (Azure Storage) and dirblob (a folder); blobtest is the suite that
// both pass.
//
// A blob's name starts with its container: "forecasts/runs/…/run.json" is the blob
// "runs/…/run.json" of container "forecasts". Names are relative, slash-separated and
// never contain "." or ".." elements.
package blobstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// The three containers of a deployment.
const (
	RawData       = "raw-data"
	ProcessedData = "processed-data"
	Forecasts     = "forecasts"
)

// Errors that drivers return, wrapped with the blob's name. Everything else is to be
// taken as transient.
var (
	// ErrNotFound: no such blob (or it vanished between two calls).
	ErrNotFound = errors.New("not found")
	// ErrExists: a Put with IfNoneMatch found a blob already there.
	ErrExists = errors.New("blob already exists")
	// ErrChanged: the blob's ETag is not the one asked for.
	ErrChanged = errors.New("blob has changed")
	// ErrInvalidName: the name cannot be a blob's; a caller's or an input's mistake.
	ErrInvalidName = errors.New("invalid blob name")
	// ErrRange: a range that begins beyond the blob's end.
	ErrRange = errors.New("range beyond the end of the blob")
)

// Info describes a stored blob. ETag has no quotes and changes on every write.
type Info struct {
	Name         string
	ETag         string
	Size         int64
	LastModified time.Time // UTC
}

// Condition of a Put; the zero value overwrites.
type Condition struct {
	IfNoneMatch bool   // only if there is no such blob (ErrExists otherwise)
	IfMatch     string // only if the ETag is this one (ErrChanged otherwise, also when the blob is gone)
}

// Once is the condition of every effect that must happen exactly once.
var Once = Condition{IfNoneMatch: true}

// Store is safe for concurrent use by goroutines and, through its conditions, by
// processes.
type Store interface {
	// Head describes a blob.
	Head(ctx context.Context, name string) (Info, error)
	// Open reads a blob from its beginning. The stream fails with ErrChanged rather than
	// mix two versions.
	Open(ctx context.Context, name string) (io.ReadCloser, Info, error)
	// ReadRange reads n bytes at off, fewer at the blob's end. If ifMatch is not empty the
	// blob must still have that ETag. One request.
	ReadRange(ctx context.Context, name string, off, n int64, ifMatch string) ([]byte, error)
	// Put writes a blob as a whole: a reader sees the old or the new content, never a part.
	Put(ctx context.Context, name string, body io.Reader, cond Condition) (Info, error)
	// List yields the blobs whose name starts with prefix (which includes the container) in
	// byte order of their names. The first error ends the sequence.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// GetJSON reads a whole JSON blob into v and returns its Info.
func GetJSON(ctx context.Context, s Store, name string, v any) (Info, error) {
	r, info, err := s.Open(ctx, name)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		return Info{}, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return Info{}, fmt.Errorf("decode %s: %w", name, err)
	}
	return info, nil
}
