package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrTooLong says that a question took longer than it was given.
var ErrTooLong = errors.New("the question took too long")

// Ask is View for what a person typed: nothing that f asks can write, and all of
// it together ends after limit, at the database too; 0 is no limit. One that took
// longer is answered with ErrTooLong, one whose context ended with the context's
// error, whatever words the engine had for it.
func (db *DB) Ask(ctx context.Context, limit time.Duration, f func(*Tx) error) error {
	within, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		within, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	err := db.View(within, func(tx *Tx) error {
		if err := tx.endAfter(limit); err != nil {
			return err
		}
		return f(tx)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case stopped(err), within.Err() != nil && endedWith(err, within):
		return ErrTooLong
	}
	return err
}

// endedWith reports whether an error is that of a question whose time was over: it says so,
// or the transaction or its connection was closed before anybody could.
func endedWith(err error, within context.Context) bool {
	return errors.Is(err, within.Err()) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn)
}

// endAfter has Postgres end a statement by itself, should we not be there any
// more to ask for it, and compile none first: that takes a tenth of a second each, and
// somebody waits. SQLite runs inside our process and ends with the context.
func (tx *Tx) endAfter(limit time.Duration) error {
	if !tx.Postgres() || limit <= 0 {
		return nil
	}
	_, err := tx.Exec(fmt.Sprintf("set local statement_timeout = %d; set local jit = off", max(1, limit.Milliseconds())), nil)
	return err
}

// AboutEverybody prepares the transaction for statements that go through all
// members or orders: Postgres gets room to sort and hash them in, and compiles
// nothing first, which takes it longer than most of them do.
func (tx *Tx) AboutEverybody() error {
	if !tx.Postgres() || tx.roomy {
		return nil
	}
	_, err := tx.Exec("set local work_mem = '"+roomToWork+"'; set local jit = off", nil)
	tx.roomy = err == nil
	return err
}

// InBackground is AboutEverybody for work that nobody waits for: Postgres does it
// in one process, and leaves the machine's other cores to the mails. It also takes
// less of the machine in all, for its workers repeat what they cannot share.
func (tx *Tx) InBackground() error {
	if err := tx.AboutEverybody(); err != nil || !tx.Postgres() {
		return err
	}
	return tx.Later("", "set local max_parallel_workers_per_gather = 0", nil)
}

// ByIndex prepares the transaction for statements about some members or orders out of
// all: Postgres finds each by its index, whatever it believes the tables to hold. Before
// a table is analysed it takes it for a small one and would read all of it, and a plan
// that was made then is kept by the connection for as long as nobody analyses.
func (tx *Tx) ByIndex() error {
	if !tx.Postgres() {
		return nil
	}
	return tx.Later("", "select "+byIndex, nil)
}

const byIndex = "set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"

// ByKeptPlans is ByIndex for statements that are the same many times a second, about
// another few members each time: Postgres plans each once for a connection. By itself it
// would plan them anew each time for as long as plans that it made for smaller tables
// look cheaper to it, which takes longer than what they do.
func (tx *Tx) ByKeptPlans() error {
	if !tx.Postgres() {
		return nil
	}
	return tx.Later("", "select set_config('plan_cache_mode', 'force_generic_plan', true), "+byIndex, nil)
}

// roomToWork is for each sort and hash of a statement and each of its workers: a
// million members need about that much.
const roomToWork = "32MB"

// stopped reports whether the database broke a statement off: query_canceled and
// SQLITE_INTERRUPT.
func stopped(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57014"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == 9
}
