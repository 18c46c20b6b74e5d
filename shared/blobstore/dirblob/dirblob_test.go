package dirblob_test

import (
	"testing"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/blobtest"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blobstore.Store { return open(t, t.TempDir()) })
}

func open(t *testing.T, dir string, opts ...dirblob.Option) *dirblob.Store {
	t.Helper()
	s, err := dirblob.Open(dir, append([]dirblob.Option{dirblob.WithoutSync()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
