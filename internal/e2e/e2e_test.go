// Package e2e runs the real binary as a person would: files in, results out, and the
// guarantees watched from outside while things go wrong.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/run"
)

// program builds the CLI once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "skucast-e2e-*")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "skucast")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/skucast/skucast/cmd/skucast").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// patience bounds every scenario: a run that never ends is the failure to catch.
const patience = 2 * time.Minute

// skucast runs one command line to its end.
func skucast(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return skucastIn(t, nil, args...)
}

// skucastIn runs one command line with more in its environment.
func skucastIn(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cmd.Environ(), env...)
	err = cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("skucast %v did not end in %s\n%s", args, patience, tail(errs.String()))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// forecast runs a file and returns its terminal record.
func forecast(t *testing.T, file string, args ...string) (run.Complete, string) {
	t.Helper()
	out := t.TempDir()
	resend := "1m" // a slow machine is no lost message
	if slices.Contains(args, "--faults") {
		resend = "1s"
	}
	stdout, stderr, code := skucast(t, append([]string{"run", file, "--out", out, "--resend-after", resend, "--reconcile-every", "500ms"}, args...)...)
	if code != 0 {
		t.Fatalf("skucast run %s: exit %d\n%s", file, code, tail(stderr))
	}
	var c run.Complete
	if err := json.Unmarshal([]byte(stdout), &c); err != nil {
		t.Fatalf("stdout is not the terminal record: %v\n%s", err, stdout)
	}
	return c, out
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// salesFile generates a small file: enough units for faults to hit some of them.
func salesFile(t *testing.T, seed int) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sales.csv")
	_, stderr, code := skucast(t, "generate", "--out", file, "--seed", fmt.Sprint(seed), "--skus", "24", "--stores", "3", "--days", "240")
	if code != 0 {
		t.Fatalf("generate: exit %d\n%s", code, stderr)
	}
	return file
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }
