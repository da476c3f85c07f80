//go:build !linux

package bench

import "errors"

// errNoDisk says that we may make no disk of our own.
var errNoDisk = errors.New("only on Linux we can make a disk of our own")

func mountDisk(string, int) error { return errNoDisk }
func unmountDisk(string) error    { return nil }
