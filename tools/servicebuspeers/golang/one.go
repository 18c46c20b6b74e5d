package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// one runs the i-th test against a broker of its own.
func one(ctx context.Context, broker string, s *suite, p *prepared, i int, name string) result {
	address, stop, err := start(ctx, broker, s, p, i, name)
	if err != nil {
		return result{name: name, outcome: fail, why: err.Error()}
	}
	defer stop()
	if listen, dial, ok := s.between(i); ok {
		w, err := newWire(ctx, listen, dial)
		if err != nil {
			return result{name: name, outcome: fail, why: err.Error()}
		}
		defer w.close()
	}
	cmd := exec.CommandContext(ctx, p.binary, "-test.v", "-test.run", "^"+name+"$", "-test.timeout", (testLimit - 5*time.Second).String())
	cmd.Dir, cmd.Env = p.source, append(os.Environ(), s.env(p.dir, address)...)
	out, err := cmd.CombinedOutput()
	if keep := os.WriteFile(filepath.Join(p.dir, name+".out"), out, 0o600); keep != nil {
		return result{name: name, outcome: fail, why: keep.Error()}
	}
	return judge(name, out, err)
}

// start runs a broker until stop is called, and waits for its connection string, which has
// the port that it was given.
func start(ctx context.Context, broker string, s *suite, p *prepared, i int, name string) (address string, stop func(), err error) {
	log, err := os.Create(filepath.Join(p.dir, name+".broker"))
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, broker, append([]string{"--listen", s.listen(i), "--log", "debug"}, s.broker(p.dir)...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Stderr = log
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = log.Close()
		return "", nil, fmt.Errorf("start %s: %w", broker, err)
	}
	stop = func() {
		_ = cmd.Cancel()
		_ = cmd.Wait() // what it has to say is in its log
		_ = log.Close()
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("%s ended before it listened; see %s", broker, log.Name())
	}
	if address = s.listen(i); strings.HasSuffix(address, ":0") {
		endpoint, _, _ := strings.Cut(line, ";")
		address = strings.TrimPrefix(endpoint, "Endpoint=sb://")
	}
	return address, stop, nil
}

var skipReason = regexp.MustCompile(`(?m)^\s+\w+\.go:\d+: (.*)\n(?:.*\n)*?--- SKIP: `)

// judge reads what a test has printed and how it ended.
func judge(name string, out []byte, ended error) result {
	r := result{name: name, outcome: fail}
	switch {
	case ended == nil && bytes.Contains(out, []byte("--- PASS: "+name+" ")):
		r.outcome = pass
	case ended == nil && bytes.Contains(out, []byte("--- SKIP: "+name+" ")):
		r.outcome, r.why = skip, "it skips itself"
		if m := skipReason.FindSubmatch(out); m != nil {
			r.why = string(m[1])
		}
	case ended == nil:
		r.why = "it did not run"
	case bytes.Contains(out, []byte("panic: test timed out")) || strings.Contains(ended.Error(), "killed"):
		r.why = "it takes longer than " + testLimit.String()
	}
	return r
}
