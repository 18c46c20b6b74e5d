// Command skucast runs the forecasting pipeline on this machine and talks to it.
//
// Results go to stdout, progress and logs to stderr. Exit codes: 0 done, 1 failed, 2 the
// command line cannot be used.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := program{
		Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	code := p.Main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is the process's surroundings; tests give it others.
type program struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Terminal       bool // stderr is a terminal: draw a progress bar
}

// command is one verb of the command line.
type command struct {
	name    string
	args    string // as in usage: "FILE"
	summary string
	hidden  bool // for the program itself
	run     func(p program, ctx context.Context, fs *flag.FlagSet, args []string) error
}

func commands() []command {
	return []command{
		{"demo", "", "generate two years of sales and run the whole pipeline on this machine", false, program.demo},
		{"up", "", "keep the local pipeline up: watch a folder for dropped files, serve the API", false, program.up},
		{"run", "FILE", "run one file through the whole pipeline and copy the results out", false, program.runFile},
		{"upload", "FILE", "drop a file into the cloud's storage account, or into that of a running skucast up", false, program.upload},
		{"check", "FILE", "how a file would be read: columns, dates, what is repaired or rejected; nothing is forecast", false, program.check},
		{"backtest", "FILE", "how good the forecasts of a file would have been, by model, demand class, horizon and volume", false, program.backtest},
		{"generate", "", "write realistic sales with a fixed seed, and the truth behind them", false, program.generate},
		{"status", "[RUN]", "what happened: runs, progress, failures, refused messages", false, program.status},
		{"replay", "[RUN]", "do a run again: all of it, what failed, or some SKUs; or deal with refused messages", false, program.replay},
		{"forecast", "SKU", "what will sell of a SKU", false, program.forecast},
		{"config", "", "the settings of the cloud functions and where each comes from, secrets redacted", false, program.config},
		{"version", "", "the version of this program", false, program.version},
		{"worker", "", "the function app, started by the local functions host", true, program.worker},
		{"etl-job", "", "the ETL of one drop, started by the local jobs service", true, program.etlJob},
	}
}

// usageError is a mistake on the command line: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitError ends the program with a code; what there is to say has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Main runs one command line and returns the exit code.
func (p program) Main(ctx context.Context, args []string) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		p.usage(map[bool]io.Writer{true: p.Stderr, false: p.Stdout}[len(args) == 0])
		return map[bool]int{true: 2, false: 0}[len(args) == 0]
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return p.exit(c, p.dispatch(ctx, c, args[1:]))
		}
	}
	fmt.Fprintf(p.Stderr, "skucast: there is no command %q; skucast -h lists them\n", args[0])
	return 2
}

func (p program) dispatch(ctx context.Context, c command, args []string) error {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return c.run(p, ctx, fs, args)
}

func (p program) exit(c command, err error) int {
	var code exitError
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &wrong):
		fmt.Fprintf(p.Stderr, "skucast %s: %v\nskucast %s -h shows how it is used\n", c.name, err, c.name)
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(p.Stderr, "skucast %s: interrupted\n", c.name)
		return 1
	default:
		fmt.Fprintf(p.Stderr, "skucast %s: %v\n", c.name, err)
		return 1
	}
}

func (p program) usage(w io.Writer) {
	fmt.Fprint(w, "skucast turns a CSV of sales into a calibrated forecast for every SKU in every store.\n\n"+
		"usage: skucast COMMAND [options]\n\n")
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(w, "  %-16s %s\n", c.name+" "+c.args, c.summary)
		}
	}
	fmt.Fprint(w, "\nskucast COMMAND -h shows a command's options. Exit codes: 0 done, 1 failed, 2 misuse.\n")
}

// parse reads flags and arguments in any order and checks the number of arguments.
// -h prints the command's help to stdout.
func (p program) parse(fs *flag.FlagSet, args []string, least, most int) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				p.help(fs)
				return nil, err
			}
			return nil, usageError{err}
		}
		if fs.NArg() == 0 {
			break
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
	if len(rest) < least || len(rest) > most {
		for _, c := range commands() {
			if c.name == fs.Name() {
				return nil, misuse("%d arguments; it is used as: skucast %s %s", len(rest), c.name, c.args)
			}
		}
	}
	return rest, nil
}

func (p program) help(fs *flag.FlagSet) {
	for _, c := range commands() {
		if c.name == fs.Name() {
			fmt.Fprintf(p.Stdout, "skucast %s %s\n    %s\n", c.name, c.args, c.summary)
		}
	}
	some := false
	fs.VisitAll(func(f *flag.Flag) {
		if !some {
			fmt.Fprint(p.Stdout, "\noptions:\n")
		}
		some = true
		name, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(p.Stdout, "  --%s %s\n        %s", f.Name, name, usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			fmt.Fprintf(p.Stdout, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(p.Stdout)
	})
}

// logger writes logs to stderr: warnings only, or everything with -v.
func (p program) logger(verbose bool) *slog.Logger {
	level := slog.LevelError
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: level}))
}
