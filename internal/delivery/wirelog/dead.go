package wirelog

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How long a file that is of no use lies about: one of another boot may be another
// machine's, where folders are shared, and one without a name may be about to get it.
const (
	foreign = 7 * 24 * time.Hour
	unnamed = time.Hour
)

// Dead calls settle with each log of the folder, of this boot and shop, whose process is
// gone, and removes those of which it says that nothing is left to do. One process at a
// time does so: others wait for it for so long, and then leave it to it.
func Dead(ctx context.Context, folder string, shop int64, wait time.Duration, settle func(Left) (over bool, err error)) error {
	boot, err := bootID()
	if err != nil {
		return nil // there are no logs here
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		return ignoreNotExist(err)
	}
	turn, err := takeTurn(ctx, folder, wait)
	if turn == nil || err != nil {
		return err
	}
	defer turn.Close()
	var all error
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		switch {
		case strings.HasSuffix(name, unborn):
			all = errors.Join(all, removeOld(name, unnamed))
		case strings.HasSuffix(name, ending):
			all = errors.Join(all, one(name, boot, shop, settle))
		}
	}
	return all
}

// takeTurn locks the folder for those who settle; nil: somebody else is at it.
func takeTurn(ctx context.Context, folder string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, "settling"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(wait); ; {
		if err = lock(f); err == nil {
			return f, nil
		}
		if !time.Now().Before(end) {
			return nil, f.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

// one settles a log if its process is gone.
func one(name, boot string, shop int64, settle func(Left) (bool, error)) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return ignoreNotExist(err)
	}
	defer f.Close()
	if lock(f) != nil {
		return nil // it lives
	}
	first, err := upTo(f, headSize) // of another shop there may be many, which stay
	if err != nil {
		return err
	}
	h, err := readHead(first)
	if err != nil || h.boot != boot {
		return removeOld(name, foreign)
	}
	if h.shop != shop {
		return nil
	}
	marks, err := upTo(f, slots*slotSize+1)
	if err != nil {
		return err
	}
	over, err := settle(read(h, marks))
	if err != nil || !over {
		return err
	}
	return ignoreNotExist(os.Remove(name))
}

// upTo reads so many bytes, or fewer at the end of the file.
func upTo(f *os.File, most int) ([]byte, error) {
	b := make([]byte, most)
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// removeOld removes a file that was not written to for so long.
func removeOld(name string, age time.Duration) error {
	info, err := os.Stat(name)
	if err != nil || time.Since(info.ModTime()) < age {
		return ignoreNotExist(err)
	}
	return ignoreNotExist(os.Remove(name))
}

func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
