package dirblob

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFS writes everything of f's file system, f included, to the disk.
func syncFS(f *os.File) error { return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd()))) }
