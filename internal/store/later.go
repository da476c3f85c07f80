package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// On Postgres a statement of which nobody awaits the answer is not waited for. It goes
// over the wire with the next one that is:
//
//	begin, Later, Later ─ queue ─┐
//	                Exec, Each ──┴─ one round trip, answered in this order
//	             Later ─ queue ──┴─ … and with the commit
//
// A transaction so begins with its first statement that is waited for. Whatever else uses
// the connection has the queue sent first, so that the order is always that of the calls.

// Later is Exec of a statement of which nobody awaits the answer: on Postgres it runs with
// the next statement that somebody does, at the latest with the commit; on SQLite at once.
// What its arguments point at does not change until then. Its error, which begins with
// what the statement was doing, comes out of that call and is the transaction's, also
// where its function makes nothing of it: only a Try that it was called in lives on. It
// makes no tables, for the statements of a round trip may be read before any of them runs.
func (tx *Tx) Later(doing, text string, args Args) error {
	q, vars, err := bind(text, args)
	if err != nil {
		return err
	}
	if tx.Postgres() && !spread(vars) {
		s := straightened(text, q, vars)
		s.doing = doing
		return tx.leave(s)
	}
	if err := tx.flush(); err != nil {
		return err
	}
	if err := tx.g.Exec(q, vars...).Error; err != nil {
		return tx.broken(statement{doing: doing, text: text}, err, true)
	}
	return nil
}

// EachLater is Each for what is not needed at once: on Postgres it asks with the next
// statement that is waited for, or with Await, and row is called before that returns. Its
// error, and that of row, is as Later's. On SQLite all of it happens at once.
func (tx *Tx) EachLater(doing, text string, args Args, row func(scan func(into ...any) error) error) error {
	if !tx.Postgres() {
		if err := tx.Each(text, args, row); err != nil {
			return tx.broken(statement{doing: doing}, err, true)
		}
		return nil
	}
	s, err := straight(text, args)
	if err != nil {
		return err
	}
	s.doing, s.row = doing, row
	return tx.leave(s)
}

// Await has everything done and read that was left for later.
func (tx *Tx) Await() error { return tx.flush() }

// statement is one on its way to Postgres.
type statement struct {
	doing string // before its error; "": nothing
	text  string // of which an error quotes the head; "": nothing
	q     string // as the driver wants it
	vars  []any
	row   eachRow // nil: nobody reads what it finds
}

// eachRow is called with each row, as Each does.
type eachRow = func(scan func(into ...any) error) error

// straight is a statement as the driver wants it.
func straight(text string, args Args) (statement, error) {
	q, vars, err := bind(text, args)
	if err != nil {
		return statement{}, err
	}
	return straightened(text, q, vars), nil
}

func straightened(text, q string, vars []any) statement {
	for i, v := range vars {
		if list, is := v.(array); is {
			vars[i] = list.list
		}
	}
	return statement{text: text, q: numbered(q), vars: vars}
}

// spread reports whether one of the arguments is a list that stands for as many as it has
// items, which is GORM's to write out.
func spread(vars []any) bool {
	return slices.ContainsFunc(vars, func(v any) bool {
		switch v.(type) {
		case nil, string, int64, int, bool, []byte, driver.Valuer:
			return false
		}
		t := reflect.TypeOf(v)
		return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() != reflect.Uint8
	})
}

// command is a statement without arguments, of which an error says enough by itself.
func command(text string) statement { return statement{q: text} }

// failed is an error of a statement as people read it.
func (tx *Tx) failed(s statement, err error) error {
	if s.text == "" {
		err = tx.translate(err)
	} else {
		err = tx.explain(err, s.text)
	}
	if s.doing == "" {
		return err
	}
	return fmt.Errorf("%s: %w", s.doing, err)
}

// mostQueued bounds what waits for a statement that somebody waits for.
const mostQueued = 100

// leave puts a statement into the queue.
func (tx *Tx) leave(s statement) error {
	if tx.queue = append(tx.queue, s); len(tx.queue) < mostQueued {
		return nil
	}
	return tx.flush()
}

// flush sends the queue.
func (tx *Tx) flush() error {
	if len(tx.queue) == 0 {
		return nil
	}
	last := tx.queue[len(tx.queue)-1]
	tx.queue = tx.queue[:len(tx.queue)-1]
	_, err := tx.send(last)
	if err != nil {
		tx.late = err
	}
	return err
}

// send sends the queue and, in the same round trip, a statement that is waited for.
func (tx *Tx) send(last statement) (tag pgconn.CommandTag, err error) {
	all := append(tx.queue, last)
	tx.queue, tx.sent = nil, true
	raw := tx.conn.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn()
		switch {
		case pg.IsClosed() && tx.Context().Err() != nil:
			err = tx.Context().Err()
		case pg.IsClosed():
			err = tx.failed(all[0], driver.ErrBadConn)
		case len(all) > 1 && known(pg, all):
			tag, err = tx.sendTogether(pg, all)
		default:
			tag, err = tx.sendEach(pg, all)
		}
		return nil // an error of the statement must not throw the connection away
	})
	if err == nil && raw != nil {
		err = tx.failed(last, raw)
	}
	return tag, err
}

// sendEach sends statements one after the other, each when the one before was answered.
func (tx *Tx) sendEach(pg *pgx.Conn, all []statement) (tag pgconn.CommandTag, err error) {
	for i, s := range all {
		if s.row != nil {
			err = readRows(s.row, func() (pgx.Rows, error) { return pg.Query(tx.Context(), s.q, s.vars...) })
		} else {
			tag, err = pg.Exec(tx.Context(), s.q, s.vars...)
		}
		if err != nil {
			return tag, tx.broken(s, err, i < len(all)-1)
		}
	}
	return tag, nil
}

// sendTogether sends them in one round trip.
func (tx *Tx) sendTogether(pg *pgx.Conn, all []statement) (tag pgconn.CommandTag, err error) {
	batch := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(all))}
	for _, s := range all {
		batch.Queue(s.q, s.vars...)
	}
	answers := pg.SendBatch(tx.Context(), batch)
	for i, s := range all {
		if s.row != nil {
			err = readRows(s.row, answers.Query)
		} else {
			tag, err = answers.Exec()
		}
		if err == nil {
			continue
		}
		answers.Close()
		var unsent pgx.ErrPreprocessingBatch
		switch {
		case !errors.As(err, &unsent):
			return tag, tx.broken(s, err, i < len(all)-1)
		case !pg.IsClosed() && pg.PgConn().TxStatus() != 'E':
			return tx.sendEach(pg, all) // for none of them ran: which it is will show
		}
		wrong := slices.IndexFunc(all, func(s statement) bool { return s.q == unsent.SQL() })
		return tag, tx.broken(all[max(0, wrong)], unsent.Unwrap(), true)
	}
	return tag, answers.Close()
}

func readRows(row eachRow, ask func() (pgx.Rows, error)) error {
	rows, err := ask()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// broken is the error of a statement; that of one that nobody awaited is the transaction's.
func (tx *Tx) broken(s statement, err error, late bool) error {
	if err = tx.failed(s, err); late {
		tx.late = err
	}
	return err
}

// mostKnown bounds the statements of which we know that a connection knows them.
const mostKnown = 400

// known reports whether a connection has had all of these before. What it has not goes by
// itself: Postgres reads the new ones of a round trip before any of them runs, which would
// wait for a table's lock before it was told for how long.
func known(pg *pgx.Conn, all []statement) bool {
	data := pg.PgConn().CustomData()
	texts, _ := data["regulars"].(map[string]bool)
	if texts == nil || len(texts) > mostKnown {
		texts = map[string]bool{}
		data["regulars"] = texts
	}
	knows := true
	for _, s := range all {
		if !texts[s.q] {
			knows, texts[s.q] = false, true
		}
	}
	return knows
}

// within runs f between begin and commit, of which the first goes with the first statement
// of f that is waited for, and the second with what f left in the queue.
func (tx *Tx) within(o *sql.TxOptions, f func() error) error {
	begin := "begin"
	if o != nil && o.ReadOnly {
		begin = "begin isolation level repeatable read read only"
	}
	tx.queue = append(tx.queue, command(begin))
	err := f()
	if err == nil {
		err = tx.commit()
	}
	if err != nil {
		tx.rollback()
	}
	return err
}

func (tx *Tx) commit() error {
	switch {
	case tx.late != nil:
		return tx.late
	case tx.Context().Err() != nil:
		return tx.Context().Err()
	case !tx.sent && len(tx.queue) == 1: // begin: f asked nothing
		return nil
	}
	tag, err := tx.send(command("commit"))
	if err == nil && tag.String() == "ROLLBACK" { // f made nothing of an error
		err = pgx.ErrTxCommitRollback
	}
	return err
}

// rollbackWithin is how long a connection has to end a transaction that failed, also where
// its context is over; one that does not is closed.
const rollbackWithin = 2 * time.Second

func (tx *Tx) rollback() {
	tx.queue = nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.Context()), rollbackWithin)
	defer cancel()
	tx.conn.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn()
		if pg.IsClosed() || pg.PgConn().TxStatus() == 'I' {
			return nil
		}
		if _, err := pg.Exec(ctx, "rollback"); err != nil {
			pg.Close(ctx)
		}
		return nil
	})
}
