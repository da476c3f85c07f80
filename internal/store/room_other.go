//go:build !(linux || darwin || freebsd)

package store

// Room is not known here.
func (db *DB) Room() (free uint64, full bool) { return 0, false }
