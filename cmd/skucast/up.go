package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/shared/config"
	"github.com/skucast/skucast/shared/ledger"
	"github.com/skucast/skucast/shared/run"
)

// defaultData is the local storage account of `up`, `status` and `forecast`.
const defaultData = "skucast-data"

// up is `skucast up`.
func (p program) up(ctx context.Context, fs *flag.FlagSet, args []string) error {
	var local localFlags
	local.register(fs)
	data := fs.String("data", defaultData, "`folder` of the local storage account")
	addr := fs.String("addr", "127.0.0.1:7071", "loopback `address` of the API")
	if _, err := p.parse(fs, args, 0, 0); err != nil {
		return err
	}
	cfg, err := local.config(p, *data)
	if err != nil {
		return err
	}
	incoming := filepath.Join(*data, "raw-data", "incoming")
	folder, where := incoming, "copy CSV files into "+incoming
	if cfg.Storage.Elsewhere() {
		folder, where = *data, fmt.Sprintf("drop CSV files with skucast upload FILE --data %s; other tools take SKUCAST_STORAGE_CONNECTION_STRING of %s",
			*data, filepath.Join(*data, upSettings))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the folder for drops: %w", err)
	}
	release, err := lockFile(filepath.Join(*data, upLock))
	if err != nil {
		return fmt.Errorf("another skucast is up on %s: %w", *data, err)
	}
	defer release()
	cfg.Addr = *addr
	st, err := stack.Start(ctx, cfg)
	if err != nil {
		return fmt.Errorf("start the local pipeline: %w", err)
	}
	defer st.Close()
	forget, err := tellSettings(*data, st.Settings())
	if err != nil {
		return err
	}
	defer forget()
	fmt.Fprintf(p.Stdout, "%s\nService Bus on %s\nAPI on %s/api/runs, Ctrl-C ends\n", where, st.Bus, st.URL())
	return p.tell(ctx, st)
}

// tell prints what becomes of every run until ctx ends.
func (p program) tell(ctx context.Context, st *stack.Stack) error {
	l := ledger.Ledger{Store: st.Store, Version: config.Version}
	open := map[string]bool{}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := l.Open(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		seen := map[string]bool{}
		for _, id := range now {
			seen[id] = true
			if !open[id] {
				p.tellStart(ctx, l, id)
			}
		}
		for id := range open {
			if !seen[id] {
				p.tellEnd(ctx, l, id)
			}
		}
		open = seen
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p program) tellStart(ctx context.Context, l ledger.Ledger, id string) {
	if v, err := l.View(ctx, id); err == nil {
		fmt.Fprintf(p.Stdout, "%s  run %s  started: %s\n", time.Now().Format(time.TimeOnly), run.Short(id), v.Source)
	}
}

func (p program) tellEnd(ctx context.Context, l ledger.Ledger, id string) {
	v, err := l.View(ctx, id)
	if err != nil {
		return // the next look at status will say why
	}
	at := time.Now().Format(time.TimeOnly)
	switch v.Status {
	case ledger.StatusComplete:
		fmt.Fprintf(p.Stdout, "%s  run %s  complete: %s\n", at, run.Short(id), summaryLine(*v.Complete))
	case ledger.StatusFailed:
		fmt.Fprintf(p.Stdout, "%s  run %s  failed: %s: %s\n", at, run.Short(id), v.Failed.Reason, v.Failed.Message)
	}
}

// lockFile takes a lock that ends with the process, however that ends.
func lockFile(name string) (release func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { _ = f.Close() }, nil
}
