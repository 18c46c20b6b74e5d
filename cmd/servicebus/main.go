// Command servicebus runs a Service Bus in memory, on the loopback interface by default,
// for any client library of Azure Service Bus. Its first line of output is the connection
// string.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/skucast/skucast/emulator/servicebus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `Usage: servicebus [--listen 127.0.0.1:0] --queue NAME [--queue NAME]...

Runs a Service Bus in memory that the client libraries of Azure Service Bus talk to
unmodified. The first line of output is its connection string. It accepts every key: keep
it on the loopback interface. Ctrl-C or SIGTERM ends it, and its messages with it.

`

// Exit codes.
const (
	exitFailed = 1
	exitMisuse = 2
)

type options struct {
	listen string
	queues []string
	queue  servicebus.Queue // what all queues have in common
	level  slog.Level
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("servicebus", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 picks a free one")
	fs.Func("queue", "`name` of a queue; repeat for several, or separate by commas", func(v string) error {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name == "" {
				return errors.New("empty queue name")
			}
			o.queues = append(o.queues, name)
		}
		return nil
	})
	fs.DurationVar(&o.queue.LockDuration, "lock", servicebus.DefaultLockDuration, "how long a received message is locked")
	fs.IntVar(&o.queue.MaxDeliveryCount, "max-deliveries", servicebus.DefaultMaxDeliveryCount, "deliveries before a message is dead-lettered")
	fs.DurationVar(&o.queue.DuplicateWindow, "duplicate-window", 0, "how long message ids are remembered; 0 = no duplicate detection")
	fs.IntVar(&o.queue.MaxMessageSize, "max-message-size", servicebus.DefaultMaxMessageSize, "bytes of a message or batch")
	fs.TextVar(&o.level, "log", slog.LevelInfo, "`level` of the log on stderr: debug, info, warn, error")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; see servicebus -h", fs.Arg(0))
	case len(o.queues) == 0:
		err = errors.New("no queue named; add --queue NAME")
	}
	if err != nil {
		fmt.Fprintln(stderr, "servicebus:", err)
	}
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitMisuse
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level}))
	cfg := servicebus.Config{Logger: logger}
	for _, name := range o.queues {
		q := o.queue
		q.Name = name
		cfg.Queues = append(cfg.Queues, q)
	}
	srv, err := servicebus.New(cfg)
	if err != nil {
		fmt.Fprintln(stderr, "servicebus:", err)
		return exitMisuse
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		fmt.Fprintf(stderr, "servicebus: %v\n", err)
		return exitFailed
	}
	if _, err := fmt.Fprintln(stdout, servicebus.ConnectionString(ln.Addr())); err != nil {
		_ = ln.Close()
		fmt.Fprintf(stderr, "servicebus: write connection string: %v\n", err)
		return exitFailed
	}
	logger.Info("listening", "address", ln.Addr().String(), "queues", srv.Queues())
	served := make(chan error, 1)
	start := time.Now()
	go func() { served <- srv.Serve(ln) }()
	select {
	case <-ctx.Done():
		_ = srv.Close() // always nil
		if err := <-served; !errors.Is(err, servicebus.ErrClosed) {
			logger.Warn("serving ended by itself", "error", err)
		}
		logger.Info("stopped", "after", time.Since(start).Round(time.Millisecond))
		return 0
	case err := <-served:
		_ = srv.Close()
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
}
