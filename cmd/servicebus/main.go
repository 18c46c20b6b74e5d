// Command servicebus runs a Service Bus, on the loopback interface by default, for any
// client library of Azure Service Bus. Its first line of output is the connection string.
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

// Exit codes.
const (
	exitFailed = 1
	exitMisuse = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitMisuse
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level}))
	cfg, err := o.serverConfig(time.Now)
	if err != nil {
		fmt.Fprintln(stderr, "servicebus:", err)
		return exitMisuse
	}
	cfg.Logger = logger
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
	if _, err := fmt.Fprintln(stdout, srv.ConnectionString(ln.Addr())); err != nil {
		_ = ln.Close()
		fmt.Fprintf(stderr, "servicebus: write connection string: %v\n", err)
		return exitFailed
	}
	logger.Info("listening", "address", ln.Addr().String(), "queues", srv.Queues(), "topics", srv.Topics())
	served := make(chan error, 1)
	start := time.Now()
	go func() { served <- srv.Serve(ln) }()
	select {
	case <-ctx.Done():
		closing := srv.Close()
		if err := <-served; !errors.Is(err, servicebus.ErrClosed) {
			logger.Warn("serving ended by itself", "error", err)
		}
		if closing != nil {
			fmt.Fprintln(stderr, closing)
			return exitFailed
		}
		logger.Info("stopped", "after", time.Since(start).Round(time.Millisecond))
		return 0
	case err := <-served:
		_ = srv.Close()
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
}
