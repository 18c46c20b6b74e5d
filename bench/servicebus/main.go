// Command servicebus turns the broker's benchmarks into the table of docs/performance.md, and
// measures the memory of a broker that holds a million messages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/skucast/skucast/bench/internal/marked"
)

const usage = `Usage: servicebus -runs FILE -broker bin/servicebus [-note TEXT] [-into FILE]

Prints what go test -bench printed of the broker, in FILE, as a table beside the budgets, the best
of all runs, with the memory of a broker that holds a million messages. bench/servicebus/run is
how it is called.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("servicebus", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	runs := fs.String("runs", "", "`file` with the output of go test -bench")
	broker := fs.String("broker", "", "`program` whose memory is measured")
	note := fs.String("note", "", "`text` before the table")
	into := fs.String("into", "", "Markdown `file` that gets the table between its marks, instead of the output")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *runs == "" || *broker == "" || fs.NArg() > 0:
		fmt.Fprintln(stderr, "servicebus: -runs and -broker are needed, and nothing else but what -h says")
		return 2
	}
	if err := report(ctx, *runs, *broker, *note, *into, stdout); err != nil {
		fmt.Fprintln(stderr, "servicebus:", err)
		return 1
	}
	return 0
}

func report(ctx context.Context, runs, broker, note, into string, stdout io.Writer) error {
	f, err := os.Open(runs)
	if err != nil {
		return err
	}
	measured, err := read(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", runs, err)
	}
	peak, err := memory(ctx, broker)
	if err != nil {
		return fmt.Errorf("memory of %s: %w", broker, err)
	}
	measured["Memory bytes"] = peak
	text, err := table(measured)
	if err != nil {
		return err
	}
	text = note + "\n\n" + text
	if into == "" {
		_, err = fmt.Fprintln(stdout, text)
		return err
	}
	return marked.Insert(into, "bench/servicebus/run", text)
}
