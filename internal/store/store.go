// Package store keeps the truth: one database, Postgres in production and SQLite
// in a file otherwise, behind the same few calls. It owns the schema and its
// numbered migrations, connections, transactions, and everything in which the
// two engines differ (row locks, JSON, bulk load, the machine's clock).
//
// It promises that a transaction sees one business moment (Tx.At), that all of
// its writes last or none does, and that a conflict between two transactions is
// retried and not reported. It knows no rules: which rows to write, and the SQL
// that does so, belong to the rooms above it. Only this package imports GORM and
// pgx.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"

	"regulars/internal/loyalty"
)

// The sentinels that callers tell apart.
var (
	// ErrNotFound says that a row that was asked for is not there.
	ErrNotFound = errors.New("not found")
	// ErrDuplicate says that a unique key is taken.
	ErrDuplicate = gorm.ErrDuplicatedKey
)

// IgnoreNotFound makes nothing of the error that a row is not there.
func IgnoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// DB is an open database with a business clock. It is safe for concurrent use.
type DB struct {
	g     *gorm.DB // writes; on SQLite a single connection
	reads *gorm.DB // the same pool on Postgres
	now   func() time.Time
	share chan struct{} // nil: the whole pool
	place string        // for people: no password
	file  string        // of SQLite; "": Postgres

	connect *pgx.ConnConfig // of Postgres; nil behind a pooler, where no session lasts

	closer func() error
	shared *shared
	beside func(context.Context, int) (*DB, error) // opens another pool of connections to the same database

	lockWait time.Duration // how long a transaction waits for a lock; 0: as long as it must
}

// Engine returns "postgres" or "sqlite".
func (db *DB) Engine() string { return db.g.Name() }

// Place names the database for people, without a password.
func (db *DB) Place() string { return db.place }

// File returns the path of the SQLite file, "" on Postgres.
func (db *DB) File() string { return db.file }

// Now returns the present business moment.
func (db *DB) Now() time.Time { return db.now() }

// At returns the same database with business time standing at t.
func (db *DB) At(t time.Time) *DB { return db.Clock(func() time.Time { return t }) }

// Clock returns the same database with another business clock.
func (db *DB) Clock(now func() time.Time) *DB {
	c := *db
	c.now = now
	return &c
}

// Share returns the same database for a part of the program that may have at
// most n transactions open at once: a lane cannot starve the others.
func (db *DB) Share(n int) *DB {
	c := *db
	c.share = make(chan struct{}, n)
	return &c
}

// Hasty returns the same database for a part of the program whose callers will not
// wait: a lock that somebody else holds for longer is ErrLocked.
func (db *DB) Hasty(wait time.Duration) *DB {
	c := *db
	c.lockWait = wait
	return &c
}

// Beside returns the same database over at most n connections of its own, for what
// must be answered while all others wait. It is to be closed. On SQLite whoever
// reads has connections enough, and there is only one that writes.
func (db *DB) Beside(ctx context.Context, n int) (*DB, error) {
	if db.beside == nil {
		c := *db
		c.share, c.closer = nil, func() error { return nil }
		return &c, nil
	}
	c, err := db.beside(ctx, n)
	if err != nil {
		return nil, err
	}
	c.now, c.shared = db.now, db.shared
	return c, nil
}

// Close ends all connections.
func (db *DB) Close() error { return db.closer() }

// Update runs f in a transaction: all of its writes last, or none does. f must
// do no network I/O and keep its effects inside tx, for it is run again when
// the database reports a conflict with another transaction.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	began, patience := time.Now(), db.lockWait
	if patience == 0 {
		patience = longestWait
	}
	for try := 1; ; try++ {
		hints, err := db.attempt(ctx, db.g, nil, f)
		if err == nil {
			for _, hint := range hints {
				hint()
			}
			return nil
		}
		db.shared.ills.heard(err)
		busy := locked(err)
		switch {
		case busy && (db.Engine() == Postgres || time.Since(began) > patience):
			return errors.Join(ErrLocked, err)
		case !conflict(err) || try >= 8 && !busy:
			return err
		}
		if err := sleep(ctx, time.Duration(min(try*try, 64))*5*time.Millisecond); err != nil {
			return err
		}
	}
}

// longestWait is for how long SQLite is asked again whose file another process
// has locked.
const longestWait = 40 * time.Second

// View runs f in a read-only transaction that sees one state of the database.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if db.Engine() == Postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	_, err := db.attempt(ctx, db.reads, o, f)
	if locked(err) {
		err = errors.Join(ErrLocked, err)
	}
	return err
}

func (db *DB) attempt(ctx context.Context, g *gorm.DB, o *sql.TxOptions, f func(*Tx) error) ([]func(), error) {
	if db.share != nil {
		select {
		case db.share <- struct{}{}:
			defer func() { <-db.share }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	ctx, got, end := db.hurry(ctx)
	defer end()
	tx := &Tx{At: loyalty.At(db.now()), shared: db.shared}
	err := g.WithContext(ctx).Connection(func(g *gorm.DB) error {
		tx.conn, _ = g.Statement.ConnPool.(*sql.Conn)
		run := func(g *gorm.DB) error {
			got()
			tx.g = g
			if err := tx.hasten(db.lockWait); err != nil {
				return err
			}
			return tx.whole(caught(tx, f))
		}
		if g.Name() == Postgres {
			return tx.within(o, func() error { return run(g.Session(&gorm.Session{NewDB: true})) })
		}
		return g.Transaction(run, options(o)...)
	})
	if err != nil && errors.Is(context.Cause(ctx), ErrLocked) {
		err = ErrLocked
	}
	return tx.hints, err
}

// Panic is what a transaction ends with whose function panicked: it costs the
// transaction, never the process.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprint("panic: ", p.Value) }

func caught(tx *Tx, f func(*Tx) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return f(tx)
}

// hurry bounds the wait for a connection, and on SQLite for the right to write: got
// says that both are there, end that the transaction is over.
func (db *DB) hurry(ctx context.Context) (_ context.Context, got, end func()) {
	if db.lockWait == 0 {
		return ctx, func() {}, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(db.lockWait, func() { cancel(ErrLocked) })
	return ctx, func() { late.Stop() }, func() { late.Stop(); cancel(nil) }
}

// hasten has Postgres give up on a lock after so long.
func (tx *Tx) hasten(wait time.Duration) error {
	if wait == 0 || !tx.Postgres() {
		return nil
	}
	return tx.Later("", fmt.Sprintf("set local lock_timeout = %d", wait.Milliseconds()), nil)
}

// whole is what a transaction ends with whose function ended with err: where that is the
// error of a statement whose answer nobody awaited, the words of whoever came next are left
// out, and where it is nothing, that error stands.
func (tx *Tx) whole(err error) error {
	if tx.late != nil && (err == nil || errors.Is(err, tx.late)) {
		return tx.late
	}
	return err
}

func options(o *sql.TxOptions) []*sql.TxOptions {
	if o == nil {
		return nil
	}
	return []*sql.TxOptions{o}
}

// conflict reports whether err is one that running the transaction again mends.
func conflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" // serialization failure, deadlock
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == 5 // SQLITE_BUSY
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(tx *Tx) error {
		var one int
		if err := tx.One(&one, "select 1", nil); err != nil {
			return fmt.Errorf("asking the database: %w", err)
		}
		return nil
	})
}

// Passing reports whether err is the machine's and may pass: a database that is
// away, out of room or not migrated yet, a conflict, a lock that somebody else has,
// a statement that was broken off, a context that ended. What the database says of
// the data (classes 22 and 23; SQLITE_CONSTRAINT, MISMATCH, TOOBIG) will be the same
// the next time, as will everything that is not the database's.
func Passing(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return !strings.HasPrefix(pg.Code, "22") && !strings.HasPrefix(pg.Code, "23")
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code != 19 && code != 20 && code != 18
	}
	return Away(err) || errors.Is(err, ErrLocked) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Away reports whether err says that the database as a whole cannot be used now,
// so that no other statement would do better.
func Away(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return away(pg)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return troubles[lite.Code()&0xff]
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || !errors.Is(err, context.DeadlineExceeded) && errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// away are the classes 08 (connection), 53 (resources), 58 (the system) and 57P
// (the operator's intervention) of Postgres' errors, Appendix A of its manual, and
// read_only_sql_transaction of a server that has become a standby.
func away(pg *pgconn.PgError) bool {
	class := pg.Code[:min(2, len(pg.Code))]
	return class == "08" || class == "53" || class == "58" || strings.HasPrefix(pg.Code, "57P") || pg.Code == "25006"
}

// troubles are SQLite's result codes for a file that cannot be used now:
// READONLY, IOERR, FULL, CANTOPEN, NOMEM.
var troubles = map[int]bool{8: true, 10: true, 13: true, 14: true, 7: true}
