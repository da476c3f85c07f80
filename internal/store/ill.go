package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrLocked says that somebody else has held a row, a table or the whole file for
// longer than this part of the program waits. Nothing was stored.
var ErrLocked = errors.New("somebody else holds a lock in the database")

// ills is why the database has last refused a write. It is shared by all copies
// of a DB.
type ills struct {
	mu    sync.Mutex
	words string
	at    time.Time
}

func (i *ills) heard(err error) {
	words := illness(err)
	if words == "" {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.words, i.at = words, time.Now()
}

// illness names the errors by which a database says that it takes no writes.
func illness(err error) string {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	code, result := "", 0
	if errors.As(err, &pg) {
		code = pg.Code
	}
	if errors.As(err, &lite) {
		result = lite.Code() & 0xff
	}
	switch {
	case code == "53100" || result == 13: // disk_full, SQLITE_FULL
		return "the database's disk is full"
	case code == "25006" || result == 8: // read_only_sql_transaction, SQLITE_READONLY
		return "the database takes no writes: it is read-only"
	case code == "58030" || result == 10: // io_error, SQLITE_IOERR
		return "the database's disk gives errors"
	case code == "53300": // too_many_connections
		return "the database has no connection left for us"
	}
	return ""
}

// Ill says why the database has lately refused a write, "" when it takes them. A
// refusal counts until Recovered.
func (db *DB) Ill() (words string, since time.Time) {
	db.shared.ills.mu.Lock()
	defer db.shared.ills.mu.Unlock()
	return db.shared.ills.words, db.shared.ills.at
}

// Trial writes enough to need new room, and takes it back: a row that changes in its
// place says nothing about a disk that is full.
func (db *DB) Trial(ctx context.Context) error {
	if _, full := db.Room(); full {
		return errors.New("hardly any room is left")
	}
	err := db.Update(ctx, func(tx *Tx) error {
		noise := make([]byte, 64<<10)
		rand.Read(noise)
		if err := tx.SetSetting("trial", hex.EncodeToString(noise)); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// errUndo ends a transaction that is not to last.
var errUndo = errors.New("taken back")

// Recovered says that the database takes writes again.
func (db *DB) Recovered() {
	db.shared.ills.mu.Lock()
	defer db.shared.ills.mu.Unlock()
	db.shared.ills.words = ""
}

// locked reports the errors by which an engine says that a lock was not to be had
// in time.
func locked(err error) bool {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	return errors.As(err, &pg) && pg.Code == "55P03" || errors.As(err, &lite) && lite.Code()&0xff == 5
}
