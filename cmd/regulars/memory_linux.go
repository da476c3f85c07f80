package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// forgetProgram gives back the pages of the program itself that were read so far, most
// of them for its start. What is needed again is read again, from the system's own copy.
// Where the system does not let us, they stay.
func forgetProgram() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text()) // from-to, permissions, offset, device, inode, file
		if len(f) != 6 || f[5] != program || !strings.HasPrefix(f[1], "r-") {
			continue
		}
		first, after, _ := strings.Cut(f[0], "-")
		from, bad := strconv.ParseUint(first, 16, 64)
		to, worse := strconv.ParseUint(after, 16, 64)
		if bad == nil && worse == nil {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}
