//go:build unix && !linux

package functionshost

import "syscall"

// procAttr puts a worker into its own process group. Only Linux can tie it to the life of
// this process; elsewhere a worker outlives a host that was killed with SIGKILL.
func procAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
