package wirelog

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
)

// Log is that of a living process. It is safe for concurrent use.
type Log struct {
	file  *os.File
	owner int64
	pages []byte // the file's, in the kernel's memory: a write is a copy, and outlives us

	closing sync.RWMutex // held for reading while pages are written to

	mu   sync.Mutex
	held []bool // slots whose mails are not recorded yet
	next int    // where to look for a free one
}

// ErrNoBoot says that this system does not tell whether it was started anew since
// something was written: then no log can be trusted, and there is none.
var ErrNoBoot = errors.New("this system names none of its boots, as Linux does")

// ErrFull says that so many mails are begun and not recorded that no slot is left.
var ErrFull = errors.New("the wire log is full of mails that could not be recorded")

const (
	ending = ".wire"
	unborn = ".new" // no log yet, or of a process that died before it was one
)

// Create begins the log of this process in a folder, which it makes. shop names the
// database: a log counts for that alone.
func Create(folder string, shop int64) (*Log, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	l := &Log{held: make([]bool, slots)}
	for l.owner == 0 {
		var random [8]byte
		rand.Read(random[:])
		l.owner = int64(binary.LittleEndian.Uint64(random[:]))
	}
	name := filepath.Join(folder, fmt.Sprintf("%016x", uint64(l.owner)))
	if l.file, err = os.OpenFile(name+unborn, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if err := l.bear(name, head{boot, shop, l.owner}); err != nil {
		return nil, errors.Join(err, os.Remove(name+unborn), l.file.Close())
	}
	return l, nil
}

// bear locks the file and fills it before it gets its name, so that nobody finds a log
// that is not locked, or not whole.
func (l *Log) bear(name string, h head) error {
	if err := lock(l.file); err != nil {
		return fmt.Errorf("locking %s: %w", name, err)
	}
	if _, err := l.file.Write(append(h.bytes(), make([]byte, slots*slotSize)...)); err != nil { // no disk is full later
		return err
	}
	var err error
	if l.pages, err = pagesOf(l.file, headSize+slots*slotSize); err != nil {
		return fmt.Errorf("mapping %s: %w", name, err)
	}
	return os.Rename(name+unborn, name+ending)
}

// Owner names the log: what the database says is this process's bears it. It is never 0.
func (l *Log) Owner() int64 { return l.owner }

// Begin says that a mail's body is about to be written, and returns its slot.
func (l *Log) Begin(k Key) (place int, err error) {
	if place, err = l.take(); err != nil {
		return 0, err
	}
	return place, l.write(place, k, Mark{})
}

// Answer says what came of a mail that was begun.
func (l *Log) Answer(place int, k Key, a Answer) error { return l.write(place, k, Mark{true, a}) }

// Free gives the slot of a mail back that is recorded.
func (l *Log) Free(place int) {
	l.mu.Lock()
	l.held[place] = false
	l.mu.Unlock()
}

// take finds the slot that has been free for longest.
func (l *Log) take() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range l.held {
		place := l.next
		l.next = (l.next + 1) % len(l.held)
		if !l.held[place] {
			l.held[place] = true
			return place, nil
		}
	}
	return 0, ErrFull
}

// write copies a slot into its place. A page that the disk cannot give is an error, and
// no end of the process.
func (l *Log) write(place int, k Key, m Mark) (err error) {
	var b [slotSize]byte
	put(&b, l.owner, place, k, m)
	l.closing.RLock()
	defer l.closing.RUnlock()
	if l.pages == nil {
		return os.ErrClosed
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("writing to %s: %v", l.file.Name(), fault)
		}
	}()
	copy(l.pages[headSize+place*slotSize:], b[:])
	return nil
}

// Close ends the log. Its file stays: whoever comes next sees that it has nothing to
// settle in it, and takes it away.
func (l *Log) Close() error {
	l.closing.Lock()
	defer l.closing.Unlock()
	if l.pages == nil {
		return nil
	}
	err := release(l.pages)
	l.pages = nil
	return errors.Join(err, l.file.Close())
}
