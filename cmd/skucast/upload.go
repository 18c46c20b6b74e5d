package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/run"
)

// upload is `skucast upload FILE`: a drop into the pipeline that the environment names or
// that `skucast up` runs, which goes on with it by itself.
func (p program) upload(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var opts dropOptions
	opts.register(fs)
	data := fs.String("data", defaultData, "`folder` of the local storage account; one named in the environment (SKUCAST_STORAGE_ACCOUNT_URL, …) comes first")
	as := fs.String("as", "", "`name` of the drop, as north/sales.csv: its folder is the feed (default: the file's)")
	rest, err := p.parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if err := opts.check(); err != nil {
		return err
	}
	file := rest[0]
	if err := usable(file); err != nil {
		return err
	}
	if *as == "" {
		*as = filepath.Base(file)
	}
	d := run.Drop{Container: blobstore.RawData, Blob: run.Incoming + strings.TrimPrefix(*as, run.Incoming)}
	if _, isDrop := run.Feed(d.Blob); !isDrop {
		return misuse("--as %q is not the name of a drop: names that begin with _ or . and those of settings and temporary files are not", *as)
	}
	store, err := p.openAccount(*data)
	if err != nil {
		return err
	}
	if err := drop(ctx, store, d, file, opts.options); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s is in storage; skucast status shows its run\n", d.Place())
	return nil
}

// drop puts a file into a storage account, its options first.
func drop(ctx context.Context, s blobstore.Store, d run.Drop, file string, opts run.Options) error {
	if err := put(ctx, s, d.FileOptions(), func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(run.Canonical(opts)))), nil
	}); err != nil {
		return err
	}
	return put(ctx, s, d.Place(), func() (io.ReadCloser, error) { return os.Open(file) })
}
