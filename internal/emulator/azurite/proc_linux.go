package azurite

import "syscall"

// procAttr gives Azurite a process group of its own, so that a Ctrl-C meant for us does not
// end it first, and has the kernel end it with this process.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
