package dirblob_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skucast/skucast/shared/blobstore"
	"github.com/skucast/skucast/shared/blobstore/blobtest"
	"github.com/skucast/skucast/shared/blobstore/dirblob"
)

// The tests here start this test binary again as other processes on the same folder: with
// envRole set, TestOtherProcess plays that role and does nothing otherwise.
const (
	envRole = "DIRBLOB_TEST_ROLE"
	envDir  = "DIRBLOB_TEST_DIR"

	counter = "forecasts/counter"
	claim   = "forecasts/claim"
	half    = "forecasts/half"
)

func TestOtherProcess(t *testing.T) {
	role := os.Getenv(envRole)
	if role == "" {
		return // the parent's own run of it
	}
	s := open(t, os.Getenv(envDir))
	switch role {
	case "increment":
		for range 20 {
			if err := blobtest.Increment(t, s, counter); err != nil {
				t.Fatal(err)
			}
		}
	case "create":
		_, err := s.Put(t.Context(), claim, strings.NewReader(strconv.Itoa(os.Getpid())), blobstore.Once)
		if err != nil && !errors.Is(err, blobstore.ErrExists) {
			t.Fatal(err)
		}
		if err == nil {
			_, _ = os.Stdout.WriteString("won\n")
		}
	case "stall":
		// Half the body is on the disk when the parent reads the line and kills this process.
		body := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), stalled{})
		_, err := s.Put(t.Context(), half, body, blobstore.Once)
		t.Fatalf("the put ended: %v", err)
	}
}

// stalled tells the parent that everything before it was read, and blocks.
type stalled struct{}

func (stalled) Read([]byte) (int, error) {
	_, _ = os.Stdout.WriteString("stalled\n")
	select {}
}

func other(t *testing.T, role, dir string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOtherProcess$", "-test.v=false")
	cmd.Env = append(os.Environ(), envRole+"="+role, envDir+"="+dir)
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

func TestProcessesShareConditions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Put(t.Context(), counter, strings.NewReader("0"), blobstore.Once); err != nil {
		t.Fatal(err)
	}
	const each = 3
	var cmds []*exec.Cmd
	var outs []*bytes.Buffer
	for i := range 2 * each {
		cmd, out := other(t, []string{"increment", "create"}[i%2], dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	wins := 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, outs[i])
		}
		wins += strings.Count(outs[i].String(), "won")
	}
	if wins != 1 {
		t.Errorf("%d processes created the claim", wins)
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(counter)))
	if err != nil || string(b) != strconv.Itoa(20*each) {
		t.Errorf("counter %s, %v; want %d", b, err, 20*each)
	}
}

func TestKilledInTheMiddleOfAPut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	cmd, _ := other(t, "stall", dir)
	cmd.Stdout = nil
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(pipe).ReadString('\n'); line != "stalled\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	left := func() int {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join(dir, ".tmp"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	later := dirblob.WithClock(func() time.Time { return time.Now().Add(time.Hour) })
	open(t, dir, later)
	if n := left(); n != 1 {
		t.Errorf("%d temporary files while the writer lives, want its own, however old", n)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if _, err := s.Head(t.Context(), half); !errors.Is(err, blobstore.ErrNotFound) {
		t.Errorf("Head of the half blob: %v", err)
	}
	for in := range s.List(t.Context(), "forecasts/") {
		t.Errorf("listed: %+v", in)
	}
	if _, err := s.Put(t.Context(), half, strings.NewReader("whole"), blobstore.Once); err != nil {
		t.Errorf("put after the death: %v", err)
	}
	open(t, dir)
	if n := left(); n != 1 {
		t.Errorf("%d temporary files right after the death, want the young one kept", n)
	}
	open(t, dir, later)
	if n := left(); n != 0 {
		t.Errorf("%d temporary files a while later", n)
	}
}
