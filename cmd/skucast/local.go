package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/skucast/skucast/cmd/internal/stack"
)

// localFlags are the flags of every command that runs the local pipeline.
type localFlags struct {
	instances   int
	app         string
	tick        time.Duration
	resendAfter time.Duration
	faults      string
	spark       string
	storage     storageFlags
	verbose     bool
}

func (l *localFlags) register(fs *flag.FlagSet) {
	fs.IntVar(&l.instances, "instances", 0, "`workers`, each a process of the function app (default: one per core)")
	fs.StringVar(&l.app, "app", "", "`folder` of a staged function app (make app) to run instead of the built-in one")
	fs.DurationVar(&l.tick, "reconcile-every", stack.DefaultTick, "`time` between two looks for what was lost")
	fs.DurationVar(&l.resendAfter, "resend-after", stack.DefaultResendAfter, "`time` without any result after which messages are sent again")
	fs.StringVar(&l.faults, "faults", "", "make the local cloud misbehave, to watch it recover: `seed=7,duplicate=2,lose=0.25,delay=300ms,kill=1s`")
	fs.StringVar(&l.spark, "spark", "", "`program` of the Spark job (make spark prints it) to read files with, instead of the built-in engine")
	l.storage.register(fs)
	fs.BoolVar(&l.verbose, "v", false, "log everything to stderr")
}

// config makes the settings of a local stack in dir.
func (l *localFlags) config(p program, dir string) (stack.Config, error) {
	faults, err := stack.ParseFaults(l.faults)
	if err != nil {
		return stack.Config{}, usageError{err}
	}
	if l.instances < 0 || l.tick <= 0 || l.resendAfter <= 0 {
		return stack.Config{}, misuse("--instances, --reconcile-every and --resend-after must be positive")
	}
	self, err := os.Executable()
	if err != nil {
		return stack.Config{}, fmt.Errorf("find this program to start workers: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return stack.Config{}, fmt.Errorf("local storage folder: %w", err)
	}
	app := l.app
	if app != "" {
		if app, err = filepath.Abs(app); err != nil {
			return stack.Config{}, fmt.Errorf("--app: %w", err)
		}
	}
	etl := []string{self, "etl-job"}
	if l.spark != "" {
		if l.spark, err = exec.LookPath(l.spark); err != nil {
			return stack.Config{}, misuse("--spark: %w; make spark installs the job and prints its program", err)
		}
		etl = []string{l.spark}
	}
	storage, err := l.storage.storage(p)
	if err != nil {
		return stack.Config{}, err
	}
	if l.spark != "" && storage.Elsewhere() {
		etl = []string{self, "etl-job", "--program", l.spark}
	}
	return stack.Config{
		Dir: dir, Storage: storage, Instances: l.instances, App: app, Worker: []string{self, "worker"}, ETL: etl,
		Tick: l.tick, ResendAfter: l.resendAfter, Faults: faults, Logger: p.logger(l.verbose),
	}, nil
}
