// Command golang runs the tests that a Go client of AMQP brings along against our broker: the
// live tests of azservicebus, and the integration tests of go-amqp, in the versions that go.mod
// names. They are copied from the module cache, never into the repository, compiled as they
// are, and run each in a process of its own against a broker of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const usage = `Usage: golang -suite azservicebus|goamqp [-run NAME,...] [-jobs N] BROKER

Runs the tests of a Go client that need a broker against the program BROKER (bin/servicebus):
one process and one broker for each test. Prints "pass NAME", "FAIL NAME" or "skip NAME (why)"
for each and "SUITE: P of N" at last, and ends with 1 if a test fails that
tools/servicebuspeers/SUITE/known does not list, or passes although it is listed there.
What the tests print is kept in .cache/servicebuspeers/SUITE/.

azservicebus wants ports 443 and 5671. A user who may not have them runs in a user namespace.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	suite  string
	broker string
	only   map[string]bool // nil = all
	jobs   int
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{}
	fs := flag.NewFlagSet("golang", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	fs.StringVar(&o.suite, "suite", "", "`name` of the suite: azservicebus or goamqp")
	fs.Func("run", "only the tests of these `names`, apart by commas; says nothing about the others", func(v string) error {
		o.only = map[string]bool{}
		for name := range strings.SplitSeq(v, ",") {
			o.only[name] = true
		}
		return nil
	})
	fs.IntVar(&o.jobs, "jobs", 3*runtime.NumCPU(), "tests at a time; they wait more than they work")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case suites[o.suite] == nil:
		err = fmt.Errorf("suite %q; there are azservicebus and goamqp", o.suite)
	case fs.NArg() != 1:
		err = errors.New("one broker to test, such as bin/servicebus; see -h")
	case o.jobs < 1:
		err = fmt.Errorf("-jobs %d, at least 1", o.jobs)
	default:
		o.broker, err = filepath.Abs(fs.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "golang:", err)
	}
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	s := suites[o.suite]
	p, err := prepare(ctx, o.suite, s)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", o.suite, err)
		return 1
	}
	if s.privileged {
		switch code, done, err := withPorts(ctx, args, stdout, stderr); {
		case err != nil:
			fmt.Fprintf(stdout, "skip all (ports 443 and 5671 of the loopback interface: %v; be root, allow user namespaces, or set net.ipv4.ip_unprivileged_port_start to 443)\n%s: 0 of 0\n", err, o.suite)
			return 0
		case done:
			return code
		}
	}
	known, err := readKnown(filepath.Join("tools", "servicebuspeers", o.suite, "known"))
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", o.suite, err)
		return 1
	}
	results := o.all(ctx, s, p, stdout)
	if ctx.Err() != nil {
		fmt.Fprintf(stderr, "%s: interrupted\n", o.suite)
		return 1
	}
	return verdict(stdout, o.suite, results, known, o.only == nil)
}

// testLimit is more than the longest test takes on a busy machine.
const testLimit = 90 * time.Second

// all runs the tests, some at a time, and prints what came of each as it ends.
func (o options) all(ctx context.Context, s *suite, p *prepared, stdout io.Writer) []result {
	var (
		mu      sync.Mutex
		results []result
		wg      sync.WaitGroup
	)
	free := make(chan struct{}, o.jobs)
	for i, name := range p.tests {
		if o.only != nil && !o.only[name] {
			continue
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			limited, cancel := context.WithTimeout(ctx, testLimit)
			defer cancel()
			r := one(limited, o.broker, s, p, i, name)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, r)
			fmt.Fprintln(stdout, r)
		})
	}
	wg.Wait()
	return results
}
