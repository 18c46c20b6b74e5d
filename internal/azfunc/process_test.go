package azfunc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

const workerVariable = "AZFUNC_TEST_WORKER"

// TestMain lets the test binary play the function app.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		os.Exit(ExitCode(workerMain()))
	}
	os.Exit(m.Run())
}

func workerMain() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ln, err := Listen(os.Getenv(PortVariable))
	if err != nil {
		return err
	}
	fmt.Println("listening")
	return New(slog.New(slog.DiscardHandler)).Serve(ctx, ln)
}

func TestTrap07ProcessNeverExits0(t *testing.T) {
	taken, err := Listen("0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, port string
		sigterm    bool
		want       int
	}{
		{"no port given", "", false, 1},
		{"port taken", fmt.Sprint(taken.Addr().(*net.TCPAddr).Port), false, 1},
		{"asked to stop", "0", true, 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(cmd.Environ(), workerVariable+"=1", PortVariable+"="+c.port)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(stdout).ReadString('\n')
			if c.sigterm {
				if !strings.Contains(line, "listening") {
					t.Errorf("worker says %q", line)
				}
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			err = cmd.Wait()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != c.want {
				t.Errorf("ended with %v, want exit code %d", err, c.want)
			}
		})
	}
}
