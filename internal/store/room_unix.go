//go:build linux || darwin || freebsd

package store

import (
	"path/filepath"
	"syscall"
)

// Room returns how many bytes are left on the disk of the SQLite file, and whether
// that is as good as none: a hundredth of the disk, but no less than 2 MB and no
// more than 256 MB. On Postgres the server knows.
func (db *DB) Room() (free uint64, full bool) {
	var s syscall.Statfs_t
	if db.file == "" || syscall.Statfs(filepath.Dir(db.file), &s) != nil {
		return 0, false
	}
	free = s.Bavail * uint64(s.Bsize)
	return free, free < min(max(s.Blocks*uint64(s.Bsize)/100, 2<<20), 256<<20)
}
