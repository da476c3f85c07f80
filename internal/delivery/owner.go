package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"regulars/internal/consent"
	"regulars/internal/delivery/wirelog"
	"regulars/internal/store"
)

// onWire keeps this process's wire log. The rows that it claims bear the log's name, so
// that another worker of this machine knows what to make of them when it is gone. Without
// a log they bear none, and a lease that is over says all.
type onWire struct {
	db     *store.DB
	folder string // "": no log is wanted
	say    *slog.Logger

	mu   sync.RWMutex        // held for reading while something is claimed under the log's name
	log  *wirelog.Log        // nil: there is none
	ill  string              // why there is none; "": it is well, or nobody wants one
	dead map[int64]time.Time // processes that are gone, since we know of it
	shop int64               // names the database in logs; 0: not asked yet
}

// giveUpWithin is how long a mail may wait for the log to be given up.
const giveUpWithin = 10 * time.Second

// owner is under whose name to claim, until done is called; 0: under none.
func (w *onWire) owner() (owner int64, done func()) {
	w.mu.RLock()
	if w.log != nil {
		owner = w.log.Owner()
	}
	return owner, w.mu.RUnlock
}

func (w *onWire) now() *wirelog.Log {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.log
}

// begun notes that the body of a mail is about to be written. Where that cannot be noted
// the log is given up first: it must not say of a mail that it was not begun. If even that
// fails, the mail is kept back.
func (w *onWire) begun(s *send) error {
	l := w.now()
	if l == nil {
		return nil
	}
	place, err := l.Begin(wirelog.Key{Send: s.Send, Fence: s.fence})
	if err != nil {
		return w.giveUp(l, err)
	}
	s.tried = &tried{l, place}
	return nil
}

// answered notes what the relay said of it. Without the note it is unknown, should we end
// before it is recorded.
func (w *onWire) answered(s *send, o Outcome) {
	if s.tried == nil {
		return
	}
	a := wirelog.Answer{Stage: uint8(o.Stage), Code: uint16(o.Code)}
	if o.Enhanced != "" && o.Stage != StageDone {
		_, _ = fmt.Sscanf(o.Enhanced, "%d.%d.%d", &a.Enhanced[0], &a.Enhanced[1], &a.Enhanced[2]) // one that is none says nothing
	}
	if err := s.tried.log.Answer(s.tried.place, wirelog.Key{Send: s.Send, Fence: s.fence}, a); err != nil {
		_ = w.giveUp(s.tried.log, err) // what was begun says enough
	}
}

// noted gives the places in the log back of what is recorded.
func (w *onWire) noted(results []result) {
	for _, e := range results {
		if e.s.tried != nil {
			e.s.tried.log.Free(e.s.tried.place)
			e.s.tried = nil
		}
	}
}

// giveUp takes the log's name from all that bears it, so that its silence says nothing.
func (w *onWire) giveUp(l *wirelog.Log, why error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.log != l {
		return nil // somebody was quicker
	}
	ctx, cancel := context.WithTimeout(context.Background(), giveUpWithin)
	defer cancel()
	err := w.db.Update(ctx, func(tx *store.Tx) error {
		for _, table := range []string{"chunks", "due"} {
			if _, err := tx.Exec("update "+table+" set owner = null where owner = @owner", store.Args{"owner": l.Owner()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the wire log cannot be written (%w), and not be given up: %w", why, err)
	}
	w.log = nil
	w.isIll(why)
	_ = l.Close() // it speaks for nothing any more
	return nil
}

// isIll says once what is wrong with the log. The caller holds the lock.
func (w *onWire) isIll(why error) {
	words := ""
	if why != nil {
		words = "what is on the wire cannot be written down: " + why.Error()
	}
	switch {
	case words != "" && w.ill == "":
		w.say.Error(words+"; should this process be killed, more mails are unknown", "folder", w.folder)
	case words == "" && w.ill != "":
		w.say.Info("what is on the wire is written down again", "folder", w.folder)
	}
	w.ill = words
}

// open begins the wire log, if one is wanted and can be had.
func (w *onWire) open(ctx context.Context) {
	if w.folder == "" || w.now() != nil || ctx.Err() != nil {
		return
	}
	shop, err := w.name(ctx)
	var l *wirelog.Log
	if err == nil {
		l, err = wirelog.Create(w.folder, shop)
	}
	if errors.Is(err, wirelog.ErrNoBoot) { // nothing that people could do about it
		w.say.Debug("there is no wire log", "err", err)
		err = nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isIll(err)
	w.log = l
}

// close ends the wire log, when nothing is on the wire any more.
func (w *onWire) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.log == nil {
		return nil
	}
	defer func() { w.log = nil }()
	return w.log.Close()
}

// name names the database in logs.
func (w *onWire) name(ctx context.Context) (int64, error) {
	w.mu.RLock()
	known := w.shop
	w.mu.RUnlock()
	if known != 0 {
		return known, nil
	}
	var pepper []byte
	err := w.db.Update(ctx, func(tx *store.Tx) (err error) { pepper, err = consent.Pepper(tx); return err })
	if err != nil {
		return 0, fmt.Errorf("asking for the database's name: %w", err)
	}
	hash := sha256.Sum256(append([]byte("wire log "), pepper...))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shop = int64(binary.LittleEndian.Uint64(hash[:]))
	return w.shop, nil
}
