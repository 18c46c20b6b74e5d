package functionshost

import "syscall"

// procAttr puts a worker into its own process group, so that it can be killed with all it
// started, and ties it to this process: a worker must not outlive a host that was killed.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
