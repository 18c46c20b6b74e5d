package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/products"
	"github.com/skucast/skucast/shared/run"
)

// deliver brings a run's products into the folder that the user named. move renames
// instead of copying, for a storage account that is thrown away afterwards.
func (p program) deliver(ctx context.Context, st *stack.Stack, v ledger.View, out string, move bool) error {
	rec, err := ledger.Ledger{Store: st.Store}.Run(ctx, v.RunID)
	if err != nil {
		return err
	}
	if err := clearOut(out); err != nil {
		return err
	}
	d := delivery{store: st, out: out, move: move}
	if v.Status == ledger.StatusFailed {
		d.folder(ctx, run.ETLDir(rec.ETLID), etlProduct)
		d.folder(ctx, run.Dir(v.RunID), func(name string) bool { return name == "_failed.json" })
		return d.err
	}
	from := v.RunID
	if v.Complete.DuplicateOf != nil {
		from = *v.Complete.DuplicateOf
	}
	if err := p.csv(ctx, st, from, *v.Complete, out); err != nil {
		return err
	}
	d.folder(ctx, run.Dir(from), func(name string) bool {
		return strings.HasPrefix(name, "forecasts/") || strings.HasPrefix(name, "series/") || name == "report.html"
	})
	d.folder(ctx, run.ETLDir(rec.ETLID), etlProduct)
	d.folder(ctx, run.Dir(v.RunID), func(name string) bool { return name == "_complete.json" })
	return d.err
}

// etlProduct selects what a user gets of an ETL's output.
func etlProduct(name string) bool { return !strings.HasPrefix(name, "runs/") }

// csv writes forecasts.csv: copied if publish-run has written it, else streamed from the
// units.
func (p program) csv(ctx context.Context, st *stack.Stack, id string, c run.Complete, out string) (err error) {
	f, err := os.Create(filepath.Join(out, "forecasts.csv"))
	if err != nil {
		return fmt.Errorf("write forecasts.csv: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	defer func() { err = errors.Join(err, w.Flush(), f.Close()) }()
	r, _, err := st.Store.Open(ctx, run.Dir(id)+"forecasts.csv")
	if err == nil {
		defer func() { _ = r.Close() }()
		_, err = io.Copy(w, r)
		return err
	}
	if !errors.Is(err, blobstore.ErrNotFound) {
		return err
	}
	plan, _, err := ledger.Ledger{Store: st.Store}.Plan(ctx, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stderr, "writing forecasts.csv: %d series × %d periods\n", c.Series.Total, c.Horizon)
	order, err := products.ReadOrder(ctx, st.Store, id, plan.Units)
	if err != nil {
		return err
	}
	return products.WriteCSV(ctx, st.Store, order, id, w)
}

// produced are the names that a delivery writes.
func produced() []string {
	return []string{
		"forecasts.csv", "forecasts", "series", "report.html", "quality.json", "rejects.csv", "sales",
		"series_index.parquet", "calendar.parquet", "_manifest.json", "_complete.json", "_failed.json",
	}
}

// clearOut removes an earlier delivery, so that no file of another run stays behind. It
// touches nothing in a folder where no run was delivered.
func clearOut(out string) error {
	var there []string
	ours := false
	for _, name := range produced() {
		if _, err := os.Lstat(filepath.Join(out, name)); err == nil {
			there = append(there, name)
			ours = ours || name == "_complete.json" || name == "_failed.json"
		}
	}
	if len(there) > 0 && !ours {
		return fmt.Errorf("%s already holds %s, which is not from an earlier run; choose another --out", out, strings.Join(there, ", "))
	}
	var errs []error
	for _, name := range there {
		errs = append(errs, os.RemoveAll(filepath.Join(out, name)))
	}
	return errors.Join(errs...)
}

// delivery copies blobs of the local account to files; the first error stays.
type delivery struct {
	store *stack.Stack
	out   string
	move  bool
	err   error
}

// folder delivers what lies under dir and is wanted.
func (d *delivery) folder(ctx context.Context, dir string, wanted func(name string) bool) {
	for info, err := range d.store.Store.List(ctx, dir) {
		if d.err != nil {
			return
		}
		if err != nil {
			d.err = err
			return
		}
		if name := strings.TrimPrefix(info.Name, dir); wanted(name) {
			d.err = d.file(ctx, info.Name, filepath.Join(d.out, filepath.FromSlash(name)))
		}
	}
}

func (d *delivery) file(ctx context.Context, place, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("deliver %s: %w", place, err)
	}
	if folder, ok := d.store.Store.(*dirblob.Store); ok && d.move {
		if from, err := folder.Path(place); err == nil && os.Rename(from, to) == nil {
			return nil
		}
	}
	return download(ctx, d.store.Store, place, to)
}

func download(ctx context.Context, s blobstore.Store, place, to string) (err error) {
	r, _, err := s.Open(ctx, place)
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	defer func() { _ = r.Close() }()
	w, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	_, err = io.Copy(w, r)
	return err
}
