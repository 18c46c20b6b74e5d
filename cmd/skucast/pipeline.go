package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/skucast/skucast/cmd/internal/stack"
	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/shared/config"
)

// upLock is locked while `skucast up` runs on a folder; upSettings is how to reach it.
const (
	upLock     = ".up"
	upSettings = ".stack.json"
)

// errNotUp says that there is no pipeline to talk to.
var errNotUp = errors.New("no skucast up is running on this folder")

// pipeline is a running pipeline: in the cloud, one that `skucast up` runs, or one of
// this process.
type pipeline struct {
	worker.Parts
	where string
	etl   func() (stage string, fraction float64) // nil: not known
	close func()
}

// tellSettings writes down how to reach a stack, for this user only.
func tellSettings(data string, settings map[string]string) (forget func(), err error) {
	b, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("encode the settings: %w", err)
	}
	name := filepath.Join(data, upSettings)
	_ = os.Remove(name) // of one that was killed, perhaps readable by others
	if err := os.WriteFile(name, b, 0o600); err != nil {
		return nil, fmt.Errorf("write down how to reach the local pipeline: %w", err)
	}
	return func() { _ = os.Remove(name) }, nil // a folder without `up` is told by the lock
}

// inCloud reports whether the environment names a storage account: then that is the one.
func (p program) inCloud() bool {
	return p.Getenv("SKUCAST_STORAGE_ACCOUNT_URL") != "" || p.Getenv("SKUCAST_STORAGE_CONNECTION_STRING") != ""
}

// connect reaches the pipeline that the environment names, or the one that runs on the
// folder data. With nobody there it starts one if start is set, and returns errNotUp
// otherwise.
func (p program) connect(ctx context.Context, data string, start func() (stack.Config, error)) (pipeline, error) {
	if p.inCloud() {
		return reach(p.Getenv, "the cloud")
	}
	if info, err := os.Stat(data); err != nil || !info.IsDir() {
		return pipeline{}, fmt.Errorf("there is no local storage folder %s; skucast up makes one, --data names another", data)
	}
	release, err := lockFile(filepath.Join(data, upLock))
	if err != nil {
		return reachUp(data)
	}
	if start == nil {
		release()
		return pipeline{}, errNotUp
	}
	pl, err := startOwn(ctx, start)
	if err != nil {
		release()
		return pipeline{}, err
	}
	closeOwn := pl.close
	pl.close = func() { closeOwn(); release() }
	return pl, nil
}

func reach(getenv func(string) string, where string) (pipeline, error) {
	cfg, err := config.Load(getenv)
	if err != nil {
		return pipeline{}, fmt.Errorf("settings of the pipeline:\n%w", err)
	}
	parts, closeParts, err := worker.Connect(cfg)
	return pipeline{Parts: parts, where: where, close: closeParts}, err
}

// reachUp connects to the `skucast up` that holds the folder's lock.
func reachUp(data string) (pipeline, error) {
	settings, err := readSettings(data)
	if err != nil {
		return pipeline{}, fmt.Errorf("another skucast works on %s and has not said how to reach it; try again when it has started or ended: %w", data, err)
	}
	return reach(func(name string) string { return settings[name] }, "skucast up")
}

// readSettings reads what tellSettings wrote.
func readSettings(data string) (map[string]string, error) {
	name := filepath.Join(data, upSettings)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(b, &settings); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return settings, nil
}

func startOwn(ctx context.Context, start func() (stack.Config, error)) (pipeline, error) {
	cfg, err := start()
	if err != nil {
		return pipeline{}, err
	}
	st, err := stack.Start(ctx, cfg)
	if err != nil {
		return pipeline{}, fmt.Errorf("start the local pipeline: %w", err)
	}
	settings := st.Settings()
	pl, err := reach(func(name string) string { return settings[name] }, "this process")
	if err != nil {
		st.Close()
		return pipeline{}, err
	}
	closeParts := pl.close
	pl.etl, pl.close = st.ETL, func() { closeParts(); st.Close() }
	return pl, nil
}
