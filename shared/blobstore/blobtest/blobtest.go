// Package blobtest is the conformance suite of blobstore drivers: what the pipeline relies
// on, as tests that every driver must pass.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
)

// The container that the suite works in; it must exist and be empty below each test's name.
const container = blobstore.Forecasts

// Run tests the store that open returns. Every test calls open once and uses names of its
// own, so one real container can serve all.
func Run(t *testing.T, open func(t *testing.T) blobstore.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, s blobstore.Store, dir string)
	}{
		{"put and read back", roundTrip},
		{"empty blob", emptyBlob},
		{"etag of every write", etags},
		{"conditions", conditions},
		{"one winner of 32 creators", creators},
		{"no lost update", updates},
		{"ranges", ranges},
		{"replaced while open", replacedWhileOpen},
		{"list", list},
		{"list many", listMany},
		{"list early end", listEarlyEnd},
		{"delete", deletes},
		{"not found", notFound},
		{"invalid names", invalidNames},
		{"unusual names", unusualNames},
		{"cancelled", cancelled},
		{"body fails", bodyFails},
		{"64 MiB", large},
		{"json", getJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t), container+"/"+t.Name()+"/")
		})
	}
}

func put(t *testing.T, s blobstore.Store, name, content string, cond blobstore.Condition) blobstore.Info {
	t.Helper()
	in, err := s.Put(t.Context(), name, bytes.NewReader([]byte(content)), cond)
	if err != nil {
		t.Fatalf("Put(%s): %v", name, err)
	}
	return in
}

func get(t *testing.T, s blobstore.Store, name string) (string, blobstore.Info) {
	t.Helper()
	b, in, err := read(t.Context(), s, name)
	if err != nil {
		t.Fatalf("Open(%s): %v", name, err)
	}
	return string(b), in
}

func read(ctx context.Context, s blobstore.Store, name string) ([]byte, blobstore.Info, error) {
	r, in, err := s.Open(ctx, name)
	if err != nil {
		return nil, in, err
	}
	b, err := io.ReadAll(r)
	return b, in, errors.Join(err, r.Close())
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %q", what, got, want)
	}
}

func same(t *testing.T, what string, got, want blobstore.Info) {
	t.Helper()
	if got.Name != want.Name || got.ETag != want.ETag || got.Size != want.Size || !got.LastModified.Equal(want.LastModified) {
		t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}
