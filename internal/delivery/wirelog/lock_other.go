//go:build !linux

package wirelog

import "os"

func bootID() (string, error) { return "", ErrNoBoot }

func lock(*os.File) error { return ErrNoBoot }

func pagesOf(*os.File, int) ([]byte, error) { return nil, ErrNoBoot }

func release([]byte) error { return nil }
