//go:build !linux

package wirelog

import "os"

func bootID() (string, error) { return "", ErrNoBoot }

func lock(*os.File) error { return ErrNoBoot }
