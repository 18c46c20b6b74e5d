// Command functionapp is what host.json starts: the custom handler of all functions. It is
// static, without cgo, and takes its settings from the environment.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/skucast/skucast/cmd/internal/worker"
	"github.com/skucast/skucast/internal/azfunc"
	"github.com/skucast/skucast/shared/config"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Printf("functionapp %s: the skucast function app. It is started by the Azure Functions host (host.json)\n"+
			"and takes no arguments; its settings are environment variables:\n\n", config.Version)
		for _, s := range config.Describe(func(string) string { return "" }) {
			fmt.Printf("  %-38s %s\n", s.Name, s.Meaning)
		}
		os.Exit(map[bool]int{true: 0, false: 2}[os.Args[1] == "-h" || os.Args[1] == "--help"])
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// The host takes stdout for information and every line on stderr for an error.
	log := slog.New(azfunc.LogHandler(slog.NewJSONHandler(os.Stdout, nil)))
	err := worker.Run(ctx, os.Getenv, log)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "functionapp:", err)
	}
	os.Exit(azfunc.ExitCode(err))
}
