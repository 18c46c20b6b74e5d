//go:build !linux

package dirblob

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFS starts writing all file systems, the nearest that there is, and waits for f.
func syncFS(f *os.File) error {
	if err := unix.Sync(); err != nil {
		return os.NewSyscallError("sync", err)
	}
	return f.Sync()
}
