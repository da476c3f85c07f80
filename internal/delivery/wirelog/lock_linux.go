package wirelog

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// bootID names the time since this machine's kernel was started: as long as it is the
// same, what was written to a file is there.
func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	id := strings.TrimSpace(string(text))
	if err != nil || len(id) != 36 || strings.ContainsAny(id, " \n") {
		return "", fmt.Errorf("%w (%w)", ErrNoBoot, err)
	}
	return id, nil
}

// lock locks a file for as long as its process lives, or fails at once.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// pagesOf maps a file into memory, shared with whoever reads it.
func pagesOf(f *os.File, size int) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}

func release(pages []byte) error { return syscall.Munmap(pages) }
