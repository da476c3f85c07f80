package bench

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errNoDisk says that we may make no disk of our own.
var errNoDisk = errors.New("this process may make no disk of its own (mount a tmpfs, as root may)")

// mountDisk makes a disk of so many bytes at a folder.
func mountDisk(folder string, bytes int) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		return errNoDisk
	}
	return nil
}

func unmountDisk(folder string) error { return syscall.Unmount(folder, 0) }
