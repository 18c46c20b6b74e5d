package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// prepared is a suite that is ready to run.
type prepared struct {
	binary string
	source string   // where the tests run, as their test data is there
	dir    string   // for files of the run, and what the tests print
	tests  []string // that need a broker
}

// prepare copies and compiles the tests, unless that is done, and finds those that need a
// broker: without one they skip themselves.
func prepare(ctx context.Context, name string, s *suite) (*prepared, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", s.module)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", s.module, err)
	}
	version, from, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if from == "" {
		return nil, fmt.Errorf("%s %s is not in the module cache; run go mod download", s.module, version)
	}
	cache, err := filepath.Abs(filepath.Join(".cache", "servicebuspeers", name))
	if err != nil {
		return nil, err
	}
	source := filepath.Join(cache, version)
	p := &prepared{source: source, dir: filepath.Join(cache, "run"), binary: filepath.Join(cache, version+"-"+runtime.Version()+".test")}
	if err := copyTree(source, from); err != nil {
		return nil, fmt.Errorf("copy the tests: %w", err)
	}
	if _, err := os.Stat(p.binary); err != nil {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", p.binary, ".")
		// The module's own go.mod and go.sum decide, and pin by hash, what the tests import.
		build.Dir, build.Env, build.Stderr = source, append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off"), os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("compile the tests of %s: %w", s.module, err)
		}
	}
	if p.tests, err = needing(ctx, p); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil { //nolint:gosec // of no use to others, and no secret
		return nil, err
	}
	return p, s.setUp(p.dir)
}

// copyTree copies a folder of the module cache, whose files are read-only, to one that can
// be removed like any other. It appears whole or not at all.
func copyTree(to, from string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(to), "copy")
	if err != nil {
		return err
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(part, name)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755) //nolint:gosec // as above
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, raw, 0o644) //nolint:gosec // as above
	})
	if err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		_ = os.RemoveAll(part)
	}
	return err
}

// needing runs the tests without a broker, once, and returns those that skip themselves.
func needing(ctx context.Context, p *prepared) ([]string, error) {
	file := p.binary + ".needing"
	if raw, err := os.ReadFile(file); err == nil {
		return strings.Fields(string(raw)), nil
	}
	cmd := exec.CommandContext(ctx, p.binary, "-test.v", "-test.short")
	cmd.Dir = p.source
	// Some of the others may fail for want of a network: they are none of ours.
	out, err := cmd.CombinedOutput()
	tests := skipped(out)
	if len(tests) == 0 {
		return nil, fmt.Errorf("no test of %s skips itself without a broker (%v)", p.binary, err) //nolint:errorlint // a remark: the exit code decides nothing
	}
	return tests, os.WriteFile(file, []byte(strings.Join(tests, "\n")+"\n"), 0o644) //nolint:gosec // as above
}

// skipped finds in the output of go test -v the tests that skip themselves, or a subtest.
func skipped(out []byte) []string {
	var tests []string
	seen := map[string]bool{}
	for line := range bytes.Lines(out) {
		name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--- SKIP: "))
		if !ok {
			continue
		}
		name, _, _ = bytes.Cut(name, []byte(" "))
		top, _, _ := strings.Cut(string(name), "/")
		if !seen[top] {
			seen[top] = true
			tests = append(tests, top)
		}
	}
	return tests
}
