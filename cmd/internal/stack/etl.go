package stack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// ETLProgress is one line that the ETL job writes to stdout while it works.
type ETLProgress struct {
	Stage    string  `json:"stage"`
	Fraction float64 `json:"fraction"`
}

// runETL is the task of the local Databricks job: a process of its own, so that its memory
// goes back and its death harms nobody. What it writes to stderr when it fails becomes the
// task's error output.
func (s *Stack) runETL(ctx context.Context, params map[string]string, report func(string, float64)) error {
	argv := append([]string{}, s.cfg.ETL...)
	for name, value := range params {
		argv = append(argv, "--param", name+"="+value)
	}
	argv = append(argv, "--dir", s.cfg.Dir) // the account, or where there is room beside another one
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // with the children of a Spark job
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = dieWithParent()
	cmd.Env = s.etlEnv()
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the etl job: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the etl job: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var p ETLProgress
		if json.Unmarshal(lines.Bytes(), &p) == nil {
			report(p.Stage, p.Fraction)
		}
	}
	if err := cmd.Wait(); err != nil {
		if failure.Len() > 0 {
			return errors.New(lastBytes(failure.Bytes(), 8<<10))
		}
		return fmt.Errorf("the etl job ended: %w", err)
	}
	return nil
}

// lastBytes is the end of a long text.
func lastBytes(b []byte, n int) string { return string(bytes.TrimSpace(b[max(0, len(b)-n):])) }

// ETL reports the stage of the newest running ETL, for progress.
func (s *Stack) ETL() (stage string, fraction float64) {
	for _, r := range s.jobs.Runs() {
		if r.State == "RUNNING" {
			stage, fraction = r.Stage, r.Fraction
		}
	}
	return stage, fraction
}
