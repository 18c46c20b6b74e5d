package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkColdStart starts the deployed function app as the host does and waits for its
// first answer; it also reports the worker's memory then.
func BenchmarkColdStart(b *testing.B) {
	app := filepath.Join(b.TempDir(), "functionapp")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", app, "github.com/skucast/skucast/cmd/functionapp")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	dir := b.TempDir()
	var memory float64
	for b.Loop() {
		port := freePort(b)
		cmd := exec.Command(app)
		cmd.Env = append(os.Environ(), "SKUCAST_STORAGE_DIR="+dir, "SKUCAST_DATABRICKS_HOST=http://127.0.0.1:1", "SKUCAST_DATABRICKS_TOKEN=t",
			"SKUCAST_DATABRICKS_JOB_ID=1", "SERVICEBUS=Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=s;UseDevelopmentEmulator=true",
			"FUNCTIONS_CUSTOMHANDLER_PORT="+port)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		for {
			resp, err := http.Get("http://127.0.0.1:" + port + "/")
			if err == nil {
				_ = resp.Body.Close()
				break
			}
			time.Sleep(time.Millisecond) // between two probes; the host waits 25
		}
		memory = resident(b, cmd.Process.Pid)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(memory, "MB")
}

func freePort(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
}

// resident is a process's resident memory in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skipf("no /proc on this system: %v", err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kb float64
			_, _ = fmt.Sscan(rest, &kb)
			return kb / 1024
		}
	}
	return 0
}
