// Command measure runs a program and prints what its whole process tree took: wall clock,
// CPU seconds, and the peak of its proportional resident memory (PSS, so that pages shared
// between processes count once).
//
//	measure [-limit 15m] NAME COMMAND [ARGS…]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/skucast/skucast/bench/internal/process"
)

func main() {
	limit := flag.Duration("limit", time.Hour, "end the program after this `time`")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: measure [-limit 15m] NAME COMMAND [ARGS…]")
		os.Exit(2)
	}
	if err := measure(*limit, flag.Arg(0), flag.Args()[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(limit time.Duration, name string, argv []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	u, err := process.Run(ctx, cmd)
	fmt.Printf("%-44s wall %7.1f s   cpu %7.1f s   peak %6.0f MB\n", name, u.Wall.Seconds(), u.CPU.Seconds(), float64(u.Peak)/1e6)
	return err
}
