// Package process runs a program and measures its whole process tree.
package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Usage is what a process tree took.
type Usage struct {
	Wall time.Duration
	CPU  time.Duration // user and system, of all its processes
	Peak int64         // bytes of proportional resident memory (PSS): pages shared between processes count once
}

// every is the time between two looks at the tree.
const every = 100 * time.Millisecond

// Run starts cmd and waits for it. The memory is looked at ten times a second. So is the
// processor time: a child that outlives its parent is in nobody's account, so the larger
// of the account and the sum of the last looks counts.
func Run(ctx context.Context, cmd *exec.Cmd) (Usage, error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Usage{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	t := tree{root: cmd.Process.Pid, cpu: map[int]time.Duration{}}
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			t.look()
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	err := cmd.Wait()
	u := Usage{Wall: time.Since(start)}
	close(done)
	looking.Wait()
	u.CPU, u.Peak = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), t.peak
	seen := time.Duration(0)
	for _, d := range t.cpu {
		seen += d
	}
	u.CPU = max(u.CPU, seen)
	return u, err
}

// tree is what was seen of a process and its descendants.
type tree struct {
	root int
	cpu  map[int]time.Duration // by process, at the last look
	peak int64
}

// clockTick is the unit of /proc/PID/stat, which Linux gives to programs as 1/100 s on
// every machine.
const clockTick = time.Second / 100

// look adds what the processes hold and took. Those that end meanwhile count as nothing.
func (t *tree) look() {
	children, took := map[int][]int{}, map[int]time.Duration{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, cpu, ok := parseStat(string(b))
		if err == nil && ok {
			children[parent] = append(children[parent], pid)
			took[pid] = cpu
		}
	}
	total := int64(0)
	for todo := []int{t.root}; len(todo) > 0; {
		pid := todo[0]
		todo = append(todo[1:], children[pid]...)
		total += pss(pid)
		if d, ok := took[pid]; ok {
			t.cpu[pid] = d
		}
	}
	t.peak = max(t.peak, total)
}

// parseStat reads the parent and the processor time out of /proc/PID/stat. The name in
// parentheses may hold anything, so fields count from the last parenthesis (proc(5)).
func parseStat(line string) (parent int, cpu time.Duration, ok bool) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return parent, time.Duration(user+system) * clockTick, err == nil && err1 == nil && err2 == nil
}

// pss is the proportional resident memory of one process in bytes.
func pss(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "Pss:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
