package process

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	parent, cpu, ok := parseStat("77 (a ) name) S 12 77 77 0 -1 4194304 1 2 3 4 150 50 9 9 20 0 1 0 1 1 1")
	if !ok || parent != 12 || cpu != 2*time.Second {
		t.Errorf("parent %d, %v, %v; want 12, 2s", parent, cpu, ok)
	}
	for _, broken := range []string{"", "77 (x) S", "77 (x) S twelve 77 77 0 -1 4194304 1 2 3 4 150 50"} {
		if _, _, ok := parseStat(broken); ok {
			t.Errorf("%q is taken for a line of /proc/PID/stat", broken)
		}
	}
}

// The child of a shell counts as much as the shell.
func TestRunCountsTheWholeTree(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/smaps_rollup"); err != nil {
		t.Skip("this machine has no /proc with smaps_rollup")
	}
	// The inner shell counts to a million; it outlives nobody, and is not the one started.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sh -c 'i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done'; exit 3")
	u, err := Run(t.Context(), cmd)
	if err == nil || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("the program's failure is lost: %v", err)
	}
	if u.Wall <= 0 || u.CPU < 50*time.Millisecond || u.Peak < 100<<10 {
		t.Errorf("wall %v, cpu %v, peak %d bytes", u.Wall, u.CPU, u.Peak)
	}
}
