package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// inNamespace is set in the environment of a run that is in a namespace of its own.
const inNamespace = "SKUCAST_PEERS_IN_NAMESPACE"

// withPorts sees to it that ports below 1024 can be had. Who may not have them gets a user
// namespace with a loopback interface of its own, in which the program is run once more:
// done, with its exit code.
func withPorts(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, done bool, err error) {
	inside := os.Getenv(inNamespace) != ""
	if inside {
		if err := loopbackUp(); err != nil {
			return 0, false, fmt.Errorf("loopback interface of the namespace: %w", err)
		}
	}
	denied := tryListen(ctx, host(0)+":443")
	if !errors.Is(denied, os.ErrPermission) || inside {
		return 0, false, denied
	}
	self, err := os.Executable()
	if err != nil {
		return 0, false, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, true, nil
	case errors.As(err, &exit):
		return max(1, exit.ExitCode()), true, nil
	}
	return 0, false, errors.Join(denied, err)
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	return errors.Join(err, unix.Close(fd))
}
